//! Every router that the consensus has, and those that somebody holds without its having them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::change::{Change, Changes};
use crate::descriptor::{RouterEntry, RouterStatus};
use crate::types::Fingerprint;

/// One router, for as long as the consensus has it or somebody holds it.
#[derive(Debug)]
pub(super) struct RouterCell {
    fingerprint: Fingerprint,
    /// What a consensus last said of it.
    entry: Mutex<Option<Arc<RouterEntry>>>,
    in_consensus: AtomicBool,
}

/// The routers of one consensus, and what has been changed of it since.
#[derive(Debug, Default)]
pub(super) struct RouterTable {
    /// In the order of their fingerprints.
    cells: Vec<Arc<RouterCell>>,
    /// Where in `cells` those of each nickname, in lower case, are. Made when it is first asked for.
    names: OnceLock<HashMap<String, Vec<usize>>>,
    /// Those that the consensus does not have, and those that it has only just got. All tables of a state share it.
    others: Arc<Mutex<HashMap<Fingerprint, Weak<RouterCell>>>>,
}

impl RouterCell {
    fn new(fingerprint: Fingerprint) -> Arc<Self> {
        Arc::new(RouterCell { fingerprint, entry: Mutex::default(), in_consensus: AtomicBool::new(false) })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(super) fn entry(&self) -> Option<Arc<RouterEntry>> {
        self.entry.lock().clone()
    }

    pub(super) fn is_in_consensus(&self) -> bool {
        self.in_consensus.load(atomic::Ordering::SeqCst)
    }

    fn set_in_consensus(&self, is_in: bool) {
        self.in_consensus.store(is_in, atomic::Ordering::SeqCst);
    }

    /// Takes what a consensus says now. Whether that is something else.
    fn set(&self, entry: RouterEntry) -> bool {
        let mut known = self.entry.lock();
        let differs = known.as_deref() != Some(&entry);
        if differs {
            *known = Some(Arc::new(entry));
        }
        differs
    }
}

impl RouterTable {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn cells(&self) -> &[Arc<RouterCell>] {
        &self.cells
    }

    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<&Arc<RouterCell>> {
        let at = self.cells.binary_search_by_key(&fingerprint, |cell| cell.fingerprint).ok()?;
        self.cells.get(at)
    }

    /// The routers that had this nickname when it was first asked for one.
    pub(super) fn named(&self, nickname: &str) -> impl Iterator<Item = &Arc<RouterCell>> {
        let names = self.names.get_or_init(|| {
            let mut names: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, cell) in self.cells.iter().enumerate() {
                if let Some(entry) = cell.entry() {
                    names.entry(entry.nickname().to_ascii_lowercase()).or_default().push(at);
                }
            }
            names
        });
        let found = names.get(&nickname.to_ascii_lowercase());
        found.into_iter().flatten().filter_map(|at| self.cells.get(*at))
    }

    /// The router with this fingerprint, whether the consensus has it or not.
    pub(super) fn get_or_stub(&self, fingerprint: Fingerprint) -> Arc<RouterCell> {
        match self.get(fingerprint) {
            Some(cell) => cell.clone(),
            None => self.other(fingerprint),
        }
    }

    /// A router that this table does not have: the next one may.
    fn other(&self, fingerprint: Fingerprint) -> Arc<RouterCell> {
        let mut others = self.others.lock();
        match others.get(&fingerprint).and_then(Weak::upgrade) {
            Some(cell) => cell,
            None => {
                let cell = RouterCell::new(fingerprint);
                others.insert(fingerprint, Arc::downgrade(&cell));
                cell
            }
        }
    }

    /// Forgets the others that nobody holds, and those that this table has.
    pub(super) fn tidy(&self) {
        self.others.lock().retain(|_, cell| cell.upgrade().is_some_and(|cell| !cell.is_in_consensus()));
    }

    /// The table after a whole consensus, of which `text` has the entries.
    pub(super) fn replaced(&self, text: &[u8], changes: &mut Changes) -> Arc<RouterTable> {
        let entries = sorted(text);
        let mut cells = Vec::with_capacity(entries.len());
        let mut known = self.cells.iter().peekable();
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
        self.succeeded_by(cells)
    }

    /// The table after these entries have changed.
    pub(super) fn with(&self, text: &[u8], changes: &mut Changes) -> Arc<RouterTable> {
        let mut cells = self.cells.clone();
        for entry in sorted(text) {
            match cells.binary_search_by(|cell| cell.fingerprint.cmp(&entry.fingerprint())) {
                Ok(at) => {
                    if let Some(cell) = cells.get(at) {
                        update(cell, entry, changes);
                    }
                }
                Err(at) => cells.insert(at, self.add(entry, changes)),
            }
        }
        self.succeeded_by(cells)
    }

