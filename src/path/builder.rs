//! What a path should be like.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::chooser::PathChooser;
use super::target::ExitTarget;
use crate::descriptor::{Directory, Relay};
use crate::error::{Error, Result};
use crate::protocol::{ArgumentError, ArgumentProblem};
use crate::socks::ToTargetAddr;
use crate::word::{CountryCode, Fingerprint, RelayName};

/// The longest path that is chosen. (tor's relays pass at most eight hops on.)
pub(super) const LONGEST: usize = 8;

/// What paths should be like; [`prepare`](Self::prepare) makes a
/// [`PathChooser`] of it for a consensus, and
/// [`CircuitBuilder::choosing`](crate::CircuitBuilder::choosing) builds
/// circuits so.
///
/// Without any setting, paths are like those that tor chooses for general use:
/// three hops, the first one of this tor's entry guards, the last one an exit,
/// each relay by its bandwidth and the consensus' weights.
///
/// **Every setting makes paths less like those of others, and so tells
/// something about who uses them.** A longer or shorter path, an exit in one
/// country, relays chosen by hand: whoever sees a part of such a circuit can
/// tell it from others, and may learn who uses it. Entry guards chosen at
/// random instead of this tor's make it likely that, sooner or later, one is an
/// attacker's.
///
/// ```
/// use scape::descriptor::Directory;
/// use scape::path::PathBuilder;
/// use std::sync::Arc;
///
/// # fn example(directory: Directory) -> Result<(), Box<dyn std::error::Error>> {
/// let chooser = PathBuilder::new()
///     .length(4)
///     .random_guard()
///     .exit_to(("example.com", 443))
///     .min_bandwidth(1000)
///     .prepare(Arc::new(directory), &[])?;
/// for relay in chooser.choose(&mut rand::rng())? {
///     println!("{relay}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PathBuilder {
    pub(super) length: usize,
    pub(super) entry: Entry,
    pub(super) leaves: bool,
    pub(super) targets: Vec<ExitTarget>,
    pub(super) exit_countries: Option<Countries>,
    pub(super) exit_tests: Vec<RelayTest>,
    pub(super) uniform_middles: bool,
    pub(super) excluded: Excluded,
    pub(super) min_bandwidth: u32,
    pub(super) fast: bool,
    stable: Option<bool>,
    pub(super) distinct_subnets: bool,
    fixed_exit: Option<Fingerprint>,
    fixed: BTreeMap<usize, Fingerprint>,
    /// The first argument that cannot be used.
    problem: Option<Error>,
}

/// Which relays may be the first hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// This tor's entry guards, in its order.
    Guards,
    /// Any with the flag, by weight.
    Random,
}

/// A condition of the user's.
#[derive(Clone)]
pub(super) struct RelayTest(Arc<dyn Fn(&Relay) -> bool + Send + Sync>);

impl RelayTest {
    pub(super) fn holds(&self, relay: &Relay) -> bool {
        (self.0)(relay)
    }
}

impl fmt::Debug for RelayTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayTest(..)")
    }
}

/// Some countries, and how to know where a relay is.
#[derive(Clone)]
pub(super) struct Countries {
    codes: HashSet<CountryCode>,
    country_of: Arc<dyn Fn(IpAddr) -> Option<CountryCode> + Send + Sync>,
}

impl Countries {
    /// Whether the relay is in one of them; `None` where it is not known where
    /// it is.
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

/// The relays that may be nowhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Excluded {
    fingerprints: HashSet<Fingerprint>,
    /// In lower case: tor's nicknames have no case.
    nicknames: HashSet<String>,
    tests: Vec<RelayTest>,
    pub(super) countries: Vec<Countries>,
}

impl Excluded {
    /// Whether it was excluded otherwise than by its country.
    pub(super) fn has(&self, relay: &Relay) -> bool {
        self.fingerprints.contains(&relay.fingerprint())
            || !self.nicknames.is_empty()
                && self.nicknames.contains(&relay.nickname().to_ascii_lowercase())
            || self.tests.iter().any(|test| test.holds(relay))
    }

