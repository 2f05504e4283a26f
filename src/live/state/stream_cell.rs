//! The last known information about a stream.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::circuit_cell::CircuitCell;
use scape_proto::event::{StreamInfo, StreamTarget};
use scape_proto::word::StreamId;

/// The data of one stream, which all handles to the stream share. A cell lives
/// as long as the stream is open or somebody holds a handle.
#[derive(Debug)]
pub(super) struct StreamCell {
    id: StreamId,
    /// The stream's target when it was first seen.
    first_target: StreamTarget,
    /// The last known information.
    info: Mutex<Arc<StreamInfo>>,
    /// The circuit that the stream was last seen on. The circuit's id alone
    /// wouldn't be enough, because a restarted tor uses the id for another
    /// circuit.
    circuit: Mutex<Weak<CircuitCell>>,
}

impl StreamCell {
    pub(super) fn new(info: StreamInfo) -> Arc<Self> {
        let first_target = info.target.clone();
        let (id, info) = (info.id, Mutex::new(Arc::new(info)));
        Arc::new(StreamCell { id, first_target, info, circuit: Mutex::default() })
    }

    pub(super) fn id(&self) -> StreamId {
        self.id
    }

    pub(super) fn first_target(&self) -> &StreamTarget {
        &self.first_target
    }

    pub(super) fn info(&self) -> Arc<StreamInfo> {
        self.info.lock().clone()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.info.lock().status.is_end()
    }

    /// Sets the circuit that the stream was last seen on.
    pub(super) fn set_circuit(&self, circuit: Option<&Arc<CircuitCell>>) {
        *self.circuit.lock() = circuit.map(Arc::downgrade).unwrap_or_default();
    }

    /// Returns the circuit that the stream was last seen on. Returns `None` if
    /// that circuit has ended, or if the stream wasn't on a circuit.
    pub(super) fn last_circuit(&self) -> Option<Arc<CircuitCell>> {
        let circuit = self.circuit.lock().upgrade()?;
        (Some(circuit.id()) == self.info().circuit && !circuit.is_ended()).then_some(circuit)
    }

    /// Changes the information about the stream. If somebody still holds an
    /// [`Arc`] that [`info`](Self::info) has returned, changes a new copy
    /// instead.
    pub(super) fn change(&self, change: impl FnOnce(&mut StreamInfo)) {
        change(Arc::make_mut(&mut self.info.lock()));
    }
}
