//! tor's streams, built from STREAM events and `GETINFO stream-status`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::change::{Change, Changes};
use super::circuit_table::CircuitTable;
use super::stream_cell::StreamCell;
use scape_proto::event::{StreamInfo, StreamStatus};
use scape_proto::word::{CircuitId, StreamId};

/// The maximum number of failed streams that wait for their CLOSED event. tor
/// always sends that event soon, so normally there are only a few. If there are
/// more, all of them are forgotten.
const MOST_FAILED: usize = 4096;

/// The streams that haven't ended.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    open: BTreeMap<StreamId, Arc<StreamCell>>,
    /// The streams on each circuit.
    attached: BTreeSet<(CircuitId, StreamId)>,
    /// The streams that have failed and whose CLOSED event hasn't arrived yet.
    /// tor sends CLOSED after each FAILED.
    failed: HashMap<StreamId, Arc<StreamCell>>,
}

impl StreamTable {
    pub(super) fn get(&self, id: StreamId) -> Option<&Arc<StreamCell>> {
        self.open.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<StreamCell>> {
        self.open.values()
    }

    /// Returns the streams on a circuit.
    pub(super) fn on(&self, circuit: CircuitId) -> impl Iterator<Item = &Arc<StreamCell>> {
        let all = (circuit, StreamId::new(0))..=(circuit, StreamId::new(u64::MAX));
        self.attached.range(all).filter_map(|(_, stream)| self.open.get(stream))
    }

    /// Applies a STREAM event to the table, and adds the resulting changes to
    /// `changes`.
    pub(super) fn apply(
        &mut self,
        told: &StreamInfo,
        circuits: &CircuitTable,
        changes: &mut Changes,
    ) {
        if !self.failed.is_empty()
            && let Some(cell) = self.failed.remove(&told.id)
        {
            return self.closed_after_failing(cell, told, changes);
        }
        let (mut circuit_before, mut circuit) = (None, None);
        let cell = match self.open.get(&told.id).cloned() {
            Some(cell) => {
                cell.change(|info| {
                    circuit_before = info.circuit;
                    info.update(told);
                    circuit = info.circuit;
                });
                cell
            }
            None => {
                let info = first(told);
                circuit = info.circuit;
                let cell = StreamCell::new(info);
                changes.push(|| Change::StreamNew(cell.clone()));
                self.open.insert(told.id, cell.clone());
                cell
            }
        };
        // The event for the end of a stream may come after a load, which may
        // have replaced the circuit. So the event doesn't tell which circuit
        // the stream was on.
        if circuit != circuit_before || !told.status.is_end() {
            let seen = circuit.and_then(|circuit| circuits.get(circuit));
            cell.set_circuit(seen);
        }
        if circuit != circuit_before {
            if let Some(left) = circuit_before {
                self.attached.remove(&(left, told.id));
            }
            if let Some(joined) = circuit {
                self.attached.insert((joined, told.id));
                if let Some(joined) = circuits.get(joined) {
                    changes.push(|| Change::StreamAttached(cell.clone(), joined.clone()));
                }
            }
        }
        if told.status.is_end() {
            self.remove(&cell);
        }
        match told.status {
            StreamStatus::Detached => changes.push(|| Change::StreamDetached(cell)),
            StreamStatus::Succeeded => changes.push(|| Change::StreamSucceeded(cell)),
            StreamStatus::Closed => changes.push(|| Change::StreamClosed(cell)),
            StreamStatus::Failed => {
                if self.failed.len() >= MOST_FAILED {
                    self.failed.clear();
                }
                self.failed.insert(told.id, cell.clone());
                changes.push(|| Change::StreamFailed(cell));
            }
            _ => {}
        }
    }

    /// Replaces the table with the answer to `GETINFO stream-status`.
    pub(super) fn take(
        &mut self,
        told: &[StreamInfo],
        circuits: &CircuitTable,
        changes: &mut Changes,
    ) {
        let there: HashSet<StreamId> = told.iter().map(|info| info.id).collect();
        let gone: Vec<_> = self.open.keys().filter(|id| !there.contains(id)).copied().collect();
        for id in gone {
            if let Some(cell) = self.open.get(&id).cloned() {
                cell.change(|info| info.status = StreamStatus::Closed);
                self.remove(&cell);
                changes.push(|| Change::StreamClosed(cell));
            }
        }
        self.failed.clear();
        for info in told {
            self.apply(info, circuits, changes);
        }
    }

    fn remove(&mut self, cell: &StreamCell) {
        self.open.remove(&cell.id());
        if let Some(circuit) = cell.info().circuit {
            self.attached.remove(&(circuit, cell.id()));
        }
    }

    fn closed_after_failing(
        &mut self,
        cell: Arc<StreamCell>,
        told: &StreamInfo,
        changes: &mut Changes,
    ) {
        cell.change(|info| {
            // The reason of the failure says more than the reason of the close
            // that follows.
            let (reason, remote_reason) = (info.reason.take(), info.remote_reason.take());
            info.update(told);
            info.status = StreamStatus::Failed;
            info.reason = reason.or(info.reason.take());
            info.remote_reason = remote_reason.or(info.remote_reason.take());
        });
        changes.push(|| Change::StreamClosed(cell));
    }
}

/// Returns the information that is stored about a new stream. It is that of
/// tor's report `told`, except that a status of flow control (such as
/// `XOFF_SENT`) becomes `SUCCEEDED`, and that a circuit that the stream has
/// lost is left out.
fn first(told: &StreamInfo) -> StreamInfo {
    let mut info = told.clone();
    info.status = told.status.lasting().clone();
    if told.status == StreamStatus::Detached {
        info.circuit = None;
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::event::CircuitInfo;

    struct Fixture {
        circuits: CircuitTable,
        streams: StreamTable,
    }

    impl Fixture {
        fn new() -> Self {
            let mut circuits = CircuitTable::default();
            for line in ["1 BUILT a", "2 BUILT b"] {
                circuits
                    .apply(&CircuitInfo::parse(line.as_bytes()).unwrap(), &mut Changes::new(false));
            }
            Fixture { circuits, streams: StreamTable::default() }
        }

        fn tell(&mut self, lines: &[&str]) -> Vec<String> {
            let mut changes = Changes::new(true);
            for line in lines {
                self.streams.apply(&info(line), &self.circuits, &mut changes);
            }
            shown(changes)
        }

        fn on(&self, circuit: u32) -> Vec<u64> {
            self.streams.on(CircuitId::new(circuit)).map(|stream| stream.id().get()).collect()
        }
    }

    fn info(line: &str) -> StreamInfo {
        StreamInfo::parse(line.as_bytes()).unwrap()
    }

    fn shown(changes: Changes) -> Vec<String> {
        let shown = |change| match change {
            Change::StreamNew(cell) => format!("new {}", cell.id()),
            Change::StreamAttached(cell, circuit) => {
                format!("attached {} {}", cell.id(), circuit.id())
            }
            Change::StreamDetached(cell) => format!("detached {}", cell.id()),
            Change::StreamSucceeded(cell) => format!("succeeded {}", cell.id()),
            Change::StreamFailed(cell) => format!("failed {}", cell.id()),
            Change::StreamClosed(cell) => format!("closed {}", cell.id()),
            other => format!("{other:?}"),
        };
        changes.into_list().into_iter().map(shown).collect()
    }

    #[test]
    fn stream_goes_from_new_to_closed() {
        let mut fixture = Fixture::new();
        let told = fixture.tell(&[
            "4 NEW 0 a.example:80 SOURCE_ADDR=127.0.0.1:5 PURPOSE=USER SOCKS_USERNAME=\"me\"",
            "4 SENTCONNECT 1 a.example:80",
            "4 REMAP 1 192.0.2.1:80 SOURCE=EXIT",
            "4 SUCCEEDED 1 192.0.2.1:80",
        ]);
        assert_eq!(told, ["new 4", "attached 4 1", "succeeded 4"]);
        let cell = fixture.streams.get(StreamId::new(4)).unwrap().clone();
        assert_eq!(cell.first_target().host(), "a.example");
        let info = cell.info();
        assert_eq!((info.target.host(), &info.status), ("192.0.2.1", &StreamStatus::Succeeded));
        assert!(
            info.source_addr.is_some() && info.purpose.is_some() && info.socks_username.is_some()
        );
        assert_eq!((fixture.on(1), fixture.on(2)), (vec![4], vec![]));

        assert!(
            fixture.tell(&["4 XOFF_SENT 1 192.0.2.1:80", "4 XON_RECV 1 192.0.2.1:80"]).is_empty()
        );
        assert_eq!(cell.info().status, StreamStatus::Succeeded);
        assert_eq!(fixture.tell(&["4 CLOSED 1 192.0.2.1:80 REASON=DONE"]), ["closed 4"]);
        assert!(fixture.on(1).is_empty() && cell.is_ended());
        assert_eq!(cell.info().circuit, Some(CircuitId::new(1)));
    }

    #[test]
    fn stream_moves_between_circuits() {
        let mut fixture = Fixture::new();
        let told = fixture.tell(&[
            "4 NEW 0 a.example:80",
            "4 SENTCONNECT 1 a.example:80",
            "4 DETACHED 1 a.example:80 REASON=TIMEOUT",
            "4 SENTCONNECT 2 a.example:80",
            "4 SENTCONNECT 1 a.example:80",
        ]);
        assert_eq!(told, ["new 4", "attached 4 1", "detached 4", "attached 4 2", "attached 4 1"]);
        assert_eq!((fixture.on(1), fixture.on(2)), (vec![4], vec![]));
    }

    #[test]
    fn failed_stream_is_closed_once() {
        let mut fixture = Fixture::new();
        fixture.tell(&["4 NEW 0 a.example:80"]);
        let cell = fixture.streams.get(StreamId::new(4)).unwrap().clone();
        let told = fixture.tell(&[
            "4 FAILED 0 a.example:80 REASON=TIMEOUT",
            "4 CLOSED 0 a.example:80 REASON=DONE",
        ]);
        assert_eq!(told, ["failed 4", "closed 4"]);
        assert_eq!(cell.info().reason, Some(scape_proto::event::StreamReason::Timeout));
        assert!(
            fixture.streams.failed.is_empty() && fixture.streams.get(StreamId::new(4)).is_none()
        );
    }

    #[test]
    fn ended_stream_keeps_its_circuit_but_not_another_with_the_same_id() {
        let mut fixture = Fixture::new();
        fixture.tell(&["4 SUCCEEDED 1 a.example:80", "5 SUCCEEDED 1 b.example:80"]);
        let [four, five] = [4, 5].map(|id| fixture.streams.get(StreamId::new(id)).unwrap().clone());
        let one = fixture.circuits.get(CircuitId::new(1)).unwrap().clone();
        fixture.tell(&["4 CLOSED 0 a.example:80 REASON=DONE"]);
        for stream in [&four, &five] {
            assert!(stream.last_circuit().is_some_and(|circuit| Arc::ptr_eq(&circuit, &one)));
        }

        for line in ["1 CLOSED", "1 BUILT c"] {
            let info = CircuitInfo::parse(line.as_bytes()).unwrap();
            fixture.circuits.apply(&info, &mut Changes::new(false));
        }
        assert!(fixture.circuits.get(CircuitId::new(1)).is_some());
        // A restarted tor has no stream 5, so it has ended, too.
        fixture.streams.take(&[], &fixture.circuits, &mut Changes::new(false));
        for stream in [four, five] {
            assert!(stream.is_ended() && stream.last_circuit().is_none());
        }
    }

    #[test]
    fn unknown_circuits_and_streams_are_accepted() {
        let mut fixture = Fixture::new();
        let told = fixture.tell(&[
            "5 SENTCONNECT 99 a.example:80",
            "6 CLOSED 98 b.example:80 REASON=DONE",
            "7 WHATEVER 1 c.example:80",
        ]);
        assert_eq!(told, ["new 5", "new 6", "closed 6", "new 7", "attached 7 1"]);
        assert_eq!((fixture.on(99), fixture.on(98)), (vec![5], vec![]));
    }

    #[test]
    fn snapshot_replaces_all_streams() {
        let mut fixture = Fixture::new();
        fixture.tell(&["4 NEW 0 a.example:80 PURPOSE=USER", "5 SUCCEEDED 1 b.example:80"]);
        let mut changes = Changes::new(true);
        let told = [info("4 SENTCONNECT 2 a.example:80"), info("6 NEW 0 c.example:80")];
        fixture.streams.take(&told, &fixture.circuits, &mut changes);
        assert_eq!(shown(changes), ["closed 5", "attached 4 2", "new 6"]);
        assert!(fixture.streams.get(StreamId::new(4)).unwrap().info().purpose.is_some());
        assert_eq!((fixture.on(1), fixture.on(2)), (vec![], vec![4]));
    }
}
