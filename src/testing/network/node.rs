//! [`Node`]: one tor of the network.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::addresses::{ADDRESS, IPV6_ADDRESS};
use super::bridge::Bridge;
use super::countries;
use super::plan::{PlannedAuthority, PlannedRelay};
use super::seed::Times;
use crate::control::Controller;
use crate::error::{Error, IoError, Result, Timeout};
use crate::io::transport::Deadline;
use crate::process::{Launch, LaunchError, TorProcess, WaitFor};
use scape_proto::torrc::{PortAddress, PortLine, PortSwitch};
use scape_proto::word::Fingerprint;

/// The number of lines of a node's log that are kept.
const LOG_LINES: usize = 1000;

/// The kind of a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A directory authority. It votes on the consensus and carries circuits,
    /// but isn't an exit.
    Authority,
    /// A relay. By default, it is also an exit, but only to this machine.
    Relay,
    /// A bridge: a relay that isn't in the consensus. Only clients that are
    /// told about it use it.
    Bridge,
    /// A client, which a program under test uses.
    Client,
}

/// One tor of a [`TestNetwork`](super::TestNetwork).
///
/// ```no_run
/// # let network = scape::testing::TestNetwork::builder().start()?;
/// for node in network.nodes() {
///     println!("{}: {:?}, process {}", node.nickname(), node.role(), node.process().pid());
/// }
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug)]
pub struct Node {
    nickname: String,
    role: Role,
    fingerprint: Option<Fingerprint>,
    bridge: Option<Bridge>,
    process: TorProcess,
    /// The launch of the node's next process, for a restart. It is in a mutex,
    /// because a `Launch` may have callbacks, and so can't be shared between
    /// threads.
    again: Mutex<Launch>,
    is_paused: AtomicBool,
}

impl Node {
    /// Returns the nickname, for example `authority0`, `relay0` or `client`.
    pub fn nickname(&self) -> &str {
        &self.nickname
    }

    /// Returns the kind of the node.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the identity fingerprint of an authority, a relay or a bridge.
    /// Returns `None` for a client.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Returns the node's control connection.
    pub fn controller(&self) -> &Controller {
        self.process.controller()
    }

    /// Returns the value of the option `Bridge` with which a client uses this
    /// bridge, or `None` if the node isn't a bridge.
    ///
    /// The value is `127.0.0.1:PORT FINGERPRINT`, or with a pluggable transport
    /// `TRANSPORT 127.0.0.1:PORT FINGERPRINT`. The client also needs
    /// `UseBridges 1`, and the [`transport_line`](Self::transport_line) if the
    /// bridge has a transport.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().bridge(|bridge| bridge).start()?;
    /// let line = network.bridges().next().and_then(|it| it.bridge_line());
    /// let launch = network.launch().option("UseBridges", true);
    /// let client = launch.option("Bridge", line.unwrap_or_default()).start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn bridge_line(&self) -> Option<String> {
        self.bridge.as_ref().map(Bridge::line)
    }

    /// Returns the value of the option `ClientTransportPlugin` with which a
    /// client reaches this bridge: `NAME socks5 127.0.0.1:PORT`. Returns `None`
    /// if the node isn't a bridge with a transport. See
    /// [`RelayOptions::transport`](super::RelayOptions::transport) for an
    /// example.
    pub fn transport_line(&self) -> Option<String> {
        self.bridge.as_ref().and_then(Bridge::transport_line)
    }

    /// Returns the node's process.
    pub fn process(&self) -> &TorProcess {
        &self.process
    }

    /// Returns the last 1000 lines of tor's log, oldest first, at level notice
    /// and above. To change the level, set the option `Log` with
    /// [`TestNetworkBuilder::option`](super::TestNetworkBuilder::option). The
    /// lines stay available after the process has ended.
    pub fn log(&self) -> Vec<String> {
        self.process.log_tail()
    }

    /// Returns the current content of the torrc of the running process.
    ///
    /// ```no_run
    /// use scape::testing::TestNetwork;
    ///
    /// let network = TestNetwork::builder().start()?;
    /// assert!(network.client_node().torrc()?.contains("SocksPort"));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the node has ended.
    pub fn torrc(&self) -> Result<String> {
        self.process.torrc()
    }

    pub(super) fn new(
        nickname: String,
        role: Role,
        fingerprint: Option<Fingerprint>,
        bridge: Option<Bridge>,
        process: TorProcess,
        again: Launch,
    ) -> Self {
        let again = Mutex::new(again);
        let is_paused = AtomicBool::new(false);
        Node { nickname, role, fingerprint, bridge, process, again, is_paused }
    }

    /// Returns the control connection, with a deadline for all its commands.
    pub(super) fn until(&self, deadline: Deadline) -> Controller {
        self.controller().until(deadline)
    }

    /// Ends the process, and starts another one in the same data directory.
    pub(super) fn restart(&mut self, deadline: Deadline) -> Result<()> {
        // The next process needs the ports, even if ending this one fails.
        let _ = self.stop();
        let started = self.again.get_mut().again().timeout(deadline.left()).start();
        self.process = started.map_err(|error| not_started(&self.nickname, error, deadline))?;
        Ok(())
    }

    /// Records whether the process is paused. Returns the value that was
    /// recorded before.
    pub(super) fn set_paused(&self, is_paused: bool) -> bool {
        self.is_paused.swap(is_paused, Ordering::Relaxed)
    }

    /// Ends the process. A node that had to be killed is logged, but isn't an
    /// error.
    pub(super) fn end(self) -> Result<()> {
        // A paused process doesn't react to SIGTERM.
        let _ = self.resume();
        let (nickname, pid) = (self.nickname, self.process.pid());
        match self.process.stop() {
            Err(timeout) if timeout.is::<Timeout>() => {
                log::warn!(target: "scape::testing", "killed {nickname} (process {pid}) of the test network: {timeout}");
                Ok(())
            }
            result => result.map_err(|error| of_node(&nickname, error)),
        }
    }
}

