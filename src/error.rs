//! What can go wrong, in one type.
//!
//! [`Error`] keeps apart what a program reacts to in different ways: tor's own
//! refusal ([`Error::Refused`]), a connection that ended ([`Error::Closed`]), a
//! deadline that passed ([`Error::Timeout`]), a call that was cancelled
//! ([`Error::Cancelled`]), an argument that was never sent
//! ([`Error::Argument`]), and the errors of the larger steps: connecting,
//! authenticating, launching, SOCKS, circuits, descriptors of onion services
//! and their publication, names.
//!
//! Every error is `Clone`, `Send` and `Sync`, so that one cause can be handed
//! to every waiter; its `Display` says what was asked, what tor answered (its
//! text whole) and what to do, and never repeats its `source()`.

mod argument;
mod auth;
mod cancelled;
mod circuit;
mod closed;
mod config;
mod connect;
mod debug;
mod disk_onion;
mod endpoint;
mod excerpt;
mod geoip;
mod hs_fetch;
mod launch;
mod manual;
mod no_path;
mod no_socks_port;
mod no_tor;
mod not_ready;
mod owner;
mod publish;
mod refusal;
mod resolve;
mod socks;
mod stream;
mod timeout;
mod tls;
mod torrc;
mod verify;

use std::io;
use std::sync::Arc;

pub use argument::{ArgumentError, ArgumentProblem};
pub use auth::AuthError;
pub use cancelled::Cancelled;
pub use circuit::CircuitError;
pub use closed::{CloseCause, Closed};
pub use config::{ConfigError, ConfigProblem};
pub use connect::{ConnectAttempt, ConnectError};
pub use disk_onion::{DiskOnionError, DiskOnionProblem};
pub use endpoint::{EndpointError, EndpointProblem};
pub use geoip::GeoIpError;
pub use hs_fetch::{HsFetchError, HsFetchFailure, HsFetchProblem};
pub use launch::{LaunchError, LaunchProblem};
pub use manual::ManualError;
pub use no_path::{NoPathError, PathRule};
pub use no_socks_port::NoSocksPortError;
pub use no_tor::NoTorError;
pub use not_ready::NotReadyError;
pub use owner::OwnerError;
pub use publish::{PublishError, PublishHint, UploadFailure};
pub use refusal::Refusal;
pub use resolve::ResolveError;
pub use socks::{SocksError, SocksProblem};
pub use stream::{StreamError, StreamProblem};
pub use timeout::{Phase, Timeout};
pub use tls::{TlsError, TlsProblem};
pub use torrc::{ParseTorrcError, TorrcError, TorrcFileProblem, TorrcProblem};
pub use verify::VerifyError;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. See the [module](self) for how the kinds are told apart.
///
/// `{}` shows the message alone. `{:?}`, which is what a `main` that returns an
/// error and `unwrap` print, shows the message and its causes, one a line.
/// `{:#?}` shows the structure.
///
/// ```
/// let error = scape::Connect::to("127.0.0.1:1").and_then(|to| to.connect()).unwrap_err();
/// let shown = format!("{error:?}");
/// assert!(shown.starts_with(&error.to_string()));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// tor understood that it was spoken to, and said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The control connection has ended. Every later call on it gives this,
    /// with the same cause.
    #[error(transparent)]
    Closed(Closed),
    /// A deadline passed.
    #[error(transparent)]
    Timeout(Timeout),
    /// A call was cancelled from another thread.
    #[error(transparent)]
    Cancelled(Cancelled),
    /// An argument cannot be sent. Nothing was sent, and the connection is as
    /// it was.
    #[error(transparent)]
    Argument(Box<ArgumentError>),
    /// tor's answer to a command has not the form that it should have.
    #[error("tor's answer to {command} is not understood: {problem}")]
    Answer {
        /// The command, with its secrets replaced.
        command: Box<str>,
        /// What is wrong with the answer, and the part of it that shows this.
        problem: Box<str>,
    },
    /// No control connection could be made.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// A control connection was made, but tor could not be convinced that it
    /// may be used.
    #[error(transparent)]
    Auth(Box<AuthError>),
    /// A tor process could not be started, or not brought to the state that was
    /// asked for.
    #[error(transparent)]
    Launch(Box<LaunchError>),
    /// There is no tor to use, by whatever way.
    #[error(transparent)]
    NoTor(Box<NoTorError>),
    /// What was asked for takes a control connection, and this tor is known by
    /// its SOCKS port only.
    #[error(
        "this takes a control connection, and the tor is known by its SOCKS port {socks} only: set ControlPort for it, and \
         connect to that"
    )]
    NoControl {
        /// The SOCKS port.
        socks: Box<str>,
    },
    /// tor has no SOCKS port that can be used as was asked.
    #[error(transparent)]
    NoSocksPort(Box<NoSocksPortError>),
    /// tor did not become ready in time.
    #[error(transparent)]
    NotReady(Box<NotReadyError>),
    /// A circuit that was waited for failed or was closed.
    #[error(transparent)]
    Circuit(Box<CircuitError>),
    /// No path through the network fulfils what was asked for. Nothing was
    /// sent.
    #[error(transparent)]
    NoPath(Box<NoPathError>),
    /// The descriptor of an onion service was waited for, and did not come.
    #[error(transparent)]
    HsFetch(Box<HsFetchError>),
    /// An option of tor's configuration, or a change of one, cannot be as it
    /// should.
    #[error(transparent)]
    Config(Box<ConfigError>),
    /// An onion service on disk, in tor's configuration, cannot be as it
    /// should.
    #[error(transparent)]
    DiskOnion(Box<DiskOnionError>),
    /// An onion service was to be published, and was not in time.
    #[error(transparent)]
    Publish(Box<PublishError>),
    /// tor did not resolve a name or an address.
    #[error(transparent)]
    Resolve(Box<ResolveError>),
    /// A request through tor's SOCKS port failed.
    #[error(transparent)]
    Socks(Box<SocksError>),
    /// A stream could not go over the circuit that was chosen for it, and so
    /// goes nowhere.
    #[error(transparent)]
    Stream(Box<StreamError>),
    /// An endpoint string cannot be used. Nothing was done.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// A TLS connection through tor could not be made.
    #[error(transparent)]
    Tls(Box<TlsError>),
    /// The place or network of an address cannot be told, or a database of them
    /// not be used.
    #[error(transparent)]
    GeoIp(Box<GeoIpError>),
    /// tor's manual page is not there, or cannot be read.
    #[error(transparent)]
    Manual(Box<ManualError>),
    /// The process that a connection belongs to cannot be told.
    #[error(transparent)]
    Owner(Box<OwnerError>),
    /// A torrc, or a file that it includes, cannot be read.
    #[error(transparent)]
    Torrc(Box<TorrcError>),
    /// tor would not take a configuration: `tor --verify-config` said so.
    #[error(transparent)]
    Verify(Box<VerifyError>),
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: Box<str>,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
}

