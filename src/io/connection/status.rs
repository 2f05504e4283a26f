//! The type [`ConnectionStatus`]: changes of a connection.

use std::time::Duration;

use crate::error::Error;
use crate::io::connection::Closed;

/// A change of a connection. Passed to the callbacks of
/// [`Controller::on_status`](crate::Controller::on_status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// The connection is open. Reported once, when the callback is registered.
    Connected,
    /// tor has read its configuration again (`SIGNAL RELOAD`). Options that
    /// were set and not saved to the torrc are lost.
    Reloaded,
    /// The connection has ended, for this cause. This is the last status,
    /// unless the controller tries to reconnect.
    Closed(Closed),
    /// An attempt to reconnect has failed.
    ReconnectFailed {
        /// The number of the attempt since the connection ended, counted from
        /// 1.
        attempt: u32,
        /// The reason why the attempt failed.
        error: Error,
        /// The time until the next attempt. `None` if this was the last one.
        next: Option<Duration>,
    },
    /// The connection was opened again. Everything except
    /// [`Reconnected::failures`] was restored, and commands succeed from here
    /// on.
    Reconnected(Reconnected),
    /// A later attempt has restored a part that could not be restored when the
    /// connection was opened again. The part was listed in
    /// [`Reconnected::failures`].
    Restored {
        /// The name of the restored part, as in [`Reconnected::failures`].
        what: String,
    },
    /// Another attempt to restore a part that is in [`Reconnected::failures`]
    /// has failed.
    RestoreFailed {
        /// The name of the missing part, as in [`Reconnected::failures`].
        what: String,
        /// The number of the attempt since the connection was opened again,
        /// counted from 1.
        attempt: u32,
        /// The reason why the attempt failed.
        error: Error,
        /// The time until the next attempt. `None` if this was the last one:
        /// the part stays lost.
        next: Option<Duration>,
    },
}

/// The result of a reconnection: see
/// [`Controller::reconnect`](crate::Controller::reconnect).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reconnected {
    /// The names of the parts that could not be restored, such as an onion
    /// service or the subscriptions to events, each with the reason. Everything
    /// else that this controller had made exists again.
    ///
    /// Some refusals are temporary. For example, tor refuses an onion service
    /// that it still has from the previous connection. In such a case, tor is
    /// asked again in the background for up to 20 minutes: see
    /// [`ConnectionStatus::Restored`] and [`ConnectionStatus::RestoreFailed`].
    pub failures: Vec<(String, Error)>,
}
