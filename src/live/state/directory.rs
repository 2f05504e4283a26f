//! The consensus with its microdescriptors, cached as long as it is the newest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Router, State};
use crate::control::Controller;
use crate::error::Result;
use scape_proto::netdoc::{Directory, PortPolicy, Protocols, Relay};
use scape_proto::word::Version;

/// The time for which a directory that lacks microdescriptors is cached. tor
/// may have fetched them in the meantime.
const INCOMPLETE_FOR: Duration = Duration::from_secs(10);

/// A cached directory, with the [consensus count](State::consensus_count) and
/// the time at which it was requested.
#[derive(Debug)]
pub(super) struct Kept {
    directory: Arc<Directory>,
    consensus: u64,
    asked: Instant,
}

impl Kept {
    fn is_good(&self, consensus: u64) -> bool {
        let is_complete = || self.directory.relays().iter().all(Relay::has_microdescriptor);
        self.consensus == consensus && (self.asked.elapsed() < INCOMPLETE_FOR || is_complete())
    }
}

/// The directory: the consensus and its microdescriptors.
impl State {
    /// Returns the consensus with its microdescriptors, which is all the data
    /// for choosing a path. The result of
    /// [`Info::directory`](crate::control::Info::directory) is cached until
    /// there is a new consensus. If tor lacks some microdescriptors, it is
    /// cached for only ten seconds.
    ///
    /// ```no_run
    /// let state = scape::Tor::connect()?.state()?;
    /// println!("{} relays", state.directory()?.relays().len());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Info::directory`](crate::control::Info::directory),
    /// most often those of the control connection.
    pub fn directory(&self) -> Result<Arc<Directory>> {
        self.directory_with(self.controller())
    }

    /// Like [`directory`](Self::directory), within the call that `controller`
    /// was made for.
    pub(crate) fn directory_with(&self, controller: &Controller) -> Result<Arc<Directory>> {
        // The count is read before the request, so a consensus that arrives
        // meanwhile makes this directory outdated.
        let consensus = self.consensus_count();
        let kept = self
            .inner
            .directory
            .lock()
            .as_ref()
            .filter(|kept| kept.is_good(consensus))
            .map(|kept| kept.directory.clone());
        if let Some(directory) = kept {
            return Ok(directory);
        }
        let asked = Instant::now();
        let directory = Arc::new(controller.info().directory()?);
        *self.inner.directory.lock() =
            Some(Kept { directory: directory.clone(), consensus, asked });
        Ok(directory)
    }
}

/// Information from a relay's microdescriptor and from the whole consensus.
/// Each method may request the [directory](State::directory) from tor, which is
/// cached. It returns `None` if the relay isn't in the directory, or if the
/// directory lacks this information.
impl Router {
    /// Returns the ports to which the relay allows streams to exit over IPv4.
    /// This is a summary of the relay's exit policy.
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn policy(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy().cloned())
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6.
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn policy_v6(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy_v6().cloned())
    }

    /// Returns the protocol versions that the relay supports.
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn protocols(&self) -> Result<Option<Protocols>> {
        self.of_relay(|relay| relay.protocols().cloned())
    }

    /// Returns the version of the relay's tor.
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn version(&self) -> Result<Option<Version>> {
        self.of_relay(|relay| relay.version().cloned())
    }

    fn of_relay<T>(&self, ask: impl FnOnce(&Relay) -> Option<T>) -> Result<Option<T>> {
        Ok(self.state().directory()?.relay(self.fingerprint()).and_then(ask))
    }
}
