//! The interest: which events tor was told to send.
//!
//! SETEVENTS replaces the whole list of events, and tor refuses the whole list
//! if it doesn't know one of the names. So the list always contains all events
//! that any subscriber wants. The list is sent again whenever it changes. A
//! name that tor refused is left out of the list, so that one subscriber's
//! mistake doesn't affect others.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use scape_proto::event::EventKind;

/// The lists of events that this program has sent to tor. The lock around this
/// value is held while SETEVENTS is written, so that the list that is written
/// last is the newest. The lock is never held while waiting for tor's answer.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The list in the last SETEVENTS that was written, even if tor hasn't read
    /// the command yet. `None` before the first SETEVENTS and after a refusal.
    pub(super) told: Option<BTreeSet<EventKind>>,
    /// The last list that tor is known to have accepted. tor's answer to a list
    /// is known only if a caller has waited for it. Empty before the first such
    /// answer.
    pub(super) agreed: BTreeSet<EventKind>,
    /// The names that tor has refused because it doesn't know them.
    pub(super) refused: BTreeSet<EventKind>,
}

/// True if a subscriber was removed, and the new list of events hasn't been
/// sent to tor yet. If another thread holds the lock of [`Interest`] when the
/// subscriber is removed, that thread sends the list after releasing the lock.
#[derive(Debug, Default)]
pub(super) struct Stale(pub(super) AtomicBool);
