//! Checks whether a relay fits a hop, independently of the other hops.

use std::collections::BTreeMap;

use super::rules::{Entry, Rules};
use crate::circuits::path::PathRule;
use scape_proto::netdoc::{Relay, RouterFlags};

/// The requirements for the relay at one hop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitness<'a> {
    rules: &'a Rules,
    is_first: bool,
    is_last: bool,
    is_stable: bool,
}

impl<'a> Fitness<'a> {
    /// Returns the requirements for the relay at hop number `hop`, counted from
    /// 1.
    pub(super) fn at(hop: usize, rules: &'a Rules) -> Self {
        let is_last = hop == rules.length;
        Fitness { rules, is_first: hop == 1, is_last, is_stable: rules.is_stable() }
    }

    /// Returns the first rule that the relay breaks at this hop, or `None` if
    /// the relay fits.
    pub(super) fn broken_rule(&self, relay: &Relay) -> Option<PathRule> {
        unusable(relay)
            .or_else(|| self.unreliable(relay))
            .or_else(|| self.first(relay))
            .or_else(|| self.last(relay))
            .or_else(|| self.unwanted(relay))
    }

    fn unreliable(&self, relay: &Relay) -> Option<PathRule> {
        let flags = relay.flags();
        // tor chooses its guards by rules of its own, so these rules don't
        // apply.
        if self.is_first && self.rules.entry == Entry::Guards {
            None
        } else if self.rules.fast && !flags.contains(RouterFlags::FAST) {
            Some(PathRule::NotFast)
        } else if self.is_stable && !flags.contains(RouterFlags::STABLE) {
            Some(PathRule::NotStable)
        } else {
            None
        }
    }

    fn first(&self, relay: &Relay) -> Option<PathRule> {
        if !self.is_first {
            None
        } else if relay.flags().contains(RouterFlags::MIDDLE_ONLY) {
            Some(PathRule::MiddleOnly)
        } else if self.rules.entry == Entry::Random && !relay.flags().contains(RouterFlags::GUARD) {
            Some(PathRule::NotGuard)
        } else {
            None
        }
    }

    fn last(&self, relay: &Relay) -> Option<PathRule> {
        if !self.is_last {
            return None;
        }
        self.exit_flags(relay).or_else(|| {
            let rules = self.rules;
            if !rules.targets.iter().all(|target| target.is_reached_from(relay)) {
                Some(PathRule::ExitPolicy)
            } else if !rules.exit_tests.iter().all(|test| test.holds(relay)) {
                Some(PathRule::NotWanted)
            } else if rules
                .exit_countries
                .as_ref()
                .is_some_and(|there| there.have(relay) != Some(true))
            {
                Some(PathRule::OtherCountry)
            } else {
                None
            }
        })
    }

    fn exit_flags(&self, relay: &Relay) -> Option<PathRule> {
        let (flags, rules) = (relay.flags(), self.rules);
        // The only hop of a path is treated as a first hop.
        let leaves = rules.leaves && (!self.is_first || !rules.targets.is_empty());
        if !leaves {
            None
        } else if flags.contains(RouterFlags::MIDDLE_ONLY) {
            Some(PathRule::MiddleOnly)
        } else if flags.contains(RouterFlags::BAD_EXIT) {
            Some(PathRule::BadExit)
        } else if rules.targets.is_empty()
            && !(flags.contains(RouterFlags::EXIT) && lets_something_out(relay))
        {
            Some(PathRule::NotExit)
        } else {
            None
        }
    }

    fn unwanted(&self, relay: &Relay) -> Option<PathRule> {
        let rules = self.rules;
        if relay.bandwidth().unwrap_or(0) < rules.min_bandwidth {
            Some(PathRule::TooSlow)
        } else if rules.excluded.has(relay) {
            Some(PathRule::Excluded)
        } else if rules.excluded.countries.iter().any(|there| there.have(relay) != Some(false)) {
            Some(PathRule::ExcludedCountry)
        } else {
            None
        }
    }
}

/// Returns true if the relay's exit policy allows at least one port. The flag
/// `Exit` isn't enough, because the authorities of private networks give it to
/// all relays.
fn lets_something_out(relay: &Relay) -> bool {
    let policies = [relay.policy(), relay.policy_v6()];
    policies.into_iter().flatten().any(|policy| !policy.is_reject_all())
}

/// Returns the rule that makes a relay unusable at every hop, or `None` if the
/// relay is usable.
pub(super) fn unusable(relay: &Relay) -> Option<PathRule> {
    let flags = relay.flags();
    if !flags.contains(RouterFlags::RUNNING) {
        Some(PathRule::NotRunning)
    } else if !flags.contains(RouterFlags::VALID) {
        Some(PathRule::NotValid)
    } else if !relay.has_microdescriptor() {
        Some(PathRule::NoDescriptor)
    } else {
        None
    }
}

/// The number of relays that each rule rejected.
#[derive(Debug, Clone, Default)]
pub(super) struct Rejections(BTreeMap<PathRule, usize>);

impl Rejections {
    pub(super) fn note(&mut self, rule: PathRule) {
        *self.0.entry(rule).or_default() += 1;
    }

    pub(super) fn list(&self) -> Vec<(PathRule, usize)> {
        self.0.iter().map(|(rule, count)| (*rule, *count)).collect()
    }
}
