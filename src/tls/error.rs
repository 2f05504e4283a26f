//! TLS connections that could not be made.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::error::Timeout;

/// A TLS connection inside a connection through tor could not be made. Nothing
/// of the program's was sent.
#[derive(Debug, Clone)]
pub struct TlsError {
    host: Box<str>,
    problem: TlsProblem,
}

/// The problem of a [`TlsError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate was issued by nobody whom the settings trust: it is
    /// self-signed, of another authority, or somebody is in between.
    UnknownIssuer,
    /// The certificate is for another host; the text says for which, where that
    /// is known.
    WrongName(Box<str>),
    /// The certificate has expired, or is not valid yet; or this machine's
    /// clock is wrong.
    NotValidNow(Box<str>),
    /// The certificate is wrong in another way; the text says in which.
    Certificate(Box<str>),
    /// The peer ended the handshake with this alert.
    Refused(Box<str>),
    /// The peer's answer is not TLS, or no version or cipher can be agreed on;
    /// the text says what is wrong.
    Protocol(Box<str>),
    /// The host or the settings cannot be used; the text says why. Nothing was
    /// sent.
    Argument(Box<str>),
    /// The deadline passed.
    Timeout(Timeout),
    /// The connection failed, or ended too early.
    Io(Arc<io::Error>),
}

impl TlsError {
    /// TLS with `host` failed because of `problem`.
    #[cfg(feature = "https")]
    pub(crate) fn new(host: &str, problem: TlsProblem) -> Self {
        TlsError { host: host.into(), problem }
    }

    /// The host that the connection was to be with.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the problem.
    pub fn problem(&self) -> &TlsProblem {
        &self.problem
    }

    /// Returns true if the peer could not show that it is the host, whatever
    /// was wrong with its certificate.
    pub fn is_certificate(&self) -> bool {
        matches!(
            self.problem,
            TlsProblem::UnknownIssuer
                | TlsProblem::WrongName(_)
                | TlsProblem::NotValidNow(_)
                | TlsProblem::Certificate(_)
        )
    }

    /// Returns the nearest kind of an [`io::Error`].
    pub fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            TlsProblem::Argument(_) => io::ErrorKind::InvalidInput,
            TlsProblem::Timeout(_) => io::ErrorKind::TimedOut,
            TlsProblem::Io(error) => error.kind(),
            TlsProblem::Refused(_) => io::ErrorKind::ConnectionAborted,
            _ => io::ErrorKind::InvalidData,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS with {}: {}", self.host, self.problem)
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsProblem::UnknownIssuer => f.write_str(
                "the certificate was issued by nobody who is trusted (add its authority's certificate as a root, if it is yours)",
            ),
            TlsProblem::WrongName(text) => write!(f, "the certificate is for another host: {text}"),
            TlsProblem::NotValidNow(text) => {
                write!(f, "the certificate is not valid now (or this machine's clock is wrong): {text}")
            }
            TlsProblem::Certificate(text) => write!(f, "the certificate is not accepted: {text}"),
            TlsProblem::Refused(alert) => write!(f, "the peer refused: {alert}"),
            TlsProblem::Protocol(text) => write!(f, "the peer's TLS is not understood: {text}"),
            TlsProblem::Argument(why) => write!(f, "{why}; nothing was sent"),
            TlsProblem::Timeout(timeout) => write!(f, "{timeout}"),
            TlsProblem::Io(_) => f.write_str("the connection failed"),
        }
    }
}

impl std::error::Error for TlsProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TlsProblem::Io(error) => Some(&**error),
            _ => None,
        }
    }
}

impl Cause for TlsError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            TlsProblem::Timeout(_) => ErrorKind::Timeout,
            TlsProblem::Argument(_) => ErrorKind::Argument,
            _ => ErrorKind::Network,
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        TlsError::io_kind(self)
    }
}
