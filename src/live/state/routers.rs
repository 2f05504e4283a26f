//! A snapshot of the relays in the consensus.

use std::fmt;
use std::sync::Arc;

use super::router_table::RouterTable;
use super::{Router, State};
use scape_proto::netdoc::RouterFlags;
use scape_proto::word::Fingerprint;

/// The relays in the consensus at one moment. The set doesn't change when tor
/// gets a new consensus, but each [`Router`] always returns the newest
/// information. A `Routers` is cheap to get and to clone. See "Router status
/// entries" in dir-spec.
///
/// ```no_run
/// use scape::netdoc::RouterFlags;
///
/// let routers = scape::Tor::connect()?.state()?.routers();
/// println!("{} relays, {} exits", routers.len(), routers.with_flags(RouterFlags::EXIT).count());
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
pub struct Routers {
    table: Arc<RouterTable>,
    state: State,
}

impl Routers {
    pub(super) fn new(table: Arc<RouterTable>, state: State) -> Self {
        Routers { table, state }
    }

    /// Returns the number of relays.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns true if there are no relays, which means that tor has no
    /// consensus.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all relays, ordered by fingerprint.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Router> + '_ {
        self.table.cells().map(|cell| Router::new(cell.clone(), self.state.clone()))
    }

    /// Returns the relay with this fingerprint, or `None` if it isn't in the
    /// consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Authority Exit Running\nw Bandwidth=4000\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// let relay = state.routers().get("256498816C85C6ABA4DF222205CF3FA091E63CCE".parse()?);
    /// assert!(relay.is_some_and(|relay| relay.is_in_consensus()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, fingerprint: Fingerprint) -> Option<Router> {
        Some(Router::new(self.table.get(fingerprint)?.clone(), self.state.clone()))
    }

    /// Returns the relays with this nickname, ignoring case. Several relays may
    /// have the same nickname.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Authority Exit Running\nw Bandwidth=4000\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for relay in state.routers().named("ALICE") {
    ///     assert_eq!(relay.nickname().as_deref(), Some("alice"));
    /// }
    /// # assert_eq!(state.routers().named("ALICE").len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn named(&self, nickname: &str) -> Vec<Router> {
        self.table
            .named(nickname)
            .map(|cell| Router::new(cell.clone(), self.state.clone()))
            .collect()
    }

    /// Returns the relays that have all of these flags.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\ns Authority Exit Running\nw Bandwidth=4000\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::netdoc::RouterFlags;
    ///
    /// let routers = state.routers();
    /// assert_eq!(routers.with_flags(RouterFlags::EXIT).count(), 1);
    /// assert_eq!(routers.with_flags(RouterFlags::EXIT | RouterFlags::GUARD).count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_flags(&self, flags: RouterFlags) -> impl Iterator<Item = Router> + '_ {
        self.iter().filter(move |router| router.flags().contains(flags))
    }
}

impl fmt::Debug for Routers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routers").field("len", &self.len()).finish_non_exhaustive()
    }
}
