//! The messages to the thread that watches streams.

use std::sync::Arc;

use crate::io::connection::Closed;
use scape_proto::event::{Event, StreamInfo};

/// A message to the thread that watches streams. Messages arrive in the order
/// in which tor has sent the events.
pub(super) enum Message {
    Event(Arc<Event>),
    /// The connection has ended. The receiving thread forgets the streams of
    /// this connection.
    Ended(End),
    /// The connection has reconnected, and commands succeed from now on.
    Resumed,
    /// The streams that exist when the thread that watches streams starts, or
    /// after a reconnect.
    There(Vec<StreamInfo>),
    /// Ends the thread that watches streams. No message follows.
    Stop,
}

/// An end of the control connection, as the thread that watches streams learns
/// of it.
pub(super) struct End {
    pub(super) closed: Closed,
    /// True if another connection is expected to follow, false if not.
    pub(super) returns: bool,
    /// The number of ends so far, including this one.
    pub(super) ends: u64,
}
