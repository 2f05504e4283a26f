//! Behind a filter that lets few commands through, as control port proxies do, what is let through works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use scape::event::EventBody;
use scape::testing::ScriptedTor;
use scape::types::{EventKind, Signal};
use scape::{Caching, Connect, ConnectionStatus, Error};

/// How long a test waits for what must happen.
const SOON: Duration = Duration::from_secs(20);

/// Lets through what a chat program may do to its onion service, and NEWNYM; as such filters do it, with 510 for the rest.
fn filter() -> ScriptedTor {
    ScriptedTor::builder()
        .on_any(|line| {
            let answer = match line {
                "SIGNAL NEWNYM" | "QUIT" | "SETEVENTS" => "250 OK\r\n",
                "SETEVENTS CIRC" => "250 OK\r\n650 CIRC 1 BUILT PURPOSE=GENERAL\r\n",
                "GETINFO status/circuit-established" => "250-status/circuit-established=1\r\n250 OK\r\n",
                _ if line.starts_with("PROTOCOLINFO") || line.starts_with("AUTHENTICATE") => return None,
                _ => "510 Command filtered\r\n",
            };
            Some(answer.into())
        })
        .start()
        .unwrap()
}

#[test]
fn what_is_let_through_works_and_the_rest_says_why() {
    let tor = filter();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    // Signals are not known here, so they are not checked.
    controller.signal(Signal::NewNym).unwrap();
    controller.signal(Signal::NewNym).unwrap();
    assert_eq!(controller.get_info("status/circuit-established").unwrap(), "1");
    for error in [
        controller.version().unwrap_err(),
        controller.circuits().unwrap_err(),
        controller.get_conf("SocksPort").unwrap_err(),
        controller.set_conf([("SocksPort", "0")]).unwrap_err(),
        controller.signal(Signal::Halt).unwrap_err(),
        controller.take_ownership().unwrap_err(),
        controller.subscribe([EventKind::Stream]).unwrap_err(),
        controller.set_caching(Caching::Configuration).unwrap_err(),
    ] {
        let Error::Refused(refusal) = &error else { panic!("{error}") };
        assert!(refusal.is_unrecognized_command() && refusal.text() == "Command filtered", "{error}");
    }
    // What was not let through is in nobody's way.
    let events = controller.subscribe([EventKind::Circ]).unwrap();
    let event = events.next_timeout(SOON).unwrap();
    assert!(matches!(event.body(), EventBody::Circ(_)), "{event}");
    assert!(controller.is_alive());
    controller.sync().unwrap();
}

#[test]
fn status_listeners_hear_of_the_end() {
    let tor = filter();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let _listener = controller.on_status(move |status| sender.send(status.clone()).unwrap()).unwrap();
    assert!(matches!(told.recv_timeout(SOON).unwrap(), ConnectionStatus::Connected));
    let _events = controller.subscribe([EventKind::Circ]).unwrap();
    tor.hang_up();
    assert!(matches!(told.recv_timeout(SOON).unwrap(), ConnectionStatus::Closed(_)));
}

#[test]
fn a_heartbeat_takes_any_answer() {
    let tor = filter();
    let connect = Connect::new().heartbeat(Duration::from_millis(1));
    let controller = connect.authenticate_over(tor.transport().unwrap()).unwrap();
    tor.wait_for("GETINFO version").unwrap();
    controller.sync().unwrap();
    assert!(controller.is_open());
}
