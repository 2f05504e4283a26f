//! The errors of TLS handshakes, and their causes.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::error::Timeout;

/// The error of a failed TLS handshake inside a connection through tor. None of
/// the program's data was sent.
#[derive(Debug, Clone)]
pub struct TlsError {
    host: Box<str>,
    problem: TlsProblem,
}

/// The reason why a TLS handshake failed. Returned by [`TlsError::problem`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate isn't from a trusted certificate authority. It may be
    /// self-signed or from another authority, or somebody may intercept the
    /// connection.
    UnknownIssuer,
    /// The certificate is for another host. The text names that host, if it is
    /// known.
    WrongName(Box<str>),
    /// The certificate has expired or isn't valid yet, or this machine's clock
    /// is wrong. The text gives details.
    NotValidNow(Box<str>),
    /// The certificate is invalid in a way that no other variant describes. The
    /// text gives details.
    Certificate(Box<str>),
    /// The peer ended the handshake with a TLS alert. The text names the alert.
    Refused(Box<str>),
    /// The peer's answer isn't TLS, or there is no common version or cipher.
    /// The text gives details.
    Protocol(Box<str>),
    /// The host or the settings can't be used. The text says why. Nothing was
    /// sent.
    Argument(Box<str>),
    /// The handshake didn't end within its time limit.
    Timeout(Timeout),
    /// The connection failed or ended too early.
    Io(Arc<io::Error>),
}

impl TlsError {
    /// Creates the error of a TLS handshake with `host` that failed because of
    /// `problem`.
    #[cfg(feature = "https")]
    pub(crate) fn new(host: &str, problem: TlsProblem) -> Self {
        TlsError { host: host.into(), problem }
    }

    /// Returns the host that the connection was for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the reason why the handshake failed.
    pub fn problem(&self) -> &TlsProblem {
        &self.problem
    }

    /// Returns true if the problem is the peer's certificate. Such a peer
    /// hasn't proved that it is the requested host.
    pub fn is_certificate(&self) -> bool {
        matches!(
            self.problem,
            TlsProblem::UnknownIssuer
                | TlsProblem::WrongName(_)
                | TlsProblem::NotValidNow(_)
                | TlsProblem::Certificate(_)
        )
    }

    /// Returns the [`io::ErrorKind`] that is closest to this error.
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
                "the certificate's issuer is not trusted; if the authority is yours, add its \
                 certificate as a root",
            ),
            TlsProblem::WrongName(text) => write!(f, "the certificate is for another host: {text}"),
            TlsProblem::NotValidNow(text) => {
                write!(
                    f,
                    "the certificate is not valid at the current time, or this machine's clock \
                     is wrong: {text}"
                )
            }
            TlsProblem::Certificate(text) => write!(f, "the certificate is not accepted: {text}"),
            TlsProblem::Refused(alert) => write!(f, "the peer refused: {alert}"),
            TlsProblem::Protocol(text) => {
                write!(f, "the peer's TLS message is malformed or unsupported: {text}")
            }
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
