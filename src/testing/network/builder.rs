//! Starting a network.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::bridge::Bridge;
use super::client_ports::ClientPorts;
use super::countries::{self, Countries};
use super::first_vote::FirstVote;
use super::keys::KeyCache;
use super::name_server::NameServer;
use super::node::{Common, Node, Role, Voting, as_bridge, as_client, waiting};
use super::plan::{Plan, Wanted, bandwidth_file, default_nicknames, write_bandwidth_file};
use super::relay::{RelayOptions, refused};
use super::seed::{Seed, Times};
use super::start::{NodeToStart, Starting, first_circuit};
use super::{TestNetwork, panicked, private_directory, stop_all, vote};
use crate::controller::Controller;
use crate::error::{Error, LaunchError, LaunchProblem, Phase, Result};
use crate::event::Bootstrap;
use crate::process::{PrivateDir, wait_bootstrapped};
use crate::transport::{Deadline, deadline_after};
use crate::types::{EventKind, Progress};

/// The number of starts when somebody takes a port in between.
const ATTEMPTS: usize = 3;

/// With fewer, a relay finds no path of three others.
const FEWEST: usize = 4;

/// The shortest interval between votes, in seconds, by tor's rule.
const SHORTEST_INTERVAL: u64 = 10;

/// The time that a start takes at most if the machine isn't busy. Then the
/// relays' descriptors are with the authorities long before the first vote.
const QUICK: Duration = Duration::from_millis(2500);

/// The number of log lines of each node that a failure tells.
const LINES_EACH: usize = 5;

type Callback = Box<dyn FnMut(&Progress) + Send>;

/// The settings of a [`TestNetwork`].
#[must_use = "nothing happens before start()"]
pub struct TestNetworkBuilder {
    authorities: usize,
    relays: usize,
    timeout: Duration,
    names: Vec<(String, IpAddr)>,
    client_options: Vec<(String, String)>,
    described: Vec<RelayOptions>,
    bridges: Vec<RelayOptions>,
    ipv6: bool,
    options: Vec<(String, String)>,
    vanguards_lite: bool,
    voting_interval: Duration,
    intervals_valid: u32,
    vote_first: bool,
    new_keys: bool,
    on_progress: Option<Callback>,
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
            on_progress: None,
        }
    }
}

impl TestNetworkBuilder {
    /// Sets the number of directory authorities, at least one. Default: 3.
    pub fn authorities(mut self, count: usize) -> Self {
        self.authorities = count.max(1);
        self
    }

    /// Sets the number of relays with default settings, all of them guards and
    /// exits. Default: 5. Relays of [`relay`](Self::relay) are added to them.
    ///
    /// Together with the authorities, which are relays, too, there must be four
    /// or more.
    pub fn relays(mut self, count: usize) -> Self {
        self.relays = count;
        self
    }

    /// Adds a relay with settings of its own.
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

