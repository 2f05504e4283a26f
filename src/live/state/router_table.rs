//! The relays in the consensus, and other relays that somebody holds a handle
//! to.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::change::{Change, Changes};
use super::router_cell::RouterCell;
use scape_proto::netdoc::{Relay, RouterStatus};
use scape_proto::word::Fingerprint;

/// The number of relays in [`Others`] up to which each call of
/// [`tidy`](RouterTable::tidy) checks all of them. With more relays, most calls
/// check none.
const FEW: usize = 64;

/// The relays of one consensus, updated by later NS events.
#[derive(Debug, Default, Clone)]
pub(super) struct RouterTable {
    cells: BTreeSet<ByFingerprint>,
    /// The relays by nickname, in lower case. Built when the first nickname is
    /// looked up, and dropped when the table changes.
    names: OnceLock<HashMap<String, Vec<Arc<RouterCell>>>>,
    /// Relays that aren't in the consensus but to which a handle exists, and
    /// relays that have just entered the consensus. All tables of a state share
    /// this list.
    others: Arc<Mutex<Others>>,
}

/// A relay, ordered by its fingerprint.
#[derive(Debug, Clone)]
struct ByFingerprint(Arc<RouterCell>);

#[derive(Debug, Default)]
struct Others {
    cells: HashMap<Fingerprint, Weak<RouterCell>>,
    /// The number of cells after the last cleanup. The next cleanup happens
    /// when there are twice as many, so that the cost per event stays constant.
    tidied_at: usize,
}

impl Borrow<Fingerprint> for ByFingerprint {
    fn borrow(&self) -> &Fingerprint {
        &self.0.fingerprint
    }
}

impl PartialEq for ByFingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for ByFingerprint {}

impl PartialOrd for ByFingerprint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByFingerprint {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.fingerprint.cmp(&other.0.fingerprint)
    }
}

#[allow(
    clippy::mutable_key_type,
    reason = "a router's order is its fingerprint, which never changes"
)]
impl RouterTable {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns the relays, ordered by fingerprint.
    pub(super) fn cells(&self) -> impl ExactSizeIterator<Item = &Arc<RouterCell>> {
        self.cells.iter().map(|cell| &cell.0)
    }

    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<&Arc<RouterCell>> {
        self.cells.get(&fingerprint).map(|cell| &cell.0)
    }

    /// Returns the relays with this nickname, ignoring case.
    pub(super) fn named(&self, nickname: &str) -> impl Iterator<Item = &Arc<RouterCell>> {
        let names = self.names.get_or_init(|| {
            let mut names: HashMap<String, Vec<Arc<RouterCell>>> = HashMap::new();
            for cell in self.cells() {
                if let Some(entry) = cell.entry() {
                    names
                        .entry(entry.nickname().to_ascii_lowercase())
                        .or_default()
                        .push(cell.clone());
                }
            }
            names
        });
        names.get(&nickname.to_ascii_lowercase()).into_iter().flatten()
    }

    /// Returns the relay with this fingerprint. If the consensus doesn't list
    /// the relay, the returned cell may have no entry.
    pub(super) fn get_or_stub(&self, fingerprint: Fingerprint) -> Arc<RouterCell> {
        match self.get(fingerprint) {
            Some(cell) => cell.clone(),
            None => self.other(fingerprint),
        }
    }

    /// Returns a relay that isn't in this table. Takes it from `others`, or
    /// adds it there. The relay is either outside the consensus, or a new
    /// consensus is about to add it.
    fn other(&self, fingerprint: Fingerprint) -> Arc<RouterCell> {
        let mut others = self.others.lock();
        match others.cells.get(&fingerprint).and_then(Weak::upgrade) {
            Some(cell) => cell,
            None => {
                let cell = RouterCell::new(fingerprint);
                others.cells.insert(fingerprint, Arc::downgrade(&cell));
                cell
            }
        }
    }

