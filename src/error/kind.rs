//! [`ErrorKind`]: the kinds of errors.

use std::io;

/// The kind of an [`Error`](crate::Error). The kind is enough for most programs
/// to decide how to react.
///
/// [`Error::get`](crate::Error::get) returns the specific error, which has the
/// details.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::ErrorKind;
///
/// let error = controller.get_info("no-such-key").unwrap_err();
/// match error.kind() {
///     ErrorKind::Refused => println!("tor says no: {error}"),
///     ErrorKind::Timeout => println!("tor hangs: {error}"),
///     _ => println!("{error}"),
/// }
/// # assert_eq!(error.kind(), ErrorKind::Refused);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// tor refused a command. [`Error::refusal`](crate::Error::refusal) returns
    /// tor's code and text.
    Refused,
    /// The control connection has ended. Later calls on it return the same
    /// error, unless the controller [reconnects](crate::Connect::reconnect).
    Closed,
    /// A call didn't end within its time limit.
    Timeout,
    /// The call was cancelled with a [`CancelToken`](crate::CancelToken).
    Cancelled,
    /// An argument of the call is invalid. The command with this argument was
    /// not sent, and the connection is still usable.
    Argument,
    /// Data can't be parsed or is of the wrong kind: an answer from tor or
    /// another peer, or the content of a file.
    Malformed,
    /// No tor could be reached in the requested way: there is no control
    /// connection, or no SOCKS port.
    Connect,
    /// Authentication at the control port or at the SOCKS port failed.
    Auth,
    /// A tor process couldn't be started, or failed before it reached the
    /// requested state.
    Launch,
    /// Something failed in the Tor network or at the target: a circuit, a
    /// stream, a connection, a lookup of a name, or a descriptor.
    Network,
    /// Something that the call needs doesn't exist or isn't known. Examples are
    /// an onion service, a relay that fits a path, and GeoIP data.
    NotFound,
    /// tor's configuration, or a file that belongs to it, is invalid or doesn't
    /// allow the requested change.
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
