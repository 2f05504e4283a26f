//! The circuits, streams and OR connections of tor, with their traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use scape::event::{
    CircuitInfo, CircuitMinor, CircuitPurpose, ConnBandwidth, EventBody, OrConnInfo, OrConnStatus,
    StreamInfo,
};
use scape::word::{CircuitId, OnionAddress, OrConnId, StreamId};

use super::programs::{Program, Programs};

/// The maximum number of rows that each of the three tables can have. Further
/// circuits, streams or OR connections are ignored.
const LIMIT: usize = 20_000;

/// A circuit, stream or OR connection, with data that the monitor collects
/// about it.
#[derive(Debug, Clone)]
pub(crate) struct Tracked<T> {
    pub(crate) info: T,
    /// The time when the monitor first saw the circuit, stream or OR
    /// connection.
    pub(crate) seen: SystemTime,
    /// The number of bytes that tor has read on this circuit, stream or
    /// connection since `seen`.
    pub(crate) read: u64,
    /// The number of bytes that tor has written on this circuit, stream or
    /// connection since `seen`.
    pub(crate) written: u64,
}

impl<T> Tracked<T> {
    fn new(info: T, seen: SystemTime) -> Self {
        Tracked { info, seen, read: 0, written: 0 }
    }

    fn count(&mut self, read: u64, written: u64) {
        self.read = self.read.saturating_add(read);
        self.written = self.written.saturating_add(written);
    }
}

/// The side that opened an OR connection: the peer (`In`) or this tor (`Out`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
    /// Not known, because the connection existed before the monitor.
    Unknown,
}

/// An OR connection, and the side that opened it.
#[derive(Debug, Clone)]
pub(crate) struct OrConnection {
    pub(crate) info: OrConnInfo,
    pub(crate) direction: Direction,
}

/// All circuits, streams and OR connections of a tor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    pub(crate) circuits: BTreeMap<CircuitId, Tracked<CircuitInfo>>,
    pub(crate) streams: BTreeMap<StreamId, Tracked<StreamInfo>>,
    /// The OR connections by the peer, as tor writes it: an address, or a
    /// relay's fingerprint and nickname. Connections to the same peer share a
    /// row.
    pub(crate) or_connections: BTreeMap<String, Tracked<OrConnection>>,
    pub(crate) programs: Programs,
    /// The keys of `or_connections`, by the ID of a connection. Only events
    /// contain these IDs.
    peers: BTreeMap<OrConnId, String>,
}

impl Connections {
    /// Updates the tables from an event. Returns false if the tables don't need
    /// events of this kind.
    pub(crate) fn event(&mut self, body: &EventBody, at: SystemTime) -> bool {
        match body {
            EventBody::Circ(info) => self.circuit(info, at),
            EventBody::CircMinor(minor) => self.circuit_minor(minor),
            EventBody::Stream(info) => self.stream(info, at),
            EventBody::OrConn(info) => self.or_connection(info, at),
            EventBody::CircBw(bandwidth) => {
                if let Some(circuit) = self.circuits.get_mut(&bandwidth.id) {
                    circuit.count(bandwidth.read, bandwidth.written);
                }
            }
            EventBody::StreamBw(bandwidth) => {
                if let Some(stream) = self.streams.get_mut(&bandwidth.id) {
                    stream.count(bandwidth.read, bandwidth.written);
                }
            }
            EventBody::ConnBw(bandwidth) => self.or_bandwidth(bandwidth),
            _ => return false,
        }
        true
    }

    /// Replaces the circuits with those in tor's list. Circuits that stay keep
    /// their numbers of bytes.
    pub(crate) fn replace_circuits(&mut self, circuits: Vec<CircuitInfo>, at: SystemTime) {
        let mut old = std::mem::take(&mut self.circuits);
        for info in circuits.into_iter().filter(|info| !info.status.is_end()).take(LIMIT) {
            let id = info.id;
            let row = old.remove(&id).unwrap_or_else(|| Tracked::new(info.clone(), at));
            self.circuits.insert(id, Tracked { info, ..row });
        }
    }

    /// Replaces the streams with those in tor's list. Streams that stay keep
    /// their numbers of bytes, and the data that only events contain.
    pub(crate) fn replace_streams(&mut self, streams: Vec<StreamInfo>, at: SystemTime) {
        let mut old = std::mem::take(&mut self.streams);
        for info in streams.into_iter().filter(|info| !info.status.is_end()).take(LIMIT) {
            let id = info.id;
            let row = old.remove(&id).unwrap_or_else(|| Tracked::new(info.clone(), at));
            // tor's list doesn't contain the source address and the purpose.
            // Only the first event of a stream contains them. The list may have
            // an address in place of the name that the client has asked for.
            let mut info = info;
            info.target = row.info.target.clone();
            info.source_addr = info.source_addr.or(row.info.source_addr.clone());
            info.purpose = info.purpose.or(row.info.purpose.clone());
            self.streams.insert(id, Tracked { info, ..row });
        }
        let known = &self.streams;
        self.programs.retain(|id| known.contains_key(&id));
    }

