//! A private Tor network of real tors on this machine.

mod bridge;
mod builder;
mod client_ports;
mod countries;
mod faults;
mod first_vote;
mod keys;
mod name_server;
mod node;
mod plan;
mod ports;
mod relay;
mod seed;
mod start;
mod starting;
mod transport;
mod vote;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::controller::Controller;
use crate::error::{Error, Result};
use crate::process::{Launch, PrivateDir};
use crate::tor::Tor;
use crate::transport::{Address, Deadline};

use client_ports::ClientPorts;

pub use builder::TestNetworkBuilder;
pub use name_server::NameServer;
pub use node::{Node, Role};
pub use relay::RelayOptions;

/// A private Tor network on 127.0.0.1: directory authorities, relays and a
/// client, all of them real tors, with a name server of their own. Circuits are
/// built, names resolved, onion services published and reached in it, as on the
/// public network.
///
/// ```no_run
/// use scape::{BuildCircuit, testing::TestNetwork};
///
/// let network = TestNetwork::builder().start()?;
/// let circuit = network.client().build_circuit(&BuildCircuit::new())?;
/// println!("{circuit}");
/// # Ok::<(), scape::Error>(())
/// ```
///
/// `docs/testing.md` in the repository has three programs with their tests.
///
/// A start takes about two seconds with the default of three authorities and
/// five relays, and the first start of a user some seconds more, to make keys
/// (see [`TestNetworkBuilder::new_keys`]). It needs tor 0.4.8 or later, and
/// about 80 MB of memory for each authority and relay once it has run for a
/// minute.
///
/// Dropping the network ends every process and removes every file, also during
/// a panic. If the program is killed, the tors end by themselves, and the next
/// start of a tor or a network removes the files.
///
/// # The first consensus
///
/// A new network has no consensus before its authorities have voted, which
/// takes ten seconds. This network begins with one that was written by the
/// program, in the names of the authorities and with their signatures. They
/// vote every ten seconds, as
/// [`voting_interval`](TestNetworkBuilder::voting_interval) says, and their
/// first consensus takes over without a gap.
/// [`wait_for_vote`](Self::wait_for_vote) waits for it, and
/// [`vote_first`](TestNetworkBuilder::vote_first) starts without the other one.
///
/// Until then, caches have no server descriptors (`GETINFO desc/…`). The
/// authorities have them after two seconds. If the client gets no circuit with
/// the first consensus within 15 seconds, the start waits for the vote and logs
/// a warning with the target `scape::testing`.
///
/// # Differences from the public network
///
/// On every node and in [`launch`](Self::launch):
///
/// * `VanguardsLiteEnabled 0`. Among so few relays, tor would often choose a
///   guard of a lower layer as the next hop of a circuit to an onion service.
///   Relays refuse that, and tor tries again for up to 15 seconds.
///   [`TestNetworkBuilder::vanguards_lite`] turns it on.
/// * `LearnCircuitBuildTimeout 0`, because tor would learn a timeout of some
///   milliseconds.
/// * `EnforceDistinctSubnets 0`, because all addresses are 127.0.0.1, or
///   another loopback address for relays of a
///   [country](RelayOptions::country).
///
/// # Safety
///
/// The nodes know only each other, and names are resolved by the network's own
/// server. Exits would accept to connect to other addresses. They connect from
/// loopback addresses (`OutboundBindAddress`), so Linux refuses that. A network
/// namespace with nothing but loopback makes sure everywhere (`unshare -n`).
pub struct TestNetwork {
    nodes: Vec<Node>,
    client: usize,
    ports: ClientPorts,
    cookie: PathBuf,
    /// The time that a restart of a node may take.
    timeout: Duration,
    voting_interval: Duration,
    name_server: NameServer,
    common: node::Common,
    /// The files for a new client. `None` if the network was voted first.
    seed: Option<seed::Seed>,
    /// Dropped last, when every process has ended.
    directory: Option<PrivateDir>,
}

impl TestNetwork {
    /// A network with these settings.
    pub fn builder() -> TestNetworkBuilder {
        TestNetworkBuilder::default()
    }

    /// The client's control connection.
    pub fn client(&self) -> &Controller {
        self.client_node().controller()
    }

    /// The client, as programs use it.
    pub fn tor(&self) -> Tor {
        Tor::from(self.client().clone())
    }

