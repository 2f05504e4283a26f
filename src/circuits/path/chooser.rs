//! [`PathChooser`]: chooses paths.

use std::sync::Arc;

use rand::Rng;

use super::builder::{Entry, PathBuilder};
use super::fitness::{Fitness, Rejections, unusable};
use super::position::{Position, PositionWeights};
use super::search::Search;
use super::table::Table;
use crate::circuits::path::{NoPathError, PathRule};
use scape_proto::netdoc::{Directory, Relay};
use scape_proto::word::Fingerprint;

/// Chooses paths through one consensus. Created by [`PathBuilder::prepare`].
///
/// The last hop is chosen first, then the others, front to back. Each hop is
/// chosen by weight among the relays that fit the hops that are already there
/// (path-spec, "Path selection and constraints"). A `PathChooser` may be shared
/// between threads.
///
/// ```
/// use scape::path::PathBuilder;
/// use std::sync::Arc;
///
/// # fn example(directory: scape::netdoc::Directory) -> Result<(), Box<dyn std::error::Error>> {
/// let chooser = PathBuilder::new().random_guard().prepare(Arc::new(directory), &[])?;
/// let path = chooser.choose(&mut rand::rng())?;
/// assert_eq!(path.len(), chooser.length());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PathChooser {
    directory: Arc<Directory>,
    /// The candidates for each hop, first hop first.
    hops: Vec<Arc<Hop>>,
    /// The indices of the hops, in the order in which they are chosen.
    order: Vec<usize>,
    distinct_subnets: bool,
}

/// The candidates for one hop.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) candidates: Candidates,
    /// The number of relays that were checked.
    relays: usize,
    rejected: Rejections,
}

#[derive(Debug)]
pub(super) enum Candidates {
    /// One relay that the user set.
    Fixed(u32),
    /// The first relay that fits.
    InOrder(Vec<u32>),
    /// A relay drawn by weight.
    Weighted(Table),
}

impl Candidates {
    /// Returns the indices of the relays in the directory.
    pub(super) fn relays(&self) -> &[u32] {
        match self {
            Candidates::Fixed(relay) => std::slice::from_ref(relay),
            Candidates::InOrder(relays) => relays,
            Candidates::Weighted(table) => table.relays(),
        }
    }
}

impl PathChooser {
    pub(super) fn new(
        settings: &PathBuilder,
        directory: Arc<Directory>,
        guards: &[Fingerprint],
    ) -> Result<Self, NoPathError> {
        let mut hops: Vec<Arc<Hop>> = Vec::new();
        let mut middle: Option<Arc<Hop>> = None;
        for hop in 1..=settings.length {
            let made = if let Some(relay) = settings.fixed_at(hop) {
                Arc::new(Hop::fixed(&directory, relay))
            } else if hop == 1 && settings.needs_guards() {
                Arc::new(Hop::guards(&directory, settings, guards))
            } else if hop == 1 || hop == settings.length {
                Arc::new(Hop::weighted(&directory, settings, hop))
            } else {
                // All middle hops have the same candidates.
                middle
                    .get_or_insert_with(|| Arc::new(Hop::weighted(&directory, settings, hop)))
                    .clone()
            };
            if made.candidates.relays().is_empty() {
                return Err(made.no_path(hop, settings.length, made.rejected.clone()));
            }
            hops.push(made);
        }
        let order = order(&hops);
        Ok(PathChooser { directory, hops, order, distinct_subnets: settings.distinct_subnets })
    }

    /// Returns the consensus that paths are chosen from.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Returns the number of hops of each path.
    pub fn length(&self) -> usize {
        self.hops.len()
    }

    /// Returns the relays that are possible at hop number `hop`, from 1, if the
    /// other hops fit. Returns nothing if there is no such hop.
    ///
    /// An exit scanner can use this to get each exit that allows a target.
    pub fn candidates(&self, hop: usize) -> impl Iterator<Item = &Relay> {
        let hop = hop.checked_sub(1).and_then(|index| self.hops.get(index));
        hop.map(|hop| hop.candidates.relays())
            .unwrap_or_default()
            .iter()
            .filter_map(|index| self.relay(*index))
    }

    /// Returns the probability, from 0 to 1, that a relay is chosen for hop
    /// number `hop`, from 1. It is the relay's weight divided by the sum of the
    /// weights of all [candidates](Self::candidates). Returns 0 if the relay
    /// isn't possible there, or there is no such hop.
    ///
    /// Rules about several hops, such as families and networks, are not taken
    /// into account. For a hop with tor's entry guards, the first usable guard
    /// has the probability 1.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let chooser = PathBuilder::new().random_guard().prepare(directory.into(), &[])?;
    /// for relay in chooser.candidates(2) {
    ///     println!("{relay} {:.3} %", 100.0 * chooser.probability(2, relay.fingerprint()));
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn probability(&self, hop: usize, fingerprint: Fingerprint) -> f64 {
        let hop = hop.checked_sub(1).and_then(|index| self.hops.get(index));
        let relay = index_of(&self.directory, fingerprint);
        let (Some(hop), Some((relay, _))) = (hop, relay) else { return 0.0 };
        let is_it = |chosen: Option<&u32>| if chosen == Some(&relay) { 1.0 } else { 0.0 };
        match &hop.candidates {
            Candidates::Fixed(chosen) => is_it(Some(chosen)),
            Candidates::InOrder(relays) => is_it(relays.first()),
            Candidates::Weighted(table) => table.probability(relay),
        }
    }

