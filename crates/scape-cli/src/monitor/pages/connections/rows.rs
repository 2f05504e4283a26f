//! The rows of the page Connections: which ones are shown, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use scape::event::{CircuitInfo, StreamInfo};
use scape::word::{CircuitId, StreamId};

use crate::monitor::data::Data;
use crate::monitor::data::connections::Tracked;
use crate::monitor::ui::sorting::Sorting;

/// A row, identified by the circuit, relay, stream or OR connection that it
/// shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    Circuit(CircuitId),
    /// A relay of this circuit. The number is the position of the relay in the
    /// circuit, counted from 0.
    Hop(CircuitId, usize),
    Stream(StreamId),
    /// An OR connection, identified by the peer as tor writes it: an address,
    /// or a relay's fingerprint and nickname.
    Connection(String),
}

/// The user's choice of the rows that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    Circuits,
    OrConnections,
}

impl Shown {
    pub(super) fn next(self) -> Self {
        match self {
            Shown::All => Shown::Circuits,
            Shown::Circuits => Shown::OrConnections,
            Shown::OrConnections => Shown::All,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Shown::All => "all",
            Shown::Circuits => "circuits only",
            Shown::OrConnections => "OR connections only",
        }
    }
}

/// The orders in which circuits and OR connections can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Age,
    Bytes,
    Purpose,
    Name,
}

/// The orders in which the user steps through them, each with the name that the
/// title of the list shows.
pub(super) const ORDERS: &[(Order, &str)] = &[
    (Order::Age, "age"),
    (Order::Bytes, "bytes"),
    (Order::Purpose, "purpose"),
    (Order::Name, "name"),
];

/// Returns the time when a circuit was created. If tor hasn't reported it,
/// returns the time when the monitor first saw the circuit.
pub(super) fn begun(circuit: &Tracked<CircuitInfo>) -> SystemTime {
    circuit.info.created.unwrap_or(circuit.seen)
}

/// Returns the rows in the order of the page: circuits, each followed by its
/// streams, then streams without a circuit, then OR connections. If `has_hops`
/// is true, rows for the relays of a circuit follow the circuit.
pub(super) fn rows(
    data: &Data,
    shown: Shown,
    has_hops: bool,
    sorting: &Sorting<Order>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if shown != Shown::OrConnections {
        add_circuits(data, has_hops, sorting, &mut rows);
    }
    if shown != Shown::Circuits {
        let mut connections: Vec<_> = data.connections.or_connections.iter().collect();
        match sorting.column() {
            Some(Order::Bytes) => connections.sort_by_key(|(_, row)| Reverse(total(row))),
            Some(Order::Age) => connections.sort_by_key(|(_, row)| Reverse(row.seen)),
            // The table is already sorted by name, which is the default order.
            _ => {}
        }
        sorting.direct(&mut connections);
        rows.extend(connections.into_iter().map(|(peer, _)| Row::Connection(peer.clone())));
    }
    rows
}

fn add_circuits(data: &Data, has_hops: bool, sorting: &Sorting<Order>, rows: &mut Vec<Row>) {
    let mut circuits: Vec<_> = data.connections.circuits.iter().collect();
    let last = |circuit: &Tracked<CircuitInfo>| circuit.info.path.last().map(ToString::to_string);
    match sorting.column() {
        Some(Order::Age) => circuits.sort_by_key(|(_, row)| Reverse(begun(row))),
        Some(Order::Bytes) => circuits.sort_by_key(|(_, row)| Reverse(total(row))),
        Some(Order::Purpose) => {
            circuits.sort_by(|(_, a), (_, b)| a.info.purpose.cmp(&b.info.purpose));
        }
        Some(Order::Name) => circuits.sort_by_cached_key(|(_, row)| last(row)),
        None => {}
    }
    sorting.direct(&mut circuits);
    let mut streams: BTreeMap<Option<CircuitId>, Vec<StreamId>> = BTreeMap::new();
    for (id, stream) in &data.connections.streams {
        streams.entry(circuit_of(&stream.info, data)).or_default().push(*id);
    }
    for (id, circuit) in circuits {
        rows.push(Row::Circuit(*id));
        if has_hops {
            rows.extend((0..circuit.info.path.len()).map(|hop| Row::Hop(*id, hop)));
        }
        rows.extend(streams.remove(&Some(*id)).into_iter().flatten().map(Row::Stream));
    }
    rows.extend(streams.into_values().flatten().map(Row::Stream));
}

/// Returns the circuit that a stream is attached to. Returns `None` if there is
/// no such circuit in the list.
fn circuit_of(stream: &StreamInfo, data: &Data) -> Option<CircuitId> {
    stream.circuit.filter(|id| data.connections.circuits.contains_key(id))
}

fn total<T>(row: &Tracked<T>) -> u64 {
    row.read.saturating_add(row.written)
}
