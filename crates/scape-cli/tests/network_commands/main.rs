//! The commands on a private network of real tors, a module for each. The tests
//! of a group share a network and run one after the other.
//!
//! To run some of the tests, give a part of their name:
//! `cargo test -p scape-cli --test network_commands circuits`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[macro_use]
#[path = "../../../../tests/support/shared_network.rs"]
mod shared_network;

mod circuits;
mod identity;
#[path = "../../../../tests/support/mmdb.rs"]
#[allow(dead_code)]
mod mmdb;
#[path = "../../../../tests/support/network_end.rs"]
mod network_end;
mod relays;
#[path = "../support/run.rs"]
#[allow(dead_code)]
mod run;
mod streams;
#[path = "../support/terminal.rs"]
#[allow(dead_code)]
mod terminal;
mod watch;
#[path = "../../../../tests/support/watchdog.rs"]
mod watchdog;
#[path = "../support/watching.rs"]
mod watching;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use scape::testing::TestNetwork;

use run::Scape;
use shared_network::SharedNetwork;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// A host name that the networks' name servers know.
pub(crate) const NAME: &str = "www.scape.test";
/// An address for which the networks' name servers know a host name. Nothing is
/// ever sent to this address.
pub(crate) const NAMED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

static TABLES: SharedNetwork = SharedNetwork::new();

/// Returns a `scape` command that controls the network's client.
pub(crate) fn scape<const N: usize>(network: &TestNetwork, arguments: [&str; N]) -> Scape {
    Scape::new(arguments).control(network.control_address())
}
