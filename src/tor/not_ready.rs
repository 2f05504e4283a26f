//! A tor that did not become ready.

use std::fmt;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use crate::word::Progress;

/// tor did not become ready in time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotReadyError {
    /// The time that was waited.
    pub after: Duration,
    /// The progress of the bootstrap, as far as it is known, and what keeps it.
    pub progress: Option<Progress>,
    /// True if the option `DisableNetwork` is set, so that tor cannot become
    /// ready.
    pub network_disabled: bool,
}

impl fmt::Display for NotReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tor is not ready after {:?}", self.after)?;
        if let Some(progress) = &self.progress {
            write!(f, "; it has come to {progress}")?;
        }
        if self.network_disabled {
            f.write_str("; its network is off (set DisableNetwork to 0)")?;
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