    /// Stores the program that uses a stream, unless the stream has ended.
    pub(crate) fn found_program(&mut self, id: StreamId, program: Program) {
        if self.streams.contains_key(&id) {
            self.programs.found(id, program);
        }
    }

    /// Replaces the OR connections with those in tor's list. Connections that
    /// stay keep their numbers of bytes and their direction.
    pub(crate) fn replace_or_connections(&mut self, list: Vec<OrConnInfo>, at: SystemTime) {
        let mut old = std::mem::take(&mut self.or_connections);
        for info in list.into_iter().take(LIMIT) {
            let key = info.target.to_string();
            // Several connections to the same relay share a row, so only the
            // first one is used.
            if self.or_connections.contains_key(&key) {
                continue;
            }
            let row = old.remove(&key).unwrap_or_else(|| {
                let direction = Direction::Unknown;
                Tracked::new(OrConnection { info: info.clone(), direction }, at)
            });
            let info = OrConnection { info, direction: row.info.direction };
            self.or_connections.insert(key, Tracked { info, ..row });
        }
        let known = &self.or_connections;
        self.peers.retain(|_, peer| known.contains_key(peer));
    }

    /// Returns the onion services of this tor for which circuits exist.
    pub(crate) fn serving(&self) -> BTreeSet<OnionAddress> {
        let circuits = self.circuits.values().map(|circuit| &circuit.info);
        let serving = circuits.filter(|info| {
            let purpose = info.purpose.as_ref();
            matches!(purpose, Some(CircuitPurpose::HsServiceIntro | CircuitPurpose::HsServiceRend))
        });
        serving.filter_map(CircuitInfo::rend_address).collect()
    }

    /// Removes all rows, because the connection to tor is lost.
    pub(crate) fn clear(&mut self) {
        *self = Connections::default();
    }

    fn circuit(&mut self, info: &CircuitInfo, at: SystemTime) {
        if info.status.is_end() {
            self.circuits.remove(&info.id);
        } else if let Some(row) = self.circuits.get_mut(&info.id) {
            row.info = info.clone();
        } else if self.circuits.len() < LIMIT {
            self.circuits.insert(info.id, Tracked::new(info.clone(), at));
        }
    }

    fn circuit_minor(&mut self, minor: &CircuitMinor) {
        if let Some(row) = self.circuits.get_mut(&minor.id) {
            row.info.path.clone_from(&minor.path);
            row.info.purpose.clone_from(&minor.purpose);
            row.info.hs_state.clone_from(&minor.hs_state);
            row.info.rend_query.clone_from(&minor.rend_query);
        }
    }

    fn stream(&mut self, info: &StreamInfo, at: SystemTime) {
        if info.status.is_end() {
            self.streams.remove(&info.id);
            self.programs.forget(info.id);
        } else if let Some(row) = self.streams.get_mut(&info.id) {
            let first = std::mem::replace(&mut row.info, info.clone());
            row.info.target = first.target;
            row.info.source_addr = info.source_addr.clone().or(first.source_addr);
            row.info.purpose = info.purpose.clone().or(first.purpose);
        } else if self.streams.len() < LIMIT {
            self.streams.insert(info.id, Tracked::new(info.clone(), at));
            if let Some(source) = info.source_socket_addr() {
                self.programs.want(info.id, source);
            }
        }
    }

    fn or_connection(&mut self, info: &OrConnInfo, at: SystemTime) {
        let key = info.target.to_string();
        // tor may name the peer by its address at first, and as a relay later.
        let before = info.id.and_then(|id| self.peers.remove(&id));
        let row = before.and_then(|peer| self.take_row(&peer));
        let is_end = matches!(info.status, OrConnStatus::Closed | OrConnStatus::Failed);
        let row = row.or_else(|| match is_end {
            true => self.take_row(&key),
            false => self.or_connections.remove(&key),
        });
        if is_end {
            return;
        }
        let direction = match (&info.status, &row) {
            (OrConnStatus::New, _) => Direction::In,
            (OrConnStatus::Launched, _) => Direction::Out,
            (_, Some(row)) => row.info.direction,
            (_, None) => Direction::Unknown,
        };
        if self.or_connections.len() >= LIMIT {
            return;
        }
        if let Some(id) = info.id {
            self.peers.insert(id, key.clone());
        }
        let connection = OrConnection { info: info.clone(), direction };
        let row = match row {
            Some(row) => Tracked { info: connection, ..row },
            None => Tracked::new(connection, at),
        };
        self.or_connections.insert(key, row);
    }

