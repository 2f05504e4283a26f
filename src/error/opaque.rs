//! [`Error`], [`Result`], and the trait of the specific errors.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::ErrorKind;
use scape_proto::control::Refusal;

/// The result of the fallible calls in this crate. Parsers have error types of
/// their own.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of the calls in this crate: a [kind](Error::kind), a message, and
/// a specific error with details.
///
/// `{}` shows the message alone. `{:?}`, which `unwrap` and a failing `main`
/// print, shows the message and its causes, one per line. `{:#?}` shows the
/// `Debug` output of the specific error, most often its fields.
///
/// # Examples
///
/// Decide by [`kind`](Error::kind), and get the details with
/// [`get`](Error::get):
///
/// ```
/// use scape::{Connect, ErrorKind};
/// use scape::control::ConnectError;
///
/// let error = Connect::to("127.0.0.1:1")?.connect().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// let connect: &ConnectError = error.get().unwrap();
/// assert_eq!(connect.attempts().len(), 1);
/// assert!(format!("{error:?}").starts_with(&error.to_string()));
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(pub(super) Arc<Box<dyn Cause>>);

/// A specific error that an [`Error`] contains.
pub(crate) trait Cause: StdError + Send + Sync + 'static {
    /// Returns the kind of the error.
    fn kind(&self) -> ErrorKind;

    /// Returns tor's refusal, or `None` if tor didn't refuse a command.
    fn refusal(&self) -> Option<&Refusal> {
        None
    }

    /// Returns the errors that led to this error, apart from its `source()`.
    /// Examples are the errors of several attempts.
    fn parts(&self) -> Vec<&Error> {
        Vec::new()
    }

    /// Returns the [`io::ErrorKind`] that is closest to this error.
    fn io_kind(&self) -> io::ErrorKind {
        self.kind().io_kind()
    }
}

impl Error {
    /// Returns the kind of the error. Most programs need nothing else to decide
    /// how to react.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// Returns the error of the type `T` that this error contains. Returns
    /// `None` if there is no such error.
    ///
    /// This method looks at the specific error first. Then it looks at the
    /// errors that led to this error, such as the failed attempts to connect,
    /// or the failure that ended a launch.
    ///
    /// ```
    /// use scape::control::ArgumentError;
    ///
    /// let error = scape::Connect::to("no port").unwrap_err();
    /// assert!(error.get::<ArgumentError>().is_some());
    /// ```
    pub fn get<T: StdError + 'static>(&self) -> Option<&T> {
        self.exact().or_else(|| self.0.parts().into_iter().find_map(Error::get))
    }

    /// Returns the specific error as a `T`, if it has this type. Unlike
    /// [`get`](Self::get), this method doesn't look at the errors that led to
    /// this error.
    pub(crate) fn exact<T: StdError + 'static>(&self) -> Option<&T> {
        let cause: &(dyn StdError + 'static) = &**self.0;
        cause.downcast_ref()
    }

    /// Returns true if the specific error is a `T`.
    pub(crate) fn is<T: StdError + 'static>(&self) -> bool {
        self.exact::<T>().is_some()
    }

    /// Returns tor's refusal, which contains tor's reply code and text. Returns
    /// `None` if tor didn't refuse a command.
    ///
    /// Errors of kinds other than [`ErrorKind::Refused`] can have a refusal,
    /// too. An example is a stream that couldn't be attached because tor
    /// refused the command.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO nonsense", "552 Unrecognized key \"nonsense\"\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let error = controller.get_info("nonsense").unwrap_err();
    /// let text = error.refusal().map(|refusal| refusal.text());
    /// assert_eq!(text.as_deref(), Some("Unrecognized key \"nonsense\""));
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal()
    }

    /// Returns the reply code of tor's [refusal](Self::refusal), for example
    /// 552. Returns `None` if there was no refusal.
    pub fn code(&self) -> Option<u16> {
        self.refusal().map(Refusal::code)
    }

    /// Returns true if the kind is [`ErrorKind::Closed`]: the control
    /// connection has ended.
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Returns true if the kind is [`ErrorKind::Timeout`]: the call didn't end
    /// within its time limit.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns true if the kind is [`ErrorKind::Cancelled`]: the call was
    /// cancelled with a [`CancelToken`](crate::CancelToken).
    pub fn is_cancelled(&self) -> bool {
        self.kind() == ErrorKind::Cancelled
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

/// Lets a function with a parameter of type `impl TryInto<T>` also take a `T`
/// itself. Converting a `T` to a `T` can't fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Converts the error so that it can pass through [`io::Read`] and similar
/// traits. [`io::Error::get_ref`] returns the original error.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.0.io_kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{AnswerError, Phase, Timeout};
    use scape_proto::control::ArgumentError;

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
