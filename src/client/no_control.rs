//! The error of a call that needs a control connection.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// The error of a call that needs a control connection, on a
/// [`Tor`](crate::Tor) that was created from a SOCKS port only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoControlError {
    socks: Box<str>,
}

impl NoControlError {
    pub(crate) fn new(socks: impl Into<Box<str>>) -> Self {
        NoControlError { socks: socks.into() }
    }

    /// Returns the address of the SOCKS port as text, such as `127.0.0.1:9050`.
    pub fn socks(&self) -> &str {
        &self.socks
    }
}

impl fmt::Display for NoControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no control connection: this Tor was created from SOCKS port {}; \
             set ControlPort in torrc and use Tor::connect",
            self.socks
        )
    }
}

impl std::error::Error for NoControlError {}

impl Cause for NoControlError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Connect
    }
}