impl Error {
    /// An operating system's error, with what was being done.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Error::Io { what: what.into().into_boxed_str(), source: Arc::new(source) }
    }

    /// An answer of tor's that is not understood.
    pub(crate) fn answer(command: impl Into<String>, problem: impl Into<String>) -> Self {
        let (command, problem) =
            (excerpt::excerpt(&command.into()), excerpt::excerpt(&problem.into()));
        Error::Answer { command: command.into_boxed_str(), problem: problem.into_boxed_str() }
    }

    /// tor's refusal, where this error is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            Error::Config(error) => match &error.problem {
                ConfigProblem::Refused(refusal) => Some(refusal),
                _ => None,
            },
            Error::DiskOnion(error) => error.refusal.as_ref(),
            Error::GeoIp(error) => match &**error {
                GeoIpError::NotLoaded { refusal, .. } => Some(refusal),
                _ => None,
            },
            Error::Stream(error) => match &error.problem {
                StreamProblem::Refused(refusal) => Some(refusal),
                _ => None,
            },
            Error::NoSocksPort(error) => match &**error {
                NoSocksPortError::Hidden { refusal, .. } => Some(refusal),
                _ => None,
            },
            _ => None,
        }
    }

    /// Why tor would not let us in, where that is what went wrong; also where
    /// several places were tried and one of them was such a tor.
    pub fn auth(&self) -> Option<&AuthError> {
        match self {
            Error::Auth(error) => Some(error),
            Error::Connect(error) => {
                error.attempts().iter().find_map(|attempt| attempt.error.auth())
            }
            _ => None,
        }
    }

    /// What went wrong on tor's SOCKS port, where that is what failed.
    pub fn socks(&self) -> Option<&SocksError> {
        match self {
            Error::Socks(error) => Some(error),
            _ => None,
        }
    }

    /// Why a stream did not go over the circuit that was chosen for it, where
    /// that is what failed.
    pub fn stream(&self) -> Option<&StreamError> {
        match self {
            Error::Stream(error) => Some(error),
            _ => None,
        }
    }

    /// The reply code of tor's refusal, where this error is one.
    pub fn code(&self) -> Option<u16> {
        self.refusal().map(Refusal::code)
    }

    /// Whether the control connection has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self, Error::Closed(_))
    }

    /// Returns true if a call ended without tor's answer although the
    /// connection is open: what was asked for may still happen, and must be
    /// undone.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self, Error::Timeout(_) | Error::Cancelled(_))
    }

    /// Returns true if the call was ended with a
    /// [`CancelToken`](crate::CancelToken).
    pub fn is_cancelled(&self) -> bool {
        match self {
            Error::Cancelled(_) => true,
            Error::Launch(error) => matches!(error.problem(), LaunchProblem::Cancelled),
            Error::Connect(error) => error.attempts().iter().any(|a| a.error.is_cancelled()),
            _ => false,
        }
    }

    /// Whether a deadline passed, also within connecting, launching, SOCKS,
    /// TLS, fetching a descriptor or publishing a service.
    pub fn is_timeout(&self) -> bool {
        match self {
            Error::Timeout(_) | Error::NotReady(_) => true,
            Error::Launch(error) => matches!(error.problem(), LaunchProblem::Timeout { .. }),
            Error::Socks(error) => matches!(error.problem(), SocksProblem::Timeout(_)),
            Error::HsFetch(error) => matches!(error.problem, HsFetchProblem::Timeout(_)),
            Error::DiskOnion(error) => matches!(error.problem, DiskOnionProblem::NoHostname(_)),
            Error::Publish(_) => true,
            Error::Tls(error) => matches!(error.problem(), TlsProblem::Timeout(_)),
            Error::Connect(error) => {
                !error.attempts().is_empty()
                    && error.attempts().iter().all(|a| a.error.is_timeout())
            }
            _ => false,
        }
    }
}

