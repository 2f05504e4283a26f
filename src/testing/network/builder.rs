//! Starting a network.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::authority::{Authority, free_ports, private_directory};
use super::name_server::NameServer;
use super::node::{Node, Role, as_authority, as_client, as_relay, node, of_node};
use super::{TestNetwork, consensus, stop_all};
use crate::controller::Controller;
use crate::error::{ArgumentError, Error, LaunchError, LaunchProblem, Phase, Result};
use crate::event::{Bootstrap, EventBody};
use crate::process::PrivateDir;
use crate::protocol::Words;
use crate::transport::{Address, Deadline, deadline_after};
use crate::types::{EventKind, Progress};

/// How often to start again when somebody took a port in between.
const ATTEMPTS: usize = 3;

/// With fewer, a relay finds no path of three others.
const FEWEST: usize = 4;

/// How long each tor may take to answer on its control connection.
const NODE_TIMEOUT: Duration = Duration::from_secs(120);

/// How many of a node's log lines a failure tells.
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
    vanguards_lite: bool,
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
            vanguards_lite: false,
            on_progress: None,
        }
    }
}

impl TestNetworkBuilder {
    /// How many directory authorities; at least one. Default: 3.
    pub fn authorities(mut self, count: usize) -> Self {
        self.authorities = count.max(1);
        self
    }

