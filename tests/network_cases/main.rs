//! Tests that need a network of real tors. The tests of a group share a network
//! and run one after the other. Different groups run in parallel.
//!
//! To run some of the tests, give a part of their name:
//! `cargo test --all-features --test network_cases live_state`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[macro_use]
#[path = "../support/shared_network.rs"]
mod shared_network;

#[cfg(target_os = "linux")]
#[path = "../support/audit.rs"]
mod audit;
mod circuits;
#[cfg(feature = "http")]
#[path = "../support/dir_port.rs"]
mod dir_port;
mod events;
mod examples;
#[path = "../support/happening.rs"]
mod happening;
#[cfg(feature = "geoip")]
#[path = "../support/mmdb.rs"]
#[allow(dead_code)]
mod mmdb;
#[path = "../support/network_end.rs"]
mod network_end;
mod onions;
mod program;
mod programs;
mod rare_events;
#[cfg(feature = "http")]
#[path = "../../examples/bandwidth_scanner/scaling.rs"]
mod scaling;
#[cfg(feature = "http")]
mod scanner;
#[path = "../support/seed.rs"]
mod seed;
mod socks;
mod state;
mod stopped;
mod streams;
mod tors;
#[path = "../../crates/scape-proto/tests/support/unknown_words.rs"]
mod unknown_words;
#[path = "../support/watchdog.rs"]
mod watchdog;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use shared_network::SharedNetwork;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// A host name that the networks' name servers know.
pub(crate) const NAME: &str = "www.scape.test";
/// An address for which the networks' name servers know a host name. Nothing is
/// ever sent to this address.
pub(crate) const NAMED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

static CIRCUITS: SharedNetwork = SharedNetwork::new();
static EVENTS: SharedNetwork = SharedNetwork::new();
static EXAMPLES: SharedNetwork = SharedNetwork::new();
static ONIONS: SharedNetwork = SharedNetwork::new();
/// The network for tests that change it, for example by stopping relays.
static RARE: SharedNetwork = SharedNetwork::new();
static SOCKS: SharedNetwork = SharedNetwork::new();
static STATE: SharedNetwork = SharedNetwork::new();
static STREAMS: SharedNetwork = SharedNetwork::new();
static TORS: SharedNetwork = SharedNetwork::new();
