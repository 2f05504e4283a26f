//! tor's circuits, built from CIRC and CIRC_MINOR events and `GETINFO
//! circuit-status`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::change::{Change, Changes};
use super::circuit_cell::CircuitCell;
use scape_proto::event::{CircuitInfo, CircuitMinor, CircuitStatus};
use scape_proto::word::CircuitId;

/// The circuits that haven't ended.
#[derive(Debug, Default)]
pub(super) struct CircuitTable {
    open: BTreeMap<CircuitId, Arc<CircuitCell>>,
    /// The number of callers that have sent EXTENDCIRCUIT and don't know the
    /// new circuit's id yet. The new circuit may end before the reply with its
    /// id arrives. So while there are such callers, circuits that end are kept
    /// in `ended`.
    launching: usize,
    ended: Vec<Arc<CircuitCell>>,
}

impl CircuitTable {
    pub(super) fn get(&self, id: CircuitId) -> Option<&Arc<CircuitCell>> {
        self.open.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<CircuitCell>> {
        self.open.values()
    }

    /// Applies a CIRC event to the table, and adds the resulting changes to
    /// `changes`.
    pub(super) fn apply(&mut self, told: &CircuitInfo, changes: &mut Changes) {
        let (cell, hops_before, status_before) = match self.open.entry(told.id) {
            Entry::Occupied(known) => {
                let cell = known.get().clone();
                let (mut hops_before, mut status_before) = (0, None);
                cell.change(|info| {
                    hops_before = info.path.len();
                    status_before = Some(info.status.clone());
                    info.update(told);
                });
                if told.status.is_end() {
                    known.remove();
                }
                (cell, hops_before, status_before)
            }
            Entry::Vacant(place) => {
                let cell = CircuitCell::new(told.clone());
                changes.push(|| Change::CircuitNew(cell.clone()));
                if !told.status.is_end() {
                    place.insert(cell.clone());
                }
                (cell, 0, None)
            }
        };
        if told.status.is_end() && self.launching > 0 {
            self.ended.push(cell.clone());
        }
        for hop in told.path.iter().skip(hops_before) {
            changes.push(|| Change::CircuitExtended(cell.clone(), hop.clone()));
        }
        match told.status {
            CircuitStatus::Launched => changes.push(|| Change::CircuitLaunched(cell)),
            CircuitStatus::Built if status_before != Some(CircuitStatus::Built) => {
                changes.push(|| Change::CircuitBuilt(cell));
            }
            CircuitStatus::Failed => changes.push(|| Change::CircuitFailed(cell)),
            CircuitStatus::Closed => changes.push(|| Change::CircuitClosed(cell)),
            _ => {}
        }
    }

    /// Applies a CIRC_MINOR event to the table, and adds the resulting changes
    /// to `changes`.
    pub(super) fn apply_minor(&mut self, told: &CircuitMinor, changes: &mut Changes) {
        // The event doesn't contain the status. If the circuit isn't known, the
        // status is guessed, and another event with the status soon follows.
        let unknown =
            if told.path.is_empty() { CircuitStatus::Launched } else { CircuitStatus::Extended };
        match self.open.get(&told.id) {
            Some(cell) => {
                cell.change(|info| info.update(&told.with_status(info.status.clone())));
                changes.push(|| Change::CircuitChanged(cell.clone()));
            }
            None => self.apply(&told.with_status(unknown), changes),
        }
    }

    /// Replaces the table with the answer to `GETINFO circuit-status`.
    pub(super) fn take(&mut self, told: &[CircuitInfo], changes: &mut Changes) {
        let mut before = std::mem::take(&mut self.open);
        // Circuits of the tor before a reconnect can't be those of a launch.
        self.ended.clear();
        for info in told {
            let mut info = info.clone();
            // GETINFO reports a circuit without a hop as EXTENDED, but the
            // events report it as LAUNCHED.
            if info.status == CircuitStatus::Extended && info.path.is_empty() {
                info.status = CircuitStatus::Launched;
            }
            match before.remove(&info.id) {
                Some(cell) if is_same(&cell.info(), &info) => {
                    self.open.insert(info.id, cell);
                }
                Some(other) => self.vanished(other, changes),
                None => {}
            }
            self.apply(&info, changes);
        }
        for cell in before.into_values() {
            self.vanished(cell, changes);
        }
    }

    /// Marks a circuit as closed, because it ended while the connection was
    /// down.
    fn vanished(&mut self, cell: Arc<CircuitCell>, changes: &mut Changes) {
        cell.change(|info| info.status = CircuitStatus::Closed);
        changes.push(|| Change::CircuitClosed(cell));
    }

    /// Marks a circuit as not built after tor has started to extend it. tor
    /// sends no event for the start. Does nothing if the circuit already has
    /// more than `hops_before` hops.
    pub(super) fn extending(&mut self, cell: &CircuitCell, hops_before: usize) {
        cell.change(|info| {
            if info.status == CircuitStatus::Built && info.path.len() <= hops_before {
                info.status = CircuitStatus::Extended;
            }
        });
    }

    /// Records that EXTENDCIRCUIT is about to be sent. See
    /// [`launched`](Self::launched).
    pub(super) fn launching(&mut self) {
        self.launching += 1;
    }

    /// Records the reply to EXTENDCIRCUIT. `id` is the circuit's id, or `None`
    /// if the command failed. Returns the circuit, or `None` if the command
    /// failed. Events about the circuit may have arrived before the reply.
    pub(super) fn launched(
        &mut self,
        id: Option<CircuitId>,
        changes: &mut Changes,
    ) -> Option<Arc<CircuitCell>> {
        let ended = id.and_then(|id| self.ended.iter().rev().find(|cell| cell.id() == id).cloned());
        self.launching = self.launching.saturating_sub(1);
        if self.launching == 0 {
            self.ended.clear();
        }
        let id = id?;
        if let Some(known) = self.open.get(&id).cloned().or(ended) {
            return Some(known);
        }
        // The LAUNCHED event hasn't arrived yet. Its listeners are called when
        // it does.
        let cell = CircuitCell::new(CircuitInfo::of_id(id));
        changes.push(|| Change::CircuitNew(cell.clone()));
        self.open.insert(id, cell.clone());
        Some(cell)
    }
}

/// Returns true if `known` and `told` are the same circuit. Both have the same
/// id, but `told` was seen after a reconnect. In between, tor may have been
/// restarted and have used the id for another circuit. If a creation time is
/// missing, both are assumed to be the same circuit.
fn is_same(known: &CircuitInfo, told: &CircuitInfo) -> bool {
    match (known.created, told.created) {
        (Some(known), Some(told)) => known == told,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> (CircuitTable, Vec<String>) {
        let mut table = CircuitTable::default();
        let mut changes = Changes::new(true);
        for line in lines {
            table.apply(&info(line), &mut changes);
        }
        (table, shown(changes))
    }

    fn info(line: &str) -> CircuitInfo {
        CircuitInfo::parse(line.as_bytes()).unwrap()
    }

    fn shown(changes: Changes) -> Vec<String> {
        let shown = |change| match change {
            Change::CircuitNew(cell) => format!("new {}", cell.id()),
            Change::CircuitLaunched(cell) => format!("launched {}", cell.id()),
            Change::CircuitExtended(cell, hop) => format!("extended {} {hop}", cell.id()),
            Change::CircuitBuilt(cell) => format!("built {}", cell.id()),
            Change::CircuitFailed(cell) => format!("failed {}", cell.id()),
            Change::CircuitClosed(cell) => format!("closed {}", cell.id()),
            other => format!("{other:?}"),
        };
        changes.into_list().into_iter().map(shown).collect()
    }

    #[test]
    fn circuit_goes_from_launched_to_closed() {
        let lines = [
            "7 LAUNCHED PURPOSE=GENERAL",
            "7 EXTENDED a",
            "7 EXTENDED a,b",
            "7 BUILT a,b",
            "7 CLOSED a,b",
        ];
        let (table, told) = table(&lines);
        let expected =
            ["new 7", "launched 7", "extended 7 a", "extended 7 b", "built 7", "closed 7"];
        assert_eq!(told, expected);
        assert_eq!(table.iter().count(), 0);
    }

    #[test]
    fn launch_does_not_get_an_ended_circuit_of_the_tor_before() {
        let mut changes = Changes::new(false);
        let mut circuits = CircuitTable::default();
        circuits.launching();
        circuits.apply(&info("7 LAUNCHED"), &mut changes);
        circuits.apply(&info("7 CLOSED"), &mut changes);
        circuits.take(&[], &mut changes);
        let cell = circuits.launched(Some(CircuitId::new(7)), &mut changes).unwrap();
        assert!(!cell.is_ended());
    }

    #[test]
    fn ended_circuit_keeps_its_path() {
        for end in ["7 FAILED REASON=TIMEOUT", "7 CLOSED REASON=FINISHED"] {
            let (mut table, _) = table(&["7 LAUNCHED", "7 EXTENDED a,b PURPOSE=CONTROLLER"]);
            let cell = table.get(CircuitId::new(7)).unwrap().clone();
            table.apply(&info(end), &mut Changes::new(false));
            let info = cell.info();
            assert_eq!(info.path.len(), 2);
            assert!(info.reason.is_some() && info.purpose.is_some() && cell.is_ended());
        }
    }

    #[test]
    fn first_event_may_end_the_circuit() {
        let (table, told) = table(&["8 CLOSED", "9 FAILED a REASON=NOPATH"]);
        assert_eq!(told, ["new 8", "closed 8", "new 9", "extended 9 a", "failed 9"]);
        assert_eq!(table.iter().count(), 0);
    }

    #[test]
    fn event_without_a_path_keeps_the_known_path() {
        let (table, told) = table(&["7 LAUNCHED", "7 EXTENDED a,b", "7 EXTENDED", "7 BUILT a,b"]);
        assert_eq!(table.get(CircuitId::new(7)).unwrap().info().path.len(), 2);
        assert_eq!(told.iter().filter(|change| change.starts_with("extended")).count(), 2);
    }

    #[test]
    fn circuit_events_may_precede_or_follow_the_extendcircuit_reply() {
        for (before, after) in [
            (&["7 LAUNCHED", "7 BUILT a"][..], &[][..]),
            (&["7 LAUNCHED", "7 FAILED a"], &[]),
            (&[], &["7 LAUNCHED", "7 BUILT a"]),
            (&["7 LAUNCHED"], &["7 EXTENDED a", "7 FAILED a"]),
        ] {
            let mut table = CircuitTable::default();
            let mut changes = Changes::new(true);
            table.launching();
            before.iter().for_each(|line| table.apply(&info(line), &mut changes));
            let cell = table.launched(Some(CircuitId::new(7)), &mut changes).unwrap();
            after.iter().for_each(|line| table.apply(&info(line), &mut changes));
            let last = before.iter().chain(after).next_back().unwrap();
            assert_eq!(cell.status(), info(last).status);
            assert!(table.ended.is_empty());
            let told = shown(changes);
            assert_eq!(
                told.iter().filter(|change| change.starts_with("new")).count(),
                1,
                "{told:?}"
            );
        }
    }

    #[test]
    fn snapshot_replaces_all_circuits() {
        let (mut table, _) = table(&[
            "7 BUILT a TIME_CREATED=2026-11-21T01:00:00.000000",
            "8 BUILT b TIME_CREATED=2026-11-21T01:00:00.000000",
            "9 EXTENDED c",
        ]);
        let [seven, eight, nine] =
            [7, 8, 9].map(|id| table.get(CircuitId::new(id)).unwrap().clone());
        let mut changes = Changes::new(true);
        // tor was restarted, and has another circuit 8.
        let told = [
            info("7 BUILT a,d TIME_CREATED=2026-11-21T01:00:00.000000"),
            info("8 LAUNCHED TIME_CREATED=2026-11-21T02:00:00.000000"),
        ];
        table.take(&told, &mut changes);
        assert_eq!(shown(changes), ["extended 7 d", "closed 8", "new 8", "launched 8", "closed 9"]);
        assert!(eight.is_ended() && nine.is_ended() && !seven.is_ended());
        assert_eq!(seven.info().path.len(), 2);
        assert!(!Arc::ptr_eq(&eight, table.get(CircuitId::new(8)).unwrap()));
    }
}
