//! tor's address map, built from ADDRMAP events and
//! `GETINFO address-mappings/all`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::addresses::Addresses;
use super::change::{Change, Changes};
use scape_proto::event::AddrMapEvent;
use scape_proto::info::AddressMapping;

/// The mappings of names and addresses that tor has. Two indexes, by the mapped
/// name or address and by the expiry time, make an event cost O(log n).
#[derive(Debug, Default)]
pub(super) struct AddressTable {
    mappings: BTreeMap<Arc<str>, Arc<AddressMapping>>,
    /// The expiry times with the mapped names, the earliest time first. Holds
    /// exactly one entry for each mapping with an expiry time.
    ends: BTreeSet<(SystemTime, Arc<str>)>,
    /// The most recently returned snapshot. `None` once the table has changed.
    snapshot: Option<Arc<Addresses>>,
}

impl AddressTable {
    /// Applies an ADDRMAP event to the table, and adds the resulting changes to
    /// `changes`.
    pub(super) fn apply(&mut self, told: &AddrMapEvent, changes: &mut Changes) {
        if told.is_failure() {
            changes.push(|| Change::AddressFailed(Arc::new(told.clone())));
            return;
        }
        // This is an answer to RESOLVE that tor doesn't cache, so it isn't a
        // mapping.
        if told.cached == Some(false) {
            return;
        }
        match &told.to {
            // Mapping a name to itself removes its mapping.
            Some(to) if *to != told.from => {
                let mapping = AddressMapping::new(&*told.from, &**to, told.expires.clone());
                self.insert(mapping, changes);
            }
            _ => self.remove(&told.from, changes),
        }
    }

    /// Replaces all mappings with those of the answer to
    /// `GETINFO address-mappings/all`.
    pub(super) fn take(&mut self, told: Vec<AddressMapping>, changes: &mut Changes) {
        let there: HashSet<&str> = told.iter().map(|mapping| mapping.from.as_str()).collect();
        let gone = self.mappings.keys().filter(|from| !there.contains(&***from));
        for from in gone.cloned().collect::<Vec<_>>() {
            self.remove(&from, changes);
        }
        for mapping in told {
            self.insert(mapping, changes);
        }
    }

    /// Removes the mappings that have expired by `now`. Returns true if there
    /// were any.
    pub(super) fn expire(&mut self, now: SystemTime, changes: &mut Changes) -> bool {
        let mut have_expired = false;
        while self.next_end().is_some_and(|end| end <= now)
            && let Some((_, from)) = self.ends.pop_first()
        {
            self.remove(&from, changes);
            have_expired = true;
        }
        have_expired
    }

    /// Returns the time when the next mapping expires, or `None` if no mapping
    /// expires.
    pub(super) fn next_end(&self) -> Option<SystemTime> {
        self.ends.first().map(|(end, _)| *end)
    }

    pub(super) fn snapshot(&mut self) -> Arc<Addresses> {
        let mappings = &self.mappings;
        self.snapshot
            .get_or_insert_with(|| Arc::new(Addresses::new(mappings.values().cloned().collect())))
            .clone()
    }

    fn insert(&mut self, mapping: AddressMapping, changes: &mut Changes) {
        let known = self.mappings.get(&*mapping.from);
        if known.is_some_and(|known| **known == mapping) {
            return;
        }
        let from: Arc<str> = mapping.from.as_str().into();
        let earlier_end = known.and_then(|known| known.expires.time());
        if let Some(end) = earlier_end {
            self.ends.remove(&(end, from.clone()));
        }
        if let Some(end) = mapping.expires.time() {
            self.ends.insert((end, from.clone()));
        }
        let mapping = Arc::new(mapping);
        self.mappings.insert(from, mapping.clone());
        self.snapshot = None;
        changes.push(|| Change::AddressAdded(mapping));
    }

    fn remove(&mut self, from: &str, changes: &mut Changes) {
        if let Some((from, mapping)) = self.mappings.remove_entry(from) {
            if let Some(end) = mapping.expires.time() {
                self.ends.remove(&(end, from));
            }
            self.snapshot = None;
            changes.push(|| Change::AddressExpired(mapping));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use scape_proto::control::Decoder;
    use scape_proto::event::{Event, EventBody};

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
    fn events_add_and_expire_mappings() {
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
        assert!(!table.expire(end - Duration::from_secs(1), &mut changes));
        assert!(table.expire(end, &mut changes));
        assert!(!table.expire(end, &mut changes));
        assert_eq!(shown(changes), ["expired a.example"]);
        assert_eq!((before.len(), table.snapshot().len(), table.next_end()), (2, 1, None));
        // Mapping a name to itself removes its mapping.
        assert_eq!(
            tell(&mut table, &["b.example b.example NEVER CACHED=\"YES\""]),
            ["expired b.example"]
        );
    }

    #[test]
    fn expiry_index_follows_every_change_of_a_mapping() {
        let mut table = AddressTable::default();
        let at = |second: u8| {
            format!(
                "a.example 192.0.2.1 \"2026-11-21 02:12:{second}\" EXPIRES=\"2026-11-21 02:12:{second}\""
            )
        };
        tell(&mut table, &[&at(34), &at(20), &at(50), "b.example c.example NEVER"]);
        assert_eq!((table.ends.len(), table.mappings.len()), (1, 2));
        tell(&mut table, &["a.example 192.0.2.1 NEVER"]);
        assert_eq!((table.ends.len(), table.mappings.len()), (0, 2));
        tell(&mut table, &[&at(34), "a.example a.example NEVER"]);
        assert_eq!((table.ends.len(), table.mappings.len()), (0, 1));
    }

    #[test]
    fn snapshot_replaces_all_mappings() {
        let mut table = AddressTable::default();
        tell(&mut table, &["a.example b.example NEVER", "c.example d.example NEVER"]);
        let told =
            ["a.example b.example NEVER", "c.example e.example NEVER", "f.example g.example NEVER"];
        let told =
            told[1..].iter().map(|line| AddressMapping::parse(line.as_bytes()).unwrap()).collect();
        let mut changes = Changes::new(true);
        table.take(told, &mut changes);
        assert_eq!(shown(changes), ["expired a.example", "added c.example", "added f.example"]);
    }
}
