//! [`PathBuilder`]: the description of a path.

use std::net::IpAddr;
use std::sync::Arc;

use super::chooser::PathChooser;
use super::plan::Plan;
use super::rules::{Countries, Entry, RelayTest, Rules};
use super::target::ExitTarget;
use crate::client::socks::ToTarget;
use crate::error::{Error, Result};
use crate::io::transport::Deadline;
use scape_proto::netdoc::{Directory, Relay};
use scape_proto::word::{CountryCode, Fingerprint};

/// A description of the paths to choose: the number of hops, and the
/// requirements for the relays.
///
/// [`prepare`](Self::prepare) creates a [`PathChooser`] for a consensus, and
/// [`CircuitBuilder::choosing`](crate::CircuitBuilder::choosing) builds
/// circuits over such paths.
///
/// By default, paths are like those that tor chooses for general use. They have
/// three hops. The first is one of this tor's entry guards, the last is an
/// exit, and each relay is chosen by its bandwidth and the consensus' weights.
///
/// **Every setting makes paths less like those of others, and so reveals
/// something about their user.** Examples are a longer or shorter path, an exit
/// in one country, and hand-picked relays. Somebody who sees a part of such a
/// circuit can tell it from others, and may learn who uses it. Entry guards
/// chosen at random, instead of this tor's, are dangerous, too: sooner or
/// later, one of them is likely to be an attacker's.
///
/// ```
/// use scape::netdoc::Directory;
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
/// for relay in chooser.choose()? {
///     println!("{relay}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "no path is chosen before prepare() is called"]
pub struct PathBuilder {
    rules: Rules,
    /// The error for the first invalid argument. `None` if all arguments so far
    /// are valid.
    problem: Option<Error>,
}

impl Default for PathBuilder {
    fn default() -> Self {
        PathBuilder { rules: Rules::general(), problem: None }
    }
}

impl PathBuilder {
    /// Creates a description of paths like those that tor chooses for general
    /// use.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().exit_to(("example.com", 443));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of hops, from 1 to 8. Default: 3.
    ///
    /// With fewer hops, one relay sees both who uses the circuit and what for.
    /// More hops are slower, and rare.
    ///
    /// The only hop of a path of length 1 is chosen like a first hop. If there
    /// is a [target](Self::exit_to), that hop must also allow streams to the
    /// target. (tor doesn't attach a user's streams to a circuit of one hop.)
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().length(4);
    /// ```
    pub fn length(mut self, hops: usize) -> Self {
        self.rules.length = hops;
        self
    }

    /// Requires that the first hop is one of this tor's [entry
    /// guards](https://spec.torproject.org/guard-spec/). The first guard that
    /// fits is chosen, in tor's order of preference. This is the default.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let like_tor = PathBuilder::new().random_guard().entry_guard(); // the last call counts
    /// ```
    pub fn entry_guard(mut self) -> Self {
        self.rules.entry = Entry::Guards;
        self
    }

    /// Allows any relay with the flag `Guard` as the first hop. The relay is
    /// chosen anew for each path, by the consensus' weights `Wgg` and `Wgd`.
    ///
    /// This is for measurements. For anything private it is dangerous, because
    /// the paths lose the protection of entry guards.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let measuring = PathBuilder::new().random_guard();
    /// ```
    pub fn random_guard(mut self) -> Self {
        self.rules.entry = Entry::Random;
        self
    }

    /// Gives all relays the same probability to be chosen as a middle hop. By
    /// default, the probability depends on the bandwidth.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let measuring = PathBuilder::new().random_guard().uniform_middles();
    /// ```
    pub fn uniform_middles(mut self) -> Self {
        self.rules.uniform_middles = true;
        self
    }

    /// Makes the last hop be chosen like a middle hop, so it need not be an
    /// exit. This is for circuits whose streams don't leave the Tor network.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().internal(); // no hop needs the flag Exit
    /// ```
    pub fn internal(mut self) -> Self {
        self.rules.leaves = false;
        self
    }

    /// Requires that the last hop allows streams to this target. A target is
    /// anything that [`TorClient::connect`](crate::TorClient::connect) accepts,
    /// such as `("example.com", 443)`. After several calls, the exit allows all
    /// of the targets.
    ///
    /// Clients know only a summary of an exit's policy: the ports that the exit
    /// allows for most IPv4 and most IPv6 addresses. So the exit may still
    /// refuse a stream. A host name counts as an IPv4 address. As in tor, an
    /// exit that allows the target need not have the flag `Exit`.
    ///
    /// For ports with long-lived connections (tor's `LongLivedPorts`), all
    /// relays have the flag `Stable`.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// // The exit allows streams to both servers.
    /// let path = PathBuilder::new().exit_to(("example.com", 443)).exit_to("192.0.2.7:25");
    /// ```
    pub fn exit_to(mut self, target: impl ToTarget) -> Self {
        match ExitTarget::of(target) {
            Ok(target) => self.rules.targets.push(target),
            Err(error) => self.note(error),
        }
        self
    }

