//! [`Recipe`]: the settings of a connection, with which it can be opened again.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::auth;
use super::auth_error::AuthError;
use super::connect_error::{ConnectAttempt, ConnectError};
use super::credentials::Credentials;
use super::keeper::Keeping;
use super::reconnect::Reconnect;
use super::time_limits::DEFAULT_TIMEOUT;
use crate::error::{Cancelled, Error, Phase, Result};
use crate::io::connection::{Candidate, Connection};
use crate::io::transport::{Address, Deadline, Transport};
use scape_proto::control::Limits;

/// The settings of a connection. A reconnect opens the connection again with
/// the same settings.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) destination: Destination,
    pub(super) credentials: Credentials,
    /// The SOCKS port that the environment names for the same tor. `None` if
    /// the environment names no SOCKS port, or wasn't read.
    pub(super) socks: Option<Address>,
    /// The timeout of each call, and of each attempt to connect.
    pub(super) timeout: Duration,
    /// The limits for the size of tor's lines and replies.
    pub(super) limits: Limits,
    /// The policy for automatic reconnects. `None` if the connection
    /// doesn't reconnect by itself.
    pub(super) reconnect: Option<Reconnect>,
    /// The interval between heartbeats. `None` if no heartbeats are sent.
    pub(super) heartbeat: Option<Duration>,
}

/// The place to connect to.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// The usual places of control ports, tried one after the other. For each
    /// attempt, [`Connect`](super::Connect) replaces this variant by one
    /// place's address.
    UsualPlaces,
    Address(Address),
    /// A transport that the program opens itself.
    Through(Opener),
}

/// The function with which the program opens a transport to tor.
#[derive(Clone)]
pub(super) struct Opener(Arc<dyn Fn() -> io::Result<Transport> + Send + Sync>);

impl Opener {
    pub(super) fn new(open: impl Fn() -> io::Result<Transport> + Send + Sync + 'static) -> Self {
        Opener(Arc::new(open))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

impl Recipe {
    /// Creates the default settings with this destination.
    pub(super) fn to(destination: Destination) -> Self {
        Recipe {
            destination,
            credentials: Credentials::default(),
            socks: None,
            timeout: DEFAULT_TIMEOUT,
            limits: Limits::default(),
            reconnect: None,
            heartbeat: None,
        }
    }

    /// Returns the tasks of the thread that looks after the connection:
    /// automatic reconnects and heartbeats.
    pub(super) fn keeping(&self) -> Keeping {
        Keeping {
            reconnect: self.reconnect.clone(),
            heartbeat: self.heartbeat,
            timeout: self.timeout,
        }
    }

    /// Returns the address to connect to. Returns `None` for the usual places,
    /// and if the program opens the transport itself.
    pub(super) fn address(&self) -> Option<&Address> {
        match &self.destination {
            Destination::Address(address) => Some(address),
            _ => None,
        }
    }

    /// Returns true if the connection is opened again automatically.
    pub(super) fn is_persistent(&self) -> bool {
        self.reconnect.is_some()
    }

    /// Connects to one place and authenticates there.
    ///
    /// # Errors
    ///
    /// Returns an [`AuthError`] if authentication fails, and [`Cancelled`] if
    /// the call is cancelled. Any other error is inside a [`ConnectError`]. The
    /// destination must be a single place: for [`Destination::UsualPlaces`]
    /// this always returns an error.
    pub(super) fn candidate(
        &self,
        connection: &Connection,
        deadline: Deadline,
    ) -> Result<Candidate> {
        let place = match &self.destination {
            Destination::UsualPlaces => "the usual places".to_owned(),
            Destination::Address(address) => address.to_string(),
            Destination::Through(_) => ConnectAttempt::OWN_WAY.to_owned(),
        };
        let open = || connection.open(self.transport(deadline)?, self.limits).map(Some);
        auth::authenticate(open, &self.credentials, deadline).map_err(|error| {
            match error.is::<AuthError>() || error.is::<Cancelled>() {
                true => error,
                false => ConnectError::new(vec![ConnectAttempt::new(place, error)]).into(),
            }
        })
    }

    fn transport(&self, deadline: Deadline) -> Result<Transport> {
        let transport = match &self.destination {
            Destination::Address(address) => Transport::connect(address, deadline.instant()),
            Destination::Through(opener) => (opener.0)(),
            Destination::UsualPlaces => Err(io::ErrorKind::NotFound.into()),
        };
        transport.map_err(|error| {
            // Only the deadline leads to an error without a text. Others say
            // more, such as the addresses that were tried.
            let is_late = error.kind() == io::ErrorKind::TimedOut
                && error.get_ref().is_none()
                && error.raw_os_error().is_none()
                && deadline.has_passed();
            match is_late || deadline.is_cancelled() {
                true => deadline.error(Phase::Connect),
                false => Error::io("connect", error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{IoError, Timeout};

    #[test]
    fn only_the_deadline_leads_to_a_timeout() {
        let connect = |error: fn() -> io::Error, timeout| {
            let opener = Opener::new(move || Err(error()));
            let recipe = Recipe::to(Destination::Through(opener));
            recipe.transport(Deadline::after(timeout)).unwrap_err()
        };
        let silent = || io::Error::from(io::ErrorKind::TimedOut);
        let look_up = || io::Error::new(io::ErrorKind::TimedOut, "the look-up took too long");
        assert!(connect(silent, Duration::ZERO).is::<Timeout>());
        assert!(connect(silent, Duration::MAX).is::<IoError>());
        for timeout in [Duration::ZERO, Duration::MAX] {
            let error = connect(look_up, timeout);
            assert!(format!("{error:?}").contains("the look-up took too long"), "{error:?}");
        }
    }
}
