//! Errors of onion services on disk that can't be configured or used.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::control::may_have_closed_ports;
use crate::error::{Cause, Error, ErrorKind};

use super::file_names::SECRET_KEY;
use scape_proto::control::Refusal;
use scape_proto::word::{OnionAddress, ParseOnionKeyFileError};

/// The error for a failed change of the onion services on disk, or for a
/// service whose files can't be used.
///
/// If tor refused the change, the error contains tor's [refusal](Self::refusal)
/// and [log lines](Self::log), because tor's replies say no more than "See logs
/// for details".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiskOnionError {
    /// The service's directory. `None` if the error isn't about one particular
    /// service.
    pub directory: Option<PathBuf>,
    /// The reason why the change failed or the files can't be used.
    pub problem: DiskOnionProblem,
    /// tor's refusal. `None` if tor didn't refuse the change, most often
    /// because the problem was found before anything was sent to tor.
    pub refusal: Option<Refusal>,
    /// The warnings that tor logged during the change, in order. Empty if tor
    /// didn't refuse the change.
    pub log: Vec<String>,
}

/// The problem of a [`DiskOnionError`].
///
/// This library looks for some problems before it sends a change, because tor
/// 0.4.9 doesn't refuse them. tor **exits** if it can't create a service's
/// directory or write to it, and makes a **new key** if it can't parse the
/// existing one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DiskOnionProblem {
    /// The parent of the service's directory doesn't exist. Nothing was sent to
    /// tor, because tor would exit.
    ParentMissing,
    /// The service's directory doesn't exist, and tor's user isn't allowed to
    /// create it. Nothing was sent to tor, because tor would exit.
    ParentNotWritable,
    /// This program can't create or read the service's directory or a file in
    /// it.
    Io {
        /// The action that failed, such as `reading hostname`.
        what: Box<str>,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The path of the service's directory exists and isn't a directory.
    NotADirectory,
    /// Other users than tor's may access the directory, or tor's user isn't
    /// allowed to write to it. tor requires mode 0700.
    Permissions {
        /// The directory's permission bits, such as 0o755.
        mode: u32,
    },
    /// The directory belongs to a user other than tor's.
    Owner {
        /// The id of the directory's owner.
        owner: u32,
        /// The id of the user that tor runs as.
        tor: u32,
    },
    /// `authorized_clients` isn't a directory, or belongs to a user other than
    /// tor's. Nothing was sent to tor, because tor would exit.
    AuthorizedClients,
    /// A key file contains no valid key. If this happens when a service is
    /// added, nothing was sent to tor, because tor would replace the secret key
    /// file by a new key.
    BadKey {
        /// The name of the file in the service's directory:
        /// `hs_ed25519_secret_key` or `hs_ed25519_public_key`.
        file: &'static str,
        /// The problem with the file's content.
        source: ParseOnionKeyFileError,
    },
    /// The directory already contains another key. That key was not overwritten
    /// by the given key. The value is the address of the key in the directory.
    OtherKey(OnionAddress),
    /// The directory already contains a file `ob_config` with other frontends
    /// of OnionBalance. That file was not overwritten.
    OtherFrontends,
    /// Another configured service has the same key, and tor would serve only
    /// one of the two services. The value is the other service's directory.
    SameKey(PathBuf),
    /// A service with this directory is configured already.
    Configured,
    /// No service with this directory is configured.
    NotConfigured,
    /// tor has accepted the service, but didn't write the file `hostname`
    /// within this time. The time is zero if the library looked for the file
    /// only once, without waiting.
    NoHostname(Duration),
    /// tor refused the change. The reason may be in
    /// [`refusal`](DiskOnionError::refusal) and [`log`](DiskOnionError::log).
    Refused,
}

impl DiskOnionError {
    /// Creates an error for a problem without a refusal from tor.
    pub(crate) fn new(directory: impl Into<PathBuf>, problem: DiskOnionProblem) -> Self {
        DiskOnionError {
            directory: Some(directory.into()),
            problem,
            refusal: None,
            log: Vec::new(),
        }
    }

