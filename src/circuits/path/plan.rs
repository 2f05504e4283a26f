//! The plan of a path: the candidates for each hop in one consensus.

use std::sync::Arc;

use super::fitness::{Fitness, Rejections, unusable};
use super::position::{Position, PositionWeights};
use super::rules::{Entry, Rules};
use super::table::Table;
use crate::circuits::path::{NoPathError, PathRule};
use crate::error::{Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::netdoc::{Directory, Relay};
use scape_proto::word::Fingerprint;

/// The candidates for each hop of a path, and the order in which hops are
/// chosen.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) directory: Arc<Directory>,
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
    /// The number of relays that were checked for this hop.
    relays: usize,
    rejected: Rejections,
}

#[derive(Debug)]
pub(super) enum Candidates {
    /// One relay that the user set.
    Fixed(u32),
    /// Relays in order of preference. The first one that fits the other hops is
    /// chosen.
    InOrder(Vec<u32>),
    /// Relays with weights. One of them is drawn by weight.
    Weighted(Table),
}

impl Candidates {
    /// Returns the candidates, as indices in the list of relays of the
    /// directory.
    pub(super) fn relays(&self) -> &[u32] {
        match self {
            Candidates::Fixed(relay) => std::slice::from_ref(relay),
            Candidates::InOrder(relays) => relays,
            Candidates::Weighted(table) => table.relays(),
        }
    }
}

impl Plan {
    /// Finds the candidates for each hop. Returns an error for the first hop
    /// that no relay fits.
    ///
    /// The user's conditions are asked about each relay, and may be slow. So
    /// the deadline, if there is one, is checked before each relay.
    pub(super) fn new(
        rules: &Rules,
        directory: Arc<Directory>,
        guards: &[Fingerprint],
        deadline: Option<Deadline>,
    ) -> Result<Self> {
        let mut hops: Vec<Arc<Hop>> = Vec::new();
        let mut middle: Option<Arc<Hop>> = None;
        for hop in 1..=rules.length {
            let made = if let Some(relay) = rules.fixed_at(hop) {
                Arc::new(Hop::fixed(&directory, relay))
            } else if hop == 1 && rules.needs_guards() {
                Arc::new(Hop::guards(&directory, rules, guards, deadline)?)
            } else if hop == 1 || hop == rules.length {
                Arc::new(Hop::weighted(&directory, rules, hop, deadline)?)
            } else if let Some(middle) = &middle {
                // All middle hops have the same candidates.
                middle.clone()
            } else {
                middle.insert(Arc::new(Hop::weighted(&directory, rules, hop, deadline)?)).clone()
            };
            if made.candidates.relays().is_empty() {
                return Err(made.no_path(hop, rules.length, made.rejected.clone()).into());
            }
            hops.push(made);
        }
        let order = order(&hops);
        Ok(Plan { directory, hops, order, distinct_subnets: rules.distinct_subnets })
    }

    /// Returns the number of hops.
    pub(super) fn length(&self) -> usize {
        self.hops.len()
    }

    /// Returns the relay with this index in the directory, or `None` if there
    /// is no such index.
    pub(super) fn relay(&self, index: u32) -> Option<&Relay> {
        self.directory.relays().get(index as usize)
    }

    /// Returns the candidates for the hop with this index, from 0. Returns
    /// `None` if there is no such hop.
    pub(super) fn hop(&self, index: usize) -> Option<&Hop> {
        self.hops.get(index).map(|hop| &**hop)
    }

    /// Returns the indices of the hops, in the order in which they are chosen.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns true if no two relays may be in one subnet.
    pub(super) fn distinct_subnets(&self) -> bool {
        self.distinct_subnets
    }
}

/// Returns the order in which hops are chosen: first the hops whose relay is
/// set, then the last hop, then the others front to back.
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

    fn guards(
        directory: &Directory,
        rules: &Rules,
        guards: &[Fingerprint],
        deadline: Option<Deadline>,
    ) -> Result<Self> {
        let fitness = Fitness::at(1, rules);
        let mut rejected = Rejections::default();
        let mut relays = Vec::new();
        for guard in guards {
            check(deadline)?;
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
        Ok(Hop { candidates: Candidates::InOrder(relays), relays: looked_at, rejected })
    }

    fn weighted(
        directory: &Directory,
        rules: &Rules,
        hop: usize,
        deadline: Option<Deadline>,
    ) -> Result<Self> {
        let position = position(rules, hop);
        let fitness = Fitness::at(hop, rules);
        let weights = PositionWeights::of(position, directory.weights());
        let is_uniform = rules.uniform_middles && position == Position::Middle;
        let mut rejected = Rejections::default();
        let mut weighted = Vec::new();
        for (index, relay) in (0..).zip(directory.relays()) {
            check(deadline)?;
            match fitness.broken_rule(relay) {
                Some(rule) => rejected.note(rule),
                None => {
                    weighted.push((index, if is_uniform { 1.0 } else { weights.weight(relay) }));
                }
            }
        }
        let candidates = Candidates::Weighted(Table::of(weighted));
        Ok(Hop { candidates, relays: directory.relays().len(), rejected })
    }

    /// Returns the error for a hop without candidates, in a path of `length`
    /// hops.
    fn no_path(&self, hop: usize, length: usize, rejected: Rejections) -> NoPathError {
        NoPathError {
            hop,
            length,
            relays: self.relays,
            candidates: self.candidates.relays().len(),
            rejected: rejected.list(),
        }
    }

    /// Returns the error for a hop whose candidates don't fit the other hops of
    /// a path of `length` hops. `why` returns the rule that each candidate
    /// breaks.
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

/// Returns an error if the deadline has passed.
fn check(deadline: Option<Deadline>) -> Result<()> {
    match deadline.filter(|deadline| deadline.has_passed()) {
        Some(passed) => Err(passed.error(Phase::Circuit)),
        None => Ok(()),
    }
}

/// Returns the position of a hop in its path. The position determines by which
/// weights relays are chosen.
fn position(rules: &Rules, hop: usize) -> Position {
    if hop == 1 {
        debug_assert!(rules.entry == Entry::Random || !rules.needs_guards());
        Position::Entry
    } else if hop == rules.length && rules.leaves {
        Position::Exit
    } else {
        Position::Middle
    }
}

/// Returns the index of a relay in the directory, and the relay. Returns `None`
/// if it is not in the directory.
pub(super) fn index_of(directory: &Directory, fingerprint: Fingerprint) -> Option<(u32, &Relay)> {
    let relays = directory.relays();
    let index = relays.binary_search_by_key(&fingerprint, Relay::fingerprint).ok()?;
    Some((u32::try_from(index).ok()?, relays.get(index)?))
}
