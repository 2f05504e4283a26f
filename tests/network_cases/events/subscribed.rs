//! Events of a running network, and other information that only a running
//! network has.

use std::net::SocketAddr;
use std::time::Instant;

use scape::Connect;
use scape::connection::QueueLimit;
use scape::control::{AddOnion, AuthError, ExtendCircuit, Signal};
use scape::event::{Bootstrap, EventBody, EventKind, StatusDetail};
use scape::testing::TestNetwork;
use scape::word::Fingerprint;

use crate::unknown_words::unknown_words;
use crate::{NAME, SOON};

cases! {
    EVENTS:
    cookie_authentication_works_over_tcp = cookie,
    network_nodes_answer_on_their_control_connections = every_node,
    bandwidth_and_consensus_events_arrive = bandwidth_and_consensus,
    new_identity_waits_for_its_event = new_identity,
    events_known_to_tor_can_be_subscribed_to = every_event,
    events_of_a_live_network_are_parsed_completely = every_form,
}

fn cookie(network: &TestNetwork) {
    let tor = Connect::to(network.control_address()).unwrap().connect().unwrap();
    assert_eq!(tor.version().unwrap(), network.client().version().unwrap());
    let wrong = Connect::to(network.control_address()).unwrap().cookie_file("/nonexistent/cookie");
    assert!(wrong.connect().unwrap_err().get::<AuthError>().is_some());
    tor.quit().unwrap();
    // The connection that ended didn't own the tor, so tor still runs.
    assert!(network.client().is_alive());
}

fn every_node(network: &TestNetwork) {
    for node in network.nodes() {
        let phase = node.controller().info().get_bytes("status/bootstrap-phase").unwrap();
        assert!(Bootstrap::parse(&phase).is_some(), "{}", node.nickname());
        assert!(node.process().is_running());
    }
    let consensus = network.client().get_info("ns/all").unwrap();
    for relay in network.relays() {
        assert!(consensus.contains(&format!("r {} ", relay.nickname())), "{consensus}");
    }
}

fn bandwidth_and_consensus(network: &TestNetwork) {
    let tor = network.client();
    let events = tor
        .subscribe_with([EventKind::Bw, EventKind::NewConsensus], QueueLimit::Bounded(1_000))
        .unwrap();
    let (mut bandwidth, mut consensus) = (0, 0);
    while bandwidth < 2 || consensus < 1 {
        let event = events.next_timeout(SOON).unwrap();
        match event.body() {
            EventBody::Bw(_) => bandwidth += 1,
            _ if *event.kind() == EventKind::NewConsensus => {
                assert!(event.text().contains("relay0"));
                consensus += 1;
            }
            _ => panic!("{event:?}"),
        }
    }
    assert_eq!(events.lost(), 0);
}

fn new_identity(network: &TestNetwork) {
    network.client().new_identity(SOON).unwrap();
    // The second signal is delayed, for at most ten seconds.
    network.client().new_identity(SOON).unwrap();
}

fn every_event(network: &TestNetwork) {
    let tor = network.client();
    let names = tor.get_info("events/names").unwrap();
    let kinds: Vec<EventKind> = names.split_whitespace().map(EventKind::from).collect();
    assert!(kinds.len() > 25);
    for kind in &kinds {
        assert!(kind.is_recognized(), "{kind}");
    }
    let events = tor.subscribe(kinds.clone()).unwrap();
    assert!(events.next_timeout(SOON).is_ok());
    events.close(SOON).unwrap();
}

/// Causes events of as many kinds as possible, and checks that each is parsed.
fn every_form(network: &TestNetwork) {
    let tor = network.client();
    let testing = ["TestingEnableConnBwEvent", "TestingEnableCellStatsEvent"];
    tor.set_conf(testing.map(|option| (option, "1"))).unwrap();
    let events = tor.subscribe(tor.info().known_events().unwrap()).unwrap();
    tor.set_conf([("MaxCircuitDirtiness", "601")]).unwrap();
    tor.signal(Signal::Heartbeat).unwrap();
    tor.resolve(NAME, SOON).unwrap();
    // The relays are chosen here. A circuit whose relays tor chooses may wait
    // to see whether a better guard answers.
    let relays: Vec<Fingerprint> =
        network.relays().take(3).filter_map(|relay| relay.fingerprint()).collect();
    let circuit = tor.build_circuit(&ExtendCircuit::new().path(relays), SOON).unwrap();
    tor.close_circuit(circuit.id).unwrap();
    let service =
        tor.add_onion(&AddOnion::new().port(80, SocketAddr::from(([127, 0, 0, 1], 9)))).unwrap();
    tor.hs_descriptors().begin_fetch(service.address).unwrap();

    let mut missing = vec![
        EventKind::Circ,
        EventKind::Stream,
        EventKind::Bw,
        EventKind::CircBw,
        EventKind::ConnBw,
        EventKind::CellStats,
        EventKind::AddrMap,
        EventKind::ConfChanged,
        EventKind::Signal,
        EventKind::HsDesc,
        EventKind::HsDescContent,
        EventKind::NewConsensus,
        EventKind::Notice,
        EventKind::Info,
        EventKind::Debug,
    ];
    let deadline = Instant::now() + SOON;
    while !missing.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let event =
            events.next_timeout(left).unwrap_or_else(|error| panic!("{error}: no {missing:?}"));
        assert_ne!(event.body(), &EventBody::Unknown, "{event}");
        if let Some((pairs, words)) = unknown_words(event.body()) {
            assert!(pairs.is_empty() && words.is_empty(), "{event}");
        }
        if let EventBody::StatusGeneral(status)
        | EventBody::StatusClient(status)
        | EventBody::StatusServer(status) = event.body()
        {
            assert_ne!(status.detail(), StatusDetail::Other, "{event}");
        }
        missing.retain(|kind| kind != event.kind());
    }
    events.close(SOON).unwrap();
    tor.del_onion(&service.address).unwrap();
    let options = testing.into_iter().chain(["MaxCircuitDirtiness"]);
    tor.reset_conf(options).unwrap();
}
