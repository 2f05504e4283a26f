//! The files that tor has read its options from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use scape::config::{TorrcEntry, TorrcError, TorrcFileProblem, TorrcFiles, TorrcMagic};

use super::change::SERVICES;
use crate::base::failure::Failure;

/// The torrc, and the file of defaults that tor reads before it.
pub(super) struct Files {
    pub(super) path: PathBuf,
    /// `None` if the file doesn't exist.
    pub(super) torrc: Option<TorrcFiles>,
    pub(super) defaults: Option<TorrcFiles>,
}

impl Files {
    /// Reads the files that tor has read. tor reports their paths even if the
    /// files don't exist.
    pub(super) fn read_own(path: &Path, defaults: Option<&Path>) -> Result<Self, Failure> {
        let read = |path: &Path| match TorrcFiles::read(path) {
            Err(error) if is_missing(&error) => Ok(None),
            files => files.map(Some).map_err(advise),
        };
        let defaults = defaults.map(read).transpose()?.flatten();
        Ok(Files { path: path.to_owned(), torrc: read(path)?, defaults })
    }

    /// Returns the entries that take effect. An option in the torrc replaces
    /// the same option in the defaults file, unless its name begins with `+`.
    pub(super) fn entries(&self) -> Vec<&TorrcEntry> {
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

    /// Returns the file whose line `line` sets the option `name`, or an option
    /// of the group `name`.
    pub(super) fn file(&self, name: &str, line: usize) -> Option<PathBuf> {
        let is_it = |entry: &TorrcEntry| {
            let is_named = entry.is_named(name)
                || name == SERVICES && entry.option_name().starts_with("HiddenService");
            entry.line() == line && is_named
        };
        let defaults = self.defaults.iter().flat_map(TorrcFiles::files);
        let mut files = defaults.chain(self.torrc.iter().flat_map(TorrcFiles::files));
        files.find(|file| file.torrc.entries().any(is_it)).map(|file| file.path.clone())
    }
}

fn is_missing(error: &scape::Error) -> bool {
    let problem = error.get::<TorrcError>().map(|error| &error.problem);
    matches!(problem, Some(TorrcFileProblem::Io(error)) if error.kind() == ErrorKind::NotFound)
}

/// Adds advice if the file can't be read.
pub(super) fn advise(error: scape::Error) -> Failure {
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
