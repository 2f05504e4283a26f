//! The kinds of errors.

use std::io;

/// The kind of an [`Error`](crate::Error), by which most programs decide what
/// to do.
///
/// [`Error::get`](crate::Error::get) returns the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// tor refused a command. [`Error::refusal`](crate::Error::refusal) returns
    /// tor's code and text.
    Refused,
    /// The control connection has ended. Every later call on it returns the
    /// same error.
    Closed,
    /// A deadline passed.
    Timeout,
    /// The call was cancelled with a [`CancelToken`](crate::CancelToken).
    Cancelled,
    /// An argument is invalid. Nothing was sent, and the connection is still
    /// usable.
    Argument,
    /// A peer's answer or a file's content can't be parsed.
    Malformed,
    /// No tor could be reached in the requested way: there is no control
    /// connection, or no SOCKS port.
    Connect,
    /// Authentication failed.
    Auth,
    /// A tor process couldn't be started, or didn't reach the requested state.
    Launch,
    /// Something failed in the Tor network or at the target: a circuit, a
    /// stream, a connection, a lookup of a name, or a descriptor.
    Network,
    /// The requested thing is unknown or doesn't exist.
    NotFound,
    /// tor's configuration, or a file that belongs to it, is invalid.
    Config,
    /// The operating system reported an error.
    Io,
}

impl ErrorKind {
    /// Returns the [`io::ErrorKind`] that is closest to this kind.
    pub(crate) fn io_kind(self) -> io::ErrorKind {
        match self {
            ErrorKind::Closed => io::ErrorKind::NotConnected,
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            ErrorKind::Argument => io::ErrorKind::InvalidInput,
            ErrorKind::Malformed => io::ErrorKind::InvalidData,
            ErrorKind::Auth => io::ErrorKind::PermissionDenied,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::Refused
            | ErrorKind::Cancelled
            | ErrorKind::Connect
            | ErrorKind::Launch
            | ErrorKind::Network
            | ErrorKind::Config
            | ErrorKind::Io => io::ErrorKind::Other,
        }
    }
}
