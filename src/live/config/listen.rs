//! The registration of a callback for changes of the configuration.

use std::fmt;
use std::sync::Arc;

use super::change::ConfigChange;
use super::shared::Shared;
use crate::client::socks::KeepAlive;
use crate::control::ListenerGuard;
use crate::error::Result;
use crate::io::connection::Registered;
use crate::io::transport::Deadline;

/// A callback for changes of the configuration, which is called as long as this
/// value lives.
pub(super) struct ConfigListener {
    pub(super) guard: Box<ListenerGuard<(), ConfigChange>>,
    /// The shared state, which receives the CONF_CHANGED events. It must live
    /// as long as the callback.
    pub(super) _shared: Arc<Shared>,
    /// A value that must live as long as the callback, such as a launched tor.
    pub(super) _keep: Option<KeepAlive>,
}

impl Registered for ConfigListener {
    fn lost(&self) -> u64 {
        self.guard.lost()
    }

    fn finish(self: Box<Self>, deadline: Deadline) -> Result<()> {
        self.guard.finish(deadline)
    }

    fn close(self: Box<Self>, deadline: Deadline) -> Result<bool> {
        self.guard.close(deadline)
    }
}

impl fmt::Debug for ConfigListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}
