//! The exit status of a process.

use std::fmt;
use std::process::ExitStatus;

/// The exit status of a process.
///
/// tor ends with code 0 if it was asked to end, or if the control connection or
/// program that owns it has ended. It ends with code 1 if its configuration is
/// invalid, a port is in use, or its data directory is locked.
///
/// Both fields are `None` if other code in this program reaped the process,
/// because the status is unknown then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The exit code. `None` if the process was killed by a signal.
    pub code: Option<i32>,
    /// The number of the signal that killed the process. `None` if no signal
    /// killed the process. Always `None` on systems without signals.
    pub signal: Option<i32>,
}

impl Exit {
    /// The exit status of a process that other code in this program has reaped.
    pub(super) const UNKNOWN: Exit = Exit { code: None, signal: None };

    /// Returns true if the process ended by itself with code 0.
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
