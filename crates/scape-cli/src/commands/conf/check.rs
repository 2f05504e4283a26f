//! `scape conf check` finds mistakes in a torrc. The monitor uses [`check`] to
//! show them, too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use clap::Args;
use scape::Config;
use scape::config::{
    ConfigOption, ParseTorrcError, TorrcDifference, TorrcEntry, TorrcError, TorrcFileProblem,
    TorrcFiles,
};
use scape::info::ConfigType;
use serde::Serialize;

use super::change::{SERVICES, texts};
use super::torrc_files::{Files, advise};
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::printable;

/// Find mistakes in the torrc
///
/// Errors are lines that tor can't read, and options that it doesn't know or
/// ignores as obsolete. Warnings are lines that a later line replaces, and
/// options for which tor runs with another value. Notices are lines that only
/// repeat a default. The exit code is 1 if there is an error.
///
/// Values are only compared with those of the running tor. tor may refuse a
/// value for which no error is printed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The torrc to check. Default: the file that tor has read
    #[arg(long, value_name = "FILE")]
    torrc: Option<PathBuf>,
}

/// A remark about a line of a torrc, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remark {
    /// The file that contains the line. `null` if the option is in no file.
    pub(crate) file: Option<PathBuf>,
    /// The number of the line, counted from 1. `null` if the option is in no
    /// file.
    pub(crate) line: Option<usize>,
    /// The full name of the option, even if the line abbreviates it.
    pub(crate) option: String,
    pub(crate) severity: Severity,
    pub(crate) text: String,
}

/// The severity of a remark about a line of a torrc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Notice,
    Warning,
    Error,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    fn color(self) -> AnsiColor {
        match self {
            Severity::Notice => AnsiColor::Cyan,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Error => AnsiColor::Red,
        }
    }
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let config = context.controller()?.config()?;
        let remarks = match &self.torrc {
            Some(path) => check_file(&config, path)?,
            None => check(&config)?,
        };
        match context.out.is_json() {
            true => context.out.values(&remarks)?,
            false => remarks.iter().try_for_each(|remark| context.out.line(describe(remark)))?,
        }
        match remarks.iter().any(|remark| remark.severity == Severity::Error) {
            true => Err(Failure::silent(Exit::Failed)),
            false => Ok(()),
        }
    }
}

fn describe(remark: &Remark) -> String {
    let style = remark.severity.color().on_default();
    let place = match (&remark.file, remark.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", file.display()),
        (Some(file), None) => format!("{}: ", file.display()),
        _ => String::new(),
    };
    let (name, text) = (remark.severity.name(), printable(&remark.text));
    format!("{}{style}{name}:{style:#} {text}", printable(&place))
}

/// Returns the remarks about the torrc that tor has read and its defaults file.
///
/// # Errors
///
/// Returns an error if tor runs on another machine or doesn't answer, or if a
/// file can't be read.
pub(crate) fn check(config: &Config) -> Result<Vec<Remark>, Failure> {
    match Files::read_own(config.controller())? {
        Ok(files) => remarks(config, &files),
        Err(error) => syntax(error).map(|remark| vec![remark]),
    }
}

/// Returns the remarks about one torrc and the files that it includes.
fn check_file(config: &Config, path: &Path) -> Result<Vec<Remark>, Failure> {
    match TorrcFiles::read(path) {
        Ok(torrc) => {
            let files = Files { path: path.to_owned(), torrc: Some(torrc), defaults: None };
            remarks(config, &files)
        }
        Err(error) => syntax(error).map(|remark| vec![remark]),
    }
}

/// Converts the error of reading a torrc. A syntax error becomes a remark, the
/// only one about this torrc. Returns any other error as a failure.
fn syntax(error: scape::Error) -> Result<Remark, Failure> {
    let Some(TorrcError { path, problem: TorrcFileProblem::Syntax(syntax), .. }) = error.get()
    else {
        return Err(advise(error));
    };
    let ParseTorrcError { line, name, problem, .. } = syntax;
    Ok(Remark {
        file: Some(path.clone()),
        line: Some(*line),
        option: name.clone(),
        severity: Severity::Error,
        text: format!("{name}: {problem}"),
    })
}

fn remarks(config: &Config, files: &Files) -> Result<Vec<Remark>, Failure> {
    let options = config.options()?;
    let differences = config.compare(files.entries())?;
    let mut remarks = of_entries(files, &options, &differences);
    let differing = differences.iter().map(|difference| of_difference(files, difference));
    remarks.extend(differing);
    // Remarks about options that no file contains come last.
    remarks.sort_by_key(|remark| (remark.line.is_none(), remark.file.clone(), remark.line));
    Ok(remarks)
}

/// Returns the remarks about single lines of the torrc and the files that it
/// includes: unknown and obsolete options, lines that a later line replaces,
/// and lines that repeat a default.
fn of_entries(
    files: &Files,
    options: &[ConfigOption],
    differences: &[TorrcDifference],
) -> Vec<Remark> {
    let known: HashMap<String, &ConfigOption> =
        options.iter().map(|option| (option.name.to_ascii_lowercase(), option)).collect();
    // The defaults file is left out: the system provides it, and its lines are
    // meant to be replaced.
    let own = files.torrc.iter().flat_map(TorrcFiles::files);
    let entries: Vec<(&Path, &TorrcEntry)> = own
        .flat_map(|file| file.torrc.entries().map(|entry| (file.path.as_path(), entry)))
        .filter(|(_, entry)| !entry.is_include())
        .collect();
    let mut remarks = Vec::new();
    for (index, (path, entry)) in entries.iter().enumerate() {
        let name = entry.option_name();
        let mut remark = |severity, text| {
            remarks.push(Remark {
                file: Some(path.to_path_buf()),
                line: Some(entry.line()),
                option: name.to_owned(),
                severity,
                text,
            });
        };
        let Some(option) = known.get(&name.to_ascii_lowercase()) else {
            let text = format!("tor doesn't know {name}, or ignores it as obsolete");
            remark(Severity::Error, text);
            continue;
        };
        if is_list(&option.ty) {
            continue;
        }
        let name = &option.name;
        let later = entries.iter().skip(index + 1).find(|(_, other)| other.is_named(name));
        if let Some((file, other)) = later {
            let place = match file == path {
                true => format!("line {}", other.line()),
                false => format!("{}:{}", file.display(), other.line()),
            };
            remark(Severity::Warning, format!("{name}: {place} replaces this line"));
        } else if option.is_default && !differences.iter().any(|found| found.name == *name) {
            remark(Severity::Notice, format!("{name}: this is the default"));
        }
    }
    remarks
}

/// Returns true if each line of an option adds a value, instead of replacing
/// the value of the line before.
fn is_list(ty: &ConfigType) -> bool {
    matches!(ty, ConfigType::LineList | ConfigType::Dependent | ConfigType::Virtual)
}

/// Returns the remark about an option for which tor runs with other lines than
/// the torrc contains.
fn of_difference(files: &Files, found: &TorrcDifference) -> Remark {
    let name = match found.name == SERVICES {
        true => "onion services",
        false => &found.name,
    };
    let running = texts(&found.running).join(", ");
    let text = match (found.line, running.is_empty()) {
        (None, _) => format!("{name}: tor runs with {running}, but the torrc doesn't set it"),
        (Some(_), true) => format!("{name}: tor runs without this setting"),
        (Some(_), false) => format!("{name}: tor runs with {running}"),
    };
    Remark {
        file: found.line.and_then(|line| files.file(&found.name, line)),
        line: found.line,
        option: found.name.clone(),
        severity: Severity::Warning,
        text,
    }
}
