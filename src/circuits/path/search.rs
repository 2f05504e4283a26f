//! Searches for relays that fit together.

use rand::Rng;

use super::conflict::conflict;
use super::plan::{Candidates, Hop, Plan};
use crate::circuits::path::{NoPathError, PathRule};
use scape_proto::word::Fingerprint;

/// The maximum number of draws for one path. If there is a path at all, one
/// draw for each hop is nearly always enough.
const DRAWS: usize = 2000;

/// An incomplete path, to which relays are added one by one. If no relay fits
/// the relays in the path, the last of them is removed and another one is drawn
/// in its place.
#[derive(Debug)]
pub(super) struct Search<'a> {
    plan: &'a Plan,
    failed: &'a [Fingerprint],
    path: Vec<Option<u32>>,
    draws: usize,
    /// The error for the first hop for which no relay fitted. `None` if there
    /// was no such hop so far.
    dead_end: Option<NoPathError>,
}

impl<'a> Search<'a> {
    pub(super) fn new(plan: &'a Plan, failed: &'a [Fingerprint]) -> Self {
        Search { plan, failed, path: vec![None; plan.length()], draws: 0, dead_end: None }
    }

    /// Searches for a complete path. Returns its relays as indices in the
    /// directory, first hop first.
    pub(super) fn run(mut self, rng: &mut (impl Rng + ?Sized)) -> Result<Vec<u32>, NoPathError> {
        let found = self.fill(0, rng);
        match self.dead_end {
            Some(error) if !found => Err(error),
            _ => Ok(self.path.into_iter().flatten().collect()),
        }
    }

    /// Fills the hops that are still empty. `step` is the position of the next
    /// hop in the plan's order. Returns true if all hops could be filled.
    /// Otherwise leaves these hops empty and returns false.
    fn fill(&mut self, step: usize, rng: &mut (impl Rng + ?Sized)) -> bool {
        let Some(&hop) = self.plan.order().get(step) else { return true };
        let mut tried = Vec::new();
        while self.draws < DRAWS {
            self.draws += 1;
            let Some(relay) = self.draw(hop, &tried, rng) else {
                self.note_dead_end(hop);
                return false;
            };
            self.path[hop] = Some(relay);
            if self.fill(step + 1, rng) {
                return true;
            }
            self.path[hop] = None;
            tried.push(relay);
        }
        self.note_dead_end(hop);
        false
    }

    /// Draws a relay for this hop. The relay fits the relays in the path and
    /// isn't in `tried`. Returns `None` if there is no such relay.
    fn draw(&self, hop: usize, tried: &[u32], rng: &mut (impl Rng + ?Sized)) -> Option<u32> {
        let fits = |relay: u32| !tried.contains(&relay) && self.obstacle(hop, relay).is_none();
        match &self.plan.hop(hop)?.candidates {
            Candidates::Fixed(relay) => Some(*relay).filter(|relay| fits(*relay)),
            Candidates::InOrder(relays) => relays.iter().copied().find(|relay| fits(*relay)),
            Candidates::Weighted(table) => table.draw_where(rng, fits),
        }
    }

    /// Returns the rule that excludes a relay from this hop, given the relays
    /// that are in the path now. Returns `None` if the relay fits.
    fn obstacle(&self, hop: usize, relay: u32) -> Option<PathRule> {
        let is_fixed = |hop: &Hop| matches!(hop.candidates, Candidates::Fixed(_));
        let this = self.plan.relay(relay)?;
        if self.failed.contains(&this.fingerprint()) && !self.plan.hop(hop).is_some_and(is_fixed) {
            return Some(PathRule::HasFailed);
        }
        let others = self.path.iter().flatten().filter_map(|other| self.plan.relay(*other));
        others.filter_map(|other| conflict(this, other, self.plan.distinct_subnets())).next()
    }

    fn note_dead_end(&mut self, hop: usize) {
        if self.dead_end.is_none()
            && let Some(candidates) = self.plan.hop(hop)
        {
            let why = |relay| self.obstacle(hop, relay);
            self.dead_end = Some(candidates.dead_end(hop + 1, self.plan.length(), why));
        }
    }
}
