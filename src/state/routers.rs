//! A snapshot of the consensus' routers.

use std::fmt;
use std::sync::Arc;

use super::router_table::RouterTable;
use super::{Router, State};
use crate::descriptor::RouterFlags;
use crate::word::Fingerprint;

/// The routers that the consensus had at one moment. It stays as it is while
/// tor gets another consensus; what each [`Router`] says is always the newest.
/// Cheap to make and to clone. dir-spec, "Router status entries".
#[derive(Clone)]
pub struct Routers {
    table: Arc<RouterTable>,
    state: State,
}

impl Routers {
    pub(super) fn new(table: Arc<RouterTable>, state: State) -> Self {
        Routers { table, state }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none: tor has no consensus.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in the order of their fingerprints.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Router> + '_ {
        self.table.cells().map(|cell| Router::new(cell.clone(), self.state.clone()))
    }

    /// The router with this fingerprint.
    pub fn get(&self, fingerprint: Fingerprint) -> Option<Router> {
        Some(Router::new(self.table.get(fingerprint)?.clone(), self.state.clone()))
    }

    /// The routers with this nickname, in either case: any number may have the
    /// same.
    pub fn named(&self, nickname: &str) -> Vec<Router> {
        self.table
            .named(nickname)
            .map(|cell| Router::new(cell.clone(), self.state.clone()))
            .collect()
    }

    /// The routers that have all of these flags.
    pub fn with_flags(&self, flags: RouterFlags) -> impl Iterator<Item = Router> + '_ {
        self.iter().filter(move |router| router.flags().contains(flags))
    }
}

impl fmt::Debug for Routers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routers").field("len", &self.len()).finish_non_exhaustive()
    }
}
