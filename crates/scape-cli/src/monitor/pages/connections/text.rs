//! Formats the rows of the page Connections, and the details of a row.

use scape::event::{CircuitInfo, OrConnTarget, StreamInfo};
use scape::word::{Fingerprint, RelayName};

use crate::base::output::printable;
use crate::base::units;
use crate::monitor::data::Data;
use crate::monitor::data::connections::{Direction, OrConnection, Tracked};
use crate::monitor::data::programs::Program;
use crate::monitor::data::relays::RelayRow;
use crate::monitor::ui::text::{age, cell, right, some_bytes};
use crate::monitor::view::View;

use super::rows::{Row, begun};

/// The text that replaces the address of a peer that may be a person.
const HIDDEN: &str = "(hidden)";

/// The texts in the columns of one row.
struct Columns {
    name: String,
    target: String,
    country: String,
    state: String,
    age: String,
    bytes: String,
    purpose: String,
}

impl Columns {
    fn line(&self, width: usize) -> String {
        // The spaces and all columns except for target and purpose have 43
        // characters.
        let purpose = width.saturating_sub(43 + 30).clamp(12, 21);
        let target = width.saturating_sub(43 + purpose).clamp(16, 70);
        format!(
            "{} {} {} {} {} {} {}",
            cell(&self.name, 11),
            cell(&self.target, target),
            cell(&self.country, 2),
            cell(&self.state, 9),
            right(&self.age, 7),
            right(&self.bytes, 8),
            self.purpose
        )
    }
}

/// Returns the line with the names of the columns.
pub(super) fn heading(width: usize) -> String {
    let columns = Columns {
        name: "TYPE".into(),
        target: "RELAYS OR TARGET".into(),
        country: "CC".into(),
        state: "STATE".into(),
        age: "AGE".into(),
        bytes: "BYTES".into(),
        purpose: "PURPOSE OR PROGRAM".into(),
    };
    columns.line(width)
}

/// Returns the text of a row, cut or filled to the columns at this `width`.
pub(super) fn line(row: &Row, data: &Data, view: &View, width: usize) -> String {
    let tables = &data.connections;
    let columns = match row {
        Row::Circuit(id) => tables.circuits.get(id).map(|circuit| of_circuit(circuit, data, view)),
        Row::Hop(id, hop) => {
            let circuit = tables.circuits.get(id);
            circuit.and_then(|circuit| circuit.info.path.get(*hop)).map(|relay| of_hop(relay, data))
        }
        Row::Stream(id) => tables.streams.get(id).map(|stream| of_stream(stream, data, view)),
        Row::Connection(peer) => {
            let connection = tables.or_connections.get(peer);
            connection.map(|connection| of_connection(connection, data, view))
        }
    };
    columns.map(|columns| printable(&columns.line(width))).unwrap_or_default()
}

/// Returns the relay that a row shows: a relay of a circuit, or the peer of an
/// OR connection. Returns `None` for circuits and streams, and for a peer that
/// is hidden: see [`peer_name`].
pub(super) fn relay(row: &Row, data: &Data, view: &View) -> Option<Fingerprint> {
    let tables = &data.connections;
    match row {
        Row::Hop(id, hop) => tables.circuits.get(id)?.info.path.get(*hop)?.fingerprint(),
        Row::Connection(peer) => {
            let relay = tables.or_connections.get(peer)?.info.info.target.relay()?;
            let is_shown = view.shows_addresses || known(relay, data).is_some();
            relay.fingerprint().filter(|_| is_shown)
        }
        Row::Circuit(_) | Row::Stream(_) => None,
    }
}

/// Returns the title and the lines of the box with the details of a row.
pub(super) fn details(row: &Row, data: &Data, view: &View) -> (String, Vec<String>) {
    let tables = &data.connections;
    let lines = match row {
        Row::Circuit(id) | Row::Hop(id, _) => {
            let circuit = tables.circuits.get(id);
            circuit.map(|circuit| circuit_details(circuit, data, view))
        }
        Row::Stream(id) => tables.streams.get(id).map(|stream| stream_details(stream, data, view)),
        Row::Connection(peer) => tables.or_connections.get(peer).map(|connection| {
            let mut lines = vec![
                entry("Peer", peer_name(connection, data, view)),
                entry("State", &connection.info.info.status),
                entry("Direction", direction(connection.info.direction)),
                entry("First seen", units::time(connection.seen)),
            ];
            let circuits = connection.info.info.circuits;
            lines.extend(circuits.map(|count| entry("Circuits", count)));
            lines
        }),
    };
    let title = match row {
        Row::Circuit(id) | Row::Hop(id, _) => format!("Circuit {id}"),
        Row::Stream(id) => format!("Stream {id}"),
        Row::Connection(_) => "OR connection".into(),
    };
    (title, lines.unwrap_or_else(|| vec!["closed meanwhile".into()]))
}

fn entry(name: &str, value: impl ToString) -> String {
    format!("{name:<12} {}", printable(&value.to_string()))
}

