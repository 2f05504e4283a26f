//! The error of a tor that didn't become ready before the timeout.

use std::fmt;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use scape_proto::word::Progress;

/// The error of a tor that didn't become ready before the timeout of the call.
/// Returned by [`Tor::become_ready`](crate::Tor::become_ready).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotReadyError {
    /// The timeout of the call. tor was still not ready when it passed.
    pub after: Duration,
    /// The last known bootstrap progress, with the problem that tor reported.
    /// `None` if tor has reported no progress.
    pub progress: Option<Progress>,
    /// True if the option `DisableNetwork` is 1, so tor can't become ready.
    /// False if it is 0, or if tor didn't tell.
    pub network_disabled: bool,
}

impl fmt::Display for NotReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tor is not ready after {:?}", self.after)?;
        if let Some(progress) = &self.progress {
            write!(f, "; last step: {progress}")?;
        }
        if self.network_disabled {
            f.write_str("; its network is disabled: set DisableNetwork to 0")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotReadyError {}

impl Cause for NotReadyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Timeout
    }
}
