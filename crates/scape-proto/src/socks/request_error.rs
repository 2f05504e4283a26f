//! The error for an invalid request.

use std::fmt;

/// The error for a request whose target isn't valid. Nothing was sent to the
/// SOCKS port.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestError {
    request: Box<str>,
    why: Box<str>,
}

error_debug!(RequestError);

impl RequestError {
    pub(super) fn new(request: impl Into<Box<str>>, why: impl Into<Box<str>>) -> Self {
        RequestError { request: request.into(), why: why.into() }
    }

    /// Returns the request, such as `CONNECT example.com:0`. A long target is
    /// cut off, and a user name and a password before the host are hidden.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// Returns a description of the problem with the target.
    pub fn problem(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; nothing was sent", self.request, self.why)
    }
}

impl std::error::Error for RequestError {}
