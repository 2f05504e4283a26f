//! Listeners for changes of the configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::model::Changed;
use super::shared::Shared;
use crate::control::ListenerGuard;
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::ConfLine;

/// A change of an option, or of a group of options. Passed to the callback of
/// [`Config::on_change`](super::Config::on_change).
///
/// `Debug` and `Display` don't show the values of options that are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigChange {
    /// The name of the option, or of the group (`SocksPortLines`,
    /// `HiddenServiceOptions`) if its lines are only changed together.
    pub name: String,
    /// The lines before the change. `None` if they weren't known, because the
    /// option was neither read nor changed before.
    pub before: Option<Vec<ConfLine>>,
    /// The lines after the change. Empty if the option is unset.
    pub after: Vec<ConfLine>,
    /// True if this connection made the change with
    /// [`Config::save`](super::Config::save). False if another controller made
    /// it, if tor read its torrc again, or if another command on this
    /// connection made it.
    pub is_own: bool,
}

impl From<Changed> for ConfigChange {
    fn from(changed: Changed) -> Self {
        let Changed { unit, before, after, is_own } = changed;
        ConfigChange { name: unit, before, after, is_own }
    }
}

impl fmt::Display for ConfigChange {
    /// Formats the present lines, or says that the option is unset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.after.split_first() else {
            return write!(f, "{} is unset", self.name);
        };
        write!(f, "{first}")?;
        others.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

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
