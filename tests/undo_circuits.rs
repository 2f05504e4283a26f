//! `undo_all` closes circuits that are being built. There is one test, because
//! `undo_all` ends every connection of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread;
use std::time::Duration;

use scape::testing::ScriptedTor;
use scape::{CircuitBuilder, Connect, State, undo_all};

#[test]
fn circuits_that_are_being_built_are_closed() {
    let tor = ScriptedTor::builder()
        .info("ns/all", "")
        .info("circuit-status", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .on("EXTENDCIRCUIT 0", "250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n")
        .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let state = State::new(&controller).unwrap();
    let building = thread::spawn({
        let state = state.clone();
        move || CircuitBuilder::new().build(&state)
    });
    state.wait(Duration::from_secs(20), |state| state.circuits().pop()).unwrap();
    undo_all(Duration::from_secs(10)).unwrap();
    assert!(tor.sent().iter().any(|line| line == "CLOSECIRCUIT 7"), "{:?}", tor.sent());
    building.join().unwrap().unwrap_err();
}
