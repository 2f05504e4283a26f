//! What can go wrong on tor's SOCKS port.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::Timeout;
use crate::types::SocksStatus;

/// A request through tor's SOCKS port failed. Nothing was sent around tor.
#[derive(Debug, Clone)]
pub struct SocksError {
    request: Box<str>,
    problem: SocksProblem,
}

/// What was wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SocksProblem {
    /// tor answered with a code that is no success: see [`SocksStatus`] for what each means.
    Status(SocksStatus),
    /// tor accepts none of the ways to introduce oneself that were offered.
    NoAcceptableMethod,
    /// tor refused the isolation credentials.
    CredentialsRefused,
    /// The peer is not a SOCKS5 port; the text says what it answered.
    NotSocks(Box<str>),
    /// The peer speaks SOCKS5, but said what it may not say at this point; the text says what.
    Protocol(Box<str>),
    /// The target or the credentials cannot be sent; the text says why. Nothing was sent.
    Argument(Box<str>),
    /// The deadline passed.
    Timeout(Timeout),
    /// The connection to the SOCKS port failed, or ended too early.
    Io(Arc<io::Error>),
}

impl SocksError {
    /// `request` (such as `CONNECT example.com:80`) failed because of `problem`.
    pub(crate) fn new(request: impl Into<String>, problem: SocksProblem) -> Self {
        SocksError { request: request.into().into_boxed_str(), problem }
    }

    /// What was asked for, such as `CONNECT example.com:80`. It holds no credentials.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// What was wrong.
    pub fn problem(&self) -> &SocksProblem {
        &self.problem
    }

    /// tor's answer, where there was one.
    pub fn status(&self) -> Option<SocksStatus> {
        match self.problem {
            SocksProblem::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The nearest kind of an [`io::Error`].
    pub(crate) fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            SocksProblem::Status(status) => match *status {
                SocksStatus::NOT_ALLOWED => io::ErrorKind::PermissionDenied,
                SocksStatus::NETWORK_UNREACHABLE => io::ErrorKind::NetworkUnreachable,
                SocksStatus::HOST_UNREACHABLE => io::ErrorKind::HostUnreachable,
                SocksStatus::CONNECTION_REFUSED => io::ErrorKind::ConnectionRefused,
                SocksStatus::TTL_EXPIRED => io::ErrorKind::TimedOut,
                _ => io::ErrorKind::Other,
            },
            SocksProblem::NoAcceptableMethod | SocksProblem::CredentialsRefused => {
                io::ErrorKind::PermissionDenied
            }
            SocksProblem::NotSocks(_) | SocksProblem::Protocol(_) => io::ErrorKind::InvalidData,
            SocksProblem::Argument(_) => io::ErrorKind::InvalidInput,
            SocksProblem::Timeout(_) => io::ErrorKind::TimedOut,
            SocksProblem::Io(error) => error.kind(),
        }
    }
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} through tor: {}", self.request, self.problem)
    }
}

impl std::error::Error for SocksError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl fmt::Display for SocksProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocksProblem::Status(status) => write!(f, "{status}"),
            SocksProblem::NoAcceptableMethod => {
                f.write_str("the SOCKS port accepts none of the offered authentication methods")
            }
            SocksProblem::CredentialsRefused => {
                f.write_str("the SOCKS port refused the isolation credentials")
            }
            SocksProblem::NotSocks(what) => write!(f, "the peer is not a SOCKS5 port: {what}"),
            SocksProblem::Protocol(what) => write!(f, "the SOCKS port's answer is not understood: {what}"),
            SocksProblem::Argument(why) => write!(f, "{why}; nothing was sent"),
            SocksProblem::Timeout(timeout) => write!(f, "{timeout}"),
            SocksProblem::Io(_) => f.write_str("the connection to the SOCKS port failed"),
        }
    }
}

impl std::error::Error for SocksProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SocksProblem::Io(error) => Some(&**error),
            _ => None,
        }
    }
}
