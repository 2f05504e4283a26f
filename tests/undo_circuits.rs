//! Checks that `undo_all` closes circuits that are being built. This file has a
//! single test, because `undo_all` ends every connection of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::unbounded;
use scape::state::Circuit;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::{CircuitBuilder, Connect, State, undo_all};

#[test]
fn circuits_that_are_being_built_are_closed() {
    let tor = tor().on("EXTENDCIRCUIT 0", EXTENDED).start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    let building = build(&state);
    state.wait(Duration::from_secs(20), |state| state.circuits().pop()).unwrap();
    undo_all(Duration::from_secs(10)).unwrap();
    assert!(tor.sent().iter().any(|line| line == "CLOSECIRCUIT 7"), "{:?}", tor.sent());
    building.join().unwrap().unwrap_err();

    circuit_that_tor_has_not_announced_yet_is_closed();
}

fn circuit_that_tor_has_not_announced_yet_is_closed() {
    let (sender, asked) = unbounded();
    let answer = move |line: &str| {
        if line != "EXTENDCIRCUIT 0" {
            return None;
        }
        sender.send(()).unwrap();
        thread::sleep(Duration::from_millis(300));
        Some(EXTENDED.into())
    };
    let tor = tor().on_any(answer).start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    let building = build(&state);
    asked.recv_timeout(Duration::from_secs(20)).unwrap();
    undo_all(Duration::from_secs(10)).unwrap();
    building.join().unwrap().unwrap_err();
    tor.wait_for("CLOSECIRCUIT 7").unwrap();
}

const EXTENDED: &str = "250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n";

fn build(state: &State) -> JoinHandle<scape::Result<Circuit>> {
    let state = state.clone();
    thread::spawn(move || CircuitBuilder::new().build(&state))
}

fn tor() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
}
