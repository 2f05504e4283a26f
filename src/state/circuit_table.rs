//! Every circuit that tor has, by what it tells of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use super::change::{Change, Changes, copy};
use crate::event::{CircuitInfo, CircuitMinor, CircuitStatus};
use crate::word::CircuitId;

/// One circuit, for as long as somebody holds it.
#[derive(Debug)]
pub(super) struct CircuitCell {
    id: CircuitId,
    /// What was last known of it.
    info: Mutex<Arc<CircuitInfo>>,
}

impl CircuitCell {
    fn new(info: CircuitInfo) -> Arc<Self> {
        Arc::new(CircuitCell { id: info.id, info: Mutex::new(Arc::new(info)) })
    }

    pub(super) fn id(&self) -> CircuitId {
        self.id
    }

    pub(super) fn info(&self) -> Arc<CircuitInfo> {
        self.info.lock().clone()
    }

    pub(super) fn status(&self) -> CircuitStatus {
        self.info.lock().status.clone()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.info.lock().status.is_end()
    }

    /// Changes what is known: in place, unless somebody looks at it.
    fn change(&self, change: impl FnOnce(&mut CircuitInfo)) {
        change(Arc::make_mut(&mut self.info.lock()));
    }
}

/// The circuits that have not ended.
#[derive(Debug, Default)]
pub(super) struct CircuitTable {
    open: BTreeMap<CircuitId, Arc<CircuitCell>>,
    /// How many callers have sent EXTENDCIRCUIT and do not know the id yet.
    /// While there are any, what has ended is kept, since its events may come
    /// before the answer.
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

