//! Onion services on disk that can't be configured or used.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Cause, Error, ErrorKind};

use crate::protocol::Refusal;
use crate::word::{OnionAddress, ParseOnionKeyFileError};

/// The configuration of onion services was not changed, or a service in it is
/// not as it should be.
///
/// If tor was asked and refused, the error has its [refusal](Self::refusal) and
/// what it [logged](Self::log), because tor's answers say no more than "See
/// logs for details".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiskOnionError {
    /// The directory of the service, if the problem is with one.
    pub directory: Option<PathBuf>,
    /// The problem.
    pub problem: DiskOnionProblem,
    /// tor's refusal, if tor was asked.
    pub refusal: Option<Refusal>,
    /// The warnings that tor logged about it, in order.
    pub log: Vec<String>,
}

/// The problem of a [`DiskOnionError`].
///
/// With some problems tor was not asked, because tor 0.4.9 does not refuse, but
/// **ends**, if it cannot make or write to a service's directory, and makes a
/// **new key** if it cannot read the one that is there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DiskOnionProblem {
    /// The directory in which the service's directory is to be made does not
    /// exist. tor was not asked: it would end.
    ParentMissing,
    /// The service's directory is not there, and tor's user may not make it.
    /// tor was not asked: it would end.
    ParentNotWritable,
    /// The service's directory, or a file in it, cannot be made or read by this
    /// program.
    Io {
        /// The action that failed.
        what: Box<str>,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// There is something else of that name.
    NotADirectory,
    /// Others than tor's user may look into it, or tor's user may not write
    /// there: tor wants 0700.
    Permissions {
        /// The mode, such as 0o755.
        mode: u32,
    },
    /// It belongs to another user than the one tor runs as.
    Owner {
        /// The id of the user that it belongs to.
        owner: u32,
        /// The id of the user that tor runs as.
        tor: u32,
    },
    /// `authorized_clients` is not a directory, or not tor's. tor was not
    /// asked: it would end.
    AuthorizedClients,
    /// There is a file of a secret key that holds no key. tor was not asked: it
    /// would replace it by a new one.
    BadKey(ParseOnionKeyFileError),
    /// There is another key than the one that was to be put there. Nothing was
    /// overwritten.
    OtherKey(OnionAddress),
    /// Another configured service has the same key, in this directory. tor
    /// would serve one of them only.
    SameKey(PathBuf),
    /// A service with this directory is configured already.
    Configured,
    /// No service with this directory is configured.
    NotConfigured,
    /// tor has taken the service, and has not written its `hostname` in time.
    NoHostname(Duration),
    /// tor refused, for its own reasons.
    Refused,
}

impl DiskOnionError {
    /// A problem that was found before tor was asked.
    pub(crate) fn new(directory: impl Into<PathBuf>, problem: DiskOnionProblem) -> Self {
        DiskOnionError {
            directory: Some(directory.into()),
            problem,
            refusal: None,
            log: Vec::new(),
        }
    }

    /// A refusal of tor's, with what it logged.
    pub(crate) fn refused(refusal: Refusal, log: Vec<String>) -> Self {
        DiskOnionError {
            directory: None,
            problem: DiskOnionProblem::Refused,
            refusal: Some(refusal),
            log,
        }
    }

    /// The same refusal, with its explanation.
    pub(crate) fn explained(
        mut self,
        directory: impl Into<PathBuf>,
        problem: DiskOnionProblem,
    ) -> Self {
        self.directory = Some(directory.into());
        self.problem = problem;
        self
    }
}