    /// Removes the row of a peer, and returns it. Does nothing and returns
    /// `None` if another connection to this peer still uses the row.
    fn take_row(&mut self, peer: &str) -> Option<Tracked<OrConnection>> {
        match self.peers.values().any(|other| other == peer) {
            true => None,
            false => self.or_connections.remove(peer),
        }
    }

    fn or_bandwidth(&mut self, bandwidth: &ConnBandwidth) {
        let peer = self.peers.get(&bandwidth.id);
        if let Some(row) = peer.and_then(|peer| self.or_connections.get_mut(peer)) {
            row.count(bandwidth.read, bandwidth.written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::tests::event;

    fn feed(connections: &mut Connections, texts: &[&str]) {
        for text in texts {
            assert!(connections.event(event(text).body(), SystemTime::UNIX_EPOCH), "{text}");
        }
    }

    #[test]
    fn circuits_and_streams_are_followed_by_events() {
        let mut connections = Connections::default();
        feed(
            &mut connections,
            &[
                "CIRC 5 LAUNCHED PURPOSE=GENERAL",
                "CIRC 5 BUILT $0000000000000000000000000000000000000001~one PURPOSE=GENERAL",
                "STREAM 9 NEW 0 example.com:80 SOURCE_ADDR=127.0.0.1:5000 PURPOSE=USER",
                "STREAM 9 SUCCEEDED 5 example.com:80",
                "STREAM_BW 9 10 20 2024-01-01T00:00:00",
                "CIRC_BW ID=5 READ=7 WRITTEN=8",
            ],
        );
        let stream = connections.streams.values().next().unwrap();
        assert_eq!((stream.read, stream.written), (20, 10));
        assert_eq!(stream.info.source_addr.as_deref(), Some("127.0.0.1:5000"));
        let circuit = connections.circuits.values().next().unwrap();
        assert_eq!((circuit.read, circuit.written, circuit.info.path.len()), (7, 8, 1));
        feed(&mut connections, &["STREAM 9 CLOSED 5 example.com:80", "CIRC 5 CLOSED"]);
        assert!(connections.streams.is_empty() && connections.circuits.is_empty());
    }

    #[test]
    fn or_connections_keep_direction_and_counts_when_their_name_changes() {
        let mut connections = Connections::default();
        feed(
            &mut connections,
            &[
                "ORCONN 10.0.0.1:5000 NEW ID=3",
                "CONN_BW ID=3 TYPE=OR READ=4 WRITTEN=6",
                "ORCONN $0000000000000000000000000000000000000001~one CONNECTED ID=3",
            ],
        );
        let rows: Vec<_> = connections.or_connections.values().collect();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.info.direction, row.read, row.written), (Direction::In, 4, 6));
        let info =
            OrConnInfo::parse(b"$0000000000000000000000000000000000000002 LAUNCHED").unwrap();
        let kept = row.info.info.clone();
        connections.replace_or_connections(vec![info, kept], SystemTime::UNIX_EPOCH);
        let directions = connections.or_connections.values().map(|row| row.info.direction);
        assert_eq!(directions.collect::<Vec<_>>(), [Direction::In, Direction::Unknown]);
        feed(&mut connections, &["ORCONN 10.0.0.1:5000 CLOSED ID=3"]);
        assert_eq!(connections.or_connections.len(), 1);
    }

    #[test]
    fn two_connections_with_one_relay_share_a_row() {
        let relay = "$0000000000000000000000000000000000000001~one";
        let mut connections = Connections::default();
        feed(
            &mut connections,
            &[
                &format!("ORCONN {relay} CONNECTED ID=1"),
                "CONN_BW ID=1 TYPE=OR READ=4 WRITTEN=6",
                &format!("ORCONN {relay} LAUNCHED ID=2"),
                &format!("ORCONN {relay} CLOSED ID=2"),
            ],
        );
        let info = OrConnInfo::parse(format!("{relay} CONNECTED").as_bytes()).unwrap();
        connections.replace_or_connections(vec![info.clone(), info], SystemTime::UNIX_EPOCH);
        let rows: Vec<_> = connections.or_connections.values().map(|row| row.read).collect();
        assert_eq!(rows, [4]);
        feed(&mut connections, &[&format!("ORCONN {relay} CLOSED ID=1")]);
        assert!(connections.or_connections.is_empty());
    }

    #[test]
    fn lists_replace_rows_from_events() {
        let mut connections = Connections::default();
        feed(
            &mut connections,
            &["CIRC 5 LAUNCHED", "CIRC 6 LAUNCHED", "CIRC_BW ID=6 READ=1 WRITTEN=2"],
        );
        let circuit = CircuitInfo::parse(b"6 BUILT PURPOSE=GENERAL").unwrap();
        connections.replace_circuits(vec![circuit], SystemTime::UNIX_EPOCH);
        let rows: Vec<_> =
            connections.circuits.values().map(|row| (row.read, row.written)).collect();
        assert_eq!(rows, [(1, 2)]);
    }
}
