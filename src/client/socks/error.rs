//! Errors of requests through tor's SOCKS port.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{HandshakeError, RequestError};
use crate::error::{Cause, Error, ErrorKind};

use crate::client::socks::SocksStatus;
use crate::error::Timeout;
use scape_proto::word::is_onion_name;

/// The error of a failed request through tor's SOCKS port. This library never
/// connects to the target without tor, even after a failure.
///
/// tor reports why an onion service can't be reached only on a port with the
/// flag `ExtendedErrors`. The methods that begin with `is_onion` check for
/// these reasons. On other ports, the status is a [general
/// failure](SocksStatus::GENERAL_FAILURE) or an [unreachable
/// host](SocksStatus::HOST_UNREACHABLE), as for any target.
///
/// ```
/// use scape::socks::{Request, SocksStatus, exchange};
/// use scape::transport::Transport;
/// use std::time::Duration;
///
/// # use std::io::Write;
/// # let (transport, mut tor) = Transport::pair();
/// # tor.write_all(b"\x05\x00\x05\xf0\x00\x01\x00\x00\x00\x00\x00\x00")?;
/// let onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
/// let request = Request::connect((onion, 80))?;
/// let error = exchange(&transport, &request, None, Duration::from_secs(10)).unwrap_err();
/// assert_eq!(error.status(), Some(SocksStatus::ONION_DESCRIPTOR_NOT_FOUND));
/// assert!(error.is_onion_not_found() && !error.is_timeout());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SocksError {
    request: Box<str>,
    problem: SocksProblem,
    /// True if the request timed out because new streams of this tor seem to
    /// wait for a controller that may be gone.
    streams_wait: bool,
}

/// The reason why a SOCKS request failed. Returned by [`SocksError::problem`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SocksProblem {
    /// tor replied with an error code. [`SocksStatus`] explains the codes.
    Status(SocksStatus),
    /// tor accepts none of the offered SOCKS authentication methods.
    NoAcceptableMethod,
    /// tor refused the isolation credentials.
    CredentialsRefused,
    /// The peer isn't a SOCKS5 port. The text describes its answer.
    NotSocks(Box<str>),
    /// The peer speaks SOCKS5 but violated the protocol. The text says how.
    Protocol(Box<str>),
    /// The target or the credentials can't be sent. The text says why. Nothing
    /// was sent.
    Argument(Box<str>),
    /// The target is [private](crate::socks::is_private): on this machine or
    /// its local network, which no exit connects to. Nothing was sent.
    Private,
    /// The request didn't end within its time limit.
    Timeout(Timeout),
    /// The connection to the SOCKS port failed or ended too early. The text
    /// names the port and the reason.
    Io(Arc<io::Error>),
}

impl SocksError {
    /// Creates the error of a `request` (such as `CONNECT example.com:80`) that
    /// failed because of `problem`.
    pub(crate) fn new(request: impl Into<String>, problem: SocksProblem) -> Self {
        SocksError { request: request.into().into_boxed_str(), problem, streams_wait: false }
    }

    /// Records in the error that new streams of this tor wait for a controller
    /// that may be gone.
    pub(crate) fn with_streams_waiting(self) -> Self {
        SocksError { streams_wait: true, ..self }
    }

    /// Returns true if the request timed out because new streams seem to wait
    /// for a controller that attaches them. At that time, tor's option
    /// `__LeaveStreamsUnattached` was 1 and this program's controller didn't
    /// attach streams.
    ///
    /// Most likely a program that attached streams has ended without resetting
    /// the option. [`release_streams`](crate::Controller::release_streams)
    /// repairs this tor. Only requests of a [`Tor`](crate::Tor) with a control
    /// connection are checked. For all other requests, this method returns
    /// false.
    pub fn is_waiting_for_controller(&self) -> bool {
        self.streams_wait
    }

    /// Returns the request, such as `CONNECT example.com:80`, without
    /// credentials.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// Returns the reason why the request failed.
    pub fn problem(&self) -> &SocksProblem {
        &self.problem
    }