    /// Removes from `others` the relays that no handle refers to, and the
    /// relays that are in the consensus. If `others` has more than [`FEW`]
    /// relays, does this only after their number has doubled since the last
    /// cleanup.
    pub(super) fn tidy(&self) {
        let mut others = self.others.lock();
        if others.cells.len() > FEW && others.cells.len() < 2 * others.tidied_at {
            return;
        }
        others.cells.retain(|_, cell| cell.upgrade().is_some_and(|cell| !cell.is_in_consensus()));
        others.tidied_at = others.cells.len();
        // The first consensus adds all relays here for a moment, so give back
        // memory that is no longer needed.
        if others.cells.capacity() > 8 * others.tidied_at.max(FEW) {
            let room = 2 * others.tidied_at;
            others.cells.shrink_to(room);
        }
    }

    /// Returns the table for a new consensus. `text` contains the entries of
    /// the consensus.
    pub(super) fn replaced(&self, text: &[u8], changes: &mut Changes) -> Arc<RouterTable> {
        let entries = entries(text);
        let mut cells = Vec::with_capacity(entries.len());
        let mut known = self.cells().peekable();
        for entry in entries {
            let fingerprint = entry.fingerprint();
            while let Some(gone) = known.next_if(|cell| cell.fingerprint < fingerprint) {
                self.remove(gone, changes);
            }
            match known.next_if(|cell| cell.fingerprint == fingerprint) {
                Some(cell) => {
                    update(cell, entry, changes);
                    cells.push(cell.clone());
                }
                None => cells.push(self.add(entry, changes)),
            }
        }
        for gone in known {
            self.remove(gone, changes);
        }
        let cells = cells.into_iter().map(ByFingerprint).collect();
        Arc::new(RouterTable { cells, names: OnceLock::new(), others: self.others.clone() })
    }

    /// Applies the changed entries from an NS event to this table. Each entry
    /// costs O(log n).
    pub(super) fn change(&mut self, entries: Vec<Relay>, changes: &mut Changes) {
        self.names.take();
        for entry in entries {
            match self.get(entry.fingerprint()) {
                Some(cell) => update(cell, entry, changes),
                None => {
                    let cell = self.add(entry, changes);
                    self.cells.insert(ByFingerprint(cell));
                }
            }
        }
    }

    fn add(&self, entry: Relay, changes: &mut Changes) -> Arc<RouterCell> {
        let cell = self.other(entry.fingerprint());
        cell.set(entry);
        cell.set_in_consensus(true);
        changes.push(|| Change::RouterAdded(cell.clone()));
        cell
    }

    fn remove(&self, cell: &Arc<RouterCell>, changes: &mut Changes) {
        cell.set_in_consensus(false);
        self.others.lock().cells.insert(cell.fingerprint, Arc::downgrade(cell));
        changes.push(|| Change::RouterRemoved(cell.clone()));
    }
}

fn update(cell: &Arc<RouterCell>, entry: Relay, changes: &mut Changes) {
    if cell.set(entry) {
        changes.push(|| Change::RouterChanged(cell.clone()));
    }
}