    /// One more client of this network, to be started: its options can be added
    /// to, and what is its own (its data directory, its SOCKS port) is as
    /// [`Launch`] says. It is the caller's, and should end before the network
    /// does.
    ///
    /// ```no_run
    /// use scape::{Tor, testing::TestNetwork};
    ///
    /// let network = TestNetwork::builder().start()?;
    /// let another = Tor::launch(network.launch().option("SocksPort", "auto ExtendedErrors"))?;
    /// another.client()?.dns_resolve("www.scape.test")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn launch(&self) -> Launch {
        let launch = self.launch_empty();
        match &self.seed {
            Some(seed) => launch.seed(seed.files_now(self.nodes[0].process().data_directory())),
            None => launch,
        }
    }

    /// Like [`launch`](Self::launch), with an empty data directory: the client
    /// fetches everything from the network, in about 1.3 seconds.
    pub fn launch_empty(&self) -> Launch {
        node::as_visitor(self.common.member())
    }

    /// The client.
    pub fn client_node(&self) -> &Node {
        &self.nodes[self.client]
    }

    /// Returns the node with a nickname: `authority0`, `relay0`, `client`, and
    /// so on, or as [`RelayOptions::nickname`] says.
    pub fn node(&self, nickname: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.nickname() == nickname)
    }

    /// Every node: the authorities, the relays, the bridges, the client.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that exit.
    pub fn relays(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role() == Role::Relay)
    }

    /// Returns the bridges, in the order in which they were added.
    pub fn bridges(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role() == Role::Bridge)
    }

    /// The client's SOCKS port, a TCP port, with `ExtendedErrors`.
    pub fn socks(&self) -> &Address {
        &self.ports.socks
    }

    /// The client's other SOCKS port, a Unix socket, with `ExtendedErrors`,
    /// where the platform has such.
    pub fn socks_unix(&self) -> Option<&Address> {
        self.ports.socks_unix.as_ref()
    }

    /// The client's control port, for a connection of one's own with cookie
    /// authentication.
    pub fn control_address(&self) -> &Address {
        &self.ports.control
    }

    /// The client's cookie file. (PROTOCOLINFO names it, too.)
    pub fn cookie_file(&self) -> &PathBuf {
        &self.cookie
    }

    /// What resolves names for the exits; names can be added.
    pub fn name_server(&self) -> &NameServer {
        &self.name_server
    }

    /// Waits until the client has a consensus that was valid later than the one
    /// it has now. The authorities vote on the next one every
    /// [`voting_interval`](TestNetworkBuilder::voting_interval), and a client
    /// fetches it within the interval after that.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it takes longer
    /// than `timeout`.
    pub fn wait_for_vote(&self, timeout: Duration) -> Result<()> {
        vote::wait_for_next(self.client_node(), Deadline::after(timeout))
    }

    /// Ends every process and removes every file. Like dropping the network,
    /// but reports errors.
    ///
    /// A node that hasn't ended 10 seconds after SIGTERM is killed. That is no
    /// error: a warning with the node's name is logged, with the target
    /// `scape::testing`.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`LaunchError`](crate::process::LaunchError)
    /// (kind [`ErrorKind::Launch`](crate::ErrorKind::Launch)) if a node had
    /// crashed before, with the node's name before each line of its log, and of
    /// the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system
    /// refused something.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let result = stop_all(self.nodes.drain(..).collect());
        let removed = self.directory.take().map(PrivateDir::close);
        result?;
        match removed {
            Some(Err(error)) => Err(Error::io("remove the network's directory", error)),
            _ => Ok(()),
        }
    }
}

/// Ends processes side by side, because each may take a while. Returns the
/// first error.
fn stop_all(nodes: Vec<Node>) -> Result<()> {
    thread::scope(|scope| {
        let stopping: Vec<_> =
            nodes.into_iter().map(|node| scope.spawn(move || node.end())).collect();
        let mut result = Ok(());
        for thread in stopping {
            if let Ok(Err(error)) = thread.join() {
                result = result.and(Err(error));
            }
        }
        result
    })
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!(target: "scape::testing", "ending the network: {error}");
        }
    }
}

impl fmt::Debug for TestNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestNetwork")
            .field("nodes", &self.nodes)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn panicked() -> Error {
    Error::io("start a node", io::Error::other("its thread panicked"))
}
