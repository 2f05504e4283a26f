//! Nothing to talk to.

use std::fmt;

use super::Error;
use super::no_tor::write_with_sources;

/// No control connection could be made; says what was tried.
#[derive(Debug, Clone)]
pub struct ConnectError {
    attempts: Vec<ConnectAttempt>,
}

/// One place that was tried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// Where.
    pub address: String,
    /// What happened there.
    pub error: Error,
}

impl ConnectAttempt {
    /// `address` was tried, and gave `error`.
    pub(crate) fn new(address: impl Into<String>, error: Error) -> Self {
        ConnectAttempt { address: address.into(), error }
    }
}

impl ConnectError {
    /// What was tried, in order, gave nothing.
    pub(crate) fn new(attempts: Vec<ConnectAttempt>) -> Self {
        ConnectError { attempts }
    }

    /// What was tried, in order.
    pub fn attempts(&self) -> &[ConnectAttempt] {
        &self.attempts
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no control connection to tor; tried ")?;
        for (i, attempt) in self.attempts.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: ", attempt.address)?;
            write_with_sources(f, &attempt.error)?;
        }
        f.write_str(
            ". Is tor running, with ControlPort (or ControlSocket) set? SCAPE_CONTROL names another address",
        )
    }
}

impl std::error::Error for ConnectError {}