/// Returns the error for a node that didn't start: `error` with the node's name
/// (see [`of_node`]). A timeout shows the time limit of the whole call, which
/// `deadline` contains.
pub(super) fn not_started(nickname: &str, error: Error, deadline: Deadline) -> Error {
    let error = match error.exact::<LaunchError>() {
        Some(launch) => launch.clone().within(deadline.timeout()).into(),
        None => error,
    };
    of_node(nickname, error)
}

/// Returns `error` with the node's name before each log line that it contains.
/// An error of the operating system also gets the node's name.
fn of_node(nickname: &str, error: Error) -> Error {
    if let Some(launch) = error.exact::<LaunchError>() {
        let mut log: Vec<String> =
            launch.log().iter().map(|line| format!("{nickname}: {line}")).collect();
        if log.is_empty() {
            log.push(format!("{nickname}: nothing was logged"));
        }
        return LaunchError::new(launch.problem().clone(), log).into();
    }
    match error.exact::<IoError>() {
        Some(io) => io.with_what(format!("{} ({nickname})", io.what())).into(),
        None => error,
    }
}

/// The settings that all nodes of a network have in common.
#[derive(Debug, Clone)]
pub(super) struct Common {
    /// The values of the option `DirAuthority`, one for each authority.
    pub(super) authorities: Vec<String>,
    pub(super) vanguards_lite: bool,
    /// True if relays also have an IPv6 address.
    pub(super) ipv6: bool,
    /// The directory of the files that assign addresses to countries, or `None`
    /// if no relay has a country.
    pub(super) geoip_directory: Option<PathBuf>,
    /// The tor options that are set on every node: names and values.
    pub(super) options: Vec<(String, String)>,
}

/// The rule for the time of the authorities' first vote.
#[derive(Debug, Clone, Copy)]
pub(super) enum Voting {
    /// The network starts with a consensus that this program has written. The
    /// first vote ends shortly before that consensus is no longer fresh.
    AfterSeed(Times),
    /// The network starts without a consensus. The first vote begins when the
    /// authorities are told to vote: see [`vote`](super::vote).
    WhenTold(Times),
}

impl Common {
    /// Returns a launch for a node. The launch doesn't wait for the bootstrap.
    pub(super) fn node(&self, nickname: &str, data_directory: &Path) -> Launch {
        self.node_at(ADDRESS, nickname, data_directory)
    }

    /// Returns the launch of a node that connects to others from `address`.
    fn node_at(&self, address: Ipv4Addr, nickname: &str, data_directory: &Path) -> Launch {
        self.member_at(address)
            .data_directory(data_directory)
            .wait_for(WaitFor::Control)
            .log_lines(LOG_LINES)
            .option("Nickname", nickname)
    }

