//! Starts a network: from its settings to processes that work together.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crossbeam_channel::{Sender, bounded};

use super::bridge::Bridge;
use super::builder::TestNetworkBuilder;
use super::client_ports::ClientPorts;
use super::first_vote::FirstVote;
use super::keys::KeyCache;
use super::name_server::NameServer;
use super::node::{Common, Node, Role, Voting, as_bridge, as_client, waiting};
use super::panicked::panicked;
use super::plan::{Plan, Wanted, bandwidth_file, write_bandwidth_file};
use super::seed::{Seed, Times};
use super::starting::{NodeToStart, Starting, failure, first_circuit, publish_now};
use super::{TestNetwork, vote};
use crate::control::Controller;
use crate::error::{Error, Phase, Result};
use crate::io::transport::Deadline;
#[cfg(unix)]
use crate::process::make_private;
use crate::process::{PrivateDir, wait_bootstrapped};
use scape_proto::event::EventKind;
use scape_proto::word::Progress;

impl TestNetworkBuilder {
    /// Makes one attempt to start the network.
    pub(super) fn try_start(&mut self, deadline: Deadline) -> Result<TestNetwork> {
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
        let network = self.network(nodes, common, seed, name_server, directory, deadline)?;
        self.report(100, "done", "ready");
        Ok(network)
    }

    /// Starts nodes that have a consensus.
    ///
    /// The authorities start first, because a relay uploads its descriptor soon
    /// after its start, and doesn't try again if the upload fails. The client
    /// joins the network when all other nodes accept connections. Otherwise the
    /// client would avoid guards that refused a connection.
    fn start_seeded(
        &mut self,
        nodes: Vec<NodeToStart>,
        plan: &Plan,
        times: &Times,
        deadline: Deadline,
    ) -> Result<Vec<Node>> {
        thread::scope(|scope| {
            let mut starting = Starting::new(scope, nodes, deadline);
            let (alive, over) = bounded(0);
            let outcome = self.make_seeded_ready(&mut starting, plan, alive, |authorities| {
                let mut first_vote = FirstVote::new(authorities, plan.descriptor_keys(), times);
                thread::Builder::new()
                    .spawn_scoped(scope, move || {
                        first_vote.put_off_until(&over).map(|()| first_vote)
                    })
                    .map_err(|error| {
                        Error::io("start a thread that puts off the first vote", error)
                    })
            });
            let outcome = outcome.and_then(|first_vote| {
                let mut first_vote = first_vote.join().unwrap_or_else(|_| Err(panicked()))?;
                // Programs may ask an authority for the descriptor of any
                // relay.
                self.report(96, "descriptors", "waiting until the authorities know every relay");
                first_vote.put_off_until_known(deadline)
            });
            starting.finish(outcome)
        })
    }

    /// Starts nodes that have a consensus, and waits until they work together.
    ///
    /// Calls `watch` with the authorities' controllers as soon as the
    /// authorities run, and returns the result of `watch`. `watch` starts a
    /// thread that postpones the authorities' vote as long as `alive` exists.
    /// `alive` is dropped when the nodes work together, or earlier if no
    /// circuit can be built without the vote.
    fn make_seeded_ready<T>(
        &mut self,
        starting: &mut Starting<'_, '_>,
        plan: &Plan,
        alive: Sender<()>,
        watch: impl FnOnce(Vec<Controller>) -> Result<T>,
    ) -> Result<T> {
        let deadline = starting.deadline();
        let authorities = starting.begin(None, |role| role == Role::Authority);
        starting.wait_listening(&plan.authority_addresses())?;
        let relays = starting.begin(Some(publish_now), |role| role == Role::Relay);
        let bridges = starting.begin(Some(publish_now), |role| role == Role::Bridge);
        let clients = starting.begin(None, |role| role == Role::Client);
        let authorities = authorities.into_iter().map(|index| starting.wait_for(index));
        let authorities = authorities.collect::<Result<Vec<_>>>()?;
        authorities.iter().try_for_each(publish_now)?;
        // On a busy machine, the first vote would begin soon after this, so
        // postponing it begins here.
        let watched = watch(authorities)?;
        starting.wait_listening(&plan.relay_addresses())?;
        let client = clients.into_iter().map(|index| starting.wait_for(index)).next();
        let client = client.unwrap_or_else(|| Err(panicked()))?;
        self.report(50, "circuit", "building the first circuit");
        let mut alive = Some(alive);
        first_circuit(&client, deadline, |error| {
            log::warn!(
                target: "scape::testing",
                "no circuit could be built with the first consensus ({error}): \
                 waiting for the authorities' vote"
            );
            alive = None;
            self.report(60, "vote", "waiting for the authorities' vote");
        })?;
        self.report(70, "exits", "waiting until the exits take streams");
        let exits = plan.relays.iter().map(|relay| relay.options.exit);
        for (relay, _) in relays.into_iter().zip(exits).filter(|(_, is_exit)| *is_exit) {
            starting.wait_for_policy(relay)?;
        }
        // A client asks a bridge for its descriptor. If the bridge hasn't made
        // it yet, the client waits long before it asks again.
        bridges.into_iter().try_for_each(|bridge| starting.wait_for_policy(bridge))?;
        starting.wait_for_all()?;
        self.wait_bootstrapped(&client, deadline)?;
        drop(alive);
        Ok(watched)
    }

