//! Putting relays together.

use rand::Rng;

use super::chooser::{Candidates, PathChooser};
use super::conflict::conflict;
use crate::path::{NoPathError, PathRule};
use crate::word::Fingerprint;

/// How many relays are drawn for one path at most. Where relays go together at
/// all, as many as there are hops are enough, nearly always.
const DRAWS: usize = 2000;

/// One path, as far as it has come. Where no relay goes with those that are
/// there already, the last one is given up, and another one drawn in its place.
#[derive(Debug)]
pub(super) struct Search<'a> {
    chooser: &'a PathChooser,
    failed: &'a [Fingerprint],
    path: Vec<Option<u32>>,
    draws: usize,
    /// The first hop that nobody was left for.
    dead_end: Option<NoPathError>,
}

impl<'a> Search<'a> {
    pub(super) fn new(chooser: &'a PathChooser, failed: &'a [Fingerprint]) -> Self {
        Search { chooser, failed, path: vec![None; chooser.length()], draws: 0, dead_end: None }
    }

    /// A whole path, as indices in the directory.
    pub(super) fn run(mut self, rng: &mut (impl Rng + ?Sized)) -> Result<Vec<u32>, NoPathError> {
        let found = self.fill(0, rng);
        match self.dead_end {
            Some(error) if !found => Err(error),
            _ => Ok(self.path.into_iter().flatten().collect()),
        }
    }

    /// Fills the hops from this one on, in the order of choosing. Whether that
    /// was possible.
    fn fill(&mut self, step: usize, rng: &mut (impl Rng + ?Sized)) -> bool {
        let Some(&hop) = self.chooser.order().get(step) else { return true };
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

    /// A relay for this hop that goes with the others, and was not tried in
    /// vain.
    fn draw(&self, hop: usize, tried: &[u32], rng: &mut (impl Rng + ?Sized)) -> Option<u32> {
        let fits = |relay: u32| !tried.contains(&relay) && self.obstacle(hop, relay).is_none();
        match &self.chooser.hop(hop)?.candidates {
            Candidates::Fixed(relay) => Some(*relay).filter(|relay| fits(*relay)),
            Candidates::InOrder(relays) => relays.iter().copied().find(|relay| fits(*relay)),
            Candidates::Weighted(table) => table.draw_where(rng, fits),
        }
    }

    /// The rule that keeps a relay from this hop, as the path is now.
    fn obstacle(&self, hop: usize, relay: u32) -> Option<PathRule> {
        let is_fixed = |hop: &super::chooser::Hop| matches!(hop.candidates, Candidates::Fixed(_));
        let this = self.chooser.relay(relay)?;
        if self.failed.contains(&this.fingerprint()) && !self.chooser.hop(hop).is_some_and(is_fixed)
        {
            return Some(PathRule::HasFailed);
        }
        let others = self.path.iter().flatten().filter_map(|other| self.chooser.relay(*other));
        others.filter_map(|other| conflict(this, other, self.chooser.distinct_subnets())).next()
    }

    fn note_dead_end(&mut self, hop: usize) {
        if self.dead_end.is_none()
            && let Some(candidates) = self.chooser.hop(hop)
        {
            let why = |relay| self.obstacle(hop, relay);
            self.dead_end = Some(candidates.dead_end(hop + 1, self.chooser.length(), why));
        }
    }
}