    /// Returns the launch of a tor that uses only the authorities of this
    /// network. Its log shows addresses (`SafeLogging 0`), because they help to
    /// explain failures.
    pub(super) fn member(&self) -> Launch {
        self.member_at(ADDRESS)
    }

    fn member_at(&self, address: Ipv4Addr) -> Launch {
        let launch = match &self.geoip_directory {
            Some(directory) => Launch::new()
                .option("GeoIPFile", directory.join(countries::GEOIP))
                .option("GeoIPv6File", directory.join(countries::GEOIP6))
                // RelayOptions::country explains this.
                .option("GeoIPExcludeUnknown", "0"),
            None => Launch::new(),
        };
        let launch = if self.ipv6 { launch.option("ClientUseIPv6", "1") } else { launch };
        launch
            // TestNetwork's documentation explains why this is off by default.
            .option("VanguardsLiteEnabled", self.vanguards_lite)
            .options([
                ("TestingTorNetwork", "1"),
                ("ShutdownWaitLength", "0"),
                ("SafeLogging", "0"),
                ("AssumeReachable", "1"),
                ("PathsNeededToBuildCircuits", "0.67"),
                ("EnforceDistinctSubnets", "0"),
                // tor would learn that circuits take some milliseconds here,
                // and then give up circuits that take longer on a busy machine.
                ("LearnCircuitBuildTimeout", "0"),
                ("CircuitBuildTimeout", "10"),
            ])
            // With this, Linux refuses to connect the nodes to other machines.
            .option("OutboundBindAddress", address.to_string())
            .option("OutboundBindAddress", format!("[{IPV6_ADDRESS}]"))
            .options(self.authorities.iter().map(|line| ("DirAuthority", line.as_str())))
            .options(self.options.clone())
    }

    /// Returns the launch of an authority. `guards` are the fingerprints of the
    /// relays that get the flag `Guard`.
    pub(super) fn authority(
        &self,
        planned: &PlannedAuthority,
        data_directory: &Path,
        guards: &[Fingerprint],
        voting: Voting,
    ) -> Launch {
        let PlannedAuthority { nickname, or_port, dir_port, ipv6_port, .. } = planned;
        let guards: Vec<String> = guards.iter().map(ToString::to_string).collect();
        let (times, first_interval, offset) = match voting {
            Voting::AfterSeed(times) => (times, times.first_interval(), times.offset()),
            Voting::WhenTold(times) => (times, LONGEST_FIRST_INTERVAL, 0),
        };
        with_ipv6(self.node(nickname, data_directory), *ipv6_port)
            .option("AuthDirHasIPv6Connectivity", ipv6_port.is_some())
            .option("OrPort", format!("{ADDRESS}:{or_port}"))
            .option("DirPort", format!("{ADDRESS}:{dir_port}"))
            .options([
                ("AuthoritativeDirectory", "1"),
                ("V3AuthoritativeDirectory", "1"),
                ("ContactInfo", "nobody"),
                ("Address", "127.0.0.1"),
                ("ExitPolicy", "reject *:*"),
                ("SocksPort", "0"),
                ("AuthDirMaxServersPerAddr", "0"),
                ("TestingMinExitFlagThreshold", "0"),
                // This makes every relay Fast, even if it has carried little
                // traffic yet.
                ("AuthDirFastGuarantee", "1"),
                ("MinUptimeHidServDirectoryV2", "0"),
                ("TestingDirAuthVoteHSDir", "*"),
                ("TestingDirAuthVoteGuardIsStrict", "1"),
                ("TestingV3AuthInitialVoteDelay", "2"),
                ("TestingV3AuthInitialDistDelay", "2"),
                ("V3AuthVoteDelay", "2"),
                ("V3AuthDistDelay", "2"),
            ])
            .option("TestingDirAuthVoteGuard", guards.join(","))
            .option("TestingV3AuthInitialVotingInterval", first_interval)
            .option("TestingV3AuthVotingStartOffset", offset)
            .option("V3AuthVotingInterval", times.interval.as_secs())
            .option("V3AuthNIntervalsValid", times.intervals_valid)
    }