/// Parses router status entries and returns them ordered by fingerprint,
/// without duplicates. Malformed entries are skipped.
pub(super) fn entries(text: &[u8]) -> Vec<Relay> {
    let mut entries: Vec<Relay> = RouterStatus::parse_all(text).map(Relay::from).collect();
    if !entries.is_sorted_by(|a, b| a.fingerprint().cmp(&b.fingerprint()) == Ordering::Less) {
        entries.sort_by_key(Relay::fingerprint);
        entries.dedup_by_key(|entry| entry.fingerprint());
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
                     s Fast Running\nw Bandwidth=4000\n";
    const B: &str = "r bob YHzG9/3r3mWKlzmuYTz4mRuVvDU plQ6EsZYTpzKMobnfTr0p6PnKMw 2038-01-01 00:00:00 127.0.0.22 9012 0\n\
                     s Exit Running\nw Bandwidth=12000\n";
    const C: &str = "r Alice avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
                     s Running\n";

    fn shown(changes: Changes) -> Vec<String> {
        let name = |cell: Arc<RouterCell>| {
            cell.entry().map(|entry| entry.nickname().to_owned()).unwrap_or_default()
        };
        let shown = |change| match change {
            Change::RouterAdded(cell) => format!("added {}", name(cell)),
            Change::RouterChanged(cell) => format!("changed {}", name(cell)),
            Change::RouterRemoved(cell) => format!("removed {}", name(cell)),
            other => format!("{other:?}"),
        };
        changes.into_list().into_iter().map(shown).collect()
    }

    fn nth(table: &RouterTable, n: usize) -> Arc<RouterCell> {
        table.cells().nth(n).unwrap().clone()
    }

    fn replaced(table: &RouterTable, text: &str) -> (Arc<RouterTable>, Vec<String>) {
        let mut changes = Changes::new(true);
        let table = table.replaced(text.as_bytes(), &mut changes);
        table.tidy();
        (table, shown(changes))
    }

    #[test]
    fn relay_keeps_its_identity_across_consensuses() {
        let (first, told) = replaced(&RouterTable::default(), &format!("{A}{B}"));
        assert_eq!(told, ["added alice", "added bob"]);
        let bob = nth(&first, 1);
        assert!(bob.is_in_consensus() && first.others.lock().cells.is_empty());

        let (second, told) = replaced(&first, &format!("{}{C}", A.replace("4000", "5000")));
        assert_eq!(told, ["changed alice", "removed bob", "added Alice"]);
        assert!(Arc::ptr_eq(&nth(&first, 0), &nth(&second, 0)));
        assert!(!bob.is_in_consensus() && bob.entry().is_some());
        assert!(Arc::ptr_eq(&bob, &second.get_or_stub(bob.fingerprint())));

        let (third, told) = replaced(&second, &format!("{C}{B}{A}{A}"));
        assert_eq!((told.len(), third.len()), (2, 3));
        assert!(bob.is_in_consensus() && Arc::ptr_eq(&bob, third.get(bob.fingerprint()).unwrap()));
        assert_eq!(replaced(&third, "").0.len(), 0);
    }

    #[test]
    fn first_consensus_leaves_no_empty_table_of_other_relays() {
        let table = RouterTable::default();
        for number in 0..10_000_u32 {
            let mut fingerprint = [0; 20];
            fingerprint[..4].copy_from_slice(&number.to_be_bytes());
            table.other(Fingerprint::from_bytes(fingerprint));
        }
        table.tidy();
        let others = table.others.lock();
        assert!(others.cells.is_empty());
        assert!(others.cells.capacity() < 8 * FEW, "{}", others.cells.capacity());
    }

    #[test]
    fn stub_is_updated_when_the_consensus_lists_its_relay() {
        let bob = RouterStatus::parse_all(B.as_bytes()).next().unwrap().fingerprint();
        let table = RouterTable::default();
        let stub = table.get_or_stub(bob);
        let (known, _) = replaced(&table, B);
        assert!(Arc::ptr_eq(&stub, &nth(&known, 0)) && stub.is_in_consensus());
        let unknown = known.get_or_stub(Fingerprint::from_bytes([7; 20]));
        assert!(!unknown.is_in_consensus() && unknown.entry().is_none());
        assert!(Arc::ptr_eq(&unknown, &known.get_or_stub(Fingerprint::from_bytes([7; 20]))));
        drop(unknown);
        known.tidy();
        assert!(known.others.lock().cells.is_empty());
    }

    #[test]
    fn changed_entries_update_the_table() {
        let (table, _) = replaced(&RouterTable::default(), &format!("{A}{B}"));
        let mut changes = Changes::new(true);
        let text = format!("{}nonsense\nr bad\n{C}", B.replace("Exit", "Guard"));
        let before = table.clone();
        let mut table = table;
        assert_eq!(table.named("bob").count(), 1);
        Arc::make_mut(&mut table).change(entries(text.as_bytes()), &mut changes);
        assert_eq!(shown(changes), ["changed bob", "added Alice"]);
        assert_eq!((before.len(), table.len()), (2, 3), "a snapshot stays as it is");
        assert_eq!(table.named("ALICE").count(), 2);
        assert_eq!((table.named("bob").count(), table.named("carol").count()), (1, 0));
    }
}
