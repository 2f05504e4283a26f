//! The last known information about a circuit.

use std::sync::Arc;

use parking_lot::Mutex;

use scape_proto::event::{CircuitInfo, CircuitStatus};
use scape_proto::word::CircuitId;

/// One circuit. It lives as long as it is open or somebody holds a handle.
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

    /// Changes the information: in place, unless somebody holds a copy.
    pub(super) fn change(&self, change: impl FnOnce(&mut CircuitInfo)) {
        change(Arc::make_mut(&mut self.info.lock()));
    }
}