    /// A CIRC event.
    pub(super) fn apply(&mut self, told: &CircuitInfo, changes: &mut Changes) {
        let (cell, hops_before, status_before) = match self.open.entry(told.id) {
            Entry::Occupied(known) => {
                let cell = known.get().clone();
                let (mut hops_before, mut status_before) = (0, None);
                cell.change(|info| {
                    hops_before = info.path.len();
                    status_before = Some(info.status.clone());
                    update(info, told);
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

    /// A CIRC_MINOR event.
    pub(super) fn apply_minor(&mut self, told: &CircuitMinor, changes: &mut Changes) {
        // It does not tell the status. Where the circuit is not known, another
        // event soon will.
        let unknown =
            if told.path.is_empty() { CircuitStatus::Launched } else { CircuitStatus::Extended };
        match self.open.get(&told.id) {
            Some(cell) => {
                cell.change(|info| update(info, &told.with_status(info.status.clone())));
                changes.push(|| Change::CircuitChanged(cell.clone()));
            }
            None => self.apply(&told.with_status(unknown), changes),
        }
    }

    /// What `GETINFO circuit-status` gave: these are all.
    pub(super) fn take(&mut self, told: &[CircuitInfo], changes: &mut Changes) {
        let mut before = std::mem::take(&mut self.open);
        for info in told {
            let mut info = info.clone();
            // A circuit whose first hop is awaited is EXTENDED to GETINFO, and
            // LAUNCHED to the events.
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

    /// It has ended while nobody listened.
    fn vanished(&mut self, cell: Arc<CircuitCell>, changes: &mut Changes) {
        cell.change(|info| info.status = CircuitStatus::Closed);
        changes.push(|| Change::CircuitClosed(cell));
    }

    /// tor has begun to extend a circuit that had so many hops: it is not built
    /// until the next ones are there. tor sends no event of that.
    pub(super) fn extending(&mut self, cell: &CircuitCell, hops_before: usize) {
        cell.change(|info| {
            if info.status == CircuitStatus::Built && info.path.len() <= hops_before {
                info.status = CircuitStatus::Extended;
            }
        });
    }

    /// EXTENDCIRCUIT is being sent: see [`launched`](Self::launched).
    pub(super) fn launching(&mut self) {
        self.launching += 1;
    }

    /// The id that EXTENDCIRCUIT gave, where it gave one. The circuit's events
    /// may have come already, or not yet.
    pub(super) fn launched(
        &mut self,
        id: Option<CircuitId>,
        changes: &mut Changes,
    ) -> Option<Arc<CircuitCell>> {
        let ended = id.and_then(|id| self.ended.iter().rev().find(|cell| cell.id == id).cloned());
        self.launching = self.launching.saturating_sub(1);
        if self.launching == 0 {
            self.ended.clear();
        }
        let id = id?;
        if let Some(known) = self.open.get(&id).cloned().or(ended) {
            return Some(known);
        }
        // Only tor's LAUNCHED is missing: it is told when it comes.
        let cell = CircuitCell::new(CircuitInfo::of_id(id));
        changes.push(|| Change::CircuitNew(cell.clone()));
        self.open.insert(id, cell.clone());
        Some(cell)
    }
}

/// What is known becomes what is told now; what is not told again is kept.
fn update(known: &mut CircuitInfo, told: &CircuitInfo) {
    // Each field, so that none is forgotten.
    let CircuitInfo {
        id: _,
        status,
        path,
        build_flags,
        purpose,
        hs_state,
        rend_query,
        created,
        socks_username,
        socks_password,
        hs_pow,
        conflux_id,
        conflux_rtt,
        reason,
        remote_reason,
        extra,
        extra_words,
    } = told;
    // A circuit that has ended may have no path any more, and some of older
    // tors' events have none. Mostly there is one hop more.
    match path.strip_prefix(&*known.path) {
        Some(new) => known.path.extend_from_slice(new),
        None if path.is_empty() => {}
        None => known.path.clone_from(path),
    }
    if purpose.is_some() {
        copy(&mut known.purpose, purpose);
    }
    known.created = created.or(known.created);
    copy(&mut known.status, status);
    copy(&mut known.build_flags, build_flags);
    copy(&mut known.hs_state, hs_state);
    copy(&mut known.rend_query, rend_query);
    copy(&mut known.socks_username, socks_username);
    copy(&mut known.socks_password, socks_password);
    copy(&mut known.hs_pow, hs_pow);
    copy(&mut known.conflux_id, conflux_id);
    copy(&mut known.conflux_rtt, conflux_rtt);
    copy(&mut known.reason, reason);
    copy(&mut known.remote_reason, remote_reason);
    copy(&mut known.extra, extra);
    copy(&mut known.extra_words, extra_words);
}

/// Whether two circuits of one id, seen on two connections, are the same.
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
    fn a_circuit_s_life() {
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
    fn the_path_survives_the_end() {
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
    fn the_first_event_may_be_the_last() {
        let (table, told) = table(&["8 CLOSED", "9 FAILED a REASON=NOPATH"]);
        assert_eq!(told, ["new 8", "closed 8", "new 9", "extended 9 a", "failed 9"]);
        assert_eq!(table.iter().count(), 0);
    }

    #[test]
    fn a_circuit_without_an_extension_to_a_known_path_keeps_it() {
        let (table, told) = table(&["7 LAUNCHED", "7 EXTENDED a,b", "7 EXTENDED", "7 BUILT a,b"]);
        assert_eq!(table.get(CircuitId::new(7)).unwrap().info().path.len(), 2);
        assert_eq!(told.iter().filter(|change| change.starts_with("extended")).count(), 2);
    }

    #[test]
    fn the_events_may_come_before_the_id_or_after() {
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
    fn a_snapshot_is_all_there_is() {
        let (mut table, _) = table(&[
            "7 BUILT a TIME_CREATED=2026-11-21T01:00:00.000000",
            "8 BUILT b TIME_CREATED=2026-11-21T01:00:00.000000",
            "9 EXTENDED c",
        ]);
        let [seven, eight, nine] =
            [7, 8, 9].map(|id| table.get(CircuitId::new(id)).unwrap().clone());
        let mut changes = Changes::new(true);
        // The tor was started anew, and has a circuit 8, too.
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
