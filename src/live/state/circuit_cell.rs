//! The last known information about a circuit.

use std::sync::Arc;

use parking_lot::Mutex;

use scape_proto::event::{CircuitInfo, CircuitStatus};
use scape_proto::word::CircuitId;

/// The data of one circuit, which all handles to the circuit share. A cell
/// lives as long as the circuit is open or somebody holds a handle.
#[derive(Debug)]
pub(super) struct CircuitCell {
    id: CircuitId,
    /// The last known information.
    info: Mutex<Arc<CircuitInfo>>,
}

impl CircuitCell {
    pub(super) fn new(info: CircuitInfo) -> Arc<Self> {
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

    /// Changes the information about the circuit. If somebody still holds an
    /// [`Arc`] that [`info`](Self::info) has returned, changes a new copy
    /// instead.
    pub(super) fn change(&self, change: impl FnOnce(&mut CircuitInfo)) {
        change(Arc::make_mut(&mut self.info.lock()));
    }
}
