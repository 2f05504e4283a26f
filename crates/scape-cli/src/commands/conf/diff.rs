//! `scape conf diff`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use scape::Config;
use scape::config::{
    TorrcDifference, TorrcEntry, TorrcError, TorrcFileProblem, TorrcFiles, TorrcMagic,
};
use scape::control::ConfLine;
use serde::Serialize;

use super::change::{Change, SERVICES, print, unit};
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

/// A difference between a torrc and tor, as it is printed with `--json`.
#[derive(Debug, Serialize)]
struct Difference {
    #[serde(flatten)]
    change: Change,
    /// The file with the option's first line. `null` if the torrc doesn't
    /// contain the option.
    file: Option<PathBuf>,
    /// The number of that line, counted from 1.
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
                let info = config.controller().info();
                let (path, defaults) = (info.config_file()?, info.config_defaults_file().ok());
                let files = Files::read_own(&path, defaults.as_deref())?;
                if files.torrc.is_none() {
                    let path = path.display();
                    context
                        .out
                        .note(format_args!("{path} doesn't exist, so tor has read no torrc"));
                }
                files
            }
        };
        let compared = config.compare(torrc.entries())?;
        let differences: Vec<Difference> =
            compared.into_iter().map(|difference| torrc.difference(&difference)).collect();
        if context.out.is_json() {
            return context.out.values(differences);
        }
        if differences.is_empty() {
            return Ok(());
        }
        context.out.line(torrc.heading())?;
        differences.iter().try_for_each(|found| context.out.line(found.change.describe()))
    }
}

/// Returns the options that differ from their defaults.
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

/// The torrc, and the file of defaults that tor reads before it.
struct Files {
    path: PathBuf,
    /// `None` if the file doesn't exist.
    torrc: Option<TorrcFiles>,
    defaults: Option<TorrcFiles>,
}

impl Files {
    /// Reads the files that tor has read. tor names them even if they don't
    /// exist.
    fn read_own(path: &Path, defaults: Option<&Path>) -> Result<Self, Failure> {
        let read = |path: &Path| match TorrcFiles::read(path) {
            Err(error) if is_missing(&error) => Ok(None),
            files => files.map(Some).map_err(advise),
        };
        let defaults = defaults.map(read).transpose()?.flatten();
        Ok(Files { path: path.to_owned(), torrc: read(path)?, defaults })
    }

    /// Returns the entries that count. An option in the torrc replaces that of
    /// the defaults file, unless it begins with `+`.
    fn entries(&self) -> Vec<&TorrcEntry> {
        let own = self.torrc.as_ref().map(TorrcFiles::entries).unwrap_or_default();
        let is_replaced = |entry: &TorrcEntry| {
            let first = own.iter().find(|other| other.is_named(entry.name()));
            first.is_some_and(|first| first.magic() != Some(TorrcMagic::Append))
        };
        let defaults = self.defaults.as_ref().map(TorrcFiles::entries).unwrap_or_default();
        let mut entries: Vec<&TorrcEntry> =
            defaults.into_iter().filter(|entry| !is_replaced(entry)).collect();
        entries.extend(own);
        entries
    }

    fn difference(&self, found: &TorrcDifference) -> Difference {
        Difference {
            change: Change::new(&found.name, &found.in_file, &found.running),
            file: found.line.and_then(|line| self.file(&found.name, line)),
            line: found.line,
        }
    }

    /// Returns the file in which an option, or an option of a group, is in this
    /// line.
    fn file(&self, name: &str, line: usize) -> Option<PathBuf> {
        let is_it = |entry: &TorrcEntry| {
            let is_named = entry.is_named(name)
                || name == SERVICES && entry.option_name().starts_with("HiddenService");
            entry.line() == line && is_named
        };
        let defaults = self.defaults.iter().flat_map(TorrcFiles::files);
        let mut files = defaults.chain(self.torrc.iter().flat_map(TorrcFiles::files));
        files.find(|file| file.torrc.entries().any(is_it)).map(|file| file.path.clone())
    }

    fn heading(&self) -> String {
        let bold = anstyle::Style::new().bold();
        let path = printable(&self.path.display().to_string());
        format!("{bold}--- {path}{bold:#}\n{bold}+++ the running tor{bold:#}")
    }
}

fn is_missing(error: &scape::Error) -> bool {
    let problem = error.get::<TorrcError>().map(|error| &error.problem);
    matches!(problem, Some(TorrcFileProblem::Io(error)) if error.kind() == ErrorKind::NotFound)
}

/// Adds advice if the file can't be read.
fn advise(error: scape::Error) -> Failure {
    let is_unreadable = matches!(
        error.get::<TorrcError>().map(|error| &error.problem),
        Some(TorrcFileProblem::Io(_) | TorrcFileProblem::NotAFile)
    );
    let failure = Failure::from(error);
    match is_unreadable {
        true => Failure::new(
            failure.exit,
            format!(
                "{}; run scape as a user who may read the file, or name a copy with --torrc FILE",
                failure.message
            ),
        ),
        false => failure,
    }
}
