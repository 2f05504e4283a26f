//! The consensus with its microdescriptors, cached as long as it is the newest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Router, State};
use crate::control::Controller;
use crate::error::Result;
use scape_proto::netdoc::{Directory, PortPolicy, Protocols, Relay};
use scape_proto::word::Version;

/// The time for which a directory that lacks microdescriptors is cached. After
/// this time, the next call requests the directory again, because tor may have
/// fetched them.
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
    /// there is a new consensus. If tor lacks some microdescriptors, the result
    /// is cached for only ten seconds.
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

    /// Returns the directory like [`directory`](Self::directory), but sends the
    /// commands with `controller`, which may be limited to the deadline of a
    /// call.
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
/// Each method may request the [directory](State::directory) from tor; the
/// directory is cached. A method returns `None` if the relay isn't in the
/// directory, or if the directory lacks the information.
impl Router {
    /// Returns the ports to which the relay allows streams to exit over IPv4.
    /// This is a summary of the relay's exit policy. Returns `None` if the
    /// [directory](State::directory) doesn't contain the summary.
    ///
    /// ```
    /// # let relay = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Exit Running\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=4000\np accept 80,443\n";
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", relay)
    /// #     .info("dir/status-vote/current/consensus", format!("network-status-version 3\nvote-status consensus\n{relay}directory-footer\n"))
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for router in state.routers().named("alice") {
    ///     let policy = router.policy()?;
    ///     assert!(policy.is_some_and(|policy| policy.allows(443) && !policy.allows(25)));
    /// }
    /// # assert_eq!(state.routers().named("alice").len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn policy(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy().cloned())
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6.
    /// Returns `None` if the [directory](State::directory) lacks the relay's
    /// microdescriptor.
    ///
    /// ```
    /// # let relay = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Exit Running\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=4000\np accept 80,443\n";
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", relay)
    /// #     .info("dir/status-vote/current/consensus", format!("network-status-version 3\nvote-status consensus\n{relay}directory-footer\n"))
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for router in state.routers().iter() {
    ///     if router.policy_v6()?.is_some_and(|policy| policy.allows(443)) {
    ///         println!("{router} leads to IPv6 web servers");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn policy_v6(&self) -> Result<Option<PortPolicy>> {
        self.of_relay(|relay| relay.policy_v6().cloned())
    }

    /// Returns the protocol versions that the relay supports, or `None` if the
    /// [directory](State::directory) doesn't contain them.
    ///
    /// ```
    /// # let relay = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Exit Running\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=4000\np accept 80,443\n";
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", relay)
    /// #     .info("dir/status-vote/current/consensus", format!("network-status-version 3\nvote-status consensus\n{relay}directory-footer\n"))
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for router in state.routers().named("alice") {
    ///     assert!(router.protocols()?.is_some_and(|protocols| protocols.supports("Link", 5)));
    /// }
    /// # assert_eq!(state.routers().named("alice").len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`State::directory`], most often those of the control
    /// connection.
    pub fn protocols(&self) -> Result<Option<Protocols>> {
        self.of_relay(|relay| relay.protocols().cloned())
    }

    /// Returns the version of the relay's tor, or `None` if the
    /// [directory](State::directory) doesn't contain it.
    ///
    /// ```
    /// # let relay = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Exit Running\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=4000\np accept 80,443\n";
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", relay)
    /// #     .info("dir/status-vote/current/consensus", format!("network-status-version 3\nvote-status consensus\n{relay}directory-footer\n"))
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for router in state.routers().named("alice") {
    ///     let version = router.version()?.map(|version| version.to_string());
    ///     assert_eq!(version.as_deref(), Some("0.4.9.11"));
    /// }
    /// # assert_eq!(state.routers().named("alice").len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
