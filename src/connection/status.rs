//! What happens to a connection.

use std::time::Duration;

use crate::error::{Closed, Error};

/// What happened to a connection, for [status listeners](crate::Controller::on_status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// It is open: told once, when the listener is registered.
    Connected,
    /// tor has read its configuration again (`SIGNAL RELOAD`): what was set and not saved is gone.
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
    /// It was made again.
    Reconnected(Reconnected),
}

/// A connection that was made again: [`Controller::reconnect`](crate::Controller::reconnect).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reconnected {
    /// What could not be given back: what it is, and why. The rest of what this controller had made is there again.
    pub failures: Vec<(String, Error)>,
}
