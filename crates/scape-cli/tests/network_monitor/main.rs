//! `scape monitor` on a pseudo-terminal, beside a private network of real tors.
//! The tests share a network and run one after the other.
//!
//! To run some of the tests, give a part of their name:
//! `cargo test -p scape-cli --test network_monitor circuit`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[macro_use]
#[path = "../../../../tests/support/shared_network.rs"]
mod shared_network;

mod connections;
mod echo;
mod log;
#[path = "../../../../tests/support/network_end.rs"]
mod network_end;
mod onions;
mod overview;
mod prompt;
mod relays;
mod restart;
#[path = "../support/terminal.rs"]
#[allow(dead_code)]
mod terminal;
mod tmux;
#[path = "../../../../tests/support/watchdog.rs"]
mod watchdog;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use scape::testing::TestNetwork;

use shared_network::SharedNetwork;
use terminal::Monitor;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// A host name that the network's name server knows.
pub(crate) const NAME: &str = "www.scape.test";
/// An address for which the network's name server knows a host name. Nothing is
/// ever sent to this address.
pub(crate) const NAMED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

static MONITORED: SharedNetwork = SharedNetwork::new();

/// Starts a monitor for the network's client with the option `--page`, and
/// waits until the monitor fills the screen.
pub(crate) fn monitor(network: &TestNetwork, page: &str) -> Monitor {
    let mut monitor = Monitor::open(network.control_address(), 40, 120, &["--page", page]);
    monitor.see("1 Overview");
    monitor
}

/// Quits a monitor, and checks that the terminal is in the same state as
/// before.
#[track_caller]
pub(crate) fn quit(mut monitor: Monitor) {
    // Letters are text on the prompt page.
    monitor.press("\x03");
    assert_eq!(monitor.end().code(), Some(0));
    monitor.check_restored();
}

/// Returns the first line of the screen that contains this text. Returns `None`
/// if no line does.
pub(crate) fn line_with(screen: &vt100::Screen, text: &str) -> Option<String> {
    screen.contents().lines().find(|line| line.contains(text)).map(str::to_owned)
}
