//! The error type of this crate, and the parts of it that belong to no room.
//!
//! [`Error`] is opaque. [`Error::kind`] says what a program can decide on, and
//! [`Error::get`] gives the error of the room that failed, for example
//! [`SocksError`](crate::socks::SocksError). Each room's error lives in that
//! room and implements `Cause`, so a new error changes nothing here.
//!
//! An error is cheap to clone, `Send` and `Sync`, because one cause is handed
//! to everybody who waits for the same thing. Its `Display` says what was
//! asked, what tor answered (with all of its text), and what to do. It doesn't
//! repeat its `source()`.

mod answer;
mod cancelled;
mod debug;
mod io_error;
mod kind;
mod protocol;
mod timeout;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

pub use answer::AnswerError;
pub use cancelled::Cancelled;
pub use io_error::IoError;
pub use kind::ErrorKind;
pub use timeout::{Phase, Timeout};

pub(crate) use debug::write_with_sources;

use crate::protocol::Refusal;

/// The result of every fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of any call in this crate.
///
/// `{}` shows the message alone. `{:?}`, which is what `unwrap` and a `main`
/// that returns an error print, shows the message and its causes, one a line.
/// `{:#?}` shows the structure.
///
/// # Examples
///
/// Decide by [`kind`](Error::kind), and look closer with [`get`](Error::get):
///
/// ```
/// use scape::{Connect, ErrorKind};
/// use scape::controller::ConnectError;
///
/// let error = Connect::to("127.0.0.1:1")?.connect().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// let connect: &ConnectError = error.get().unwrap();
/// assert_eq!(connect.attempts().len(), 1);
/// assert!(format!("{error:?}").starts_with(&error.to_string()));
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Arc<Box<dyn Cause>>);

/// The error of a room, which [`Error`] carries.
pub(crate) trait Cause: StdError + Send + Sync + 'static {
    /// Returns what a program can decide on.
    fn kind(&self) -> ErrorKind;

    /// Returns tor's refusal, if there was one.
    fn refusal(&self) -> Option<&Refusal> {
        None
    }

    /// Returns the errors that led to this one and aren't its `source()`, for
    /// example those of several attempts.
    fn parts(&self) -> Vec<&Error> {
        Vec::new()
    }

    /// Returns the nearest kind of an [`io::Error`].
    fn io_kind(&self) -> io::ErrorKind {
        self.kind().io_kind()
    }
}

impl Error {
    /// Returns the kind, which is what most programs decide on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// Returns the error of the room that failed, if it is a `T`.
    ///
    /// Looks into the error itself first, then into the errors that led to it:
    /// the attempts of a connection, the failure that ended a launch.
    ///
    /// ```
    /// use scape::protocol::ArgumentError;
    ///
    /// let error = scape::Connect::to("no port").unwrap_err();
    /// assert!(error.get::<ArgumentError>().is_some());
    /// ```
    pub fn get<T: StdError + 'static>(&self) -> Option<&T> {
        self.exact().or_else(|| self.0.parts().into_iter().find_map(Error::get))
    }

    /// Returns the error of the room that failed, if it is a `T` itself.
    pub(crate) fn exact<T: StdError + 'static>(&self) -> Option<&T> {
        let cause: &(dyn StdError + 'static) = &**self.0;
        cause.downcast_ref()
    }

    /// Returns true if the error of the room that failed is a `T`.
    pub(crate) fn is<T: StdError + 'static>(&self) -> bool {
        self.exact::<T>().is_some()
    }

    /// Returns tor's refusal, if tor refused what was asked for.
    ///
    /// Other kinds than [`ErrorKind::Refused`] can have one, too: a stream that
    /// couldn't be attached because tor refused to, for example.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal()
    }

    /// Returns the reply code of tor's [refusal](Self::refusal), for example
    /// 552.
    pub fn code(&self) -> Option<u16> {
        self.refusal().map(Refusal::code)
    }

    /// Returns true if the control connection has ended.
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Returns true if a deadline passed, whatever was waited for.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns true if the call was ended with a
    /// [`CancelToken`](crate::CancelToken).
    pub fn is_cancelled(&self) -> bool {
        self.kind() == ErrorKind::Cancelled
    }

    /// Returns true if a call ended without tor's answer although the
    /// connection is open: what was asked for may still happen, and must be
    /// undone.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.is::<Timeout>() || self.is::<Cancelled>()
    }

    /// Creates an error of the operating system, with what was being done.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        IoError::new(what, source).into()
    }

    /// Creates an error for an answer of tor's that can't be understood.
    pub(crate) fn answer(command: impl Into<String>, problem: impl Into<String>) -> Self {
        AnswerError::new(command, problem).into()
    }
}

impl<T: Cause> From<T> for Error {
    fn from(cause: T) -> Self {
        Error(Arc::new(Box::new(cause)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// For conversions that can't fail, where one that can is accepted.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Lets an error pass through [`io::Read`] and the like. [`io::Error::get_ref`]
/// gives it back.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.0.io_kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::ArgumentError;

    #[test]
    fn error_is_one_pointer_and_can_be_shared() {
        fn shared<T: Send + Sync + Clone + 'static>() {}
        shared::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn error_survives_a_trip_through_io() {
        let error: io::Error = Error::answer("GETINFO version", "nothing").into();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let back = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
        assert!(back.is_some_and(|error| error.kind() == ErrorKind::Malformed));
        assert!(back.is_some_and(Error::is::<AnswerError>));
        for (error, kind) in [
            (Error::from(Timeout::new(Phase::Reply, Duration::ZERO)), io::ErrorKind::TimedOut),
            (Error::io("read", io::ErrorKind::NotFound.into()), io::ErrorKind::NotFound),
            (Error::io("read", io::ErrorKind::AddrInUse.into()), io::ErrorKind::AddrInUse),
            (ArgumentError::invalid("X", "y", "is wrong").into(), io::ErrorKind::InvalidInput),
            (Refusal::new("X", vec![(552, "no".into())]).into(), io::ErrorKind::Other),
        ] {
            assert_eq!(io::Error::from(error).kind(), kind);
        }
    }
}
