//! The interest: which events tor was told to send.
//!
//! SETEVENTS replaces the whole list of events, and tor refuses the whole list
//! if it doesn't know one of the names. So the list is always the union of
//! everything that is wanted, and it is sent again when that changes. A name
//! that tor refused is left out of the list, so that one subscriber's mistake
//! doesn't affect others.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use scape_proto::event::EventKind;

/// The lists of events that this program has sent to tor. The lock around this
/// value is held while SETEVENTS is written, so that the list that is written
/// last is the newest. The lock is never held while waiting for tor's answer.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The list in the last SETEVENTS that was written, which tor may not have
    /// read yet. `None` before the first SETEVENTS and after a refusal.
    pub(super) told: Option<BTreeSet<EventKind>>,
    /// The list that tor has accepted in the last answer that a caller waited
    /// for. Empty before the first such answer.
    pub(super) agreed: BTreeSet<EventKind>,
    /// The names that tor has refused because it doesn't know them.
    pub(super) refused: BTreeSet<EventKind>,
}

/// True if an entry was removed from the routes and the list wasn't sent since.
/// If another thread holds the lock of [`Interest`] at that moment, that thread
/// sends the list after releasing the lock.
#[derive(Debug, Default)]
pub(super) struct Stale(pub(super) AtomicBool);
