//! Reads the torrc and the defaults file of the running tor.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use scape::Controller;
use scape::config::{TorrcEntry, TorrcError, TorrcFileProblem, TorrcFiles, TorrcMagic};

use super::change::SERVICES;
use crate::base::failure::Failure;
use crate::commands::shared::files::is_local;

/// The torrc, and the defaults file, which tor reads before it.
pub(super) struct Files {
    pub(super) path: PathBuf,
    /// The parsed torrc. `None` if the file doesn't exist.
    pub(super) torrc: Option<TorrcFiles>,
    pub(super) defaults: Option<TorrcFiles>,
}

impl Files {
    /// Reads the torrc and the defaults file of the running tor. A file that
    /// doesn't exist is left out, because tor reports paths even without files.
    /// The inner result is an error if a file can't be read or parsed.
    ///
    /// # Errors
    ///
    /// Returns a failure if tor runs on another machine or doesn't answer.
    pub(super) fn read_own(controller: &Controller) -> Result<scape::Result<Self>, Failure> {
        if !is_local(controller) {
            return Err(Failure::failed(
                "tor runs on another machine, so its torrc can't be read here; `scape conf check` \
                 and `scape conf diff` use a copy with --torrc FILE",
            ));
        }
        let info = controller.info();
        let path = info.config_file()?;
        let defaults = info.config_defaults_file().ok();
        Ok(Files::read(path, defaults.as_deref()))
    }

    fn read(path: PathBuf, defaults: Option<&Path>) -> scape::Result<Self> {
        let read = |path: &Path| match TorrcFiles::read(path) {
            Err(error) if is_missing(&error) => Ok(None),
            files => files.map(Some),
        };
        let torrc = read(&path)?;
        Ok(Files { torrc, defaults: defaults.map(read).transpose()?.flatten(), path })
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

    /// Returns the file in which the line with the number `line` sets the
    /// option `name`, or an option of the group `name`. Returns `None` if this
    /// is true for no file.
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

/// Converts an error of reading a torrc into a failure. If the file can't be
/// read, adds advice to the message.
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
