//! Listeners for changes of the configuration.

use std::sync::Arc;
use std::time::Duration;

use super::change::ConfigChange;
use super::shared::Shared;
use crate::control::ListenerGuard;
use crate::error::Result;
use crate::io::transport::Deadline;

/// The guard of a callback for changes of the configuration. The callback is
/// called as long as the guard lives. Returned by
/// [`Config::on_change`](super::Config::on_change).
///
/// Dropping the guard removes the callback at once: no further call begins,
/// even for changes that came before. A call that is running on another thread
/// at that moment is not waited for. The callback itself may drop the guard. To
/// let the callback see everything that came before, use
/// [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "dropping this removes the listener at once"]
pub struct ConfigListener {
    pub(super) guard: ListenerGuard<(), ConfigChange>,
    /// Keeps the configuration up to date.
    pub(super) _shared: Arc<Shared>,
}

impl ConfigListener {
    /// Removes the callback after it has been called with every change that tor
    /// reported before this call. Waits for at most `timeout`.
    ///
    /// If a callback of the same connection calls this, it can't wait for
    /// itself, so the call returns early. The callback is then called with the
    /// pending changes and removed after that.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// use std::time::Duration;
    ///
    /// let mut config = tor.config()?;
    /// let listener = config.on_change(|change| println!("{change}"));
    /// config.set("ContactInfo", "me")?;
    /// config.save()?;
    /// listener.finish(Duration::from_secs(10))?; // what tor has reported by now was printed
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, or if pending callbacks don't return in time. The callback is
    /// then removed at once. The end of the connection is not an error.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        self.guard.finish(Deadline::after(timeout))
    }
}
