//! How a process ended.

use std::fmt;
use std::process::ExitStatus;

/// How a process ended. tor ends with code 0 when it was asked to, or lost its
/// owner; with 1 where its configuration is bad, a port is in use or its data
/// directory is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// Its exit code, where it was not killed.
    pub code: Option<i32>,
    /// The signal that killed it, where one did (on Unix).
    pub signal: Option<i32>,
}

impl Exit {
    /// What is known where another part of the program took the exit status:
    /// nothing.
    pub(super) const UNKNOWN: Exit = Exit { code: None, signal: None };

    /// Whether it ended of its own accord, with code 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Exit { code: status.code(), signal }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit { code: Some(code), .. } => write!(f, "ended with code {code}"),
            Exit { signal: Some(signal), .. } => write!(f, "was killed by signal {signal}"),
            Exit { .. } => f.write_str("ended"),
        }
    }
}
