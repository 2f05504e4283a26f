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
    ///
    /// If nobody else has the previous entry, the new entry is written over it.
    /// This matters because a new consensus changes most entries. If all
    /// entries were allocated anew, they would lie behind the consensus's text
    /// in memory. The memory of the text could then not be returned to the
    /// system.
    pub(super) fn set(&self, entry: Relay) -> bool {
        let mut known = self.entry.lock();
        if known.as_deref() == Some(&entry) {
            return false;
        }
        match known.as_mut().and_then(Arc::get_mut) {
            Some(place) => *place = entry,
            None => *known = Some(Arc::new(entry)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::netdoc::RouterStatus;

    fn entry(bandwidth: u32) -> Relay {
        let text = format!(
            "r bob YHzG9/3r3mWKlzmuYTz4mRuVvDU plQ6EsZYTpzKMobnfTr0p6PnKMw 2038-01-01 00:00:00 127.0.0.22 9012 0\n\
             s Exit Running\nw Bandwidth={bandwidth}\n"
        );
        RouterStatus::parse_all(text.as_bytes()).map(Relay::from).next().unwrap()
    }

    #[test]
    fn new_entry_takes_the_place_of_one_that_nobody_has() {
        let cell = RouterCell::new(entry(1).fingerprint());
        assert!(cell.set(entry(1)) && !cell.set(entry(1)));
        let place = Arc::as_ptr(&cell.entry().unwrap());
        assert!(cell.set(entry(2)));
        let held = cell.entry().unwrap();
        assert_eq!((Arc::as_ptr(&held), held.bandwidth()), (place, Some(2)));
        // An entry that somebody has stays as it is.
        assert!(cell.set(entry(3)));
        assert_eq!(held.bandwidth(), Some(2));
        assert_eq!(cell.entry().unwrap().bandwidth(), Some(3));
    }
}