macro_rules! from_boxed {
    ($($kind:ident($inner:ty)),* $(,)?) => {$(
        impl From<$inner> for Error {
            fn from(inner: $inner) -> Self {
                Error::$kind(Box::new(inner))
            }
        }
    )*};
}

from_boxed!(
    Refused(Refusal),
    Argument(ArgumentError),
    Connect(ConnectError),
    Auth(AuthError),
    Config(ConfigError),
    Launch(LaunchError),
    NoTor(NoTorError),
    NoSocksPort(NoSocksPortError),
    NotReady(NotReadyError),
    Circuit(CircuitError),
    NoPath(NoPathError),
    HsFetch(HsFetchError),
    DiskOnion(DiskOnionError),
    Publish(PublishError),
    Resolve(ResolveError),
    Socks(SocksError),
    Stream(StreamError),
    Endpoint(EndpointError),
    Tls(TlsError),
    GeoIp(GeoIpError),
    Manual(ManualError),
    Owner(OwnerError),
    Torrc(TorrcError),
    Verify(VerifyError),
);

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        Error::Closed(closed)
    }
}

impl From<Cancelled> for Error {
    fn from(cancelled: Cancelled) -> Self {
        Error::Cancelled(cancelled)
    }
}

impl From<Timeout> for Error {
    fn from(timeout: Timeout) -> Self {
        Error::Timeout(timeout)
    }
}

/// For what is converted without fail where a conversion may fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// So that an error survives a trip through [`io::Read`] and the like;
/// [`io::Error::get_ref`] gives it back.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io { source, .. } => source.kind(),
            Error::Closed(_) => io::ErrorKind::NotConnected,
            Error::Argument(_) | Error::Endpoint(_) => io::ErrorKind::InvalidInput,
            Error::Answer { .. } => io::ErrorKind::InvalidData,
            Error::Socks(socks) => socks.io_kind(),
            Error::Tls(tls) => tls.io_kind(),
            Error::Auth(_) => io::ErrorKind::PermissionDenied,
            Error::Torrc(error) => error.io_kind(),
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small_and_can_be_shared() {
        fn shared<T: Send + Sync + Clone + 'static>() {}
        shared::<Error>();
        assert!(size_of::<Error>() <= 64, "{} bytes", size_of::<Error>());
    }

    #[test]
    fn it_survives_a_trip_through_io() {
        let error: io::Error = Error::answer("GETINFO version", "nothing").into();
        let back = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
        assert!(matches!(back, Some(Error::Answer { .. })));
    }
}
