//! What an event changes.

use std::sync::Arc;

use super::circuit_table::CircuitCell;
use super::router_table::RouterCell;
use super::stream_table::StreamCell;
use crate::event::AddrMapEvent;
use crate::protocol::AddressMapping;
use crate::types::RelayName;

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

/// What one event, or one snapshot, has changed, in order. Nothing is gathered where nobody listens.
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
