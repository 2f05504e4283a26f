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

/// The lists that tor was told. The lock is held while SETEVENTS is written, so
/// that the last one on the wire is the newest. It is never held while waiting
/// for the answer.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The list that tor has, or will have once it has read everything that was
    /// written. `None` after a refusal.
    pub(super) told: Option<BTreeSet<EventKind>>,
    /// The list that tor last accepted, as far as its answers were waited for.
    pub(super) agreed: BTreeSet<EventKind>,
    /// The names that tor doesn't know.
    pub(super) refused: BTreeSet<EventKind>,
}

/// Set if an entry was removed while the lock was taken. The thread that has
/// the lock then does the work.
#[derive(Debug, Default)]
pub(super) struct Stale(pub(super) AtomicBool);
