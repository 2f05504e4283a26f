//! One tor of the network.

use std::path::Path;

use super::authority::Authority;
use crate::controller::Controller;
use crate::error::{Error, LaunchError, Result};
use crate::process::{Launch, TorProcess, WaitFor};
use crate::types::Fingerprint;

/// What a node is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A directory authority: votes on the consensus, and carries circuits, but exits nothing.
    Authority,
    /// A relay that also exits, to this machine only.
    Relay,
    /// A client: what a program under test uses.
    Client,
}

/// One tor of a [`TestNetwork`](super::TestNetwork).
#[derive(Debug)]
pub struct Node {
    nickname: String,
    role: Role,
    fingerprint: Option<Fingerprint>,
    process: TorProcess,
}

impl Node {
    /// Its nickname: `authority0`, `relay0`, `client`.
    pub fn nickname(&self) -> &str {
        &self.nickname
    }

    /// What it is there for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its fingerprint; a client has none.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Its control connection.
    pub fn controller(&self) -> &Controller {
        self.process.controller()
    }

    /// Its process.
    pub fn process(&self) -> &TorProcess {
        &self.process
    }

    pub(super) fn new(nickname: String, role: Role, process: TorProcess) -> Result<Self> {
        let fingerprint = match role {
            Role::Client => None,
            _ => {
                let text = process.controller().get_info("fingerprint")?;
                let fingerprint = text.parse();
                Some(fingerprint.map_err(|_| Error::answer("GETINFO fingerprint", text))?)
            }
        };
        Ok(Node { nickname, role, fingerprint, process })
    }

    /// Ends the process. A node that had to be killed is logged and no error.
    pub(super) fn stop(self) -> Result<()> {
        let (nickname, pid) = (self.nickname, self.process.pid());
        match self.process.stop() {
            Err(Error::Timeout(timeout)) => {
                log::warn!(target: "scape::testing", "killed {nickname} (process {pid}) of the test network: {timeout}");
                Ok(())
            }
            result => result.map_err(|error| of_node(&nickname, error)),
        }
    }
}

/// Returns `error` with the node's name before each line of its log.
pub(super) fn of_node(nickname: &str, error: Error) -> Error {
    match error {
        Error::Launch(launch) => {
            let mut log: Vec<String> =
                launch.log().iter().map(|line| format!("{nickname}: {line}")).collect();
            if log.is_empty() {
                log.push(format!("{nickname}: nothing was logged"));
            }
            LaunchError::new(launch.problem().clone(), log).into()
        }
        Error::Io { what, source } => {
            Error::Io { what: format!("{nickname}: {what}").into(), source }
        }
        other => other,
    }
}

/// Returns a node of the network. It doesn't wait for its bootstrap.
pub(super) fn node(
    nickname: &str,
    data_directory: &Path,
    authorities: &[String],
    vanguards_lite: bool,
) -> Launch {
    member(authorities, vanguards_lite)
        .data_directory(data_directory)
        .wait_for(WaitFor::Control)
        .option("Nickname", nickname)
}

/// Returns a tor that knows only the network's authorities (by their `DirAuthority` lines), and that logs what helps to
/// understand a failure.
pub(super) fn member(authorities: &[String], vanguards_lite: bool) -> Launch {
    Launch::new()
        // TestNetwork's documentation says why this is off by default.
        .option("VanguardsLiteEnabled", vanguards_lite)
        .options([
            ("TestingTorNetwork", "1"),
            ("ShutdownWaitLength", "0"),
            ("SafeLogging", "0"),
            ("AssumeReachable", "1"),
            ("PathsNeededToBuildCircuits", "0.67"),
            ("TestingDirAuthVoteExit", "*"),
            ("TestingDirAuthVoteHSDir", "*"),
            ("TestingDirAuthVoteGuard", "*"),
            ("V3AuthNIntervalsValid", "2"),
            ("EnforceDistinctSubnets", "0"),
            // tor learns how long circuits take, some milliseconds here, and then gives up on those of a busy moment.
            ("LearnCircuitBuildTimeout", "0"),
            ("CircuitBuildTimeout", "5"),
            // The system then refuses to connect them to anything but this machine (on Linux).
            ("OutboundBindAddress", "127.0.0.1"),
            ("OutboundBindAddress", "[::1]"),
        ])
        .options(authorities.iter().map(|line| ("DirAuthority", line.as_str())))
}

/// What makes a tor an authority.
pub(super) fn as_authority(launch: Launch, authority: &Authority) -> Launch {
    launch
        .option("OrPort", format!("127.0.0.1:{}", authority.or_port))
        .option("DirPort", format!("127.0.0.1:{}", authority.dir_port))
        .options([
            ("AuthoritativeDirectory", "1"),
            ("V3AuthoritativeDirectory", "1"),
            ("ContactInfo", "nobody"),
            ("Address", "127.0.0.1"),
            ("ExitPolicy", "reject *:*"),
            ("SocksPort", "0"),
            ("AuthDirMaxServersPerAddr", "0"),
            ("TestingMinExitFlagThreshold", "0"),
            ("MinUptimeHidServDirectoryV2", "0"),
            // Not before they are told to: see `consensus`.
            ("TestingV3AuthInitialVotingInterval", "1800"),
            ("TestingV3AuthInitialVoteDelay", "2"),
            ("TestingV3AuthInitialDistDelay", "2"),
            ("V3AuthVotingInterval", "10"),
            ("V3AuthVoteDelay", "2"),
            ("V3AuthDistDelay", "2"),
        ])
}

/// What makes a tor a relay, and an exit to this machine. (A policy of nothing but private addresses would make it no
/// exit at all, so it allows everything; that nothing is reached but this machine is up to where it runs.)
pub(super) fn as_relay(launch: Launch, resolv_conf: &Path) -> Launch {
    launch.option("ServerDNSResolvConfFile", resolv_conf).options([
        ("OrPort", "127.0.0.1:auto"),
        ("Address", "127.0.0.1"),
        ("ExitRelay", "1"),
        ("ExitPolicy", "accept *:*"),
        ("ExitPolicyRejectPrivate", "0"),
        // For the look-ups: without it, an exit asks for no IPv6 address.
        ("IPv6Exit", "1"),
        ("SocksPort", "0"),
        ("FetchServerDescriptors", "0"),
        ("ServerDNSAllowBrokenConfig", "1"),
        ("ServerDNSDetectHijacking", "0"),
        ("ServerDNSAllowNonRFC953Hostnames", "1"),
    ])
}

/// What a client needs where everything has private addresses.
pub(super) fn as_visitor(launch: Launch) -> Launch {
    launch.options([
        ("ClientDNSRejectInternalAddresses", "0"),
        ("ClientRejectInternalAddresses", "0"),
    ])
}

/// What makes a tor a client that others can use: a control port with a cookie, and SOCKS ports.
pub(super) fn as_client(launch: Launch, socks_socket: Option<&Path>) -> Launch {
    let launch = as_visitor(launch).options([
        ("ControlPort", "127.0.0.1:auto"),
        ("CookieAuthentication", "1"),
        ("FetchServerDescriptors", "0"),
        ("SocksPort", "127.0.0.1:auto ExtendedErrors"),
    ]);
    match socks_socket {
        Some(path) => {
            launch.option("SocksPort", format!("unix:\"{}\" ExtendedErrors", path.display()))
        }
        None => launch,
    }
}
