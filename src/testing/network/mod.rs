//! [`TestNetwork`]: a private Tor network of real tors on this machine.

mod addresses;
mod bridge;
mod builder;
mod client_ports;
mod countries;
mod faults;
mod first_vote;
mod keys;
mod name_server;
mod node;
mod panicked;
mod plan;
mod ports;
mod relay;
mod seed;
mod start;
mod starting;
mod transport;
mod vote;

use std::fmt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::control::Controller;
use crate::error::{Error, Result};
use crate::io::transport::{Address, Deadline};
use crate::process::{Launch, PrivateDir};
use crate::tor::Tor;

use client_ports::ClientPorts;

pub use builder::TestNetworkBuilder;
pub use name_server::NameServer;
pub use node::{Node, Role};
pub use relay::RelayOptions;

/// A private Tor network on 127.0.0.1: directory authorities, relays and a
/// client. All of them are real tors. The network has its own name server.
/// Circuits can be built, names resolved, and onion services published and
/// reached, like on the public network.
///
/// ```no_run
/// use scape::control::ExtendCircuit;
/// use scape::testing::TestNetwork;
/// use std::time::Duration;
///
/// let network = TestNetwork::builder().start()?;
/// let circuit = network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60))?;
/// println!("{circuit}");
/// # Ok::<(), scape::Error>(())
/// ```
///
/// `docs/testing.md` in the repository shows three programs with their tests.
///
/// A start takes two to three seconds with the default of three authorities and
/// five relays. A user's first start takes some seconds more, to make keys (see
/// [`TestNetworkBuilder::new_keys`]). The network needs tor 0.4.8 or later.
/// Each authority and relay needs about 80 MB of memory after a minute.
///
/// Dropping the network ends every process and removes every file, also during
/// a panic. If the program is killed, the tors end by themselves. The next
/// start of a tor or a network then removes the files.
///
/// # The first consensus
///
/// A new network has no consensus before its authorities have voted, which
/// takes ten seconds. To start sooner, the program writes the first consensus
/// itself, with the authorities' signatures. The authorities then vote every
/// ten seconds (see [`voting_interval`](TestNetworkBuilder::voting_interval)).
/// Before the program's consensus expires, the first consensus of the
/// authorities replaces it. [`wait_for_vote`](Self::wait_for_vote) waits for
/// the next consensus. [`vote_first`](TestNetworkBuilder::vote_first) starts
/// without the program's consensus.
///
/// Until the first vote, relays have no server descriptors (`GETINFO desc/…`).
/// The authorities have them when the network is ready. If the client gets no
/// circuit with the first consensus within 15 seconds, the start waits for the
/// vote and logs a warning with the target `scape::testing`.
///
/// # Differences from the public network
///
/// These options are set on every node and in [`launch`](Self::launch):
///
/// * `VanguardsLiteEnabled 0`. With so few relays, tor would often choose a
///   relay twice for a circuit to an onion service. Relays refuse to extend a
///   circuit back to where it came from, and tor keeps trying for up to 15
///   seconds. [`TestNetworkBuilder::vanguards_lite`] turns vanguards on.
/// * `LearnCircuitBuildTimeout 0`, because tor would learn a timeout of some
///   milliseconds.
/// * `EnforceDistinctSubnets 0`, because all addresses are 127.0.0.1, or
///   another loopback address for relays of a [country](RelayOptions::country).
///
/// # Safety
///
/// The nodes know only each other, and the network's own server resolves names.
/// The exit policies allow connections to any address. But exits connect from
/// loopback addresses (`OutboundBindAddress`), and Linux refuses connections
/// from there to other machines. A network namespace with only the loopback
/// interface (`unshare -n`) is safe on every system that has it.
pub struct TestNetwork {
    nodes: Vec<Node>,
    client: usize,
    ports: ClientPorts,
    cookie: PathBuf,
    /// The time limit for restarting a node.
    timeout: Duration,
    voting_interval: Duration,
    name_server: NameServer,
    common: node::Common,
    /// The files that let a new client build circuits at once. `None` if the
    /// network began with a vote.
    seed: Option<seed::Seed>,
    /// The directory of the network. `None` after it was removed, which happens
    /// after every process has ended.
    directory: Option<PrivateDir>,
}

