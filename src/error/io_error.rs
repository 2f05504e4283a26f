//! [`IoError`]: an error of the operating system.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Cause, Error, ErrorKind};

/// The error for a failed operation of the operating system, such as reading a
/// file.
#[derive(Debug, Clone)]
pub struct IoError {
    what: Box<str>,
    source: Arc<io::Error>,
}

impl IoError {
    /// Creates an error from an error of the operating system. `what` is the
    /// failed operation as a verb with its object, such as `read
    /// /etc/tor/torrc`. The text of the new error is "cannot", followed by
    /// `what`.
    ///
    /// A function of the program, for example a closure that this library
    /// calls, can return its failures as a [`scape::Result`](crate::Result)
    /// this way:
    ///
    /// ```
    /// use scape::error::IoError;
    ///
    /// fn ask_for_password() -> scape::Result<Vec<u8>> {
    ///     let file = "/nowhere/password";
    ///     Ok(std::fs::read(file).map_err(|error| IoError::new(format!("read {file}"), error))?)
    /// }
    ///
    /// let error = ask_for_password().unwrap_err();
    /// assert_eq!(error.kind(), scape::ErrorKind::Io);
    /// assert_eq!(error.to_string(), "cannot read /nowhere/password");
    /// ```
    pub fn new(what: impl Into<String>, source: io::Error) -> Self {
        IoError { what: what.into().into_boxed_str(), source: Arc::new(source) }
    }

    /// Returns the same error with another description of the failed operation.
    #[cfg(feature = "testing")]
    pub(crate) fn with_what(&self, what: impl Into<String>) -> Self {
        IoError { what: what.into().into_boxed_str(), source: self.source.clone() }
    }

    /// Returns the failed operation as a verb with its object, such as `read
    /// /etc/tor/torrc`.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the operating system's error.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// Returns the kind of the operating system's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.what)
    }
}

impl std::error::Error for IoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl Cause for IoError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Io
    }

    fn io_kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl Error {
    /// Creates an error from an error of the operating system. `what` is the
    /// failed operation as a verb with its object: see [`IoError::new`].
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        IoError::new(what, source).into()
    }
}
