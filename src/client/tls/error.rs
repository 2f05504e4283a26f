//! Errors of TLS handshakes.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::error::Timeout;

/// The error of a failed TLS handshake inside a connection through tor. No data
/// of the program was sent.
#[derive(Debug, Clone)]
pub struct TlsError {
    host: Box<str>,
    problem: TlsProblem,
}

/// The problem of a [`TlsError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The settings trust no issuer of the certificate: it is self-signed,
    /// comes from another authority, or somebody intercepts the connection.
    UnknownIssuer,
    /// The certificate is for another host. The text names that host, if it is
    /// known.
    WrongName(Box<str>),
    /// The certificate has expired or isn't valid yet, or this machine's clock
    /// is wrong. The text gives details.
    NotValidNow(Box<str>),
    /// The certificate is invalid in another way. The text says how.
    Certificate(Box<str>),
    /// The peer ended the handshake with this alert.
    Refused(Box<str>),
    /// The peer's answer isn't TLS, or there is no common version or cipher.
    /// The text gives details.
    Protocol(Box<str>),
    /// The host or the settings can't be used. The text says why. Nothing was
    /// sent.
    Argument(Box<str>),
    /// The deadline passed.
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

    /// Returns the problem.
    pub fn problem(&self) -> &TlsProblem {
        &self.problem
    }

    /// Returns true if the peer couldn't prove that it is the host, for any
    /// problem with its certificate.
    pub fn is_certificate(&self) -> bool {
        matches!(
            self.problem,
            TlsProblem::UnknownIssuer
                | TlsProblem::WrongName(_)
                | TlsProblem::NotValidNow(_)
                | TlsProblem::Certificate(_)
        )
    }

    /// Returns the closest [`io::ErrorKind`].
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
