//! Choosing paths.

use std::sync::Arc;

use rand::Rng;

use super::builder::{Entry, PathBuilder};
use super::fitness::{Fitness, Rejections, unusable};
use super::position::{Position, PositionWeights};
use super::search::Search;
use super::table::Table;
use crate::descriptor::{Directory, Relay};
use crate::path::{NoPathError, PathRule};
use crate::word::Fingerprint;

/// Chooses paths through one consensus. Made by [`PathBuilder::prepare`].
///
/// The last hop is chosen first, then the others, front to back, each by its
/// weight among the relays that go with the hops that are there already:
/// path-spec, "Path selection and constraints". It may be shared between
/// threads.
#[derive(Debug, Clone)]
pub struct PathChooser {
    directory: Arc<Directory>,
    /// Who can be at each hop, first hop first.
    hops: Vec<Arc<Hop>>,
    /// The hops' indices, in the order in which they are chosen.
    order: Vec<usize>,
    distinct_subnets: bool,
}

/// Who can be at one hop.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) candidates: Candidates,
    /// How many relays were looked at.
    relays: usize,
    rejected: Rejections,
}

#[derive(Debug)]
pub(super) enum Candidates {
    /// One relay that the user chose.
    Fixed(u32),
    /// The first one that fits.
    InOrder(Vec<u32>),
    /// By weight.
    Weighted(Table),
}

impl Candidates {
    /// Their indices in the directory.
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
                // They are all alike.
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

    /// The consensus that paths are chosen from.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// How many hops the paths have.
    pub fn length(&self) -> usize {
        self.hops.len()
    }

    /// The relays that can be at hop number `hop`, from 1, if the other hops go
    /// with them. Empty where there is no such hop.
    ///
    /// For an exit scanner, for example: each exit that leads to a target.
    pub fn candidates(&self, hop: usize) -> impl Iterator<Item = &Relay> {
        let hop = hop.checked_sub(1).and_then(|index| self.hops.get(index));
        hop.map(|hop| hop.candidates.relays())
            .unwrap_or_default()
            .iter()
            .filter_map(|index| self.relay(*index))
    }

    /// Returns the probability, from 0 to 1, that a relay is chosen for hop
    /// number `hop` (from 1) if any relays go with each other: its weight,
    /// divided by the sum of the weights of all [candidates](Self::candidates).
    /// Returns 0 if the relay can't be there, or there is no such hop.
    ///
    /// Rules about several hops, such as families and networks, are not counted
    /// in. A hop with tor's entry guards has the first usable guard.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.directory()?;
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

    /// Chooses a path, first hop first.
    ///
    /// # Errors
    ///
    /// [`NoPathError`] where no path was found, with what took away the relays
    /// of the hop where it went wrong.
    pub fn choose<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<Vec<Fingerprint>, NoPathError> {
        self.choose_without(rng, &[])
    }

    /// As [`choose`](Self::choose), without these relays: for another attempt
    /// when some have failed. Fixed hops stay.
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

    /// Who can be at the hop with this index.
    pub(super) fn hop(&self, index: usize) -> Option<&Hop> {
        self.hops.get(index).map(|hop| &**hop)
    }

    /// The hops' indices, in the order in which they are chosen.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    pub(super) fn distinct_subnets(&self) -> bool {
        self.distinct_subnets
    }
}

/// The order in which hops are chosen: the fixed ones, the last, and the others
/// front to back.
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

    /// That nobody is left for this hop, with what took them away.
    fn no_path(&self, hop: usize, length: usize, rejected: Rejections) -> NoPathError {
        NoPathError {
            hop,
            length,
            relays: self.relays,
            candidates: self.candidates.relays().len(),
            rejected: rejected.list(),
        }
    }

    /// That no candidate goes with the other hops, for the reasons that `why`
    /// gives for each.
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

/// Where a hop is, for the weights.
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

/// The relay with this fingerprint, and its index.
fn index_of(directory: &Directory, fingerprint: Fingerprint) -> Option<(u32, &Relay)> {
    let relays = directory.relays();
    let index = relays.binary_search_by_key(&fingerprint, Relay::fingerprint).ok()?;
    Some((u32::try_from(index).ok()?, relays.get(index)?))
}
