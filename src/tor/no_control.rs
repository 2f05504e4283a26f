//! A tor without a control connection.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// A call needs a control connection, and the tor is known by its SOCKS port
/// only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoControlError {
    socks: Box<str>,
}

impl NoControlError {
    pub(super) fn new(socks: impl Into<Box<str>>) -> Self {
        NoControlError { socks: socks.into() }
    }

    /// Returns the SOCKS port.
    pub fn socks(&self) -> &str {
        &self.socks
    }
}

impl fmt::Display for NoControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no control connection: this Tor was made from the SOCKS port {}; \
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
