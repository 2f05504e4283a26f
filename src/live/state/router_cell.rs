//! The last known information about a relay.

use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};

use parking_lot::Mutex;

use scape_proto::netdoc::Relay;
use scape_proto::word::Fingerprint;

/// The data of one relay, which all handles to the relay share. A cell lives as
/// long as the consensus lists the relay or somebody holds a handle.
#[derive(Debug)]
pub(super) struct RouterCell {
    pub(super) fingerprint: Fingerprint,
    /// The relay's entry in the latest consensus that listed it.
    entry: Mutex<Option<Arc<Relay>>>,
    in_consensus: AtomicBool,
}

impl RouterCell {
    pub(super) fn new(fingerprint: Fingerprint) -> Arc<Self> {
        Arc::new(RouterCell {
            fingerprint,
            entry: Mutex::default(),
            in_consensus: AtomicBool::new(false),
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(super) fn entry(&self) -> Option<Arc<Relay>> {
        self.entry.lock().clone()
    }

    pub(super) fn is_in_consensus(&self) -> bool {
        self.in_consensus.load(atomic::Ordering::SeqCst)
    }

    pub(super) fn set_in_consensus(&self, is_in: bool) {
        self.in_consensus.store(is_in, atomic::Ordering::SeqCst);
    }

    /// Sets the relay's entry. Returns true if the new entry differs from the
    /// previous one.
    pub(super) fn set(&self, entry: Relay) -> bool {
        let mut known = self.entry.lock();
        let differs = known.as_deref() != Some(&entry);
        if differs {
            *known = Some(Arc::new(entry));
        }
        differs
    }
}