    /// Returns tor's error code, or `None` if tor didn't reply with one.
    pub fn status(&self) -> Option<SocksStatus> {
        match self.problem {
            SocksProblem::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Returns true if the target refused the connection or ended it at once.
    /// Most often nothing listens there.
    pub fn is_connection_refused(&self) -> bool {
        self.status() == Some(SocksStatus::CONNECTION_REFUSED)
    }

    /// Returns true if the target is [private](crate::socks::is_private), so
    /// that no request was sent.
    pub fn is_private(&self) -> bool {
        matches!(self.problem, SocksProblem::Private)
    }

    /// Returns true if the onion service doesn't exist or is offline: no
    /// directory has its descriptor.
    pub fn is_onion_not_found(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_DESCRIPTOR_NOT_FOUND)
    }

    /// Returns true if the onion service exists but couldn't be reached: its
    /// introduction points failed or timed out, or the rendezvous failed. A
    /// later attempt may succeed.
    pub fn is_onion_unreachable(&self) -> bool {
        self.is_onion_intro_failed()
            || self.is_onion_intro_timed_out()
            || self.is_onion_rendezvous_failed()
    }

    /// Returns true if the introduction to the onion service failed.
    pub fn is_onion_intro_failed(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_INTRO_FAILED)
    }

    /// Returns true if every introduction to the onion service timed out.
    pub fn is_onion_intro_timed_out(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_INTRO_TIMED_OUT)
    }

    /// Returns true if the rendezvous with the onion service failed.
    pub fn is_onion_rendezvous_failed(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_REND_FAILED)
    }

    /// Returns true if the onion service requires client authorization and tor
    /// has no key for it.
    /// [`OnionClientAuth::add`](crate::control::OnionClientAuth::add) adds
    /// a key.
    pub fn is_onion_auth_missing(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_AUTH_MISSING)
    }

    /// Returns true if the onion service refused the client key that tor has.
    pub fn is_onion_auth_wrong(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_AUTH_WRONG)
    }

    /// Returns true if the target ends in `.onion` but isn't a valid onion
    /// address.
    pub fn is_onion_bad_address(&self) -> bool {
        self.status() == Some(SocksStatus::ONION_BAD_ADDRESS)
    }

    /// Returns true if the request timed out, either here or in tor.
    pub fn is_timeout(&self) -> bool {
        self.io_kind() == io::ErrorKind::TimedOut
    }

    /// Returns true if tor was asked for the IP address of an onion service,
    /// and refused.
    fn is_onion_look_up(&self) -> bool {
        let name = self.request.strip_prefix("RESOLVE ");
        self.status().is_some() && name.is_some_and(is_onion_name)
    }

    /// Returns true if the connection to an onion service failed for a reason
    /// that tor hasn't told.
    fn is_unexplained_onion_failure(&self) -> bool {
        let target = self.request.strip_prefix("CONNECT ");
        let host = target.and_then(|target| target.rsplit_once(':')).map(|(host, _)| host);
        self.status() == Some(SocksStatus::GENERAL_FAILURE) && host.is_some_and(is_onion_name)
    }

    /// Returns the [`io::ErrorKind`] that is closest to this error.
    pub fn io_kind(&self) -> io::ErrorKind {
        match &self.problem {
            SocksProblem::Status(status) => status.io_kind(),
            SocksProblem::NoAcceptableMethod | SocksProblem::CredentialsRefused => {
                io::ErrorKind::PermissionDenied
            }
            SocksProblem::NotSocks(_) | SocksProblem::Protocol(_) => io::ErrorKind::InvalidData,
            SocksProblem::Argument(_) | SocksProblem::Private => io::ErrorKind::InvalidInput,
            SocksProblem::Timeout(_) => io::ErrorKind::TimedOut,
            SocksProblem::Io(error) => error.kind(),
        }
    }
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} through tor: {}", self.request, self.problem)?;
        if self.streams_wait {
            f.write_str(
                "; tor's option __LeaveStreamsUnattached is 1, so new streams wait for a \
                 controller that attaches them; if that program is gone, \
                 Controller::release_streams or `scape streams release` repairs this tor",
            )?;
        }
        if self.is_unexplained_onion_failure() {
            f.write_str(
                "; if the SocksPort doesn't have the flag ExtendedErrors, the flag makes tor give \
                 the reason",
            )?;
        }
        if self.is_onion_look_up() {
            f.write_str("; onion addresses have no IP address: connect to the name itself")?;
        }
        Ok(())
    }
}