fn of_circuit(circuit: &Tracked<CircuitInfo>, data: &Data, view: &View) -> Columns {
    let info = &circuit.info;
    let names: Vec<String> = info.path.iter().map(|relay| relay_name(relay, data)).collect();
    let country = info.path.last().and_then(|relay| known(relay, data)).map(RelayRow::country);
    Columns {
        name: format!("circ {}", info.id),
        target: names.join(" > "),
        country: country.unwrap_or_default().to_owned(),
        state: info.status.to_string(),
        age: age(Some(begun(circuit)), view.now),
        bytes: some_bytes(circuit.read.saturating_add(circuit.written)),
        purpose: info.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn of_hop(relay: &RelayName, data: &Data) -> Columns {
    let row = known(relay, data);
    Columns {
        name: "  relay".into(),
        target: relay_name(relay, data),
        country: row.map(|row| row.country().to_owned()).unwrap_or_default(),
        state: row.map(RelayRow::version).unwrap_or_default(),
        age: String::new(),
        bytes: String::new(),
        purpose: row.map(|row| row.address.to_string()).unwrap_or_default(),
    }
}

fn of_stream(stream: &Tracked<StreamInfo>, data: &Data, view: &View) -> Columns {
    let info = &stream.info;
    let program = data.connections.programs.get(info.id).map(Program::name);
    let purpose = info.purpose.as_ref().map(ToString::to_string);
    Columns {
        name: format!("  str {}", info.id),
        target: info.target.to_string(),
        country: String::new(),
        state: info.status.to_string(),
        age: age(Some(stream.seen), view.now),
        bytes: some_bytes(stream.read.saturating_add(stream.written)),
        purpose: program.or(purpose).unwrap_or_default(),
    }
}

fn of_connection(connection: &Tracked<OrConnection>, data: &Data, view: &View) -> Columns {
    let info = &connection.info.info;
    let relay = info.target.relay().and_then(|relay| known(relay, data));
    Columns {
        name: format!("or {}", direction(connection.info.direction)),
        target: peer_name(connection, data, view),
        country: relay.map(|relay| relay.country().to_owned()).unwrap_or_default(),
        state: info.status.to_string(),
        age: age(Some(connection.seen), view.now),
        bytes: some_bytes(connection.read.saturating_add(connection.written)),
        purpose: relay.map(|relay| relay.address.to_string()).unwrap_or_default(),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Unknown => "-",
    }
}

/// Returns the peer of an OR connection as text. A peer that isn't a relay in
/// the consensus may be a person. So it is replaced by [`HIDDEN`], unless the
/// user wants to see addresses.
fn peer_name(connection: &Tracked<OrConnection>, data: &Data, view: &View) -> String {
    match &connection.info.info.target {
        OrConnTarget::Relay(relay) if known(relay, data).is_some() || view.shows_addresses => {
            relay_name(relay, data)
        }
        _ if !view.shows_addresses => HIDDEN.into(),
        target => target.to_string(),
    }
}

fn known<'a>(relay: &RelayName, data: &'a Data) -> Option<&'a RelayRow> {
    relay.fingerprint().and_then(|fingerprint| data.relays.get(fingerprint))
}

/// Returns the nickname of a relay. If neither tor nor the consensus tells it,
/// returns the fingerprint.
fn relay_name(relay: &RelayName, data: &Data) -> String {
    let nickname = relay.nickname().or(known(relay, data).map(|row| &*row.nickname));
    nickname.map_or_else(|| relay.to_string(), str::to_owned)
}

fn circuit_details(circuit: &Tracked<CircuitInfo>, data: &Data, view: &View) -> Vec<String> {
    let info = &circuit.info;
    let mut lines = vec![entry("State", &info.status)];
    lines.extend(info.purpose.as_ref().map(|purpose| entry("Purpose", purpose)));
    lines.extend(info.hs_state.as_ref().map(|state| entry("Onion state", state)));
    lines.extend(info.rend_query.as_ref().map(|query| entry("Onion", query)));
    lines.push(entry("Age", age(Some(begun(circuit)), view.now)));
    if !info.build_flags.is_empty() {
        let flags: Vec<String> = info.build_flags.iter().map(ToString::to_string).collect();
        lines.push(entry("Flags", flags.join(" ")));
    }
    lines.push(entry("Read", units::bytes(circuit.read)));
    lines.push(entry("Written", units::bytes(circuit.written)));
    for (hop, relay) in info.path.iter().enumerate() {
        lines.push(String::new());
        lines.push(entry(&format!("Relay {}", hop + 1), relay_name(relay, data)));
        lines.extend(relay.fingerprint().map(|fingerprint| entry("", fingerprint)));
        if let Some(row) = known(relay, data) {
            lines.push(entry("", format!("{} {} {}", row.address, row.country(), row.version())));
            lines.push(entry("", row.flags));
            let network = data.relays.network(row);
            lines.extend((!network.is_empty()).then(|| entry("", network)));
        }
    }
    lines
}

fn stream_details(stream: &Tracked<StreamInfo>, data: &Data, view: &View) -> Vec<String> {
    let info = &stream.info;
    let mut lines = vec![entry("Target", &info.target), entry("State", &info.status)];
    lines.extend(info.circuit.map(|circuit| entry("Circuit", circuit)));
    lines.extend(info.purpose.as_ref().map(|purpose| entry("Purpose", purpose)));
    lines.extend(info.client_protocol.as_ref().map(|protocol| entry("Protocol", protocol)));
    // Streams come from this tor's own users, so their addresses aren't hidden.
    lines.extend(info.source_addr.as_ref().map(|source| entry("Source", source)));
    lines.extend(data.connections.programs.get(info.id).map(|program| entry("Program", program)));
    lines.push(entry("Age", age(Some(stream.seen), view.now)));
    lines.push(entry("Read", units::bytes(stream.read)));
    lines.push(entry("Written", units::bytes(stream.written)));
    lines
}
