//! The data of the live state: tables that snapshots fill and that events
//! change.

use std::sync::Arc;
use std::time::SystemTime;

use super::address_table::AddressTable;
use super::change::Changes;
use super::circuit_table::CircuitTable;
use super::guard_table::GuardTable;
use super::router_table::{self, RouterTable};
use super::snapshot::Snapshot;
use super::stream_table::StreamTable;
use crate::io::connection::Closed;
use scape_proto::event::{Event, EventBody};
use scape_proto::netdoc::Relay;

/// All data that tor has sent, in tables of circuits, streams, addresses,
/// guards and relays. The model sends nothing to tor and reads no clock:
/// callers pass in events, answers and times.
#[derive(Debug)]
pub(super) struct Model {
    /// The number of changes so far. A waiting thread compares it with an
    /// earlier value to notice a change.
    pub(super) version: u64,
    pub(super) phase: Phase,
    pub(super) circuits: CircuitTable,
    pub(super) streams: StreamTable,
    pub(super) addresses: AddressTable,
    pub(super) guards: GuardTable,
    pub(super) routers: Arc<RouterTable>,
    /// The number of updates of the relays: see
    /// [`State::consensus_count`](super::State::consensus_count).
    pub(super) consensus: u64,
}

/// The state that the model's data is in: being loaded, kept up to date, or no
/// longer updated.
#[derive(Debug)]
pub(super) enum Phase {
    /// A snapshot has been requested. Events are kept until it has been
    /// applied.
    Loading(Vec<Arc<Event>>),
    Live,
    /// The connection has ended and doesn't reconnect by itself.
    Ended(Closed),
}

impl Model {
    pub(super) fn new() -> Self {
        Model {
            version: 0,
            phase: Phase::Loading(Vec::new()),
            circuits: CircuitTable::default(),
            streams: StreamTable::default(),
            addresses: AddressTable::default(),
            guards: GuardTable::default(),
            routers: Arc::default(),
            consensus: 0,
        }
    }

    /// Applies an event of one of the kinds in `KINDS` (in
    /// [`live`](super::live)). NS and NEWCONSENSUS events take longer to parse
    /// than other events. So the [tracker](super::tracker) usually parses these
    /// two without holding the lock, and then calls
    /// [`change_routers`](Self::change_routers) or
    /// [`set_routers`](Self::set_routers) instead.
    pub(super) fn apply(&mut self, event: &Event, changes: &mut Changes) {
        match event.body() {
            EventBody::Circ(told) => self.circuits.apply(told, changes),
            EventBody::CircMinor(told) => self.circuits.apply_minor(told, changes),
            EventBody::Stream(told) => self.streams.apply(told, &self.circuits, changes),
            EventBody::AddrMap(told) => {
                self.addresses.apply(told, changes);
                self.addresses.expire(event.arrived(), changes);
            }
            EventBody::Guard(told) => self.guards.apply(told, event.arrived()),
            EventBody::Ns(told) => {
                self.change_routers(router_table::entries(told.entries()), changes);
            }
            EventBody::NewConsensus(told) => {
                self.set_routers(self.routers.replaced(told.entries(), changes));
            }
            _ => {}
        }
    }

    /// Applies the changed entries of the consensus from an NS event.
    pub(super) fn change_routers(&mut self, entries: Vec<Relay>, changes: &mut Changes) {
        // Copies the table only if a `Routers` snapshot still uses it.
        Arc::make_mut(&mut self.routers).change(entries, changes);
        self.routers.tidy();
        self.consensus += 1;
    }

    /// Sets the relays of a new consensus. Does nothing if `routers` is the
    /// present table.
    pub(super) fn set_routers(&mut self, routers: Arc<RouterTable>) {
        if !Arc::ptr_eq(&routers, &self.routers) {
            self.routers = routers;
            self.consensus += 1;
        }
    }