    /// Adds a bridge: a relay that isn't in the consensus, so that only clients
    /// that are told of it use it. [`Node::bridge_line`] is what to tell them.
    ///
    /// A bridge is no exit and no guard, whatever its settings say. `bandwidth`
    /// and `family` are refused by [`start`](Self::start) with
    /// [`Error::Argument`]. [`transport`](RelayOptions::transport) adds a
    /// pluggable transport. [`relays`](Self::relays) doesn't count bridges.
    ///
    /// ```no_run
    /// use scape::BuildCircuit;
    /// use scape::testing::TestNetwork;
    ///
    /// let builder = TestNetwork::builder();
    /// let network = builder.bridge(|bridge| bridge.nickname("b")).start()?;
    /// let line = network.bridges().next().and_then(|it| it.bridge_line());
    /// let client = network
    ///     .launch()
    ///     .option("UseBridges", true)
    ///     .option("Bridge", line.unwrap_or_default())
    ///     .start()?;
    /// let circuit = client.controller().build_circuit(&BuildCircuit::new())?;
    /// println!("{circuit}");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn bridge(mut self, set: impl FnOnce(RelayOptions) -> RelayOptions) -> Self {
        self.bridges.push(set(RelayOptions::default()).exit(false));
        self
    }

    /// Sets whether authorities, relays and bridges have an IPv6 address, too.
    /// Default: false.
    ///
    /// Each then has a second OR port, on ::1, and the consensus names it.
    /// Clients have `ClientUseIPv6 1`. They still prefer IPv4, unless
    /// `ClientUseIPv4 0` or `ClientPreferIPv6ORPort 1` is set.
    /// [`start`](Self::start) fails with [`Error::Io`] if this machine has no
    /// address ::1.
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

    /// Sets an option of every node, the client included, and of
    /// [`TestNetwork::launch`].
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Sets the time from one vote to the next, in whole seconds. Default: ten
    /// seconds, the shortest that tor allows. Longer ones must divide a day.
    ///
    /// With a long interval the network rests: nodes need less memory and send
    /// fewer events.
    pub fn voting_interval(mut self, interval: Duration) -> Self {
        self.voting_interval = interval;
        self
    }

    /// Sets for how many voting intervals a consensus is valid, at least 2.
    /// Default: 2.
    pub fn consensus_lifetime(mut self, intervals: u32) -> Self {
        self.intervals_valid = intervals;
        self
    }

    /// Starts without a consensus, and waits for the authorities' first vote, as
    /// a new network does. That takes ten seconds more. Default: false.
    pub fn vote_first(mut self, on: bool) -> Self {
        self.vote_first = on;
        self
    }

    /// Makes new keys for the nodes, and keeps none. Default: false; keys are
    /// kept in the user's cache (`XDG_CACHE_HOME`, or `~/.cache`), in
    /// `scape/test-network-keys-1`, and each network has the same ones.
    pub fn new_keys(mut self, on: bool) -> Self {
        self.new_keys = on;
        self
    }

    /// Sets how long [`start`](Self::start) may take. Default: five minutes, which is enough on a busy machine.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the network's name server know a name. ([`TestNetwork::name_server`] can be told later, too.)
    pub fn name(mut self, name: impl Into<String>, address: impl Into<IpAddr>) -> Self {
        self.names.push((name.into(), address.into()));
        self
    }

    /// Turns vanguards-lite on or off for every node and for [`TestNetwork::launch`]: the option `VanguardsLiteEnabled`.
    /// Default: off.
    ///
    /// With vanguards and few relays, circuits to onion services often fail at first, because tor chooses one of its guards
    /// for a later hop. tor tries again, so connecting takes up to 15 seconds more. Use at least 8 relays.
    pub fn vanguards_lite(mut self, on: bool) -> Self {
        self.vanguards_lite = on;
        self
    }

    /// Sets an option of the client.
    pub fn client_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.client_options.push((name.into(), value.into()));
        self
    }

    /// Called with each step of the start, on the thread that calls [`start`](Self::start).
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Starts every node and waits until the client is ready to build circuits.
    ///
    /// # Errors
    ///
    /// [`Error::Launch`], with the last lines of every node's log, each with the node's name. Nothing is left behind.
    pub fn start(mut self) -> Result<TestNetwork> {
        let deadline = deadline_after(self.timeout);
        self.check()?;
        for attempt in 1.. {
            match self.try_start(deadline) {
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
            let why = format!("must be {SHORTEST_INTERVAL} s or more, and divide a day");
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
            let why = format!("is one of too many: there can be {}", countries::MOST);
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
                let why = format!("{nickname:?} can't be that of a relay");
                return Err(refused("nickname", why));
            }
            if !nicknames.insert(nickname.clone()) {
                return Err(refused("nickname", format!("{nickname:?} is given twice")));
            }
        }
        Ok(())
    }

    fn try_start(&mut self, deadline: Instant) -> Result<TestNetwork> {
        let directory = PrivateDir::new("network-")
            .map_err(|e| Error::io("make a directory for the network", e))?;
        let root = directory.path();
        let name_server = self.start_name_server(root)?;

        self.report(0, "keys", "making keys");
        let cache = if self.new_keys { KeyCache::none() } else { KeyCache::of_user() };
        let wanted = Wanted {
            authorities: self.authorities,
            relays: self.all_relays(),
            bridges: self.bridges.clone(),
            ipv6: self.ipv6,
        };
        let plan = Plan::new(wanted, &cache)?;
        plan.write_keys(root)?;
        let times = Times::starting_now(self.voting_interval, self.intervals_valid);
        let seed = match self.vote_first {
            true => None,
            false => Some(Seed::new(&plan, &times)?),
        };
        self.report(10, "nodes", "starting the nodes");
        let common = Common {
            authorities: plan.authority_lines(),
            vanguards_lite: self.vanguards_lite,
            ipv6: self.ipv6,
            geoip_directory: plan.countries.write_files(root)?,
            options: self.options.clone(),
        };
        let nodes = self.nodes_to_start(root, &plan, &common, seed.as_ref(), times)?;
        let nodes = match &seed {
            Some(_) => self.start_seeded(nodes, &plan, &times, deadline)?,
            None => self.start_and_vote(nodes, deadline)?,
        };
        let network = self.network(nodes, common, seed, name_server, directory)?;
        self.report(100, "done", "ready");
        Ok(network)
    }

    /// Starts nodes that have a consensus.
    ///
    /// The authorities come first, because a relay uploads its descriptor one
    /// second after its start, and not again if it is refused. The client joins
    /// the network when all others take connections, because it would avoid
    /// guards that refuse one.
    fn start_seeded(
        &mut self,
        nodes: Vec<NodeToStart>,
        plan: &Plan,
        times: &Times,
        deadline: Instant,
    ) -> Result<Vec<Node>> {
        let (client, timeout, begun) = (nodes.len() - 1, self.timeout, Instant::now());
        let is_over = AtomicBool::new(false);
        let exits = plan.relays.iter().map(|relay| relay.options.exit);
        let exits: Vec<bool> = exits.collect();
        thread::scope(|scope| {
            let mut starting = Starting::new(scope, nodes, deadline, timeout);
            let _over = SetOnDrop(&is_over);
            let authorities = starting.begin(|role| role == Role::Authority);
            starting.wait_listening(&plan.authority_addresses())?;
            let relays = starting.begin(|role| role == Role::Relay);
            let bridges = starting.begin(|role| role == Role::Bridge);
            starting.begin(|_| true);
            starting.wait_listening(&plan.relay_addresses())?;
            let controller = starting.wait_for(client)?;
            let authorities = authorities.into_iter().map(|index| starting.wait_for(index));
            let authorities = authorities.collect::<Result<Vec<_>>>()?;
            let mut first_vote = FirstVote::new(authorities, plan.descriptor_keys(), times);
            let first_vote = scope.spawn(|| {
                let put_off = first_vote.put_off(|| is_over.load(Ordering::Relaxed));
                put_off.map(|()| first_vote)
            });
            self.report(50, "circuit", "building the first circuit");
            first_circuit(&controller, deadline, |error| {
                log::warn!(
                    target: "scape::testing",
                    "the consensus that was written gives no circuit ({error}): \
                     waiting for the authorities' vote"
                );
                self.report(60, "vote", "waiting for the authorities' vote");
            })?;
            self.report(70, "exits", "waiting until the exits take streams");
            for (relay, _) in relays.iter().zip(exits).filter(|(_, is_exit)| *is_exit) {
                starting.wait_for_policy(*relay)?;
            }
            // A client asks a bridge for its descriptor, and waits long before
            // it asks again if the bridge has not made it yet.
            bridges.into_iter().try_for_each(|bridge| starting.wait_for_policy(bridge))?;
            let nodes = starting.wait_for_all()?;
            self.wait_bootstrapped(&controller, deadline)?;
            is_over.store(true, Ordering::Relaxed);
            let mut first_vote = first_vote.join().unwrap_or_else(|_| Err(panicked()))?;
            if begun.elapsed() > QUICK {
                // The machine is busy.
                first_vote.put_off(|| Instant::now() >= deadline)?;
            }
            Ok(nodes)
        })
    }

    /// Starts nodes that know nothing of each other.
    fn start_and_vote(&mut self, nodes: Vec<NodeToStart>, deadline: Instant) -> Result<Vec<Node>> {
        let timeout = self.timeout;
        let nodes = thread::scope(|scope| {
            let mut starting = Starting::new(scope, nodes, deadline, timeout);
            starting.begin(|_| true);
            starting.wait_for_all()
        })?;
        match self.wait_ready(&nodes, deadline) {
            Ok(()) => Ok(nodes),
            Err(error) => Err(failure(nodes, error, timeout)),
        }
    }

    /// Puts together what has been started.
    fn network(
        &self,
        nodes: Vec<Node>,
        common: Common,
        seed: Option<Seed>,
        name_server: NameServer,
        directory: PrivateDir,
    ) -> Result<TestNetwork> {
        let client = nodes.len() - 1;
        let ports = match ClientPorts::of(nodes[client].controller()) {
            Ok(ports) => ports,
            Err(error) => return Err(failure(nodes, error, self.timeout)),
        };
        let cookie = nodes[client].process().data_directory().join("control_auth_cookie");
        Ok(TestNetwork {
            client,
            ports,
            cookie,
            timeout: self.timeout,
            voting_interval: self.voting_interval,
            name_server,
            common,
            seed,
            nodes,
            directory: Some(directory),
        })
    }

    /// Returns the settings of all relays: those that were described, and
    /// before them as many as [`relays`](Self::relays) says.
    fn all_relays(&self) -> Vec<RelayOptions> {
        let mut relays = vec![RelayOptions::default(); self.relays];
        relays.extend(self.described.clone());
        relays
    }

    fn start_name_server(&self, root: &Path) -> Result<NameServer> {
        let server = NameServer::start().map_err(|e| Error::io("start the name server", e))?;
        for (name, address) in &self.names {
            server.add_address(name, *address);
        }
        let address = server.address();
        fs::write(
            root.join("resolv.conf"),
            format!("nameserver {}:{}\n", address.ip(), address.port()),
        )
        .map_err(|e| Error::io("write the network's resolv.conf", e))?;
        Ok(server)
    }

    /// Describes every process and writes what it needs. The client is the last
    /// of the nodes.
    fn nodes_to_start(
        &self,
        root: &Path,
        plan: &Plan,
        common: &Common,
        seed: Option<&Seed>,
        times: Times,
    ) -> Result<Vec<NodeToStart>> {
        let mut nodes = Vec::new();
        let voting = match seed {
            Some(_) => Voting::AfterSeed(times),
            None => Voting::WhenTold(times),
        };
        let bandwidths = bandwidth_file(plan, times.now);
        let guards = plan.guards();
        for planned in &plan.authorities {
            let data_directory = root.join(&planned.nickname);
            let mut launch = common.authority(planned, &data_directory, &guards, voting);
            if plan.is_measured() {
                let file = write_bandwidth_file(&data_directory, &bandwidths)?;
                launch = launch.option("V3BandwidthsFile", file);
            }
            if let Some(seed) = seed {
                seed.write(&data_directory)?;
            }
            nodes.push(NodeToStart {
                nickname: planned.nickname.clone(),
                role: Role::Authority,
                fingerprint: Some(planned.fingerprint),
                bridge: None,
                again: launch.again(),
                launch,
            });
        }
        let resolv_conf = root.join("resolv.conf");
        let relays = plan.relays.iter().map(|planned| (Role::Relay, planned));
        let bridges = plan.bridges.iter().map(|planned| (Role::Bridge, planned));
        for (role, planned) in relays.chain(bridges) {
            let data_directory = root.join(&planned.nickname);
            let launch = common.relay(planned, &data_directory, &resolv_conf);
            let (launch, bridge) = match role {
                Role::Bridge => (as_bridge(launch), Some(Bridge::of(planned)?)),
                _ => (launch, None),
            };
            let launch = launch.options(planned.options.options.clone());
            let again = launch.again();
            let launch = match seed {
                Some(seed) => {
                    seed.write(&data_directory)?;
                    launch
                }
                None => waiting(launch),
            };
            nodes.push(NodeToStart {
                nickname: planned.nickname.clone(),
                role,
                fingerprint: Some(planned.fingerprint),
                bridge,
                launch,
                again,
            });
        }
        let socket = self.socks_socket(root)?;
        let launch = as_client(common.node("client", &root.join("client")), socket.as_deref());
        let again = launch.again().options(self.client_options.clone());
        let launch = match seed {
            // Until all others take connections.
            Some(seed) => launch.seed(seed.files()).option("DisableNetwork", "1"),
            None => waiting(launch),
        };
        nodes.push(NodeToStart {
            nickname: "client".into(),
            role: Role::Client,
            fingerprint: None,
            bridge: None,
            launch: launch.options(self.client_options.clone()),
            again,
        });
        Ok(nodes)
    }

    #[cfg(unix)]
    fn socks_socket(&self, root: &Path) -> Result<Option<PathBuf>> {
        let directory = root.join("socks");
        private_directory(&directory)
            .map_err(|e| Error::io("make a directory for the SOCKS socket", e))?;
        Ok(Some(directory.join("socket")))
    }

    #[cfg(not(unix))]
    fn socks_socket(&self, _root: &Path) -> Result<Option<PathBuf>> {
        Ok(None)
    }

    fn wait_ready(&mut self, nodes: &[Node], deadline: Instant) -> Result<()> {
        self.report(20, "descriptors", "waiting until the authorities know every relay");
        vote::wait_for_descriptors(nodes, deadline)?;
        self.report(30, "vote", "voting on a consensus");
        vote::vote(nodes, deadline)?;
        self.report(60, "relays", "telling the relays");
        vote::tell_relays(nodes, deadline)?;
        let client = nodes[nodes.len() - 1].controller();
        vote::start_to_fetch(client)?;
        self.wait_bootstrapped(client, deadline)?;
        self.report(99, "known", "waiting until the client knows every relay");
        wait_known(client, nodes, deadline, self.timeout)
    }

    /// Waits until the client is ready.
    fn wait_bootstrapped(&mut self, client: &Controller, deadline: Instant) -> Result<()> {
        let deadline = Deadline::at(deadline, self.timeout);
        let mut reached = None;
        wait_bootstrapped(client, 100, deadline, &mut reached, |step| {
            // Four fifths of the way have been gone before the bootstrap.
            self.report(80 + step.progress / 5, "bootstrap", &step.summary);
        })
    }

    fn report(&mut self, percent: u8, tag: &str, text: &str) {
        if let Some(callback) = &mut self.on_progress {
            callback(&Progress::new(percent, tag, text));
        }
    }
}