impl TestNetwork {
    /// Returns a builder, which sets the size and the options of the network.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().relays(8).start()?;
    /// assert_eq!(network.relays().count(), 8);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn builder() -> TestNetworkBuilder {
        TestNetworkBuilder::default()
    }

    /// Returns the client's control connection.
    pub fn client(&self) -> &Controller {
        self.client_node().controller()
    }

    /// Returns the client as a [`Tor`], for a program under test.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::net::Ipv4Addr;
    ///
    /// let network = TestNetwork::builder().name("www.scape.test", Ipv4Addr::LOCALHOST).start()?;
    /// let client = network.tor().client()?;
    /// assert_eq!(client.dns_resolve("www.scape.test")?, Ipv4Addr::LOCALHOST);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn tor(&self) -> Tor {
        Tor::from(self.client().clone())
    }

    /// Returns a [`Launch`] for another client of this network.
    ///
    /// Options can be added to the launch. The data directory and the SOCKS
    /// port are the defaults of [`Launch`]. The caller starts and owns the
    /// client, and should end it before the network.
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

    /// Like [`launch`](Self::launch), but the data directory is empty at the
    /// start. The client downloads everything from the network, which takes
    /// about 1.3 seconds.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// let newcomer = network.launch_empty().start()?;
    /// println!("Tor {}", newcomer.controller().version()?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn launch_empty(&self) -> Launch {
        node::as_visitor(self.common.member())
    }

    /// Returns the client's node.
    pub fn client_node(&self) -> &Node {
        &self.nodes[self.client]
    }

    /// Returns the node with a nickname: `authority0`, `relay0`, `bridge0`,
    /// `client`, and so on, or a nickname set with [`RelayOptions::nickname`].
    /// Returns `None` if there is no such node.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// assert!(network.node("relay0").is_some());
    /// assert!(network.node("relay99").is_none());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn node(&self, nickname: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.nickname() == nickname)
    }

    /// Returns all nodes: the authorities, the relays, the bridges, then the
    /// client.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the relays, in the order in which they were added. The
    /// authorities and bridges are not among them.
    pub fn relays(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role() == Role::Relay)
    }

    /// Returns the bridges, in the order in which they were added.
    pub fn bridges(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role() == Role::Bridge)
    }

    /// Returns the client's TCP SOCKS port, which has the flag
    /// `ExtendedErrors`.
    pub fn socks(&self) -> &Address {
        &self.ports.socks
    }

    /// Returns the client's SOCKS port on a Unix socket, which has the flag
    /// `ExtendedErrors`. Returns `None` on systems without Unix sockets, and if
    /// the path of the temporary directory is too long for one.
    pub fn socks_unix(&self) -> Option<&Address> {
        self.ports.socks_unix.as_ref()
    }

    /// Returns the client's control port, for further connections with cookie
    /// authentication.
    pub fn control_address(&self) -> &Address {
        &self.ports.control
    }

    /// Returns the path of the client's cookie file. (PROTOCOLINFO names it,
    /// too.)
    pub fn cookie_file(&self) -> &PathBuf {
        &self.cookie
    }

    /// Returns the name server of the exits. Names can be added to it at any
    /// time.
    pub fn name_server(&self) -> &NameServer {
        &self.name_server
    }

    /// Waits until the client has a newer consensus than at the time of this
    /// call.
    ///
    /// The authorities vote every
    /// [`voting_interval`](TestNetworkBuilder::voting_interval), and a client
    /// fetches the new consensus within the interval after that.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    /// use std::time::Duration;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// network.wait_for_vote(Duration::from_secs(60))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if this takes longer
    /// than `timeout`, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the client has ended.
    pub fn wait_for_vote(&self, timeout: Duration) -> Result<()> {
        vote::wait_for_next(self.client_node(), Deadline::after(timeout))
    }

    /// Ends every process and removes every file. Like dropping the network,
    /// but reports errors.
    ///
    /// A node that hasn't ended 10 seconds after SIGTERM is killed. This isn't
    /// an error: a warning with the node's name is logged, with the target
    /// `scape::testing`.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// println!("{} nodes are running", network.nodes().len());
    /// network.stop()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`LaunchError`](crate::process::LaunchError)
    /// (kind [`ErrorKind::Launch`](crate::ErrorKind::Launch)) if a node had
    /// already crashed. Each line of its log begins with the node's name.
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// a process can't be ended or a file can't be removed.
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

/// Ends nodes in parallel, because each may take a while. Returns the first
/// error.
fn stop_all(nodes: Vec<Node>) -> Result<()> {
    // The nodes stay outside of the threads, in case no thread can be started.
    let nodes: Vec<Mutex<Option<Node>>> = nodes.into_iter().map(|n| Mutex::new(Some(n))).collect();
    let end = |node: &Mutex<Option<Node>>| {
        let node = node.lock().take();
        node.map_or(Ok(()), Node::end)
    };
    thread::scope(|scope| {
        let spawn = |node| thread::Builder::new().spawn_scoped(scope, move || end(node)).ok();
        let stopping: Vec<_> = nodes.iter().filter_map(spawn).collect();
        let mut result = Ok(());
        for thread in stopping {
            if let Ok(Err(error)) = thread.join() {
                result = result.and(Err(error));
            }
        }
        // These nodes are left if their threads couldn't be started.
        nodes.iter().fold(result, |result, node| result.and(end(node)))
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
