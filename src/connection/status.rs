//! What happens to a connection.

use std::time::Duration;

use crate::connection::Closed;
use crate::error::Error;

/// What happened to a connection, for
/// [status listeners](crate::Controller::on_status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// It is open: told once, when the listener is registered.
    Connected,
    /// tor has read its configuration again (`SIGNAL RELOAD`): what was set and
    /// not saved is gone.
    Reloaded,
    /// It has ended, with this cause. Nothing follows, unless it is made again.
    Closed(Closed),
    /// An attempt to make it again has failed.
    ReconnectFailed {
        /// Which attempt since it ended, from 1.
        attempt: u32,
        /// Why.
        error: Error,
        /// When the next attempt is made; `None` where there will be none.
        next: Option<Duration>,
    },
    /// The connection was made again. Everything was given back but what
    /// [`Reconnected::failures`] names, and commands succeed from here on.
    Reconnected(Reconnected),
    /// Something that tor had refused to take back was taken at a later
    /// attempt. It was in [`Reconnected::failures`] before.
    Restored {
        /// The thing that was given back, as in [`Reconnected::failures`].
        what: String,
    },
    /// Another attempt to give something back was refused.
    RestoreFailed {
        /// The thing that is missing, as in [`Reconnected::failures`].
        what: String,
        /// Which attempt since the connection was made again, from 1.
        attempt: u32,
        /// The refusal.
        error: Error,
        /// The time until the next attempt. `None` if this was the last one:
        /// the thing stays lost.
        next: Option<Duration>,
    },
}

/// A connection that was made again:
/// [`Controller::reconnect`](crate::Controller::reconnect).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reconnected {
    /// The things that could not be given back, each with the reason.
    /// Everything else that this controller had made is there again.
    ///
    /// If the refusal may pass, such as the one of an onion service that tor
    /// still has on the connection before, tor is asked again in the background
    /// for up to 20 minutes: see [`ConnectionStatus::Restored`] and
    /// [`ConnectionStatus::RestoreFailed`].
    pub failures: Vec<(String, Error)>,
}
