//! What an event changes.

use std::sync::Arc;

use super::circuit_table::CircuitCell;
use super::router_table::RouterCell;
use super::stream_table::StreamCell;
use crate::controller::Subject;
use crate::event::AddrMapEvent;
use crate::protocol::AddressMapping;
use crate::word::RelayName;

/// One thing that listeners are told.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A circuit that was not known before.
    CircuitNew(Arc<CircuitCell>),
    CircuitLaunched(Arc<CircuitCell>),
    /// One more hop is there.
    CircuitExtended(Arc<CircuitCell>, RelayName),
    CircuitBuilt(Arc<CircuitCell>),
    /// Its purpose, or how far it has come for an onion service.
    CircuitChanged(Arc<CircuitCell>),
    CircuitFailed(Arc<CircuitCell>),
    CircuitClosed(Arc<CircuitCell>),
    /// A stream that was not known before.
    StreamNew(Arc<StreamCell>),
    /// It is on this circuit now.
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
    /// A name could not be resolved.
    AddressFailed(Arc<AddrMapEvent>),
}

impl Change {
    /// The circuit or stream that it is about, of which some listeners only
    /// want to know.
    pub(super) fn subject(&self) -> Option<Subject> {
        self.circuit().map(Subject::of).or_else(|| self.stream().map(Subject::of))
    }

    /// The circuit that it is about.
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

    /// The stream that it is about.
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

/// What one event, or one snapshot, has changed, in order. Nothing is gathered
/// where nobody listens.
#[derive(Debug)]
pub(super) struct Changes {
    wanted: bool,
    list: Vec<Change>,
}

impl Changes {
    pub(super) fn new(wanted: bool) -> Self {
        Changes { wanted, list: Vec::new() }
    }

    /// Adds a change, which is made only where somebody listens.
    pub(super) fn push(&mut self, change: impl FnOnce() -> Change) {
        if self.wanted {
            self.list.push(change());
        }
    }

    pub(super) fn into_list(self) -> Vec<Change> {
        self.list
    }
}

/// Takes over what is told of something that changes little.
pub(super) fn copy<T: PartialEq + Clone>(known: &mut T, told: &T) {
    if known != told {
        known.clone_from(told);
    }
}
