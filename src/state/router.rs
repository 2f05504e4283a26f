//! A handle on a router.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::SystemTime;

use super::State;
use super::router_table::RouterCell;
use crate::descriptor::{RouterEntry, RouterFlags};
use crate::word::{Fingerprint, RelayName};

/// A relay, as the consensus describes it now. It is the same one in every
/// consensus, and says when the consensus does not have it (any more). Made by
/// [`State`].
///
/// Two handles are equal if they are of the same router.
#[derive(Clone)]
pub struct Router {
    cell: Arc<RouterCell>,
    state: State,
}

impl Router {
    pub(super) fn new(cell: Arc<RouterCell>, state: State) -> Self {
        Router { cell, state }
    }

    /// The name by which tor knows it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.cell.fingerprint()
    }

    /// All that a consensus last said of it; `None` of one that no consensus
    /// had since it is known.
    pub fn entry(&self) -> Option<Arc<RouterEntry>> {
        self.cell.entry()
    }

    /// Whether the consensus has it. One that it no longer has must not be
    /// used; bridges never are in it.
    pub fn is_in_consensus(&self) -> bool {
        self.cell.is_in_consensus()
    }

    /// The name that its operator chose. Many relays may have the same.
    pub fn nickname(&self) -> Option<String> {
        self.entry().map(|entry| entry.nickname().to_owned())
    }

    /// Both names, as far as they are known.
    pub fn name(&self) -> RelayName {
        self.entry().map_or_else(|| self.fingerprint().into(), |entry| entry.name())
    }

    /// Its flags; none where they are not known.
    pub fn flags(&self) -> RouterFlags {
        self.entry().map(|entry| entry.flags()).unwrap_or_default()
    }

    /// Its weight in the consensus, in kilobytes (of 1000 bytes) a second.
    pub fn bandwidth(&self) -> Option<u32> {
        self.entry()?.bandwidth()
    }

    /// Its IPv4 address, with the port for relays and clients.
    pub fn or_address(&self) -> Option<SocketAddrV4> {
        self.entry().map(|entry| entry.or_address())
    }

    /// Its IPv6 address, with the port for relays and clients.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.entry()?.ipv6()
    }

    /// When its descriptor was published. A consensus does not tell any more:
    /// it says the year 2038.
    pub fn published(&self) -> Option<SystemTime> {
        self.entry()?.published()
    }

    /// The state that it is a part of.
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
    /// Both names, as tor writes them.
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