/// Sets a flag when it is dropped.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until the client has a descriptor of every relay: the first consensus need not name the slow ones.
fn wait_known(
    client: &Controller,
    nodes: &[Node],
    deadline: Instant,
    timeout: Duration,
) -> Result<()> {
    let events = client.subscribe([EventKind::NewConsensus, EventKind::NewDesc])?;
    let keys = vote::of_each_relay(nodes, "md/id/");
    let mut wait = events.wait(Deadline::at(deadline, timeout), Phase::Event);
    loop {
        let known = client.get_info_each(&keys)?;
        if known.iter().all(Result::is_ok) {
            return Ok(());
        }
        wait.next()?;
    }
}

/// Ends nodes. Returns what went wrong, with what every node last logged.
fn failure(nodes: Vec<Node>, error: Error, timeout: Duration) -> Error {
    let mut log = Vec::new();
    for node in &nodes {
        let lines = node.process().log_tail();
        let last = lines.iter().skip(lines.len().saturating_sub(LINES_EACH));
        log.extend(last.map(|line| format!("{}: {line}", node.nickname())));
    }
    let progress = nodes.last().and_then(|client| {
        let phase = client.controller().get_info_bytes("status/bootstrap-phase").ok()?;
        Some(Bootstrap::parse(&phase)?.progress)
    });
    let problem = match error {
        error if error.is_timeout() => LaunchProblem::Timeout { after: timeout, progress },
        error => LaunchProblem::Control(Box::new(error)),
    };
    let _ = stop_all(nodes);
    LaunchError::new(problem, log).into()
}

fn is_port_clash(error: &Error) -> bool {
    matches!(error, Error::Launch(launch) if launch.log().iter().any(|line| line.contains("Address already in use")))
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

    #[test]
    fn network_can_be_shared() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<TestNetwork>();
    }

    #[test]
    fn a_network_that_cannot_work_is_not_started() {
        let error = TestNetwork::builder().authorities(1).relays(2).start().unwrap_err();
        assert!(matches!(error, Error::Argument(_)), "{error}");
    }
}
