//! tor's entry guards, built from GUARD events and `GETINFO entry-guards`.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use scape_proto::event::{GuardEvent, GuardStatus, GuardType};
use scape_proto::info::{EntryGuard, EntryGuardStatus};
use scape_proto::word::{Fingerprint, RelayName};

/// The guards in tor's order, with an index by relay. Applying an event costs
/// O(log n).
#[derive(Debug, Default)]
pub(super) struct GuardTable {
    guards: BTreeMap<u64, EntryGuard>,
    places: HashMap<Key, u64>,
    /// The place in the order for the next guard that tor adds.
    next_place: u64,
    /// The number of times that the table was changed or replaced.
    changes: u64,
}

/// The identity of a guard: its fingerprint, or its nickname if tor reports
/// only that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Fingerprint(Fingerprint),
    Nickname(Box<str>),
}

impl Key {
    fn of(relay: &RelayName) -> Key {
        match relay.fingerprint() {
            Some(fingerprint) => Key::Fingerprint(fingerprint),
            None => Key::Nickname(relay.nickname().unwrap_or_default().into()),
        }
    }
}

impl GuardTable {
    /// Returns the guards, in tor's order.
    pub(super) fn guards(&self) -> impl Iterator<Item = &EntryGuard> {
        self.guards.values()
    }

    /// Returns the number of GUARD events and answers to GETINFO that were
    /// applied so far. If the number has changed since GETINFO was sent, the
    /// answer may be older than the table.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Applies a GUARD event that arrived at the time `arrived`.
    pub(super) fn apply(&mut self, told: &GuardEvent, arrived: SystemTime) {
        self.changes += 1;
        if told.guard_type != GuardType::Entry {
            return;
        }
        let (status, since) = match &told.status {
            GuardStatus::New => (EntryGuardStatus::NeverConnected, None),
            GuardStatus::Up | GuardStatus::Good => (EntryGuardStatus::Up, None),
            GuardStatus::Down => (EntryGuardStatus::Down, Some(arrived)),
            GuardStatus::Bad => (EntryGuardStatus::Unusable, None),
            GuardStatus::Dropped => {
                if let Some(place) = self.places.remove(&Key::of(&told.relay)) {
                    self.guards.remove(&place);
                }
                return;
            }
            // GOOD_L2 and the like: guards of the second hop aren't entry
            // guards.
            _ => return,
        };
        let known =
            self.places.get(&Key::of(&told.relay)).and_then(|place| self.guards.get_mut(place));
        match known {
            // GETINFO keeps reporting "never-connected" for a guard that was
            // never reached.
            Some(guard)
                if guard.status == EntryGuardStatus::NeverConnected
                    && status == EntryGuardStatus::Down => {}
            Some(guard) => {
                guard.status = status;
                guard.since = since;
            }
            None => {
                let mut guard = EntryGuard::new(told.relay.clone(), status);
                guard.since = since;
                self.push(guard);
            }
        }
    }

    /// Replaces the table with the answer to `GETINFO entry-guards`.
    pub(super) fn take(&mut self, guards: Vec<EntryGuard>) {
        *self = GuardTable { changes: self.changes + 1, ..GuardTable::default() };
        for guard in guards {
            self.push(guard);
        }
    }

    fn push(&mut self, guard: EntryGuard) {
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(Key::of(&guard.relay), place);
        self.guards.insert(place, guard);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use scape_proto::control::Decoder;
    use scape_proto::event::{Event, EventBody};

    const A: &str = "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn tell(table: &mut GuardTable, lines: &[String]) -> Vec<String> {
        for line in lines {
            let mut decoder = Decoder::default();
            decoder.feed(format!("650 GUARD {line}\r\n").as_bytes());
            let event = Event::parse(decoder.next_reply().unwrap().unwrap(), UNIX_EPOCH);
            let EventBody::Guard(told) = event.body() else { panic!("{event}") };
            table.apply(told, UNIX_EPOCH);
        }
        table
            .guards()
            .map(|guard| format!("{} {}", guard.relay.nickname().unwrap_or("?"), guard.status))
            .collect()
    }

    #[test]
    fn events_add_update_and_drop_guards() {
        let mut table = GuardTable::default();
        let one = |status: &str| vec![format!("ENTRY {A}~a {status}")];
        assert_eq!(tell(&mut table, &one("NEW")), ["a never-connected"]);
        assert_eq!(tell(&mut table, &one("DOWN")), ["a never-connected"]);
        assert_eq!(tell(&mut table, &one("UP")), ["a up"]);
        assert_eq!(tell(&mut table, &one("DOWN")), ["a down"]);
        assert_eq!(table.guards().next().unwrap().since, Some(UNIX_EPOCH));
        assert_eq!(tell(&mut table, &one("GOOD_L2")), ["a down"]);
        assert_eq!(tell(&mut table, &one("ODD")), ["a down"]);
        // The nickname may be missing.
        assert_eq!(tell(&mut table, &[format!("ENTRY {A} UP")]), ["a up"]);
        assert_eq!(tell(&mut table, &[format!("MIDDLE {A}~a DROPPED")]), ["a up"]);
        assert!(tell(&mut table, &one("DROPPED")).is_empty());
        assert!(tell(&mut table, &one("DROPPED")).is_empty());
    }
}