impl fmt::Display for DiskOnionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.directory {
            Some(directory) => {
                write!(f, "the onion service in {} {}", directory.display(), self.problem)?;
            }
            None => f.write_str("the onion services were not changed")?,
        }
        if let Some(refusal) = &self.refusal {
            write!(f, ": {refusal}")?;
        }
        for (i, line) in self.log.iter().enumerate() {
            write!(f, "{}{line}", if i == 0 { "; tor's log says: " } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for DiskOnionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskOnionProblem::ParentMissing => f.write_str(
                "cannot be made: the directory above it does not exist (tor makes only the last one, and would end \
                 itself here); nothing was sent",
            ),
            DiskOnionProblem::ParentNotWritable => f.write_str(
                "cannot be made: tor's user may not write to the directory above it (tor would end itself); make it \
                 beforehand, with mode 0700, and give it to tor's user; nothing was sent",
            ),
            DiskOnionProblem::Io { what, .. } => write!(f, "cannot be used: {what} failed"),
            DiskOnionProblem::NotADirectory => f.write_str("cannot be made: there is something else of this name"),
            DiskOnionProblem::Permissions { mode } => {
                write!(f, "cannot be used: its directory has mode {mode:04o}, and tor wants 0700 (chmod 700)")
            }
            DiskOnionProblem::Owner { owner, tor } => write!(
                f,
                "cannot be used: its directory belongs to the user {owner}, and tor runs as {tor} (chown it to that user)"
            ),
            DiskOnionProblem::AuthorizedClients => f.write_str(
                "cannot be used: authorized_clients in it is no directory of tor's user (tor would end itself); nothing \
                 was sent",
            ),
            DiskOnionProblem::BadKey(error) => write!(
                f,
                "was not added: its hs_ed25519_secret_key is none, and tor would replace it by a new one ({error}); \
                 nothing was sent"
            ),
            DiskOnionProblem::OtherKey(address) => {
                write!(f, "was not added: there is another key already, of {address}, which was not overwritten")
            }
            DiskOnionProblem::SameKey(other) => write!(
                f,
                "was not added: the service in {} has the same key, and tor would serve one of them only",
                other.display()
            ),
            DiskOnionProblem::Configured => f.write_str("is configured already; nothing was changed"),
            DiskOnionProblem::NotConfigured => f.write_str("is not configured; nothing was changed"),
            DiskOnionProblem::NoHostname(after) => write!(
                f,
                "is configured, but tor has not written its hostname within {after:?} (does tor see the same files as \
                 this program?)"
            ),
            DiskOnionProblem::Refused => f.write_str("was refused by tor; nothing was changed"),
        }
    }
}

impl std::error::Error for DiskOnionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            DiskOnionProblem::Io { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// Returns true if an error says that a service isn't configured.
pub(crate) fn is_not_configured(error: &Error) -> bool {
    let error = error.exact::<DiskOnionError>();
    error.is_some_and(|error| matches!(error.problem, DiskOnionProblem::NotConfigured))
}

impl Cause for DiskOnionError {
    fn kind(&self) -> ErrorKind {
        match &self.problem {
            DiskOnionProblem::NoHostname(waited) if waited.is_zero() => ErrorKind::NotFound,
            DiskOnionProblem::NoHostname(_) => ErrorKind::Timeout,
            _ if self.refusal.is_some() => ErrorKind::Refused,
            _ => ErrorKind::Config,
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_reason_and_tors_words() {
        let refusal =
            Refusal::new("SETCONF HiddenServiceDir=\"/srv/a\"", vec![(513, "See logs.".into())]);
        let error = DiskOnionError::refused(refusal, vec!["/srv/a is too permissive.".into()]);
        assert_eq!(
            error.to_string(),
            "the onion services were not changed: tor refused SETCONF HiddenServiceDir=\"/srv/a\": 513 See logs.; \
             tor's log says: /srv/a is too permissive."
        );
        let error = error.explained("/srv/a", DiskOnionProblem::Permissions { mode: 0o755 });
        let text = error.to_string();
        assert!(
            text.starts_with(
                "the onion service in /srv/a cannot be used: its directory has mode 0755"
            ),
            "{text}"
        );
        assert!(text.contains("513 See logs.") && text.ends_with("too permissive."), "{text}");
    }
}
