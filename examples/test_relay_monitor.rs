//! A program that watches the relays of the consensus, and its test on a
//! private network that loses a relay.
//!
//! Run it with `cargo run --features testing --example test_relay_monitor`. The
//! network is on 127.0.0.1. `docs/testing.md` explains the code.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use scape::state::{Router, RouterListener};
use scape::testing::TestNetwork;
use scape::word::Fingerprint;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A change of the consensus that the program reports.
#[derive(Debug, PartialEq)]
enum Report {
    New(Fingerprint),
    Gone(Fingerprint),
}

/// The program to test: it reports relays that enter or leave the consensus.
struct Monitor {
    reports: Sender<Report>,
}

impl RouterListener for Monitor {
    fn router_added(&mut self, relay: &Router) {
        self.report(Report::New(relay.fingerprint()));
    }

    fn router_removed(&mut self, relay: &Router) {
        self.report(Report::Gone(relay.fingerprint()));
    }
}

impl Monitor {
    fn report(&self, report: Report) {
        // At the end, nobody may want reports any more.
        let _ = self.reports.send(report);
    }
}

/// The timeout of waiting for a report. Authorities must vote about a change
/// first, and on a busy machine the change may be in their second consensus.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let network = TestNetwork::builder().start()?;
    let state = network.tor().state()?;
    let (sender, reports) = unbounded();
    let _listening = state.listen_to_routers(Monitor { reports: sender });
    assert_eq!(state.routers().len(), 8);

    let relay = network.node("relay3").and_then(|node| node.fingerprint()).ok_or("no relay3")?;
    let begun = Instant::now();
    network.set_listed("relay3", false)?;
    assert_eq!(reports.recv_timeout(PATIENCE)?, Report::Gone(relay));
    assert_eq!(state.routers().len(), 7);

    println!("relay3 was reported as gone after {:.1} s", begun.elapsed().as_secs_f32());
    network.stop()?;
    Ok(())
}
