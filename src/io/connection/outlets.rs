//! The receivers of a connection's events, which its hub and its links share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::dispatcher::Dispatcher;
use super::routes::Routes;

/// The receivers of events. They stay when a link ends, and get the events of
/// the next link.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    pub(super) routes: Routes,
    pub(super) dispatcher: Dispatcher,
    /// The number of calls of this library that wait for an event now.
    awaited: AtomicUsize,
}

impl Outlets {
    /// Records that a call of this library waits for an event, as long as the
    /// returned value lives. In the meantime, the reader thread doesn't pause
    /// to hold tor back (see `hold.rs`).
    pub(super) fn awaiting(self: &Arc<Self>) -> Awaiting {
        self.awaited.fetch_add(1, Ordering::AcqRel);
        Awaiting(self.clone())
    }

    /// Returns true if a call of this library waits for an event.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Acquire) > 0
    }
}

/// The mark of a call that waits for an event: see [`Outlets::awaiting`].
#[derive(Debug)]
pub(crate) struct Awaiting(Arc<Outlets>);

impl Drop for Awaiting {
    fn drop(&mut self) {
        self.0.awaited.fetch_sub(1, Ordering::AcqRel);
    }
}
