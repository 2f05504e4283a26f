//! Changes of the state, for its listeners.

use std::sync::Arc;

use super::circuit_cell::CircuitCell;
use super::router_cell::RouterCell;
use super::stream_cell::StreamCell;
use crate::control::Subject;
use scape_proto::event::AddrMapEvent;
use scape_proto::info::AddressMapping;
use scape_proto::word::RelayName;

/// One change that listeners are notified of.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A new circuit.
    CircuitNew(Arc<CircuitCell>),
    CircuitLaunched(Arc<CircuitCell>),
    /// A circuit has one more hop.
    CircuitExtended(Arc<CircuitCell>, RelayName),
    CircuitBuilt(Arc<CircuitCell>),
    /// A circuit's purpose or onion service state has changed.
    CircuitChanged(Arc<CircuitCell>),
    CircuitFailed(Arc<CircuitCell>),
    CircuitClosed(Arc<CircuitCell>),
    /// A new stream.
    StreamNew(Arc<StreamCell>),
    /// A stream has been attached to a circuit.
    StreamAttached(Arc<StreamCell>, Arc<CircuitCell>),
    StreamDetached(Arc<StreamCell>),
    StreamSucceeded(Arc<StreamCell>),
    StreamFailed(Arc<StreamCell>),
    StreamClosed(Arc<StreamCell>),
    RouterAdded(Arc<RouterCell>),
    RouterChanged(Arc<RouterCell>),
    RouterRemoved(Arc<RouterCell>),
    AddressAdded(Arc<AddressMapping>),
    AddressExpired(Arc<AddressMapping>),
    /// A name couldn't be resolved.
    AddressFailed(Arc<AddrMapEvent>),
}

impl Change {
    /// Returns the subject of the change: the circuit or stream that the change
    /// is about. Returns `None` for changes of relays and addresses. A listener
    /// can be installed for a single subject.
    pub(super) fn subject(&self) -> Option<Subject> {
        self.circuit().map(Subject::of).or_else(|| self.stream().map(Subject::of))
    }

    /// Returns the circuit that the change is about. Returns `None` for changes
    /// of anything else.
    pub(super) fn circuit(&self) -> Option<&Arc<CircuitCell>> {
        match self {
            Change::CircuitNew(cell)
            | Change::CircuitLaunched(cell)
            | Change::CircuitExtended(cell, _)
            | Change::CircuitBuilt(cell)
            | Change::CircuitChanged(cell)
            | Change::CircuitFailed(cell)
            | Change::CircuitClosed(cell) => Some(cell),
            _ => None,
        }
    }

    /// Returns the stream that the change is about. Returns `None` for changes
    /// of anything else.
    pub(super) fn stream(&self) -> Option<&Arc<StreamCell>> {
        match self {
            Change::StreamNew(cell)
            | Change::StreamAttached(cell, _)
            | Change::StreamDetached(cell)
            | Change::StreamSucceeded(cell)
            | Change::StreamFailed(cell)
            | Change::StreamClosed(cell) => Some(cell),
            _ => None,
        }
    }
}

/// The changes that one event, or one snapshot, has caused, in order. Nothing
/// is collected if there are no listeners.
#[derive(Debug)]
pub(super) struct Changes {
    wanted: bool,
    list: Vec<Change>,
}

impl Changes {
    pub(super) fn new(wanted: bool) -> Self {
        Changes { wanted, list: Vec::new() }
    }

    /// Adds the change that `change` returns. If there are no listeners, does
    /// nothing and doesn't call `change`.
    pub(super) fn push(&mut self, change: impl FnOnce() -> Change) {
        if self.wanted {
            self.list.push(change());
        }
    }

    pub(super) fn into_list(self) -> Vec<Change> {
        self.list
    }
}
