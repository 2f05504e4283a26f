//! The kinds of errors.

use std::io;

/// The kind of an [`Error`](crate::Error): what a program can decide on.
///
/// [`Error::get`](crate::Error::get) tells more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// tor refused a command. [`Error::refusal`](crate::Error::refusal) has its
    /// code and text.
    Refused,
    /// The control connection has ended. Every later call on it gives the same
    /// error.
    Closed,
    /// A deadline passed.
    Timeout,
    /// The call was ended with a [`CancelToken`](crate::CancelToken).
    Cancelled,
    /// An argument can't be used. Nothing was sent, and the connection is as it
    /// was.
    Argument,
    /// An answer of a peer, or a file's content, can't be understood.
    Malformed,
    /// No tor could be reached in the way that was asked for: there is no
    /// control connection, or no SOCKS port.
    Connect,
    /// tor doesn't let this program in.
    Auth,
    /// A tor process couldn't be started, or not brought to the state that was
    /// asked for.
    Launch,
    /// Something failed in the Tor network or at the target: a circuit, a
    /// stream, a connection, a name, a descriptor.
    Network,
    /// The thing that was asked for isn't known, or doesn't exist.
    NotFound,
    /// tor's configuration, or a file that belongs to it, isn't as it must be.
    Config,
    /// The operating system refused something.
    Io,
}

impl ErrorKind {
    /// Returns the nearest kind of an [`io::Error`].
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
