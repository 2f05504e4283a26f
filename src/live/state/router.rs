//! [`Router`]: a handle to a relay in a live state.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::SystemTime;

use super::State;
use super::router_cell::RouterCell;
use scape_proto::netdoc::{Relay, RouterFlags};
use scape_proto::word::{Fingerprint, RelayName};

/// A handle to a relay, with its entry in the consensus. The handle stays valid
/// across consensuses. If the current consensus doesn't list the relay,
/// [`is_in_consensus`](Self::is_in_consensus) returns false. Returned by
/// methods of [`State`].
///
/// Two handles are equal if they refer to the same relay.
///
/// ```no_run
/// # let controller = scape::connect()?;
/// let state = scape::State::new(&controller)?;
/// for router in state.routers().iter().take(5) {
///     println!("{} at {:?}: {}", router.name(), router.or_address(), router.flags());
/// }
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
pub struct Router {
    cell: Arc<RouterCell>,
    state: State,
}

impl Router {
    pub(super) fn new(cell: Arc<RouterCell>, state: State) -> Self {
        Router { cell, state }
    }

    /// Returns the relay's identity fingerprint.
    #[doc(alias = "id_hex")]
    pub fn fingerprint(&self) -> Fingerprint {
        self.cell.fingerprint()
    }

    /// Returns the relay's entry in the latest consensus that listed it.
    /// Returns `None` if the relay wasn't in the consensus when you got the
    /// handle, and no later consensus has listed it. For example, bridges never
    /// have an entry. Without an entry, [`nickname`](Self::nickname) and most
    /// other methods return `None` too.
    ///
    /// All handles to a relay share its entry. If you still had an older handle
    /// when you got this one, the time of the older one counts.
    pub fn entry(&self) -> Option<Arc<Relay>> {
        self.cell.entry()
    }

    /// Returns true if the relay is in the current consensus. Don't use a relay
    /// that is no longer in it. Bridges are never in the consensus.
    pub fn is_in_consensus(&self) -> bool {
        self.cell.is_in_consensus()
    }

    /// Returns the nickname that the operator chose, or `None` if the relay has
    /// no [`entry`](Self::entry). Several relays may have the same nickname.
    pub fn nickname(&self) -> Option<String> {
        self.entry().map(|entry| entry.nickname().to_owned())
    }

    /// Returns the fingerprint, with the nickname if it is known.
    pub fn name(&self) -> RelayName {
        self.entry().map_or_else(|| self.fingerprint().into(), |entry| entry.name())
    }

    /// Returns the relay's flags. The set is empty if the relay has no
    /// [`entry`](Self::entry).
    pub fn flags(&self) -> RouterFlags {
        self.entry().map(|entry| entry.flags()).unwrap_or_default()
    }

    /// Returns the relay's consensus weight in kilobytes (1000 bytes) per
    /// second, or `None` if the relay's [`entry`](Self::entry) has none.
    pub fn bandwidth(&self) -> Option<u32> {
        self.entry()?.bandwidth()
    }

    /// Returns the IPv4 address with the OR port, which relays and clients
    /// connect to. Returns `None` if the relay has no [`entry`](Self::entry).
    pub fn or_address(&self) -> Option<SocketAddrV4> {
        self.entry().map(|entry| entry.or_address())
    }

    /// Returns the IPv6 address with the OR port, which relays and clients
    /// connect to. Returns `None` if the relay's [`entry`](Self::entry) has
    /// none.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.entry()?.ipv6()
    }

    /// Returns the publication time of the relay's descriptor, or `None` if the
    /// relay's [`entry`](Self::entry) has none. Current consensuses contain a
    /// date in the year 2038 instead of the real time.
    pub fn published(&self) -> Option<SystemTime> {
        self.entry()?.published()
    }

    /// Returns the state that the relay belongs to.
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl PartialEq for Router {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl Eq for Router {}

impl Hash for Router {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint().hash(state);
    }
}

impl fmt::Display for Router {
    /// Formats fingerprint and nickname as tor writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("name", &format_args!("{self}"))
            .field("in_consensus", &self.is_in_consensus())
            .finish_non_exhaustive()
    }
}