    /// Creates an error for tor's refusal. `log` contains tor's log lines.
    pub(crate) fn refused(refusal: Refusal, log: Vec<String>) -> Self {
        DiskOnionError {
            directory: None,
            problem: DiskOnionProblem::Refused,
            refusal: Some(refusal),
            log,
        }
    }

    /// Adds the service's directory and the likely problem to an error with
    /// tor's refusal.
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
            if may_have_closed_ports(refusal) {
                f.write_str(", but ports may have closed")?;
            }
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
                "cannot be created: its parent directory does not exist (tor would exit); create the parent first; nothing \
                 was sent",
            ),
            DiskOnionProblem::ParentNotWritable => f.write_str(
                "cannot be created: tor's user may not write to its parent directory (tor would exit); create it \
                 beforehand, with mode 0700 and tor's user as the owner; nothing was sent",
            ),
            DiskOnionProblem::Io { what, .. } => write!(f, "cannot be used: {what} failed"),
            DiskOnionProblem::NotADirectory => f.write_str("cannot be created: the path exists and is not a directory"),
            DiskOnionProblem::Permissions { mode } => {
                write!(f, "cannot be used: its directory has mode {mode:04o}, but tor requires 0700; run chmod 700")
            }
            DiskOnionProblem::Owner { owner, tor } => write!(
                f,
                "cannot be used: its directory belongs to the user {owner}, but tor runs as {tor}; chown it to that user"
            ),
            DiskOnionProblem::AuthorizedClients => f.write_str(
                "cannot be used: its authorized_clients is not a directory of tor's user (tor would exit); nothing was sent",
            ),
            DiskOnionProblem::BadKey { file, source } => {
                write!(f, "cannot be used: its {file} contains no valid key ({source})")?;
                // tor would not replace the file of the public key.
                if *file == SECRET_KEY {
                    f.write_str("; tor would replace the file by a new key")?;
                }
                Ok(())
            }
            DiskOnionProblem::OtherKey(address) => {
                write!(f, "was not added: it has another key already, of {address}, which was not overwritten")
            }
            DiskOnionProblem::OtherFrontends => f.write_str(
                "was not added: its ob_config has other frontends already, and was not overwritten",
            ),
            DiskOnionProblem::SameKey(other) => write!(
                f,
                "was not added: the service in {} has the same key, and tor would serve only one of them",
                other.display()
            ),
            DiskOnionProblem::Configured => f.write_str("is configured already; nothing was changed"),
            DiskOnionProblem::NotConfigured => f.write_str("is not configured; nothing was changed"),
            DiskOnionProblem::NoHostname(after) if after.is_zero() => {
                f.write_str("has no hostname file with an address yet (does tor see the same files as this program?)")
            }
            DiskOnionProblem::NoHostname(after) => write!(
                f,
                "is configured, but tor did not write its hostname within {after:?} (does tor see the same files as \
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

/// Returns true if the error is [`DiskOnionProblem::NotConfigured`].
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
    fn bad_key_is_displayed_with_its_file() {
        let source = ParseOnionKeyFileError::Length { length: 95, expected: 96 };
        for (file, is_replaced) in [(SECRET_KEY, true), ("hs_ed25519_public_key", false)] {
            let problem = DiskOnionProblem::BadKey { file, source: source.clone() };
            let text = DiskOnionError::new("/srv/a", problem).to_string();
            let start = "the onion service in /srv/a cannot be used: its ";
            assert!(text.starts_with(&format!("{start}{file} contains no valid key")), "{text}");
            assert_eq!(text.contains("tor would replace"), is_replaced, "{text}");
        }
    }

    #[test]
    fn missing_hostname_is_displayed_with_the_time_if_it_was_waited_for() {
        let shown = |time| DiskOnionProblem::NoHostname(time).to_string();
        let at_once = shown(Duration::ZERO);
        assert!(at_once.starts_with("has no hostname file") && !at_once.contains("0ns"));
        assert!(shown(Duration::from_secs(2)).contains("did not write its hostname within 2s"));
    }

    #[test]
    fn disk_onion_error_displays_problem_refusal_and_log() {
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