    /// Chooses a path. Returns its relays, first hop first.
    ///
    /// # Errors
    ///
    /// Returns a [`NoPathError`] if no path was found. It counts the relays
    /// that each rule rejected at the hop that failed.
    pub fn choose<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<Vec<Fingerprint>, NoPathError> {
        self.choose_without(rng, &[])
    }

    /// Chooses a path that doesn't contain the `failed` relays. Use this for
    /// another attempt after a failure. Hops that are set explicitly stay.
    ///
    /// # Errors
    ///
    /// Same errors as [`choose`](Self::choose). The `failed` relays are counted
    /// as rejected by [`PathRule::HasFailed`].
    pub fn choose_without<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        failed: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, NoPathError> {
        let path = Search::new(self, failed).run(rng)?;
        Ok(path.into_iter().filter_map(|index| self.relay(index)).map(Relay::fingerprint).collect())
    }

    pub(super) fn relay(&self, index: u32) -> Option<&Relay> {
        self.directory.relays().get(index as usize)
    }

    /// Returns the candidates for the hop with this index.
    pub(super) fn hop(&self, index: usize) -> Option<&Hop> {
        self.hops.get(index).map(|hop| &**hop)
    }

    /// Returns the indices of the hops, in the order in which they are chosen.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    pub(super) fn distinct_subnets(&self) -> bool {
        self.distinct_subnets
    }
}

/// Returns the order in which hops are chosen: those that are set, the last
/// one, and the others front to back.
fn order(hops: &[Arc<Hop>]) -> Vec<usize> {
    let is_fixed = |index: &usize| matches!(hops[*index].candidates, Candidates::Fixed(_));
    let last = hops.len() - 1;
    let mut order: Vec<usize> = (0..hops.len()).collect();
    order.sort_by_key(|index| (!is_fixed(index), *index != last, *index));
    order
}

impl Hop {
    fn fixed(directory: &Directory, relay: Fingerprint) -> Self {
        let mut rejected = Rejections::default();
        let found = index_of(directory, relay);
        let broken = match found {
            Some((_, found)) => unusable(found),
            None => Some(PathRule::NotInConsensus),
        };
        let candidates = match (found, broken) {
            (Some((index, _)), None) => Candidates::Fixed(index),
            (_, rule) => {
                rejected.note(rule.unwrap_or(PathRule::NotInConsensus));
                Candidates::InOrder(Vec::new())
            }
        };
        Hop { candidates, relays: 1, rejected }
    }

    fn guards(directory: &Directory, settings: &PathBuilder, guards: &[Fingerprint]) -> Self {
        let fitness = Fitness::at(1, settings);
        let mut rejected = Rejections::default();
        let mut relays = Vec::new();
        for guard in guards {
            match index_of(directory, *guard) {
                None => rejected.note(PathRule::NotInConsensus),
                Some((index, relay)) => match fitness.broken_rule(relay) {
                    None => relays.push(index),
                    Some(rule) => rejected.note(rule),
                },
            }
        }
        if guards.is_empty() {
            directory.relays().iter().for_each(|_| rejected.note(PathRule::NotThisTorsGuard));
        }
        let looked_at = if guards.is_empty() { directory.relays().len() } else { guards.len() };
        Hop { candidates: Candidates::InOrder(relays), relays: looked_at, rejected }
    }

    fn weighted(directory: &Directory, settings: &PathBuilder, hop: usize) -> Self {
        let position = position(settings, hop);
        let fitness = Fitness::at(hop, settings);
        let weights = PositionWeights::of(position, directory.weights());
        let is_uniform = settings.uniform_middles && position == Position::Middle;
        let mut rejected = Rejections::default();
        let mut weighted = Vec::new();
        for (index, relay) in (0..).zip(directory.relays()) {
            match fitness.broken_rule(relay) {
                Some(rule) => rejected.note(rule),
                None => {
                    weighted.push((index, if is_uniform { 1.0 } else { weights.weight(relay) }));
                }
            }
        }
        let candidates = Candidates::Weighted(Table::of(weighted));
        Hop { candidates, relays: directory.relays().len(), rejected }
    }

    /// Returns the error for a hop without candidates.
    fn no_path(&self, hop: usize, length: usize, rejected: Rejections) -> NoPathError {
        NoPathError {
            hop,
            length,
            relays: self.relays,
            candidates: self.candidates.relays().len(),
            rejected: rejected.list(),
        }
    }

    /// Returns the error for a hop whose candidates don't fit the other hops.
    /// `why` returns the rule that each candidate breaks.
    pub(super) fn dead_end(
        &self,
        hop: usize,
        length: usize,
        why: impl Fn(u32) -> Option<PathRule>,
    ) -> NoPathError {
        let mut rejected = self.rejected.clone();
        self.candidates
            .relays()
            .iter()
            .filter_map(|relay| why(*relay))
            .for_each(|rule| rejected.note(rule));
        self.no_path(hop, length, rejected)
    }
}

/// Returns the position of a hop, which determines the weights.
fn position(settings: &PathBuilder, hop: usize) -> Position {
    if hop == 1 {
        debug_assert!(settings.entry == Entry::Random || !settings.needs_guards());
        Position::Entry
    } else if hop == settings.length && settings.leaves {
        Position::Exit
    } else {
        Position::Middle
    }
}

/// Returns the index of a relay, and the relay.
fn index_of(directory: &Directory, fingerprint: Fingerprint) -> Option<(u32, &Relay)> {
    let relays = directory.relays();
    let index = relays.binary_search_by_key(&fingerprint, Relay::fingerprint).ok()?;
    Some((u32::try_from(index).ok()?, relays.get(index)?))
}