    /// Requires that the last hop is in one of these countries. A later call
    /// replaces the countries. `country_of` returns the country of an address.
    /// Relays whose country is unknown are not used as the last hop.
    ///
    /// `country_of` is called for thousands of relays while a path is prepared,
    /// and must be quick. So look up all addresses beforehand.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    /// use std::net::IpAddr;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let geoip = state.geoip();
    /// let directory = state.directory()?;
    /// let ips = directory.relays().iter().map(|relay| IpAddr::from(*relay.or_address().ip()));
    /// geoip.lookup_all(ips)?; // in a few round trips; `lookup` then rarely asks tor
    /// let country_of = move |ip| geoip.lookup(ip).ok()?.country;
    /// let path = PathBuilder::new().exit_in(["de".parse()?, "se".parse()?], country_of);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit_in(
        mut self,
        countries: impl IntoIterator<Item = CountryCode>,
        country_of: impl Fn(IpAddr) -> Option<CountryCode> + Send + Sync + 'static,
    ) -> Self {
        self.rules.exit_countries = Some(Countries::new(countries, country_of));
        self
    }

    /// Requires that the last hop fulfils a condition. After several calls, it
    /// fulfils all of them.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().exit_where(|relay| relay.bandwidth() > Some(5000));
    /// ```
    pub fn exit_where(
        mut self,
        condition: impl Fn(&Relay) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.exit_tests.push(RelayTest::new(condition));
        self
    }

    /// Sets the relay for the last hop. The relay must be running and valid,
    /// and tor must have its microdescriptor. Other flags and the exit policy
    /// are ignored.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let exit = "9695DFC35FFEB861329B9F1AB04C46397020CE31".parse()?;
    /// let path = PathBuilder::new().exit(exit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit(mut self, relay: Fingerprint) -> Self {
        self.rules.fixed_exit = Some(relay);
        self
    }

    /// Sets the relay for hop number `hop`, counted from 1. The relay must be
    /// running and valid, and tor must have its microdescriptor. Other flags
    /// are ignored.
    ///
    /// The other hops are chosen so that they fit. If two relays are set that
    /// must not be in one path, such as relays of one family, choosing a path
    /// fails. ([`CircuitBuilder::along`](crate::CircuitBuilder::along) builds
    /// any path.)
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let first = "9695DFC35FFEB861329B9F1AB04C46397020CE31".parse()?;
    /// let path = PathBuilder::new().relay(1, first);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn relay(mut self, hop: usize, relay: Fingerprint) -> Self {
        self.rules.fixed.insert(hop, relay);
        self
    }

    /// Excludes relays from the path. A relay that is set for a hop, with
    /// [`relay`](Self::relay) or [`exit`](Self::exit), is used nevertheless.
    ///
    /// Relays are named by fingerprint, with or without `$`, or by nickname.
    /// Any type whose `to_string` returns such a name is accepted.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().exclude(["$9695DFC35FFEB861329B9F1AB04C46397020CE31", "relay01"]);
    /// ```
    pub fn exclude<R: ToString>(mut self, relays: impl IntoIterator<Item = R>) -> Self {
        for relay in relays {
            if let Err(error) = self.rules.excluded.add(&relay.to_string()) {
                self.note(error);
            }
        }
        self
    }

    /// Excludes relays in these countries. Several calls exclude the countries
    /// of all calls. `country_of` returns the country of an address. Relays
    /// whose country is unknown are excluded, too, as in tor
    /// (`GeoIPExcludeUnknown`). `country_of` must be quick: see
    /// [`exit_in`](Self::exit_in).
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    /// use std::net::IpAddr;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let geoip = state.geoip();
    /// let directory = state.directory()?;
    /// let ips = directory.relays().iter().map(|relay| IpAddr::from(*relay.or_address().ip()));
    /// geoip.lookup_all(ips)?;
    /// let country_of = move |ip| geoip.lookup(ip).ok()?.country;
    /// let path = PathBuilder::new().exclude_countries(["xy".parse()?], country_of);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exclude_countries(
        mut self,
        countries: impl IntoIterator<Item = CountryCode>,
        country_of: impl Fn(IpAddr) -> Option<CountryCode> + Send + Sync + 'static,
    ) -> Self {
        self.rules.excluded.countries.push(Countries::new(countries, country_of));
        self
    }

    /// Excludes relays that fulfil a condition. After several calls, a relay is
    /// excluded if it fulfils one of the conditions.
    ///
    /// ```
    /// use scape::netdoc::RouterFlags;
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new()
    ///     .exclude_where(|relay| relay.flags().contains(RouterFlags::BAD_EXIT));
    /// ```
    pub fn exclude_where(
        mut self,
        condition: impl Fn(&Relay) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.excluded.tests.push(RelayTest::new(condition));
        self
    }

    /// Sets the minimum bandwidth of all relays, in kilobytes per second. A
    /// relay's bandwidth is the number in the consensus, which is measured if
    /// possible. Default: 0.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().min_bandwidth(5000); // 5 megabytes per second
    /// ```
    pub fn min_bandwidth(mut self, kilobytes: u32) -> Self {
        self.rules.min_bandwidth = kilobytes;
        self
    }

    /// Sets whether all relays must have the flag `Fast`. Default: true. If
    /// false, relays without the flag are used, too. This tor's entry guards
    /// are never checked for the flag, because tor has chosen them.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let path = PathBuilder::new().fast(false);
    /// ```
    pub fn fast(mut self, fast: bool) -> Self {
        self.rules.fast = fast;
        self
    }

    /// Sets whether all relays must have the flag `Stable`. Default: true if a
    /// [target](Self::exit_to) has a port with long-lived connections,
    /// otherwise false. This tor's entry guards are never checked for the flag.
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// let for_a_chat = PathBuilder::new().stable(true);
    /// ```
    pub fn stable(mut self, stable: bool) -> Self {
        self.rules.stable = Some(stable);
        self
    }

    /// Sets whether the relays of a path must be in different networks, like
    /// tor's option `EnforceDistinctSubnets`. A network is a /16 of IPv4 or a
    /// /32 of IPv6. Default: true. (Two relays of one family are never in one
    /// path.)
    ///
    /// ```
    /// use scape::path::PathBuilder;
    ///
    /// // All relays of a test network are at 127.0.0.1.
    /// let path = PathBuilder::new().distinct_subnets(false);
    /// ```
    pub fn distinct_subnets(mut self, distinct: bool) -> Self {
        self.rules.distinct_subnets = distinct;
        self
    }

    /// Creates a [`PathChooser`] for paths over the relays of `directory`. This
    /// checks each relay once, so choosing a path afterwards is quick.
    ///
    /// `guards` are this tor's entry guards, the preferred ones first. No
    /// guards are needed with [`random_guard`](Self::random_guard), or if
    /// [`relay`](Self::relay) sets the first hop.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    /// use scape::word::Fingerprint;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// let guards: Vec<Fingerprint> =
    ///     state.entry_guards().iter().filter_map(|guard| guard.relay.fingerprint()).collect();
    /// let chooser = PathBuilder::new().prepare(state.directory()?, &guards)?;
    /// println!("{:?}", chooser.choose()?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a setting is
    /// invalid or contradicts another one. Returns an error with a
    /// [`NoPathError`](crate::path::NoPathError) (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if no relay fits
    /// one of the hops.
    pub fn prepare(
        &self,
        directory: Arc<Directory>,
        guards: &[Fingerprint],
    ) -> Result<PathChooser> {
        self.prepare_until(directory, guards, None)
    }

    /// Creates a [`PathChooser`] like [`prepare`](Self::prepare). Returns a
    /// timeout error if the deadline passes before all relays are checked.
    pub(super) fn prepare_until(
        &self,
        directory: Arc<Directory>,
        guards: &[Fingerprint],
        deadline: Option<Deadline>,
    ) -> Result<PathChooser> {
        self.check()?;
        Ok(PathChooser::new(Plan::new(&self.rules, directory, guards, deadline)?))
    }

    /// Returns an error if a setting is invalid or contradicts another one.
    pub(super) fn check(&self) -> Result<()> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => self.rules.check(),
        }
    }

    /// Returns true if the first hop must be one of this tor's entry guards.
    pub(super) fn needs_guards(&self) -> bool {
        self.rules.needs_guards()
    }

    /// Stores the error for an invalid argument, unless an earlier argument was
    /// invalid as well. [`prepare`](Self::prepare) returns the stored error.
    fn note(&mut self, error: Error) {
        self.problem.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::control::ArgumentError;

    const ONE: Fingerprint = Fingerprint::from_bytes([1; 20]);
    const TWO: Fingerprint = Fingerprint::from_bytes([2; 20]);

    #[test]
    fn invalid_and_contradictory_settings_are_refused() {
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
    fn ports_with_long_lived_connections_need_stable_relays() {
        assert!(!PathBuilder::new().rules.is_stable());
        assert!(!PathBuilder::new().exit_to(("example.com", 80)).rules.is_stable());
        assert!(
            PathBuilder::new()
                .exit_to(("example.com", 80))
                .exit_to(("example.com", 22))
                .rules
                .is_stable()
        );
        assert!(!PathBuilder::new().exit_to(("example.com", 22)).stable(false).rules.is_stable());
    }

    #[test]
    fn guards_are_needed_unless_the_first_hop_is_set_or_random() {
        assert!(PathBuilder::new().needs_guards());
        assert!(PathBuilder::new().exit(ONE).needs_guards());
        assert!(!PathBuilder::new().random_guard().needs_guards());
        assert!(!PathBuilder::new().relay(1, ONE).needs_guards());
        assert!(!PathBuilder::new().length(1).exit(ONE).needs_guards());
    }
}
