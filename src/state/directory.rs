//! The consensus together with its microdescriptors, kept as long as it is the
//! newest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Router, State};
use crate::controller::Controller;
use crate::descriptor::{Directory, PortPolicy, Protocols, Relay};
use crate::error::Result;
use crate::word::Version;

/// How long one is kept that lacks microdescriptors, which tor may have got
/// meanwhile.
const INCOMPLETE_FOR: Duration = Duration::from_secs(10);

/// A directory, and when it was asked for.
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

/// What the consensus and its microdescriptors say.
impl State {
    /// The consensus together with its microdescriptors: all that choosing a
    /// path needs. It is asked for when there is a new consensus
    /// ([`Controller::directory`](crate::Controller::directory)), and else
    /// given again.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::directory`](crate::Controller::directory).
    pub fn directory(&self) -> Result<Arc<Directory>> {
        self.directory_with(self.controller())
    }

    /// Like [`directory`](Self::directory), as a part of the call that
    /// `controller` was made for.
    pub(crate) fn directory_with(&self, controller: &Controller) -> Result<Arc<Directory>> {
        // Before it is asked for: a consensus that comes meanwhile makes it
        // old.
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
        let directory = Arc::new(controller.directory()?);
        *self.inner.directory.lock() =
            Some(Kept { directory: directory.clone(), consensus, asked });
        Ok(directory)
    }
}

/// What the microdescriptor and the whole consensus say of a router. Each may
/// ask tor for the [directory](State::directory), once for every consensus, and
/// gives nothing for a router that this does not have.
impl Router {
    /// The ports to which it lets streams leave, over IPv4: a summary of its
    /// exit policy.
    ///
    /// # Errors
    ///
    /// Those of [`State::directory`].
    pub fn policy(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy().cloned())
    }

    /// The ports to which it lets streams leave over IPv6.
    ///
    /// # Errors
    ///
    /// Those of [`State::directory`].
    pub fn policy_v6(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy_v6().cloned())
    }

    /// The protocols that it speaks.
    ///
    /// # Errors
    ///
    /// Those of [`State::directory`].
    pub fn protocols(&self) -> Result<Option<Protocols>> {
        self.of_relay(|relay| relay.protocols().cloned())
    }

    /// The version of its tor.
    ///
    /// # Errors
    ///
    /// Those of [`State::directory`].
    pub fn version(&self) -> Result<Option<Version>> {
        self.of_relay(|relay| relay.version().cloned())
    }

    fn of_relay<T>(&self, ask: impl FnOnce(&Relay) -> Option<T>) -> Result<Option<T>> {
        Ok(self.state().directory()?.relay(self.fingerprint()).and_then(ask))
    }
}
