//! Nodes of a `TestNetwork` that hang, end, come back and leave the consensus.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/network_end.rs"]
mod network_end;
#[path = "support/own_network.rs"]
mod own_network;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use own_network::{end, start};
use scape::control::ExtendCircuit;
use scape::error::IoError;
use scape::event::{EventBody, EventKind};
use scape::testing::{Node, Role, TestNetwork, TestNetworkBuilder};
use scape::{ErrorKind, Tor};

/// The time limit for a new consensus or an event. It is long enough for a very
/// busy machine.
const SOON: Duration = Duration::from_secs(120);

/// The host name by which the network's relays reach this machine.
const NAME: &str = "hello.test";

fn small() -> TestNetworkBuilder {
    TestNetwork::builder().authorities(1).relays(4).name(NAME, Ipv4Addr::LOCALHOST)
}

/// Starts a server that sends "hello" on every connection. Returns its port.
fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"hello");
        }
    });
    port
}

fn read_through(tor: &Tor, port: u16) -> String {
    let mut stream = tor.client().unwrap().connect((NAME, port)).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Builds a circuit of two hops, of which the second is the relay with this
/// nickname.
fn circuit_over(network: &TestNetwork, nickname: &str) -> scape::Result<()> {
    let relay = network.node(nickname).unwrap().fingerprint().unwrap();
    let other = network
        .relays()
        .find(|node| node.nickname() != nickname)
        .and_then(Node::fingerprint)
        .unwrap();
    let command = ExtendCircuit::new().path([other, relay]);
    network.client().build_circuit(&command, SOON / 10).map(drop)
}

#[test]
fn relay_that_hangs_goes_on_and_does_not_delay_the_end() {
    let network = start(small());
    let relay = network.node("relay1").unwrap();
    assert!(network.node("relay9").is_none());
    circuit_over(&network, "relay1").unwrap();
    relay.pause().unwrap();
    let brief = relay.controller().with_timeout(Duration::from_millis(200));
    assert!(brief.get_info("traffic/read").unwrap_err().is_timeout());
    relay.resume().unwrap();
    relay.controller().get_info("traffic/read").unwrap();
    circuit_over(&network, "relay1").unwrap();
    relay.pause().unwrap();
    let begun = Instant::now();
    end(network);
    assert!(begun.elapsed() < SOON / 2, "{:?}", begun.elapsed());
}

#[test]
fn relay_that_was_killed_comes_back() {
    let mut network = start(small());
    let events = network.client().subscribe([EventKind::OrConn]).unwrap();
    circuit_over(&network, "relay2").unwrap();
    let relay = network.node("relay2").unwrap();
    let torrc = relay.torrc().unwrap();
    assert!(torrc.contains("Nickname relay2\n"), "{torrc}");
    let before = relay.fingerprint();
    relay.kill().unwrap();
    // A second kill does nothing.
    relay.kill().unwrap();
    relay.stop().unwrap();
    assert!(!relay.process().is_running());
    relay.controller().wait_closed(SOON).unwrap();
    assert!(relay.controller().get_info("traffic/read").unwrap_err().is_closed());
    assert!(relay.torrc().unwrap_err().get::<IoError>().is_some());
    assert!(relay.log().iter().any(|line| line.contains("Bootstrapped")), "{:?}", relay.log());
    assert!(circuit_over(&network, "relay2").is_err());
    drop(events);

    network.restart("relay2").unwrap();
    let relay = network.node("relay2").unwrap();
    assert_eq!(relay.fingerprint(), before);
    let lasting = |torrc: &str| {
        let is_lasting = |line: &&str| !line.starts_with("CookieAuthFile ");
        torrc.lines().filter(is_lasting).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lasting(&relay.torrc().unwrap()), lasting(&torrc));
    let deadline = Instant::now() + SOON;
    while let Err(error) = circuit_over(&network, "relay2") {
        assert!(Instant::now() < deadline, "{error}");
    }
    let error = network.restart("relay9").unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.to_string().contains("relay0"), "{error}");
    end(network);
}

#[test]
fn client_and_authority_are_started_again() {
    let mut network = start(small());
    let server = server();
    assert_eq!(read_through(&network.tor(), server), "hello");
    let before = network.client().clone();
    network.node("client").unwrap().stop().unwrap();
    network.restart("client").unwrap();
    assert!(!before.is_alive());
    assert_eq!(read_through(&network.tor(), server), "hello");
    let over_port = scape::Connect::to(network.control_address().clone()).unwrap();
    over_port.connect().unwrap().get_info("version").unwrap();

    network.restart("authority0").unwrap();
    network.wait_for_vote(SOON).unwrap();
    network.wait_for_vote(SOON).unwrap();
    assert_eq!(read_through(&network.tor(), server), "hello");
    end(network);
}

#[test]
fn relay_leaves_the_consensus_and_comes_back() {
    let network = start(small());
    let relay = network.node("relay3").and_then(Node::fingerprint).unwrap();
    let is_listed = || network.client().info().network_status(relay).unwrap().is_some();
    let wait = |listed: bool| {
        let deadline = Instant::now() + SOON;
        while is_listed() != listed {
            assert!(Instant::now() < deadline, "listed: {}", is_listed());
            network.wait_for_vote(SOON).unwrap();
        }
    };
    assert!(is_listed());
    network.set_listed("relay3", false).unwrap();
    wait(false);
    // A relay publishes a descriptor only if it differs from the last one. So
    // another option is changed, too.
    network.set_listed("relay3", true).unwrap();
    let controller = network.node("relay3").unwrap().controller();
    controller.set_conf([("ContactInfo", "me@example.org")]).unwrap();
    wait(true);
    assert_eq!(network.set_listed("client", false).unwrap_err().kind(), ErrorKind::Argument);
    end(network);
}

#[test]
fn authorities_vote_on_demand() {
    let network = start(small().authorities(3).voting_interval(Duration::from_secs(1800)));
    let valid_after =
        |controller: &scape::Controller| controller.get_info("consensus/valid-after").unwrap();
    let first = valid_after(network.client());
    let begun = Instant::now();
    network.vote(SOON).unwrap();
    assert!(begun.elapsed() < SOON);
    let authorities: Vec<String> = network
        .nodes()
        .iter()
        .filter(|node| node.role() == Role::Authority)
        .map(|node| valid_after(node.controller()))
        .collect();
    assert!(authorities.iter().all(|it| *it == authorities[0] && *it != first), "{authorities:?}");
    // A running client keeps its consensus, and a new client has the new one.
    assert_eq!(valid_after(network.client()), first);
    let another = network.launch().start().unwrap();
    assert_eq!(valid_after(another.controller()), authorities[0]);
    another.controller().build_circuit(&ExtendCircuit::new(), SOON).unwrap();
    let again = network.vote(SOON);
    again.unwrap();
    assert_ne!(valid_after(network.nodes()[0].controller()), authorities[0]);
    drop(another);
    end(network);
}

#[test]
fn program_sees_a_circuit_end_with_its_relay() {
    let network = start(small());
    let circuit = network.client().subscribe([EventKind::Circ]).unwrap();
    circuit_over(&network, "relay0").unwrap();
    network.node("relay0").unwrap().stop().unwrap();
    let deadline = Instant::now() + SOON;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = circuit.next_timeout(left).unwrap();
        if matches!(event.body(), EventBody::Circ(circuit) if circuit.reason.is_some()) {
            break;
        }
    }
    end(network);
}