impl std::error::Error for SocksError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl From<HandshakeError> for SocksProblem {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Status(status) => SocksProblem::Status(status),
            HandshakeError::NoAcceptableMethod => SocksProblem::NoAcceptableMethod,
            HandshakeError::CredentialsRefused => SocksProblem::CredentialsRefused,
            HandshakeError::NotSocks(what) => SocksProblem::NotSocks(what),
            HandshakeError::Protocol(what) => SocksProblem::Protocol(what),
            HandshakeError::Closed(when) => {
                SocksProblem::Io(Arc::new(io::Error::new(io::ErrorKind::UnexpectedEof, &*when)))
            }
        }
    }
}

impl From<RequestError> for SocksError {
    fn from(error: RequestError) -> Self {
        SocksError::new(error.request(), SocksProblem::Argument(error.problem().into()))
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        SocksError::from(error).into()
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
            SocksProblem::Protocol(what) => {
                write!(f, "the SOCKS port's answer is malformed or unexpected: {what}")
            }
            SocksProblem::Argument(why) => write!(f, "{why}; nothing was sent"),
            SocksProblem::Private => f.write_str(
                "the target is on this machine or its local network, which no exit connects to \
                 (private addresses are not allowed); nothing was sent",
            ),
            SocksProblem::Timeout(timeout) => write!(f, "{timeout}"),
            SocksProblem::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SocksProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` already shows the error itself, so the source is the
            // error behind it.
            SocksProblem::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl Cause for SocksError {
    fn kind(&self) -> ErrorKind {
        match &self.problem {
            SocksProblem::Timeout(_) => ErrorKind::Timeout,
            SocksProblem::Argument(_) | SocksProblem::Private => ErrorKind::Argument,
            SocksProblem::NoAcceptableMethod | SocksProblem::CredentialsRefused => ErrorKind::Auth,
            SocksProblem::NotSocks(_) | SocksProblem::Protocol(_) => ErrorKind::Malformed,
            SocksProblem::Io(_) => ErrorKind::Connect,
            SocksProblem::Status(_) if self.is_onion_not_found() => ErrorKind::NotFound,
            SocksProblem::Status(_) => ErrorKind::Network,
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        SocksError::io_kind(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Phase;

    #[test]
    fn each_predicate_matches_its_status_codes() {
        type Question = fn(&SocksError) -> bool;
        let questions: [(Question, &[u8]); 10] = [
            (SocksError::is_connection_refused, &[0x05]),
            (SocksError::is_timeout, &[0x06, 0xF7]),
            (SocksError::is_onion_not_found, &[0xF0]),
            (SocksError::is_onion_unreachable, &[0xF2, 0xF3, 0xF7]),
            (SocksError::is_onion_intro_failed, &[0xF2]),
            (SocksError::is_onion_rendezvous_failed, &[0xF3]),
            (SocksError::is_onion_auth_missing, &[0xF4]),
            (SocksError::is_onion_auth_wrong, &[0xF5]),
            (SocksError::is_onion_bad_address, &[0xF6]),
            (SocksError::is_onion_intro_timed_out, &[0xF7]),
        ];
        for code in 1..=255 {
            let error =
                SocksError::new("CONNECT a:1", SocksProblem::Status(SocksStatus::new(code)));
            for (number, (question, codes)) in questions.iter().enumerate() {
                assert_eq!(question(&error), codes.contains(&code), "question {number}, {error}");
            }
        }
        let refused = |request| {
            SocksError::new(request, SocksProblem::Status(SocksStatus::HOST_UNREACHABLE))
                .to_string()
        };
        assert!(refused("RESOLVE www.abc.onion").contains("onion addresses have no IP address"));
        for request in ["CONNECT abc.onion:80", "RESOLVE onion.example", "RESOLVE_PTR 192.0.2.1"] {
            assert!(!refused(request).contains("onion addresses"), "{request}");
        }
        let failed = |request| {
            SocksError::new(request, SocksProblem::Status(SocksStatus::GENERAL_FAILURE)).to_string()
        };
        assert!(failed("CONNECT abc.onion:80").contains("ExtendedErrors"));
        assert!(!failed("CONNECT example.com:80").contains("ExtendedErrors"));
        let late = SocksProblem::Timeout(Timeout::new(Phase::Socks, Duration::from_secs(1)));
        assert!(SocksError::new("CONNECT a:1", late).is_timeout());
    }
}
