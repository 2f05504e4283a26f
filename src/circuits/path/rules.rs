//! The rules for a path, which a [`PathBuilder`](super::PathBuilder) collects.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::target::ExitTarget;
use crate::error::Result;
use scape_proto::control::{ArgumentError, ArgumentProblem};
use scape_proto::netdoc::Relay;
use scape_proto::word::{CountryCode, Fingerprint, RelayName};

/// The number of hops of the longest path. Relays don't extend a circuit beyond
/// eight hops.
const LONGEST: usize = 8;

/// The settings of a path, as set by the methods of
/// [`PathBuilder`](super::PathBuilder).
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) length: usize,
    pub(super) entry: Entry,
    /// True if the last hop is an exit. False if it is chosen like a middle
    /// hop, so that the path doesn't leave the network.
    pub(super) leaves: bool,
    pub(super) targets: Vec<ExitTarget>,
    pub(super) exit_countries: Option<Countries>,
    pub(super) exit_tests: Vec<RelayTest>,
    pub(super) uniform_middles: bool,
    pub(super) excluded: Excluded,
    pub(super) min_bandwidth: u32,
    pub(super) fast: bool,
    /// True if all relays must have the flag `Stable`, false if not. `None` if
    /// that depends on the ports of the targets.
    pub(super) stable: Option<bool>,
    pub(super) distinct_subnets: bool,
    pub(super) fixed_exit: Option<Fingerprint>,
    /// The relays that the user has set, by the number of the hop.
    pub(super) fixed: BTreeMap<usize, Fingerprint>,
}

/// The relays from which the first hop is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// This tor's entry guards, in tor's order.
    Guards,
    /// Any relay with the flag `Guard`, chosen at random by its weight.
    Random,
}

/// A user's condition for relays.
#[derive(Clone)]
pub(super) struct RelayTest(Arc<dyn Fn(&Relay) -> bool + Send + Sync>);

impl RelayTest {
    pub(super) fn new(condition: impl Fn(&Relay) -> bool + Send + Sync + 'static) -> Self {
        RelayTest(Arc::new(condition))
    }

    pub(super) fn holds(&self, relay: &Relay) -> bool {
        (self.0)(relay)
    }
}

impl fmt::Debug for RelayTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayTest(..)")
    }
}

/// A set of countries, and a function that returns the country of an address.
#[derive(Clone)]
pub(super) struct Countries {
    codes: HashSet<CountryCode>,
    country_of: Arc<dyn Fn(IpAddr) -> Option<CountryCode> + Send + Sync>,
}

impl Countries {
    pub(super) fn new(
        codes: impl IntoIterator<Item = CountryCode>,
        country_of: impl Fn(IpAddr) -> Option<CountryCode> + Send + Sync + 'static,
    ) -> Self {
        Countries { codes: codes.into_iter().collect(), country_of: Arc::new(country_of) }
    }

    /// Returns true if the relay is in one of the countries, and false if it is
    /// in another one. Returns `None` if the relay's country is unknown.
    pub(super) fn have(&self, relay: &Relay) -> Option<bool> {
        let country = (self.country_of)(IpAddr::V4(*relay.or_address().ip()))
            .or_else(|| (self.country_of)(IpAddr::V6(*relay.ipv6()?.ip())));
        country.map(|country| self.codes.contains(&country))
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.codes).finish()
    }
}

/// The relays that must not be in a path, unless they are set for a hop.
#[derive(Debug, Clone, Default)]
pub(super) struct Excluded {
    fingerprints: HashSet<Fingerprint>,
    /// The nicknames, in lower case, because tor ignores their case.
    nicknames: HashSet<String>,
    pub(super) tests: Vec<RelayTest>,
    pub(super) countries: Vec<Countries>,
}

impl Excluded {
    /// Returns true if the relay is excluded for a reason other than its
    /// country.
    pub(super) fn has(&self, relay: &Relay) -> bool {
        self.fingerprints.contains(&relay.fingerprint())
            || !self.nicknames.is_empty()
                && self.nicknames.contains(&relay.nickname().to_ascii_lowercase())
            || self.tests.iter().any(|test| test.holds(relay))
    }

    /// Excludes a relay by its fingerprint or nickname.
    pub(super) fn add(&mut self, relay: &str) -> Result<()> {
        let fingerprint = relay.parse().ok().or_else(|| RelayName::from(relay).fingerprint());
        if let Some(fingerprint) = fingerprint {
            self.fingerprints.insert(fingerprint);
        } else if !relay.is_empty() && relay.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.nicknames.insert(relay.to_ascii_lowercase());
        } else {
            let why = format!("{relay:?} is neither a fingerprint nor a nickname");
            return Err(ArgumentError::invalid("PathBuilder", "excluded relay", why).into());
        }
        Ok(())
    }
}

impl Rules {
    /// Returns the rules by which tor chooses paths for general use.
    pub(super) fn general() -> Self {
        Rules {
            length: 3,
            entry: Entry::Guards,
            leaves: true,
            targets: Vec::new(),
            exit_countries: None,
            exit_tests: Vec::new(),
            uniform_middles: false,
            excluded: Excluded::default(),
            min_bandwidth: 0,
            fast: true,
            stable: None,
            distinct_subnets: true,
            fixed_exit: None,
            fixed: BTreeMap::new(),
        }
    }

    /// Returns an error if a setting is invalid or contradicts another one.
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |argument, why: String| {
            let problem = ArgumentProblem::Invalid(why.into());
            Err(ArgumentError::new("PathBuilder", argument, problem).into())
        };
        if !(1..=LONGEST).contains(&self.length) {
            return invalid(
                "length",
                format!("is {}, and paths have 1 to {LONGEST} hops", self.length),
            );
        }
        if let Some(hop) = self.fixed.keys().find(|hop| !(1..=self.length).contains(*hop)) {
            return invalid(
                "fixed relay",
                format!("is for hop {hop}, and the path has {}", self.length),
            );
        }
        match (self.fixed.get(&self.length), self.fixed_exit) {
            (Some(last), Some(exit)) if *last != exit => {
                invalid("exit", format!("is {exit}, but the last hop was fixed as {last}"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the relay that is set for hop number `hop`, from 1. Returns
    /// `None` if the hop's relay is chosen.
    pub(super) fn fixed_at(&self, hop: usize) -> Option<Fingerprint> {
        self.fixed.get(&hop).copied().or(self.fixed_exit.filter(|_| hop == self.length))
    }

    /// Returns true if all relays must have the flag `Stable`.
    pub(super) fn is_stable(&self) -> bool {
        self.stable.unwrap_or_else(|| self.targets.iter().any(|target| target.is_long_lived()))
    }

    /// Returns true if the first hop must be one of this tor's entry guards.
    pub(super) fn needs_guards(&self) -> bool {
        self.entry == Entry::Guards && self.fixed_at(1).is_none()
    }
}