    fn add(&mut self, relay: &str) -> Result<()> {
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

impl Default for PathBuilder {
    fn default() -> Self {
        PathBuilder {
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
            problem: None,
        }
    }
}

impl PathBuilder {
    /// Paths like those that tor chooses for general use.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many hops, 1 to 8. Default: 3. With fewer, a relay sees both who
    /// uses the circuit and what for; more make it slower, and rare. The only
    /// hop of a path of length 1 is chosen as a first hop; it must also let
    /// streams to the [target](Self::exit_to) out, where there is one. (tor
    /// attaches no stream of a user's to a circuit of one hop.)
    pub fn length(mut self, hops: usize) -> Self {
        self.length = hops;
        self
    }

    /// The first hop is one of this tor's entry guards, the first one in its
    /// order that fits: the default, and what
    /// [entry guards](https://spec.torproject.org/guard-spec/) are for.
    pub fn entry_guard(mut self) -> Self {
        self.entry = Entry::Guards;
        self
    }

    /// The first hop is any relay with the flag `Guard`, chosen anew for each
    /// path by the weights `Wgg` and `Wgd`. For measurements: used for what
    /// should stay private, this gives away what entry guards protect.
    pub fn random_guard(mut self) -> Self {
        self.entry = Entry::Random;
        self
    }

    /// Middle hops are chosen with the same probability each, instead of by
    /// bandwidth.
    pub fn uniform_middles(mut self) -> Self {
        self.uniform_middles = true;
        self
    }

    /// The last hop is no exit but one like those in the middle: for circuits
    /// that do not leave the network.
    pub fn internal(mut self) -> Self {
        self.leaves = false;
        self
    }

    /// The last hop lets streams to this target out: anything that is a target
    /// elsewhere, such as `("example.com", 443)`. May be called several times;
    /// then the exit suits all of them.
    ///
    /// Clients know of an exit's policy which ports it allows for most
    /// addresses, of IPv4 and of IPv6: the exit may refuse a stream
    /// nevertheless, and a host's name counts as one with an IPv4 address. An
    /// exit that lets the target out need not have the flag `Exit`, as for tor.
    /// For ports of long lasting connections (tor's `LongLivedPorts`) all
    /// relays have the flag `Stable`.
    pub fn exit_to(mut self, target: impl ToTargetAddr) -> Self {
        match ExitTarget::of(target) {
            Ok(target) => self.targets.push(target),
            Err(error) => self.note(error),
        }
        self
    }

    /// The last hop is in one of these countries, as `country_of` knows. Relays
    /// whose country is not known are not.
    pub fn exit_in(
        mut self,
        countries: impl IntoIterator<Item = CountryCode>,
        country_of: impl Fn(IpAddr) -> Option<CountryCode> + Send + Sync + 'static,
    ) -> Self {
        let codes = countries.into_iter().collect();
        self.exit_countries = Some(Countries { codes, country_of: Arc::new(country_of) });
        self
    }

    /// The last hop fulfils this, whatever it is. May be called several times;
    /// then it fulfils all.
    pub fn exit_where(
        mut self,
        condition: impl Fn(&Relay) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.exit_tests.push(RelayTest(Arc::new(condition)));
        self
    }

    /// The last hop is this relay, whatever its flags and its policy are.
    pub fn exit(mut self, relay: Fingerprint) -> Self {
        self.fixed_exit = Some(relay);
        self
    }

    /// Hop number `hop`, from 1, is this relay, whatever its flags are. The
    /// other hops go with it; two relays that may not be in one path cannot
    /// both be fixed ([`CircuitBuilder::along`](crate::CircuitBuilder::along)
    /// builds any path).
    pub fn relay(mut self, hop: usize, relay: Fingerprint) -> Self {
        self.fixed.insert(hop, relay);
        self
    }

    /// These relays are nowhere in a path (unless they are fixed):
    /// fingerprints, with or without `$`, or nicknames. Anything that can be
    /// shown as such will do.
    pub fn exclude<R: ToString>(mut self, relays: impl IntoIterator<Item = R>) -> Self {
        for relay in relays {
            if let Err(error) = self.excluded.add(&relay.to_string()) {
                self.note(error);
            }
        }
        self
    }

    /// Relays in these countries are nowhere in a path, as `country_of` knows;
    /// nor are relays whose country is not known, as for tor
    /// (`GeoIPExcludeUnknown`).
    pub fn exclude_countries(
        mut self,
        countries: impl IntoIterator<Item = CountryCode>,
        country_of: impl Fn(IpAddr) -> Option<CountryCode> + Send + Sync + 'static,
    ) -> Self {
        let codes = countries.into_iter().collect();
        self.excluded.countries.push(Countries { codes, country_of: Arc::new(country_of) });
        self
    }

    /// Relays that fulfil this are nowhere in a path.
    pub fn exclude_where(
        mut self,
        condition: impl Fn(&Relay) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.excluded.tests.push(RelayTest(Arc::new(condition)));
        self
    }

    /// Only relays of at least this bandwidth, in kilobytes per second: what
    /// the consensus says of it, which is measured where it can be. Default: 0.
    pub fn min_bandwidth(mut self, kilobytes: u32) -> Self {
        self.min_bandwidth = kilobytes;
        self
    }

    /// Whether all relays have the flag `Fast`. Default: yes. This tor's guards
    /// are its own choice.
    pub fn fast(mut self, fast: bool) -> Self {
        self.fast = fast;
        self
    }

    /// Whether all relays have the flag `Stable`. Default: where a
    /// [target](Self::exit_to) has a port of long lasting connections.
    pub fn stable(mut self, stable: bool) -> Self {
        self.stable = Some(stable);
        self
    }

    /// Whether no two relays are in the same /16 of IPv4 or /32 of IPv6: tor's
    /// option `EnforceDistinctSubnets`. Default: yes. (Relays of one family are
    /// never in one path.)
    pub fn distinct_subnets(mut self, distinct: bool) -> Self {
        self.distinct_subnets = distinct;
        self
    }

    /// Makes ready to choose paths through `directory`, with this tor's entry
    /// `guards`, the preferred ones first (none are needed with
    /// [`random_guard`](Self::random_guard) or a fixed first hop). This looks
    /// at each relay; choosing a path afterwards is quick.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// contradict themselves, and with a
    /// [`NoPathError`](crate::path::NoPathError) (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if no relay can be
    /// at one of the hops.
    pub fn prepare(
        &self,
        directory: Arc<Directory>,
        guards: &[Fingerprint],
    ) -> Result<PathChooser> {
        self.check()?;
        Ok(PathChooser::new(self, directory, guards)?)
    }

    /// Whether the settings can be used.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
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

    /// The relay that must be hop number `hop`.
    pub(super) fn fixed_at(&self, hop: usize) -> Option<Fingerprint> {
        self.fixed.get(&hop).copied().or(self.fixed_exit.filter(|_| hop == self.length))
    }

    /// Whether all relays have the flag `Stable`.
    pub(super) fn is_stable(&self) -> bool {
        self.stable.unwrap_or_else(|| self.targets.iter().any(|target| target.is_long_lived()))
    }

    /// Whether this tor's entry guards matter.
    pub(super) fn needs_guards(&self) -> bool {
        self.entry == Entry::Guards && self.fixed_at(1).is_none()
    }

    /// Keeps the first argument that cannot be used, for
    /// [`prepare`](Self::prepare) to tell.
    fn note(&mut self, error: Error) {
        self.problem.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Fingerprint = Fingerprint::from_bytes([1; 20]);
    const TWO: Fingerprint = Fingerprint::from_bytes([2; 20]);

    #[test]
    fn settings_that_contradict_themselves_are_refused() {
        for (bad, word) in [
            (PathBuilder::new().length(0), "1 to 8"),
            (PathBuilder::new().length(9), "1 to 8"),
            (PathBuilder::new().relay(0, ONE), "hop 0"),
            (PathBuilder::new().relay(4, ONE), "hop 4"),
            (PathBuilder::new().relay(3, ONE).exit(TWO), "was fixed"),
            (PathBuilder::new().exit_to(("example.com", 0)), "port 0"),
            (PathBuilder::new().exclude(["no relay"]), "no relay"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.is::<ArgumentError>(), "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(PathBuilder::new().relay(3, ONE).exit(ONE).check().is_ok());
        assert!(PathBuilder::new().relay(4, ONE).length(4).check().is_ok());
    }

    #[test]
    fn long_lasting_connections_need_stable_relays() {
        assert!(!PathBuilder::new().is_stable());
        assert!(!PathBuilder::new().exit_to(("example.com", 80)).is_stable());
        assert!(
            PathBuilder::new()
                .exit_to(("example.com", 80))
                .exit_to(("example.com", 22))
                .is_stable()
        );
        assert!(!PathBuilder::new().exit_to(("example.com", 22)).stable(false).is_stable());
    }

    #[test]
    fn guards_are_needed_unless_the_first_hop_is_known() {
        assert!(PathBuilder::new().needs_guards());
        assert!(PathBuilder::new().exit(ONE).needs_guards());
        assert!(!PathBuilder::new().random_guard().needs_guards());
        assert!(!PathBuilder::new().relay(1, ONE).needs_guards());
        assert!(!PathBuilder::new().length(1).exit(ONE).needs_guards());
    }
}
