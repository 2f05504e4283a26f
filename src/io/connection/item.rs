//! The type [`EventItem`]: an event of a subscription, or a gap between events.

use std::sync::Arc;

use super::status::Reconnected;
use crate::io::connection::Closed;
use scape_proto::event::Event;

/// An event of a [`Subscription`](crate::Subscription), or a gap between its
/// events. Returned by [`Subscription::items`](crate::Subscription::items).
///
/// A program that follows tor's state by events must read the whole state again
/// after each gap.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventItem {
    /// An event that tor sent.
    Event(Arc<Event>),
    /// This many events are missing here because the queue was full. See
    /// [`QueueLimit`](crate::connection::QueueLimit).
    Missed(u64),
    /// The connection ended, for this cause. Events are missing from here to
    /// the next [`Reconnected`](Self::Reconnected). If the connection isn't
    /// opened again, no items follow.
    Disconnected(Closed),
    /// The connection was opened again, and everything except
    /// [`Reconnected::failures`] was restored. Commands succeed from here on.
    /// The events that follow are those that tor sent on the new connection.
    Reconnected(Reconnected),
}

impl EventItem {
    /// Returns the event, or `None` for a gap.
    pub fn event(&self) -> Option<&Arc<Event>> {
        match self {
            EventItem::Event(event) => Some(event),
            _ => None,
        }
    }
}
