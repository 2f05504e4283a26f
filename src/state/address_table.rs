//! tor's address map, by what it tells of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::addresses::Addresses;
use super::change::{Change, Changes};
use crate::event::AddrMapEvent;
use crate::protocol::AddressMapping;

/// The mappings, by what is mapped.
#[derive(Debug, Default)]
pub(super) struct AddressTable {
    mappings: BTreeMap<Arc<str>, Arc<AddressMapping>>,
    /// The snapshot that was last given, while it holds.
    snapshot: Option<Arc<Addresses>>,
}

impl AddressTable {
    /// An ADDRMAP event.
    pub(super) fn apply(&mut self, told: &AddrMapEvent, changes: &mut Changes) {
        if told.is_failure() {
            changes.push(|| Change::AddressFailed(Arc::new(told.clone())));
            return;
        }
        // An answer to RESOLVE that tor does not keep.
        if told.cached == Some(false) {
            return;
        }
        match &told.to {
            // A mapping to itself is none.
            Some(to) if *to != told.from => {
                let (from, to) = (told.from.clone(), to.clone());
                self.insert(AddressMapping { from, to, expires: told.expires.clone() }, changes);
            }
            _ => self.remove(&told.from, changes),
        }
    }

    /// What `GETINFO address-mappings/all` gave: these are all.
    pub(super) fn take(&mut self, told: Vec<AddressMapping>, changes: &mut Changes) {
        let gone = self.mappings.keys().filter(|from| told.iter().all(|mapping| *mapping.from != ***from));
        for from in gone.cloned().collect::<Vec<_>>() {
            self.remove(&from, changes);
        }
        for mapping in told {
            self.insert(mapping, changes);
        }
    }

    /// Takes out what has ended by now.
    pub(super) fn expire(&mut self, now: SystemTime, changes: &mut Changes) {
        let ended =
            self.mappings.iter().filter(|(_, mapping)| mapping.expires.time().is_some_and(|end| end <= now));
        for from in ended.map(|(from, _)| from.clone()).collect::<Vec<_>>() {
            self.remove(&from, changes);
        }
    }

    /// When the next mapping ends.
    pub(super) fn next_end(&self) -> Option<SystemTime> {
        self.mappings.values().filter_map(|mapping| mapping.expires.time()).min()
    }

    pub(super) fn snapshot(&mut self) -> Arc<Addresses> {
        let mappings = &self.mappings;
        self.snapshot
            .get_or_insert_with(|| Arc::new(Addresses::new(mappings.values().cloned().collect())))
            .clone()
    }

    fn insert(&mut self, mapping: AddressMapping, changes: &mut Changes) {
        if self.mappings.get(&*mapping.from).is_some_and(|known| **known == mapping) {
            return;
        }
        let mapping = Arc::new(mapping);
        self.mappings.insert(mapping.from.as_str().into(), mapping.clone());
        self.snapshot = None;
        changes.push(|| Change::AddressAdded(mapping));
    }

    fn remove(&mut self, from: &str, changes: &mut Changes) {
        if let Some(mapping) = self.mappings.remove(from) {
            self.snapshot = None;
            changes.push(|| Change::AddressExpired(mapping));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::event::{Event, EventBody};
    use crate::protocol::Decoder;

    fn tell(table: &mut AddressTable, lines: &[&str]) -> Vec<String> {
        let mut changes = Changes::new(true);
        for line in lines {
            let mut decoder = Decoder::default();
            decoder.feed(format!("650 ADDRMAP {line}\r\n").as_bytes());
            let event = Event::parse(decoder.next_reply().unwrap().unwrap(), UNIX_EPOCH);
            let EventBody::AddrMap(told) = event.body() else { panic!("{event}") };
            table.apply(told, &mut changes);
        }
        shown(changes)
    }

    fn shown(changes: Changes) -> Vec<String> {
        let shown = |change| match change {
            Change::AddressAdded(mapping) => format!("added {}", mapping.from),
            Change::AddressExpired(mapping) => format!("expired {}", mapping.from),
            Change::AddressFailed(told) => format!("failed {}", told.from),
            other => format!("{other:?}"),
        };
        changes.into_list().into_iter().map(shown).collect()
    }

    #[test]
    fn mappings_come_and_go() {
        let mut table = AddressTable::default();
        let told = tell(
            &mut table,
            &[
                "a.example 192.0.2.1 \"2026-11-21 02:12:34\" EXPIRES=\"2026-11-21 02:12:34\" CACHED=\"YES\"",
                "b.example c.example NEVER CACHED=\"YES\"",
                "b.example c.example NEVER CACHED=\"YES\"",
                "d.example <error> \"2026-11-21 02:12:34\" error=yes EXPIRES=\"2026-11-21 02:12:34\" CACHED=\"NO\"",
                "e.example 192.0.2.2 \"2026-11-21 02:12:34\" EXPIRES=\"2026-11-21 02:12:34\" CACHED=\"NO\"",
            ],
        );
        assert_eq!(told, ["added a.example", "added b.example", "failed d.example"]);
        let end = table.next_end().unwrap();
        assert_eq!(end, UNIX_EPOCH + Duration::from_secs(1_795_227_154));
        let before = table.snapshot();
        assert!(Arc::ptr_eq(&before, &table.snapshot()));

        let mut changes = Changes::new(true);
        table.expire(end - Duration::from_secs(1), &mut changes);
        table.expire(end, &mut changes);
        assert_eq!(shown(changes), ["expired a.example"]);
        assert_eq!((before.len(), table.snapshot().len(), table.next_end()), (2, 1, None));
        // A mapping to itself takes one away.
        assert_eq!(tell(&mut table, &["b.example b.example NEVER CACHED=\"YES\""]), ["expired b.example"]);
    }

    #[test]
    fn a_snapshot_is_all_there_is() {
        let mut table = AddressTable::default();
        tell(&mut table, &["a.example b.example NEVER", "c.example d.example NEVER"]);
        let told = ["a.example b.example NEVER", "c.example e.example NEVER", "f.example g.example NEVER"];
        let told = told[1..].iter().map(|line| AddressMapping::parse(line.as_bytes()).unwrap()).collect();
        let mut changes = Changes::new(true);
        table.take(told, &mut changes);
        assert_eq!(shown(changes), ["expired a.example", "added c.example", "added f.example"]);
    }
}