    fn succeeded_by(&self, cells: Vec<Arc<RouterCell>>) -> Arc<RouterTable> {
        Arc::new(RouterTable { cells, names: OnceLock::new(), others: self.others.clone() })
    }

    fn add(&self, entry: RouterEntry, changes: &mut Changes) -> Arc<RouterCell> {
        let cell = self.other(entry.fingerprint());
        cell.set(entry);
        cell.set_in_consensus(true);
        changes.push(|| Change::RouterAdded(cell.clone()));
        cell
    }

    fn remove(&self, cell: &Arc<RouterCell>, changes: &mut Changes) {
        cell.set_in_consensus(false);
        self.others.lock().insert(cell.fingerprint, Arc::downgrade(cell));
        changes.push(|| Change::RouterRemoved(cell.clone()));
    }
}

fn update(cell: &Arc<RouterCell>, entry: RouterEntry, changes: &mut Changes) {
    if cell.set(entry) {
        changes.push(|| Change::RouterChanged(cell.clone()));
    }
}

/// The entries in the order of their fingerprints, as a consensus has them anyway, each once. What cannot be read is left out.
fn sorted(text: &[u8]) -> Vec<RouterEntry> {
    let mut entries: Vec<RouterEntry> = RouterStatus::parse_all(text).map(RouterEntry::from).collect();
    if !entries.is_sorted_by(|a, b| a.fingerprint().cmp(&b.fingerprint()) == Ordering::Less) {
        entries.sort_by_key(RouterEntry::fingerprint);
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
        let name =
            |cell: Arc<RouterCell>| cell.entry().map(|entry| entry.nickname().to_owned()).unwrap_or_default();
        let shown = |change| match change {
            Change::RouterAdded(cell) => format!("added {}", name(cell)),
            Change::RouterChanged(cell) => format!("changed {}", name(cell)),
            Change::RouterRemoved(cell) => format!("removed {}", name(cell)),
            other => format!("{other:?}"),
        };
        changes.into_list().into_iter().map(shown).collect()
    }

    fn replaced(table: &RouterTable, text: &str) -> (Arc<RouterTable>, Vec<String>) {
        let mut changes = Changes::new(true);
        let table = table.replaced(text.as_bytes(), &mut changes);
        table.tidy();
        (table, shown(changes))
    }

    #[test]
    fn a_router_is_the_same_in_every_consensus() {
        let (first, told) = replaced(&RouterTable::default(), &format!("{A}{B}"));
        assert_eq!(told, ["added alice", "added bob"]);
        let bob = first.cells()[1].clone();
        assert!(bob.is_in_consensus() && first.others.lock().is_empty());

        let (second, told) = replaced(&first, &format!("{}{C}", A.replace("4000", "5000")));
        assert_eq!(told, ["changed alice", "removed bob", "added Alice"]);
        assert!(Arc::ptr_eq(&first.cells()[0], &second.cells()[0]));
        assert!(!bob.is_in_consensus() && bob.entry().is_some());
        assert!(Arc::ptr_eq(&bob, &second.get_or_stub(bob.fingerprint())));

        let (third, told) = replaced(&second, &format!("{C}{B}{A}{A}"));
        assert_eq!((told.len(), third.len()), (2, 3));
        assert!(bob.is_in_consensus() && Arc::ptr_eq(&bob, third.get(bob.fingerprint()).unwrap()));
        assert_eq!(replaced(&third, "").0.len(), 0);
    }

    #[test]
    fn a_stub_becomes_a_router() {
        let bob = RouterStatus::parse_all(B.as_bytes()).next().unwrap().fingerprint();
        let table = RouterTable::default();
        let stub = table.get_or_stub(bob);
        let (known, _) = replaced(&table, B);
        assert!(Arc::ptr_eq(&stub, &known.cells()[0]) && stub.is_in_consensus());
        let unknown = known.get_or_stub(Fingerprint::from_bytes([7; 20]));
        assert!(!unknown.is_in_consensus() && unknown.entry().is_none());
        assert!(Arc::ptr_eq(&unknown, &known.get_or_stub(Fingerprint::from_bytes([7; 20]))));
        drop(unknown);
        known.tidy();
        assert!(known.others.lock().is_empty());
    }

    #[test]
    fn some_entries_change() {
        let (table, _) = replaced(&RouterTable::default(), &format!("{A}{B}"));
        let mut changes = Changes::new(true);
        let text = format!("{}nonsense\nr bad\n{C}", B.replace("Exit", "Guard"));
        let table = table.with(text.as_bytes(), &mut changes);
        assert_eq!(shown(changes), ["changed bob", "added Alice"]);
        assert_eq!(table.len(), 3);
        assert_eq!(table.named("ALICE").count(), 2);
        assert_eq!((table.named("bob").count(), table.named("carol").count()), (1, 0));
    }
}
