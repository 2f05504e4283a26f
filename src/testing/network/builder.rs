//! The settings of a private Tor network, and the method that starts it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::TestNetwork;
use super::countries::{self, Countries};
use super::plan::default_nicknames;
use super::relay::{RelayOptions, refused};
use crate::error::{Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::transport::Deadline;
use crate::process::{LaunchError, LaunchProblem};
use scape_proto::word::Progress;

/// The maximum number of attempts to start. The start is tried again only if
/// another program has taken a port.
const ATTEMPTS: usize = 3;

/// The minimum number of relays, authorities included. A relay builds circuits
/// of three other relays, so it needs at least three others.
const FEWEST: usize = 4;

/// The shortest voting interval that tor allows, in seconds.
const SHORTEST_INTERVAL: u64 = 10;

pub(super) type Callback = Box<dyn FnMut(&Progress) + Send>;

/// The settings of a [`TestNetwork`].
///
/// ```no_run
/// use scape::testing::TestNetwork;
///
/// let network = TestNetwork::builder()
///     .relays(4)
///     .relay(|relay| relay.nickname("fast").bandwidth(20_000).exit(true))
///     .start()?;
/// println!("Tor {}", network.client().version()?);
/// network.stop()?;
/// # Ok::<(), scape::Error>(())
/// ```
#[must_use = "nothing happens before start()"]
pub struct TestNetworkBuilder {
    pub(super) authorities: usize,
    pub(super) relays: usize,
    pub(super) timeout: Duration,
    pub(super) names: Vec<(String, IpAddr)>,
    pub(super) client_options: Vec<(String, String)>,
    described: Vec<RelayOptions>,
    pub(super) bridges: Vec<RelayOptions>,
    pub(super) ipv6: bool,
    pub(super) options: Vec<(String, String)>,
    pub(super) vanguards_lite: bool,
    pub(super) voting_interval: Duration,
    pub(super) intervals_valid: u32,
    pub(super) vote_first: bool,
    pub(super) new_keys: bool,
    cancel: CancelToken,
    pub(super) on_progress: Option<Callback>,
}

impl Default for TestNetworkBuilder {
    fn default() -> Self {
        TestNetworkBuilder {
            authorities: 3,
            relays: 5,
            timeout: Duration::from_secs(300),
            names: Vec::new(),
            client_options: Vec::new(),
            described: Vec::new(),
            bridges: Vec::new(),
            ipv6: false,
            options: Vec::new(),
            vanguards_lite: false,
            voting_interval: Duration::from_secs(10),
            intervals_valid: 2,
            vote_first: false,
            new_keys: false,
            cancel: CancelToken::new(),
            on_progress: None,
        }
    }
}

impl TestNetworkBuilder {
    /// Sets the number of directory authorities. Default: 3. A count of 0 is
    /// treated as 1.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().authorities(1).relays(3);
    /// ```
    pub fn authorities(mut self, count: usize) -> Self {
        self.authorities = count.max(1);
        self
    }

    /// Sets the number of relays with default settings, all of them guards and
    /// exits. Default: 5. Relays that [`relay`](Self::relay) adds are not
    /// counted.
    ///
    /// Authorities are relays, too. If the network has fewer than four
    /// authorities and relays in total, [`start`](Self::start) fails with an
    /// error of the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder().relays(8);
    /// // One authority and two relays are too few for circuits.
    /// assert!(TestNetwork::builder().authorities(1).relays(2).start().is_err());
    /// ```
    pub fn relays(mut self, count: usize) -> Self {
        self.relays = count;
        self
    }

    /// Adds one relay. `set` receives the default settings and returns the
    /// settings of this relay.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder()
    ///     .relay(|relay| relay.nickname("fast").bandwidth(20_000).exit(false))
    ///     .relay(|relay| relay.guard(false).option("ContactInfo", "me@example.org"))
    ///     .start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn relay(mut self, set: impl FnOnce(RelayOptions) -> RelayOptions) -> Self {
        self.described.push(set(RelayOptions::default()));
        self
    }

    /// Adds a bridge: a relay that isn't in the consensus. Only clients that
    /// are told about it use it.
    /// [`Node::bridge_line`](super::Node::bridge_line) returns the option that
    /// a client needs.
    ///
    /// A bridge is neither an exit nor a guard, regardless of its settings. If
    /// a [`bandwidth`](RelayOptions::bandwidth) or a
    /// [`family`](RelayOptions::family) is set for a bridge,
    /// [`start`](Self::start) fails with an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    /// [`transport`](RelayOptions::transport) adds a pluggable transport.
    /// [`relays`](Self::relays) doesn't count bridges.
    ///
    /// ```no_run
    /// use scape::control::ExtendCircuit;
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let builder = TestNetwork::builder();
    /// let network = builder.bridge(|bridge| bridge.nickname("b")).start()?;
    /// let line = network.bridges().next().and_then(|it| it.bridge_line());
    /// let client = network
    ///     .launch()
    ///     .option("UseBridges", true)
    ///     .option("Bridge", line.unwrap_or_default())
    ///     .start()?;
    /// let request = ExtendCircuit::new();
    /// let circuit = client.controller().build_circuit(&request, Duration::from_secs(60))?;
    /// println!("{circuit}");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn bridge(mut self, set: impl FnOnce(RelayOptions) -> RelayOptions) -> Self {
        self.bridges.push(set(RelayOptions::default()).exit(false));
        self
    }

    /// Sets whether authorities, relays and bridges also have an IPv6 address.
    /// Default: false.
    ///
    /// If true, each of these nodes has a second OR port, on ::1. The consensus
    /// contains the second port of each authority and relay. Clients get
    /// `ClientUseIPv6 1`. They still prefer IPv4, unless `ClientUseIPv4 0` or
    /// `ClientPreferIPv6ORPort 1` is set. If this machine doesn't have the
    /// address ::1, [`start`](Self::start) fails with an error of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().ipv6(true).start()?;
    /// let client = network.launch().option("ClientUseIPv4", false).start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn ipv6(mut self, on: bool) -> Self {
        self.ipv6 = on;
        self
    }

    /// Sets a tor option of every node. It also applies to the network's client
    /// and to the clients from [`TestNetwork::launch`].
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().option("Log", "info stdout");
    /// ```
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Sets the time between two votes, in whole seconds. Default: ten seconds,
    /// the shortest that tor allows. A day must be a multiple of the interval.
    /// With any other interval, [`start`](Self::start) fails with an error of
    /// the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// With a long interval, nodes need less memory and send fewer events.
    /// [`TestNetwork::vote`] makes the authorities vote at once.
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let builder = TestNetwork::builder().voting_interval(Duration::from_secs(3600));
    /// // A day isn't a multiple of seven minutes.
    /// let every_seven_minutes = TestNetwork::builder().voting_interval(Duration::from_secs(420));
    /// assert!(every_seven_minutes.start().is_err());
    /// ```
    pub fn voting_interval(mut self, interval: Duration) -> Self {
        self.voting_interval = interval;
        self
    }

    /// Sets the number of voting intervals for which a consensus is valid.
    /// Default: 2. With 0 or 1, [`start`](Self::start) fails with an error of
    /// the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    ///
    /// ```
    /// // With the default interval of ten seconds, a consensus is valid for a minute.
    /// let builder = scape::testing::TestNetwork::builder().consensus_lifetime(6);
    /// ```
    pub fn consensus_lifetime(mut self, intervals: u32) -> Self {
        self.intervals_valid = intervals;
        self
    }

    /// Sets whether the network starts without a consensus and waits for the
    /// first vote, like a new network. This takes ten seconds more. Default:
    /// false.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().vote_first(true);
    /// ```
    pub fn vote_first(mut self, on: bool) -> Self {
        self.vote_first = on;
        self
    }

    /// Sets whether the nodes get new keys for this network only. Default:
    /// false.
    ///
    /// By default, all networks of a user have the same keys. These keys are
    /// kept in the user's cache directory (`XDG_CACHE_HOME`, or `~/.cache`), in
    /// `scape/test-network-keys-1`. New keys are removed with the network.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().new_keys(true);
    /// ```
    pub fn new_keys(mut self, on: bool) -> Self {
        self.new_keys = on;
        self
    }

    /// Sets the time limit for [`start`](Self::start). Default: five minutes,
    /// which is enough on a busy machine.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = scape::testing::TestNetwork::builder().timeout(Duration::from_secs(60));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the token with which another thread can cancel
    /// [`start`](Self::start). `start` then ends all processes, removes all
    /// files, and returns an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// ```
    /// use scape::CancelToken;
    /// use scape::testing::TestNetwork;
    ///
    /// let token = CancelToken::new();
    /// token.cancel(); // for example: the user presses Ctrl-C
    /// let error = TestNetwork::builder().cancel_with(&token).start().unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Adds a name to the network's name server. More names can be added later
    /// through [`TestNetwork::name_server`].
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    /// use std::net::Ipv4Addr;
    ///
    /// let builder = TestNetwork::builder().name("www.scape.test", Ipv4Addr::LOCALHOST);
    /// ```
    pub fn name(mut self, name: impl Into<String>, address: impl Into<IpAddr>) -> Self {
        self.names.push((name.into(), address.into()));
        self
    }

    /// Sets whether vanguards-lite is on, for every node and for
    /// [`TestNetwork::launch`] (the option `VanguardsLiteEnabled`). Default:
    /// false.
    ///
    /// If vanguards-lite is on and there are few relays, circuits to onion
    /// services often fail at first, because tor chooses one of its guards for
    /// a later hop. tor tries again, so connecting takes up to 15 seconds more.
    /// Use at least 8 relays.
    ///
    /// ```
    /// let builder = scape::testing::TestNetwork::builder().vanguards_lite(true).relays(8);
    /// ```
    pub fn vanguards_lite(mut self, on: bool) -> Self {
        self.vanguards_lite = on;
        self
    }

    /// Sets a tor option of the client, in addition to the options of all
    /// nodes. Clients from [`TestNetwork::launch`] don't have this option.
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder().client_option("MaxCircuitDirtiness", "60");
    /// ```
    pub fn client_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.client_options.push((name.into(), value.into()));
        self
    }

    /// Sets a callback for each step of the start. The callback runs on the
    /// thread that calls [`start`](Self::start).
    ///
    /// ```
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder()
    ///     .on_progress(|step| eprintln!("{:3} % {}", step.percent, step.text));
    /// ```
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Starts every node. Waits until the client has built a circuit, all exits
    /// accept streams, and the authorities have the descriptor of every relay.
    ///
    /// A relay whose options keep it from publishing its descriptor, such as
    /// `PublishServerDescriptor 0`, delays the start by 20 seconds. If such a
    /// network also has [`vote_first`](Self::vote_first), the start fails with
    /// a timeout.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().relays(8).start()?;
    /// println!("{} nodes are running", network.nodes().len());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// After an error, all processes have ended and all files are removed. The
    /// kind of the error is
    ///
    /// * [`ErrorKind::Launch`](crate::ErrorKind::Launch) if a node didn't start
    ///   or its control connection failed;
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the network isn't
    ///   ready within the time limit;
    /// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the token of
    ///   [`cancel_with`](Self::cancel_with) is cancelled;
    /// * [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a setting is
    ///   invalid;
    /// * [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system
    ///   refuses something, such as an address.
    ///
    /// In the first two cases, the error contains a [`LaunchError`] with log
    /// lines: those of the node that didn't start, or else the last ones of
    /// every node. Each line begins with the node's name.
    pub fn start(mut self) -> Result<TestNetwork> {
        let deadline = Deadline::after(self.timeout).cancelled_by(Some(&self.cancel));
        self.check()?;
        for attempt in 1.. {
            deadline.check_cancelled(Phase::Bootstrap)?;
            match self.try_start(deadline) {
                // After a cancellation, even a network that has just become
                // ready is ended.
                _ if deadline.is_cancelled() => {
                    return Err(deadline.error(Phase::Bootstrap));
                }
                Err(error) if attempt < ATTEMPTS && is_port_clash(&error) => {
                    log::info!(target: "scape::testing", "a port was taken; starting the network again");
                }
                result => return result,
            }
        }
        Err(LaunchError::new(
            LaunchProblem::Timeout { after: self.timeout, progress: None },
            Vec::new(),
        )
        .into())
    }

    fn check(&self) -> Result<()> {
        if self.authorities + self.relays + self.described.len() < FEWEST {
            let why =
                format!("are too few: authorities and relays together must be {FEWEST} or more");
            return Err(refused("relays", why));
        }
        let (interval, day) = (self.voting_interval.as_secs(), 24 * 60 * 60);
        if interval < SHORTEST_INTERVAL || day % interval != 0 {
            let why = format!(
                "must be {SHORTEST_INTERVAL} s or more, and a day must be a multiple of it"
            );
            return Err(refused("voting_interval", why));
        }
        if self.intervals_valid < 2 {
            let why = "must be 2 intervals or more".to_owned();
            return Err(refused("consensus_lifetime", why));
        }
        let relays = self.all_relays();
        relays.iter().try_for_each(RelayOptions::check_relay)?;
        self.bridges.iter().try_for_each(RelayOptions::check_bridge)?;
        let all = || relays.iter().chain(&self.bridges);
        if Countries::of(all().filter_map(|it| it.country.as_deref())).are_too_many() {
            let why = format!("is one too many: the limit is {} countries", countries::MOST);
            return Err(refused("country", why));
        }
        let mut nicknames = BTreeSet::new();
        let defaults = default_nicknames(relays.len(), self.bridges.len());
        for (relay, default) in all().zip(defaults) {
            let nickname = relay.nickname.clone().unwrap_or(default);
            let is_nickname = (1..=19).contains(&nickname.len())
                && nickname.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let is_reserved = nickname == "client" || nickname == "socks";
            if !is_nickname || is_reserved || nickname.starts_with("authority") {
                let why = format!(
                    "{nickname:?} can't be used: use 1 to 19 letters and digits, and neither \
                     client nor socks nor authority…"
                );
                return Err(refused("nickname", why));
            }
            if !nicknames.insert(nickname.clone()) {
                return Err(refused("nickname", format!("{nickname:?} is given twice")));
            }
        }
        Ok(())
    }

    /// Returns the settings of all relays: first the default ones, whose number
    /// [`relays`](Self::relays) sets, then those that were added.
    pub(super) fn all_relays(&self) -> Vec<RelayOptions> {
        let mut relays = vec![RelayOptions::default(); self.relays];
        relays.extend(self.described.clone());
        relays
    }
}

fn is_port_clash(error: &Error) -> bool {
    let log = error.exact().map(LaunchError::log).unwrap_or_default();
    log.iter().any(|line| line.contains("Address already in use"))
}

impl fmt::Debug for TestNetworkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestNetworkBuilder")
            .field("authorities", &self.authorities)
            .field("relays", &self.relays)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::control::ArgumentError;

    #[test]
    fn network_can_be_shared() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<TestNetwork>();
    }

    #[test]
    fn network_with_too_few_relays_is_not_started() {
        let error = TestNetwork::builder().authorities(1).relays(2).start().unwrap_err();
        assert!(error.is::<ArgumentError>(), "{error}");
    }
}
