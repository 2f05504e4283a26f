//! Checks whether a relay fits a hop, independently of the other hops.

use std::collections::BTreeMap;

use super::builder::{Entry, PathBuilder};
use crate::circuits::path::PathRule;
use scape_proto::netdoc::{Relay, RouterFlags};

/// The requirements of a hop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitness<'a> {
    settings: &'a PathBuilder,
    is_first: bool,
    is_last: bool,
    is_stable: bool,
}

impl<'a> Fitness<'a> {
    /// Returns the requirements of hop number `hop`, from 1.
    pub(super) fn at(hop: usize, settings: &'a PathBuilder) -> Self {
        let is_last = hop == settings.length;
        Fitness { settings, is_first: hop == 1, is_last, is_stable: settings.is_stable() }
    }

    /// Returns the first rule that the relay breaks at this hop.
    pub(super) fn broken_rule(&self, relay: &Relay) -> Option<PathRule> {
        unusable(relay)
            .or_else(|| self.unreliable(relay))
            .or_else(|| self.first(relay))
            .or_else(|| self.last(relay))
            .or_else(|| self.unwanted(relay))
    }

    fn unreliable(&self, relay: &Relay) -> Option<PathRule> {
        let flags = relay.flags();
        // tor chooses its guards by rules of its own.
        if self.is_first && self.settings.entry == Entry::Guards {
            None
        } else if self.settings.fast && !flags.contains(RouterFlags::FAST) {
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
        } else if self.settings.entry == Entry::Random
            && !relay.flags().contains(RouterFlags::GUARD)
        {
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
            let settings = self.settings;
            if !settings.targets.iter().all(|target| target.is_reached_from(relay)) {
                Some(PathRule::ExitPolicy)
            } else if !settings.exit_tests.iter().all(|test| test.holds(relay)) {
                Some(PathRule::NotWanted)
            } else if settings
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
        let (flags, settings) = (relay.flags(), self.settings);
        // The only hop of a path is treated as a first hop.
        let leaves = settings.leaves && (!self.is_first || !settings.targets.is_empty());
        if !leaves {
            None
        } else if flags.contains(RouterFlags::MIDDLE_ONLY) {
            Some(PathRule::MiddleOnly)
        } else if flags.contains(RouterFlags::BAD_EXIT) {
            Some(PathRule::BadExit)
        } else if settings.targets.is_empty()
            && !(flags.contains(RouterFlags::EXIT) && lets_something_out(relay))
        {
            Some(PathRule::NotExit)
        } else {
            None
        }
    }

    fn unwanted(&self, relay: &Relay) -> Option<PathRule> {
        let settings = self.settings;
        if relay.bandwidth() < settings.min_bandwidth {
            Some(PathRule::TooSlow)
        } else if settings.excluded.has(relay) {
            Some(PathRule::Excluded)
        } else if settings.excluded.countries.iter().any(|there| there.have(relay) != Some(false)) {
            Some(PathRule::ExcludedCountry)
        } else {
            None
        }
    }
}

/// Returns true if the relay's exit policy allows any port. (Authorities may
/// give the flag `Exit` to any relay, as those of private networks do.)
fn lets_something_out(relay: &Relay) -> bool {
    let policies = [relay.policy(), relay.policy_v6()];
    policies.into_iter().flatten().any(|policy| !policy.is_reject_all())
}

/// Returns the rule that makes a relay unusable at every hop.
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
