//! Building circuits over real relays.

use std::time::Duration;

use scape::control::{CircuitError, ExtendCircuit, Refusal};
use scape::error::{Phase, Timeout};
use scape::event::{CircuitPurpose, CircuitReason, CircuitStatus, EventBody, EventKind};
use scape::testing::TestNetwork;
use scape::word::{CircuitId, Fingerprint};

use crate::SOON;

cases! {
    CIRCUITS:
    circuit_of_chosen_relays_is_built_extended_and_closed = built_extended_closed,
    circuit_whose_relays_tor_chooses_is_built = chosen_by_tor,
    launched_circuit_can_be_waited_for = launched_and_waited_for,
    impossible_circuits_are_refused = refused,
    failed_circuit_reports_its_reason = fails,
}

fn relays(network: &TestNetwork) -> Vec<Fingerprint> {
    network.relays().filter_map(|relay| relay.fingerprint()).collect()
}

fn built_extended_closed(network: &TestNetwork) {
    let tor = network.client();
    let relays = relays(network);
    let circuit = tor.build_circuit(&ExtendCircuit::new().path(&relays[..3]), SOON).unwrap();
    let path: Vec<_> = circuit.path.iter().filter_map(|hop| hop.fingerprint()).collect();
    assert_eq!(path, relays[..3]);
    assert_eq!(circuit.status, CircuitStatus::Built);
    assert_eq!(circuit.purpose, Some(CircuitPurpose::General));
    assert!(circuit.created.is_some());
    let listed =
        tor.circuits().unwrap().into_iter().find(|listed| listed.id == circuit.id).unwrap();
    assert_eq!(listed.path, circuit.path);

    let events = tor.subscribe([EventKind::Circ]).unwrap();
    assert_eq!(tor.extend_circuit(circuit.id, &relays[3..4]).unwrap(), circuit.id);
    let longer = loop {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::Circ(info) = event.body()
            && info.id == circuit.id
            && info.status == CircuitStatus::Built
        {
            break info.clone();
        }
    };
    assert_eq!(longer.path.len(), 4);

    tor.close_circuit(circuit.id).unwrap();
    let end = loop {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::Circ(info) = event.body()
            && info.id == circuit.id
            && info.status.is_end()
        {
            break info.clone();
        }
    };
    assert_eq!((end.status, end.reason), (CircuitStatus::Closed, Some(CircuitReason::Requested)));
    // The path is still known after the end.
    assert_eq!(end.path.len(), 4);
    let error = tor.close_circuit(circuit.id).unwrap_err();
    assert!(error.refusal().is_some_and(|refusal| refusal.is_unknown()), "{error}");
    assert!(tor.wait_built(circuit.id, SOON).unwrap_err().get::<CircuitError>().is_some());
}

fn chosen_by_tor(network: &TestNetwork) {
    let tor = network.client();
    let circuit = tor.build_circuit(&ExtendCircuit::new(), SOON).unwrap();
    assert_eq!(circuit.path.len(), 3);
    tor.close_circuit_if_unused(circuit.id).unwrap();
    // tor chooses relays for general circuits only. For another purpose, the
    // relays must be given.
    let controller = ExtendCircuit::new().purpose(CircuitPurpose::Controller);
    assert_eq!(tor.build_circuit(&controller, SOON).unwrap_err().code(), Some(551));
    let circuit = tor.build_circuit(&controller.path(&relays(network)[..2]), SOON).unwrap();
    assert_eq!(circuit.purpose, Some(CircuitPurpose::Controller));
    tor.close_circuit(circuit.id).unwrap();
}

fn launched_and_waited_for(network: &TestNetwork) {
    let tor = network.client();
    let path = relays(network).into_iter().rev().take(3);
    let id = tor.launch_circuit(&ExtendCircuit::new().path(path)).unwrap();
    assert_eq!(tor.wait_built(id, SOON).unwrap().id, id);
    // The call also works once the circuit is built.
    assert_eq!(tor.wait_built(id, SOON).unwrap().path.len(), 3);
    tor.close_circuit(id).unwrap();
}

fn refused(network: &TestNetwork) {
    let tor = network.client();
    let error = tor.build_circuit(&ExtendCircuit::new().path(["nobody"]), SOON).unwrap_err();
    assert_eq!(error.code(), Some(552), "{error}");
    assert!(error.to_string().contains("No such router \"nobody\""), "{error}");
    let unknown = CircuitId::new(4_000_000_000);
    assert_eq!(tor.extend_circuit(unknown, ["relay0"]).unwrap_err().code(), Some(552));
    assert!(tor.wait_built(unknown, SOON).unwrap_err().get::<CircuitError>().is_some());
    let error = tor.build_circuit(&ExtendCircuit::new(), Duration::ZERO);
    assert_eq!(error.unwrap_err().get().map(Timeout::phase), Some(Phase::Circuit));
}

fn fails(network: &TestNetwork) {
    let tor = network.client();
    // A relay doesn't extend a circuit to itself.
    let relay = relays(network)[0];
    let result = tor.build_circuit(&ExtendCircuit::new().path([relay, relay]), SOON);
    let error = result.unwrap_err();
    if let Some(error) = error.get::<CircuitError>() {
        assert!(error.status.is_end());
        assert!(error.reason.is_some(), "{error}");
    } else {
        // tor may refuse the circuit in advance.
        assert_eq!(error.get().map(Refusal::code), Some(551), "{error}");
    }
}
