//! tor's entry guards, by what it tells of them.

use std::time::SystemTime;

use crate::event::GuardEvent;
use crate::protocol::EntryGuard;
use crate::types::{EntryGuardStatus, GuardStatus, GuardType};

/// The guards, in tor's order.
#[derive(Debug, Default)]
pub(super) struct GuardTable {
    guards: Vec<EntryGuard>,
}

impl GuardTable {
    pub(super) fn guards(&self) -> &[EntryGuard] {
        &self.guards
    }

    /// A GUARD event, which came at the time `arrived`.
    pub(super) fn apply(&mut self, told: &GuardEvent, arrived: SystemTime) {
        if told.guard_type != GuardType::Entry {
            return;
        }
        let at = self.guards.iter().position(|guard| {
            guard.relay == told.relay
                || (told.relay.fingerprint().is_some()
                    && guard.relay.fingerprint() == told.relay.fingerprint())
        });
        let (status, since) = match &told.status {
            GuardStatus::New => (EntryGuardStatus::NeverConnected, None),
            GuardStatus::Up | GuardStatus::Good => (EntryGuardStatus::Up, None),
            GuardStatus::Down => (EntryGuardStatus::Down, Some(arrived)),
            GuardStatus::Bad => (EntryGuardStatus::Unusable, None),
            GuardStatus::Dropped => {
                if let Some(at) = at {
                    self.guards.remove(at);
                }
                return;
            }
            // Guards of the second hop are no entry guards.
            _ => return,
        };
        match at.and_then(|at| self.guards.get_mut(at)) {
            // Of one that was never reached, tor goes on to say just that.
            Some(guard)
                if guard.status == EntryGuardStatus::NeverConnected && status == EntryGuardStatus::Down => {}
            Some(guard) => {
                guard.status = status;
                guard.since = since;
            }
            None => self.guards.push(EntryGuard {
                relay: told.relay.clone(),
                status,
                since,
                extra_words: Vec::new(),
            }),
        }
    }

    /// What `GETINFO entry-guards` gave.
    pub(super) fn take(&mut self, guards: Vec<EntryGuard>) {
        self.guards = guards;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::{Event, EventBody};
    use crate::protocol::Decoder;

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
            .iter()
            .map(|guard| format!("{} {}", guard.relay.nickname().unwrap_or("?"), guard.status))
            .collect()
    }

    #[test]
    fn guards_come_and_go() {
        let mut table = GuardTable::default();
        let one = |status: &str| vec![format!("ENTRY {A}~a {status}")];
        assert_eq!(tell(&mut table, &one("NEW")), ["a never-connected"]);
        assert_eq!(tell(&mut table, &one("DOWN")), ["a never-connected"]);
        assert_eq!(tell(&mut table, &one("UP")), ["a up"]);
        assert_eq!(tell(&mut table, &one("DOWN")), ["a down"]);
        assert_eq!(table.guards()[0].since, Some(UNIX_EPOCH));
        assert_eq!(tell(&mut table, &one("GOOD_L2")), ["a down"]);
        assert_eq!(tell(&mut table, &one("ODD")), ["a down"]);
        // Its name may be missing.
        assert_eq!(tell(&mut table, &[format!("ENTRY {A} UP")]), ["a up"]);
        assert_eq!(tell(&mut table, &[format!("MIDDLE {A}~a DROPPED")]), ["a up"]);
        assert!(tell(&mut table, &one("DROPPED")).is_empty());
        assert!(tell(&mut table, &one("DROPPED")).is_empty());
    }
}
