//! `scape conf diff` compares the running configuration with the torrc, or with
//! tor's defaults.

use std::path::{Path, PathBuf};

use clap::Args;
use scape::Config;
use scape::config::{TorrcDifference, TorrcFiles};
use scape::control::ConfLine;
use serde::Serialize;

use super::change::{Change, SERVICES, print, unit};
use super::torrc_files::{Files, advise};
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;

/// Compare the running configuration with the torrc, or with tor's defaults
///
/// Lines of the torrc are printed with -, and the lines that tor runs with
/// instead are printed with +. Files that the torrc includes are read, too.
/// Options from tor's command line count as differences.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Compare with tor's defaults instead of a torrc
    #[arg(long)]
    defaults: bool,

    /// The torrc to compare with. Default: the file that tor has read
    #[arg(long, value_name = "FILE", conflicts_with = "defaults")]
    torrc: Option<PathBuf>,
}

/// A difference between a torrc and the running tor, as it is printed with
/// `--json`.
#[derive(Debug, Serialize)]
struct Difference {
    #[serde(flatten)]
    change: Change,
    /// The file that contains the option's first line. `null` if no file
    /// contains the option.
    file: Option<PathBuf>,
    /// The number of the option's first line in `file`, counted from 1. `null`
    /// if no file contains the option.
    line: Option<usize>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let config = context.controller()?.config()?;
        if self.defaults {
            return print(context, &with_defaults(&config)?);
        }
        let torrc = match &self.torrc {
            Some(path) => {
                let torrc = Some(TorrcFiles::read(path).map_err(advise)?);
                Files { path: path.clone(), torrc, defaults: None }
            }
            None => {
                let files = Files::read_own(config.controller())?.map_err(advise)?;
                if files.torrc.is_none() {
                    let path = files.path.display();
                    context
                        .out
                        .note(format_args!("{path} doesn't exist, so tor has read no torrc"));
                }
                files
            }
        };
        let compared = config.compare(torrc.entries())?;
        let differences: Vec<Difference> =
            compared.into_iter().map(|found| difference(&torrc, &found)).collect();
        if context.out.is_json() {
            return context.out.values(differences);
        }
        if differences.is_empty() {
            return Ok(());
        }
        context.out.line(heading(&torrc.path))?;
        differences.iter().try_for_each(|found| context.out.line(found.change.describe()))
    }
}

/// Returns the options whose values differ from tor's defaults, as changes from
/// the default to the value.
fn with_defaults(config: &Config) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    let mut has_services = false;
    for option in config.options()? {
        if option.is_default {
            continue;
        }
        if unit(&option) == SERVICES {
            if !has_services {
                has_services = true;
                changes.push(Change::new(SERVICES, &[], &config.group(SERVICES)?));
            }
            continue;
        }
        let lines = |values: &[String]| -> Vec<ConfLine> {
            let lines = values.iter().cloned();
            lines.map(|value| ConfLine::new(option.name.clone(), Some(value))).collect()
        };
        changes.push(Change::new(&option.name, &lines(&option.default), &lines(&option.values)));
    }
    Ok(changes)
}

fn difference(files: &Files, found: &TorrcDifference) -> Difference {
    Difference {
        change: Change::new(&found.name, &found.in_file, &found.running),
        file: found.line.and_then(|line| files.file(&found.name, line)),
        line: found.line,
    }
}

fn heading(path: &Path) -> String {
    let bold = anstyle::Style::new().bold();
    let path = printable(&path.display().to_string());
    format!("{bold}--- {path}{bold:#}\n{bold}+++ the running tor{bold:#}")
}
