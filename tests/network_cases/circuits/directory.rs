//! The directory of a network's relays, as the network's client has it.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use scape::event::CircuitStatus;
use scape::netdoc::{Relay, RouterFlags};
use scape::path::PathBuilder;
use scape::testing::{Role, TestNetwork};
use scape::word::Fingerprint;
use scape::{CircuitBuilder, State};

use crate::{SOON, seed};

cases! {
    CIRCUITS:
    directory_equals_the_network_statuses_of_tor = directory,
    paths_chosen_from_the_directory_are_built = paths,
}

fn directory(network: &TestNetwork) {
    let tor = network.client();
    let state = State::new(tor).unwrap();
    let (directory, statuses) = state
        .wait(SOON, |state| {
            // This repeats until both come from the same consensus.
            let before = state.consensus_count();
            let both = (state.directory().unwrap(), tor.info().network_statuses().unwrap());
            (state.consensus_count() == before).then_some(both)
        })
        .unwrap();
    assert_eq!((directory.relays().len(), directory.skipped()), (8, 0));
    assert!(directory.valid_after().unwrap() < directory.valid_until().unwrap());
    assert!(directory.weights().get("Wgg").is_some());
    for status in &statuses {
        let relay = directory.relay(status.fingerprint()).unwrap();
        let same = |what: fn(&Relay) -> String| assert_eq!(what(relay), what(status));
        same(|entry| entry.name().to_string());
        same(|entry| entry.flags().to_string());
        same(|entry| {
            format!("{:?} {:?} {:?}", entry.or_address(), entry.ipv6(), entry.bandwidth())
        });
        assert!(relay.has_microdescriptor() && relay.ed25519().is_some());
        assert!(relay.protocols().unwrap().supports("Relay", 2));
        assert_eq!(relay.version(), Some(&tor.version().unwrap()));
        assert_eq!(
            tor.info().network_status(status.fingerprint()).unwrap().unwrap().name(),
            status.name()
        );
        let router = state.router(status.fingerprint());
        assert_eq!(router.policy().unwrap().as_ref(), relay.policy());
        assert_eq!(router.version().unwrap().as_ref(), relay.version());
    }
    for node in network.nodes() {
        let relay = node.fingerprint().and_then(|fingerprint| directory.relay(fingerprint));
        match node.role() {
            Role::Relay => assert!(relay.unwrap().policy().unwrap().allows(80)),
            Role::Authority => assert!(relay.unwrap().policy().unwrap().is_reject_all()),
            _ => assert!(relay.is_none()),
        }
    }
    assert!(tor.info().network_status(Fingerprint::from_bytes([7; 20])).unwrap().is_none());
}

fn paths(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let directory = state.directory().unwrap();
    let guards: Vec<Fingerprint> =
        state.entry_guards().iter().filter_map(|guard| guard.relay.fingerprint()).collect();
    // All relays of the test network are in one subnet, so the rule about
    // subnets is turned off.
    let settings =
        PathBuilder::new().random_guard().distinct_subnets(false).exit_to(("127.0.0.1", 80));
    let mut random = StdRng::seed_from_u64(seed::seed());
    for length in 1..=4 {
        let chooser = settings.clone().length(length).prepare(directory.clone(), &guards).unwrap();
        for _ in 0..3 {
            let path = chooser.choose_by_seed(random.random(), &[]).unwrap();
            assert_eq!(path.len(), length);
            let exit = state.router(*path.last().unwrap());
            assert!(exit.flags().contains(RouterFlags::EXIT));
            if length > 1 {
                let circuit = CircuitBuilder::along(&path)
                    .attempts(1)
                    .attempt_timeout(SOON)
                    .timeout(SOON)
                    .build(&state)
                    .unwrap();
                assert_eq!(
                    (circuit.status(), circuit.path().len()),
                    (CircuitStatus::Built, length)
                );
                circuit.close().unwrap();
            }
        }
    }
}
