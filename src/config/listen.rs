//! Being told of changes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::model::Changed;
use super::shared::Shared;
use crate::controller::ListenerGuard;
use crate::error::Result;
use crate::protocol::ConfLine;
use crate::transport::Deadline;

/// An option, or a group of options, that has other values now: see
/// [`Config::on_change`](super::Config::on_change).
///
/// `Debug` and `Display` do not show the values of options that are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigChange {
    /// The option's name, or that of the group (`SocksPortLines`,
    /// `HiddenServiceOptions`), whose lines are only changed together.
    pub name: String,
    /// What it had before, where that was known: where it had been asked for.
    pub before: Option<Vec<ConfLine>>,
    /// What it has now; no line where it is unset.
    pub after: Vec<ConfLine>,
    /// Whether this connection has changed it by
    /// [`Config::save`](super::Config::save). Others are other controllers, a
    /// new reading of the torrc, and other commands on this connection.
    pub is_own: bool,
}

impl From<Changed> for ConfigChange {
    fn from(changed: Changed) -> Self {
        let Changed { unit, before, after, is_own } = changed;
        ConfigChange { name: unit, before, after, is_own }
    }
}

impl fmt::Display for ConfigChange {
    /// Its lines as they are now, or its name where it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.after.split_first() else {
            return write!(f, "{} is unset", self.name);
        };
        write!(f, "{first}")?;
        others.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// A listener that is told of changes of the configuration as long as this
/// lives.
///
/// Dropping it removes the listener at once: no call begins afterwards, also
/// for changes that came before. A call that is running just now on another
/// thread is not waited for. It may be dropped by the listener itself.
/// [`finish`](Self::finish) lets the listener see what came before.
#[derive(Debug)]
#[must_use = "dropping this removes the listener at once"]
pub struct ConfigListener {
    pub(super) guard: ListenerGuard<(), ConfigChange>,
    /// So that the configuration is kept live.
    pub(super) _shared: Arc<Shared>,
}

impl ConfigListener {
    /// Removes the listener once it was told of everything that tor sent before
    /// this call. Waits for that for at most `timeout`.
    ///
    /// A callback of the same connection may call this, but it can't wait for
    /// itself. The call returns early then, and the listener is still told of
    /// what is due and removed after that.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, or if callbacks that are due don't return in time. The listener
    /// is removed at once then. The end of the connection is not an error.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        self.guard.finish(Deadline::after(timeout))
    }
}