    /// Returns the launch of a relay, without the relay's own options.
    ///
    /// The policy of an exit allows everything, because a relay whose policy
    /// allows only private addresses isn't an exit for tor. But the relay
    /// connects from a loopback address, so it can't reach other machines.
    pub(super) fn relay(
        &self,
        planned: &PlannedRelay,
        data_directory: &Path,
        resolv_conf: &Path,
    ) -> Launch {
        let PlannedRelay { nickname, address, or_port, ipv6_port, family, options, .. } = planned;
        let policy = if options.exit { "accept *:*" } else { "reject *:*" };
        let launch = with_ipv6(self.node_at(*address, nickname, data_directory), *ipv6_port)
            .option("OrPort", format!("{address}:{or_port}"))
            .option("Address", address.to_string())
            .option("ServerDNSResolvConfFile", resolv_conf)
            .option("ExitRelay", options.exit)
            .option("ExitPolicy", policy)
            // Without this option, an exit doesn't look up IPv6 addresses.
            .option("IPv6Exit", options.exit)
            .options([
                ("ExitPolicyRejectPrivate", "0"),
                ("SocksPort", "0"),
                ("ServerDNSAllowBrokenConfig", "1"),
                ("ServerDNSDetectHijacking", "0"),
                ("ServerDNSAllowNonRFC953Hostnames", "1"),
            ]);
        let family: Vec<String> = family.iter().map(|it| format!("${it}")).collect();
        match family.as_slice() {
            [] => launch,
            family => launch.option("MyFamily", family.join(",")),
        }
    }
}

/// Adds an IPv6 OR port to a relay's launch. Changes nothing if `port` is
/// `None`.
fn with_ipv6(launch: Launch, port: Option<u16>) -> Launch {
    match port {
        Some(port) => launch.option("OrPort", format!("[{IPV6_ADDRESS}]:{port}")),
        None => launch,
    }
}

/// Makes a relay a bridge. Its descriptor isn't published, and clients that are
/// told about the bridge fetch the descriptor from it.
pub(super) fn as_bridge(launch: Launch) -> Launch {
    launch.options([
        ("BridgeRelay", "1"),
        ("BridgeDistribution", "none"),
        ("PublishServerDescriptor", "0"),
    ])
}

/// The longest interval that tor accepts for the first vote, in seconds.
const LONGEST_FIRST_INTERVAL: u64 = 1800;

impl Times {
    /// Returns the interval of the first vote in seconds. tor uses this
    /// interval only in an authority that has no consensus.
    fn first_interval(&self) -> u64 {
        let interval = self.interval.as_secs();
        if LONGEST_FIRST_INTERVAL.is_multiple_of(interval.max(1)) {
            interval
        } else {
            LONGEST_FIRST_INTERVAL
        }
    }
}

/// Makes a node fetch neither the consensus nor descriptors until it is told
/// to: see [`vote`](super::vote).
pub(super) fn waiting(launch: Launch) -> Launch {
    launch.option("FetchServerDescriptors", "0")
}

/// Adds the options that a client needs in a network of private addresses.
pub(super) fn as_visitor(launch: Launch) -> Launch {
    launch.options([
        ("ClientDNSRejectInternalAddresses", "0"),
        ("ClientRejectInternalAddresses", "0"),
    ])
}

/// Makes a tor a client that programs can use: with a cookie-protected control
/// port and SOCKS ports.
pub(super) fn as_client(launch: Launch, socks_socket: Option<&Path>) -> Launch {
    let launch = as_visitor(launch).options([
        ("ControlPort", "127.0.0.1:auto"),
        ("CookieAuthentication", "1"),
        ("SocksPort", "127.0.0.1:auto ExtendedErrors"),
    ]);
    match socks_socket {
        Some(path) => launch.option("SocksPort", unix_line(path)),
        None => launch,
    }
}

/// Returns the line of a SOCKS port on a Unix socket. The path must be UTF-8.
fn unix_line(path: &Path) -> String {
    PortLine::new(PortAddress::Unix(path.to_owned())).flag(PortSwitch::ExtendedErrors).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_the_socks_socket_is_escaped() {
        assert_eq!(unix_line(Path::new("/tmp/a/socket")), "unix:/tmp/a/socket ExtendedErrors");
        let line = unix_line(Path::new("/tmp/a \"b\\ #c/socket"));
        assert_eq!(line, r#"unix:"/tmp/a \"b\\ #c/socket" ExtendedErrors"#);
        let line: PortLine = line.parse().unwrap();
        assert_eq!(line.address, PortAddress::Unix("/tmp/a \"b\\ #c/socket".into()));
    }
}
