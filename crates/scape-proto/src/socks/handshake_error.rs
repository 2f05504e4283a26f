//! Errors that the peer causes in a SOCKS5 handshake.

use std::fmt;

use crate::socks::SocksStatus;

/// The error for a SOCKS5 handshake that failed because of the peer's answer,
/// or because the peer closed the connection. The peer is the program at the
/// other end of the connection, normally tor.
#[derive(Clone, PartialEq, Eq)]
pub enum HandshakeError {
    /// The peer refused the request with this status.
    Status(SocksStatus),
    /// The SOCKS port accepts none of the authentication methods that the
    /// handshake offered.
    NoAcceptableMethod,
    /// The SOCKS port refused the credentials (see
    /// [`Isolation`](super::Isolation)).
    CredentialsRefused,
    /// The peer isn't a SOCKS5 port. The text quotes the peer's answer.
    NotSocks(Box<str>),
    /// The peer speaks SOCKS5, but sent an invalid answer. The text says why
    /// the answer is invalid.
    Protocol(Box<str>),
    /// The peer closed the connection. The text says when, for example before
    /// which answer.
    Closed(Box<str>),
}

error_debug!(HandshakeError);

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Status(status) => write!(f, "{status}"),
            HandshakeError::NoAcceptableMethod => {
                f.write_str("the SOCKS port accepts none of the offered authentication methods")
            }
            HandshakeError::CredentialsRefused => {
                f.write_str("the SOCKS port refused the isolation credentials")
            }
            HandshakeError::NotSocks(what) => write!(f, "the peer is not a SOCKS5 port: {what}"),
            HandshakeError::Protocol(what) => {
                write!(f, "the SOCKS port's answer is not understood: {what}")
            }
            HandshakeError::Closed(when) => f.write_str(when),
        }
    }
}

impl std::error::Error for HandshakeError {}
