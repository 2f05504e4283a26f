//! The last known information about a stream.

use std::sync::Arc;

use parking_lot::Mutex;

use scape_proto::event::{StreamInfo, StreamTarget};
use scape_proto::word::StreamId;

/// One stream. It lives as long as it is open or somebody holds a handle.
#[derive(Debug)]
pub(super) struct StreamCell {
    id: StreamId,
    /// The stream's target when it was first seen.
    first_target: StreamTarget,
    /// The last known information.
    info: Mutex<Arc<StreamInfo>>,
}

impl StreamCell {
    pub(super) fn new(info: StreamInfo) -> Arc<Self> {
        let first_target = info.target.clone();
        Arc::new(StreamCell { id: info.id, first_target, info: Mutex::new(Arc::new(info)) })
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

    /// Changes the information: in place, unless somebody holds a copy.
    pub(super) fn change(&self, change: impl FnOnce(&mut StreamInfo)) {
        change(Arc::make_mut(&mut self.info.lock()));
    }
}