    /// How many relays, all of them exits; at least one, and three for circuits that avoid the authorities. Together with
    /// the authorities, which are relays too, there must be four: then onion services work as well. Default: 5.
    pub fn relays(mut self, count: usize) -> Self {
        self.relays = count.max(1);
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
        if self.authorities + self.relays < FEWEST {
            let why =
                format!("are too few: authorities and relays together must be {FEWEST} or more");
            return Err(ArgumentError::invalid("TestNetwork", "relays", why).into());
        }
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

    fn try_start(&mut self, deadline: Instant) -> Result<TestNetwork> {
        let directory = PrivateDir::new("network-")
            .map_err(|e| Error::io("make a directory for the network", e))?;
        let root = directory.path();
        let name_server = self.start_name_server(root)?;

        self.report(0, "keys", "making the authorities' keys");
        let authorities = self.make_authorities(root)?;
        self.report(10, "nodes", "starting the nodes");
        let mut network =
            Starting { nodes: self.launch_nodes(root, &authorities)?, directory: Some(directory) };
        match self.wait_ready(&network, deadline) {
            Ok(()) => {}
            Err(error) => return Err(network.failure(error, self.timeout)),
        }
        let client = network.nodes.len() - 1;
        let controller = network.nodes[client].controller();
        let socks = listeners(&controller.get_info_bytes("net/listeners/socks")?);
        let control = listeners(&controller.get_info_bytes("net/listeners/control")?);
        let tcp = |all: &[Address]| all.iter().find(|address| !address.is_unix()).cloned();
        let missing =
            || Error::answer("GETINFO net/listeners/*", "the client does not listen on TCP");
        let cookie = network.nodes[client].process().data_directory().join("control_auth_cookie");
        let network = TestNetwork {
            client,
            socks: tcp(&socks).ok_or_else(missing)?,
            socks_unix: socks.iter().find(|address| address.is_unix()).cloned(),
            control: tcp(&control).ok_or_else(missing)?,
            cookie,
            name_server,
            authorities: authorities.iter().map(Authority::line).collect(),
            vanguards_lite: self.vanguards_lite,
            nodes: std::mem::take(&mut network.nodes),
            directory: network.directory.take(),
        };
        self.report(100, "done", "ready");
        Ok(network)
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

    /// Side by side: making a key of 3072 bits takes a second.
    fn make_authorities(&self, root: &Path) -> Result<Vec<Authority>> {
        let ports = free_ports(2 * self.authorities)?;
        thread::scope(|scope| {
            let making: Vec<_> = ports
                .chunks_exact(2)
                .enumerate()
                .map(|(i, ports)| {
                    let (or_port, dir_port) = (ports[0], ports[1]);
                    scope.spawn(move || {
                        let nickname = format!("authority{i}");
                        Authority::make(&nickname, &root.join(&nickname), or_port, dir_port)
                    })
                })
                .collect();
            making
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
                .collect()
        })
    }

    /// Starts every process, side by side. The client is the last of the nodes.
    fn launch_nodes(&self, root: &Path, authorities: &[Authority]) -> Result<Vec<Node>> {
        let resolv_conf = root.join("resolv.conf");
        let socket = self.socks_socket(root)?;
        let lines: Vec<String> = authorities.iter().map(Authority::line).collect();
        let mut launches = Vec::new();
        for authority in authorities {
            let nickname = authority.nickname.clone();
            let tor = node(&nickname, &root.join(&nickname), &lines, self.vanguards_lite);
            launches.push((nickname, Role::Authority, as_authority(tor, authority)));
        }
        for i in 0..self.relays {
            let nickname = format!("relay{i}");
            let tor = node(&nickname, &root.join(&nickname), &lines, self.vanguards_lite);
            launches.push((nickname, Role::Relay, as_relay(tor, &resolv_conf)));
        }
        let tor = as_client(
            node("client", &root.join("client"), &lines, self.vanguards_lite),
            socket.as_deref(),
        );
        launches.push(("client".into(), Role::Client, tor.options(self.client_options.clone())));

        let results: Vec<Result<Node>> = thread::scope(|scope| {
            let starting: Vec<_> = launches
                .into_iter()
                .map(|(nickname, role, tor)| {
                    scope.spawn(move || match tor.timeout(NODE_TIMEOUT).start() {
                        Ok(process) => Node::new(nickname, role, process),
                        Err(error) => Err(of_node(&nickname, error)),
                    })
                })
                .collect();
            starting
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
                .collect()
        });
        let mut nodes = Vec::new();
        let mut failed = None;
        for result in results {
            match result {
                Ok(node) => nodes.push(node),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            None => Ok(nodes),
            Some(error) => {
                // What went wrong first is what matters.
                let _ = stop_all(nodes);
                Err(error)
            }
        }
    }

    #[cfg(unix)]
    fn socks_socket(&self, root: &Path) -> Result<Option<std::path::PathBuf>> {
        let directory = root.join("socks");
        private_directory(&directory)
            .map_err(|e| Error::io("make a directory for the SOCKS socket", e))?;
        Ok(Some(directory.join("socket")))
    }

    #[cfg(not(unix))]
    fn socks_socket(&self, _root: &Path) -> Result<Option<std::path::PathBuf>> {
        Ok(None)
    }

    fn wait_ready(&mut self, network: &Starting, deadline: Instant) -> Result<()> {
        self.report(20, "descriptors", "waiting until the authorities know every relay");
        consensus::wait_for_descriptors(&network.nodes, deadline)?;
        self.report(30, "vote", "voting on a consensus");
        consensus::vote(&network.nodes, deadline)?;
        self.report(60, "relays", "telling the relays");
        consensus::tell_relays(&network.nodes, deadline)?;

        let client = network.nodes[network.nodes.len() - 1].controller();
        let events = client.subscribe([EventKind::StatusClient])?;
        consensus::start_to_fetch(client)?;
        let mut wait = events.wait(Deadline::at(deadline, self.timeout), Phase::Event);
        let mut phase = Bootstrap::parse(&client.get_info_bytes("status/bootstrap-phase")?);
        loop {
            if let Some(bootstrap) = phase.take() {
                // Four fifths of the way have been gone before the bootstrap.
                self.report(80 + bootstrap.progress / 5, "bootstrap", &bootstrap.summary);
                if bootstrap.is_done() {
                    break;
                }
            }
            let event = wait.next()?;
            if let EventBody::StatusClient(status) = event.body() {
                phase = status.bootstrap();
            }
        }
        self.report(99, "known", "waiting until the client knows every relay");
        wait_known(client, &network.nodes, deadline, self.timeout)
    }

    fn report(&mut self, percent: u8, tag: &str, text: &str) {
        if let Some(callback) = &mut self.on_progress {
            callback(&Progress::new(percent, tag, text));
        }
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
    let relays = nodes.iter().filter_map(Node::fingerprint);
    let keys: Vec<String> = relays.map(|fingerprint| format!("md/id/{fingerprint}")).collect();
    let mut wait = events.wait(Deadline::at(deadline, timeout), Phase::Event);
    loop {
        let known = client.get_info_each(&keys)?;
        if known.iter().all(Result::is_ok) {
            return Ok(());
        }
        wait.next()?;
    }
}

/// A network whose nodes run, but that is not ready.
struct Starting {
    nodes: Vec<Node>,
    directory: Option<PrivateDir>,
}

impl Starting {
    /// What went wrong, with what every node last logged. Ends them.
    fn failure(mut self, error: Error, timeout: Duration) -> Error {
        let mut log = Vec::new();
        for node in &self.nodes {
            let lines = node.process().log_tail();
            let last = lines.iter().skip(lines.len().saturating_sub(LINES_EACH));
            log.extend(last.map(|line| format!("{}: {line}", node.nickname())));
        }
        let progress = self.nodes.last().and_then(|client| {
            let phase = client.controller().get_info_bytes("status/bootstrap-phase").ok()?;
            Some(Bootstrap::parse(&phase)?.progress)
        });
        let problem = match error {
            error if error.is_timeout() => LaunchProblem::Timeout { after: timeout, progress },
            error => LaunchProblem::Control(Box::new(error)),
        };
        let _ = stop_all(std::mem::take(&mut self.nodes));
        LaunchError::new(problem, log).into()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // Before the directory goes.
        let _ = stop_all(std::mem::take(&mut self.nodes));
    }
}

fn is_port_clash(error: &Error) -> bool {
    matches!(error, Error::Launch(launch) if launch.log().iter().any(|line| line.contains("Address already in use")))
}

fn panicked() -> Error {
    Error::io("start a node", std::io::Error::other("its thread panicked"))
}

/// The addresses in `GETINFO net/listeners/*`: quoted strings.
fn listeners(value: &[u8]) -> Vec<Address> {
    let mut words = Words::new(value);
    let mut addresses = Vec::new();
    while !words.peek().is_empty() {
        if let Ok(address) = words.next_text().parse() {
            addresses.push(address);
        }
    }
    addresses
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
    fn a_network_that_cannot_work_is_not_started() {
        let error = TestNetwork::builder().authorities(1).relays(2).start().unwrap_err();
        assert!(matches!(error, Error::Argument(_)), "{error}");
    }
}