    /// Replaces all data with a snapshot and then applies the events that
    /// arrived meanwhile. `routers` are the relays of the snapshot.
    pub(super) fn load(
        &mut self,
        snapshot: Snapshot,
        routers: Arc<RouterTable>,
        now: SystemTime,
        changes: &mut Changes,
    ) {
        self.set_routers(routers);
        self.routers.tidy();
        self.circuits.take(&snapshot.circuits, changes);
        self.streams.take(&snapshot.streams, &self.circuits, changes);
        self.addresses.take(snapshot.addresses, changes);
        self.addresses.expire(now, changes);
        self.guards.take(snapshot.guards);
        if let Phase::Loading(events) = std::mem::replace(&mut self.phase, Phase::Live) {
            for event in events {
                self.apply(&event, changes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use super::*;
    use scape_proto::control::Decoder;

    /// Builds an event from the text after `650`.
    fn event(text: &str) -> Event {
        let mut decoder = Decoder::default();
        let separator = if text.contains('\n') { '+' } else { ' ' };
        let end = if separator == '+' { "\r\n.\r\n650 OK" } else { "" };
        decoder.feed(format!("650{separator}{text}{end}\r\n").as_bytes());
        Event::parse(decoder.next_reply().unwrap().unwrap(), UNIX_EPOCH)
    }

    fn fingerprint(n: usize) -> String {
        format!("${n:040X}")
    }

    fn circuit(n: usize) -> String {
        format!("CIRC {n} BUILT {}~a PURPOSE=GENERAL", fingerprint(n))
    }

    fn circuit_minor(n: usize) -> String {
        format!(
            "CIRC_MINOR {n} PURPOSE_CHANGED {}~a PURPOSE=CONTROLLER OLD_PURPOSE=GENERAL",
            fingerprint(n)
        )
    }

    fn stream(n: usize) -> String {
        format!("STREAM {n} SENTCONNECT {n} a.example:80")
    }

    fn mapping(n: usize) -> String {
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let end = format!("2038-01-01 {hour:02}:{minute:02}:{second:02}");
        format!("ADDRMAP {n}.example 192.0.2.1 \"{end}\" EXPIRES=\"{end}\" CACHED=\"YES\"")
    }

    fn guard(n: usize) -> String {
        format!("GUARD ENTRY {}~a UP", fingerprint(n))
    }

    fn router(n: usize) -> String {
        let mut identity = [0; 20];
        identity[12..].copy_from_slice(&(n as u64).to_be_bytes());
        let identity = data_encoding::BASE64_NOPAD.encode(&identity);
        let published = "2038-01-01 00:00:00";
        format!(
            "NS\r\nr a {identity} plQ6EsZYTpzKMobnfTr0p6PnKMw {published} 127.0.0.1 9001 0\r\ns Running"
        )
    }

    /// Returns the time for applying 400 events to a model with `size` entries
    /// of every kind: the shortest of five measurements. Half of the events add
    /// an entry, and the other half concern known entries.
    fn cost(model: &mut Model, size: usize, kind: fn(usize) -> String) -> Duration {
        const EVENTS: usize = 200;
        let mut changes = Changes::new(true);
        let mut best = Duration::MAX;
        for round in 0..5 {
            let first = size + round * EVENTS;
            let events: Vec<Event> =
                (first..first + EVENTS).chain(0..EVENTS).map(|n| event(&kind(n))).collect();
            // Events are parsed lazily, and parsing isn't what is measured
            // here.
            events.iter().for_each(|event| drop(format!("{:?}", event.body())));
            let begun = Instant::now();
            events.iter().for_each(|event| model.apply(event, &mut changes));
            best = best.min(begun.elapsed());
        }
        best
    }

    /// Compares the times with the first and the last table size. The
    /// environment variable `SCAPE_STATE_SIZES=1000,100000` sets other sizes.
    /// docs/reliability.md has the measured times.
    #[test]
    fn event_cost_does_not_grow_with_the_tables() {
        let kinds = [circuit, circuit_minor, stream, mapping, guard, router];
        let sizes = std::env::var("SCAPE_STATE_SIZES").unwrap_or("500,20000".into());
        let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
        let mut costs = Vec::new();
        for &size in &sizes {
            let mut model = Model::new();
            model.phase = Phase::Live;
            for kind in [circuit, stream, mapping, guard, router] {
                for n in 0..size {
                    model.apply(&event(&kind(n)), &mut Changes::new(false));
                }
            }
            assert_eq!(model.addresses.snapshot().len(), size);
            assert_eq!((model.guards.guards().count(), model.routers.len()), (size, size));
            assert_eq!((model.circuits.iter().count(), model.streams.iter().count()), (size, size));
            costs.push(kinds.map(|kind| cost(&mut model, size, kind)));
        }
        // With the default sizes, a linear cost would be 40 times as high.
        for (at, kind) in
            ["CIRC", "CIRC_MINOR", "STREAM", "ADDRMAP", "GUARD", "NS"].iter().enumerate()
        {
            let costs: Vec<Duration> = costs.iter().map(|costs| costs[at]).collect();
            println!("{kind}: {costs:?} with {sizes:?} entries");
            assert!(
                costs[costs.len() - 1] < costs[0] * 12,
                "{kind}: {costs:?} with {sizes:?} entries"
            );
        }
    }
}
