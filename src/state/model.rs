//! All that is known of tor at one moment.

use std::sync::Arc;
use std::time::SystemTime;

use super::address_table::AddressTable;
use super::change::Changes;
use super::circuit_table::CircuitTable;
use super::guard_table::GuardTable;
use super::router_table::RouterTable;
use super::snapshot::Snapshot;
use super::stream_table::StreamTable;
use crate::error::Closed;
use crate::event::{Event, EventBody};

/// What tor has told, put together. It knows no connection and no clock.
#[derive(Debug)]
pub(super) struct Model {
    /// Counts the changes, for those who wait for one.
    pub(super) version: u64,
    pub(super) phase: Phase,
    pub(super) circuits: CircuitTable,
    pub(super) streams: StreamTable,
    pub(super) addresses: AddressTable,
    pub(super) guards: GuardTable,
    pub(super) routers: Arc<RouterTable>,
    /// How often what the consensus says of routers has changed.
    pub(super) consensus: u64,
}

/// Whether what is known is so.
#[derive(Debug)]
pub(super) enum Phase {
    /// A snapshot is on its way; meanwhile events are kept, to be applied after it.
    Loading(Vec<Arc<Event>>),
    Live,
    /// The connection has ended, and nobody makes it again by itself.
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

    /// An event of a kind in [`KINDS`](super::KINDS). What NS and NEWCONSENSUS say takes longer, and is applied by
    /// [`set_routers`](Self::set_routers).
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
            EventBody::Ns(told) => self.set_routers(self.routers.with(told.entries(), changes)),
            EventBody::NewConsensus(told) => self.set_routers(self.routers.replaced(told.entries(), changes)),
            _ => {}
        }
    }

    /// What the consensus says now.
    pub(super) fn set_routers(&mut self, routers: Arc<RouterTable>) {
        if !Arc::ptr_eq(&routers, &self.routers) {
            self.routers = routers;
            self.consensus += 1;
        }
    }

    /// Everything anew, from a snapshot, and what came meanwhile. `routers` is what the snapshot says of them.
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