    /// Starts nodes that don't have a consensus, and makes the authorities
    /// vote.
    fn start_and_vote(&mut self, nodes: Vec<NodeToStart>, deadline: Deadline) -> Result<Vec<Node>> {
        let nodes = thread::scope(|scope| {
            let mut starting = Starting::new(scope, nodes, deadline);
            starting.begin(None, |_| true);
            let outcome = starting.wait_for_all();
            starting.finish(outcome)
        })?;
        match self.wait_ready(&nodes, deadline) {
            Ok(()) => Ok(nodes),
            Err(error) => Err(failure(nodes, error, deadline.timeout())),
        }
    }

    /// Creates the network from its running nodes.
    fn network(
        &self,
        nodes: Vec<Node>,
        common: Common,
        seed: Option<Seed>,
        name_server: NameServer,
        directory: PrivateDir,
        deadline: Deadline,
    ) -> Result<TestNetwork> {
        let client = nodes.len() - 1;
        let ports = match ClientPorts::of(&nodes[client].until(deadline)) {
            Ok(ports) => ports,
            Err(error) => return Err(failure(nodes, error, deadline.timeout())),
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

    /// Returns the description of every process, and writes the files that the
    /// processes need. The client is the last node.
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
            // The network is enabled when all other nodes accept connections.
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
        make_private(&directory)
            .map_err(|e| Error::io("make a directory for the SOCKS socket", e))?;
        let socket = directory.join("socket");
        // The TCP port is enough if the path is too long, or if it isn't UTF-8
        // and tor's list of ports couldn't be parsed.
        let fits = std::os::unix::net::SocketAddr::from_pathname(&socket).is_ok();
        Ok((fits && socket.to_str().is_some()).then_some(socket))
    }

    #[cfg(not(unix))]
    fn socks_socket(&self, _root: &Path) -> Result<Option<PathBuf>> {
        Ok(None)
    }

    fn wait_ready(&mut self, nodes: &[Node], deadline: Deadline) -> Result<()> {
        self.report(20, "descriptors", "waiting until the authorities know every relay");
        vote::wait_for_descriptors(nodes, deadline)?;
        self.report(30, "vote", "voting on a consensus");
        vote::vote(nodes, deadline)?;
        self.report(60, "relays", "telling the relays");
        vote::tell_relays(nodes, deadline)?;
        let client = &nodes[nodes.len() - 1].until(deadline);
        vote::start_to_fetch(client)?;
        self.wait_bootstrapped(client, deadline)?;
        self.report(99, "known", "waiting until the client knows every relay");
        wait_known(client, nodes, deadline)
    }

    /// Waits until the client is bootstrapped, and reports each step.
    fn wait_bootstrapped(&mut self, client: &Controller, deadline: Deadline) -> Result<()> {
        let mut reached = None;
        wait_bootstrapped(client, 100, deadline, &mut reached, |step| {
            self.report(of_bootstrap(step.progress), "bootstrap", &step.summary);
        })
    }

    fn report(&mut self, percent: u8, tag: &str, text: &str) {
        if let Some(callback) = &mut self.on_progress {
            callback(&Progress::new(percent, tag, text));
        }
    }
}

/// Returns the progress of the whole start in percent while the client is at
/// `bootstrapped` percent: 80 to 94.
fn of_bootstrap(bootstrapped: u8) -> u8 {
    80 + bootstrapped.min(100) / 7
}

/// Waits until the client has a descriptor of every relay. The first consensus
/// may lack slow relays.
fn wait_known(client: &Controller, nodes: &[Node], deadline: Deadline) -> Result<()> {
    let events = client.subscribe([EventKind::NewConsensus, EventKind::NewDesc])?;
    let keys = vote::of_each_relay(nodes, "md/id/");
    let mut wait = events.wait(deadline, Phase::Event);
    loop {
        let known = client.info().get_each(&keys)?;
        if known.iter().all(Result::is_ok) {
            return Ok(());
        }
        wait.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::of_bootstrap;

    #[test]
    fn the_progress_of_a_bootstrap_is_a_part_of_the_progress_of_the_start() {
        let all: Vec<u8> = (0..=u8::MAX).map(of_bootstrap).collect();
        assert!(all.is_sorted());
        assert_eq!((all[0], all[100], all[255]), (80, 94, 94));
    }
}
