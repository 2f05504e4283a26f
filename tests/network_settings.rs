//! Settings of a `TestNetwork`, and stopping a network with a node that doesn't
//! end by itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/network_end.rs"]
mod network_end;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use scape::control::ExtendCircuit;
use scape::testing::TestNetwork;

/// The time limit of the test. It takes 25 seconds on an idle machine.
const LONGEST: Duration = Duration::from_secs(420);

/// A logger that keeps the log lines of `scape::testing`.
struct Logged(Mutex<Vec<String>>);

static LOGGED: Logged = Logged(parking_lot::const_mutex(Vec::new()));

impl log::Log for Logged {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "scape::testing"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn vanguards_are_enabled_and_a_node_that_does_not_end_is_named_and_killed() {
    log::set_logger(&LOGGED).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let begun = Instant::now();
    let network = watchdog::within(LONGEST, "the start of the network", || {
        TestNetwork::builder().authorities(1).relays(3).vanguards_lite(true).start().unwrap()
    });
    watchdog::say_how_long("the network", "ready", begun);
    for node in network.nodes() {
        let value = node.controller().get_conf("VanguardsLiteEnabled").unwrap();
        assert_eq!(value.as_deref(), Some("1"), "{}", node.nickname());
    }
    assert!(format!("{:?}", network.launch()).contains("VanguardsLiteEnabled"));
    network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60)).unwrap();

    let stopped = network.nodes().iter().find(|node| node.nickname() == "relay1").unwrap();
    let pid = Pid::from_raw(stopped.process().pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    network_end::end(network, LONGEST);
    let lines = LOGGED.0.lock();
    assert!(lines.iter().any(|line| line.contains("killed relay1 ")), "{lines:?}");
}
