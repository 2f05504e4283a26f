//! The commands that connect through Tor, and those for onion services, on a
//! private network of real tors. The tests share a network and run one after
//! the other.
//!
//! To run some of the tests, give a part of their name:
//! `cargo test -p scape-cli --test network_onions proxy`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[macro_use]
#[path = "../../../../tests/support/shared_network.rs"]
mod shared_network;

mod connect;
mod forward;
mod get;
#[path = "../../../../tests/support/network_end.rs"]
mod network_end;
mod proxy;
mod resolve;
#[path = "../support/run.rs"]
#[allow(dead_code)]
mod run;
mod run_program;
mod server;
mod share;
mod status;
#[path = "../../../../tests/support/tls_server.rs"]
#[allow(dead_code)]
mod tls_server;
#[path = "../../../../tests/support/watchdog.rs"]
mod watchdog;
#[path = "../support/watching.rs"]
#[allow(dead_code)]
mod watching;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use scape::testing::TestNetwork;

use run::Scape;
use shared_network::SharedNetwork;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// A host name that the network's name server knows.
pub(crate) const NAME: &str = "www.scape.test";
/// An address for which the network's name server knows a host name. Nothing is
/// ever sent to this address.
pub(crate) const NAMED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

static ONIONS: SharedNetwork = SharedNetwork::new();

/// Returns a `scape` command that controls the network's client.
pub(crate) fn scape<const N: usize>(network: &TestNetwork, arguments: [&str; N]) -> Scape {
    // The option for the control port comes first, because some commands end
    // with the words of another command.
    let scape = Scape::new([]).control(network.control_address());
    arguments.into_iter().fold(scape, |scape, argument| scape.arg(argument))
}

/// Waits until a request through the network's client to an onion service
/// succeeds. The wait is needed because some directories may still lack the
/// descriptor.
pub(crate) fn visit(network: &TestNetwork, url: &str) {
    let deadline = Instant::now() + SOON;
    loop {
        let done = scape(network, ["get", url, "-X", "HEAD"]).run();
        if done.code == Some(0) {
            return;
        }
        assert!(Instant::now() < deadline, "{done:?}");
    }
}
