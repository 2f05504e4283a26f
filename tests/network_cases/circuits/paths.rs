//! Circuits over real relays, with paths that the library chooses.

use std::collections::HashSet;
use std::time::Duration;

use scape::event::CircuitPurpose;
use scape::info::EntryGuardStatus;
use scape::netdoc::RouterFlags;
use scape::path::{NoPathError, PathBuilder};
use scape::state::Circuit;
use scape::testing::TestNetwork;
use scape::word::Fingerprint;
use scape::{CircuitBuilder, State, Tor};

use crate::SOON;
use crate::stopped::Stopped;

cases! {
    CIRCUITS:
    chosen_paths_are_built_by_tor = every_path_is_built,
    paths_begin_with_the_entry_guards_of_tor = entry_guards,
    paths_end_at_a_fixed_exit_or_one_that_allows_the_target = exits,
    no_path_error_names_the_reason = no_path,
    circuits_are_built_concurrently = several_at_once,
    path_avoids_a_relay_that_has_stopped = around_a_stopped_relay,
    circuit_pool_is_kept_full = pool,
    circuit_builder_lets_tor_choose_the_relays = chosen_by_tor,
}

/// Returns path settings for the private network: its relays are all in one
/// subnet, and some lack the flag `Fast`.
fn path() -> PathBuilder {
    PathBuilder::new().distinct_subnets(false).fast(false)
}

fn relays(circuit: &Circuit) -> Vec<Fingerprint> {
    circuit.path().iter().filter_map(|relay| relay.fingerprint()).collect()
}

/// Launches a tor that no other test uses, and creates its live state.
fn own_tor(network: &TestNetwork) -> (Tor, State) {
    let tor = Tor::launch(network.launch()).unwrap();
    let state = State::new(tor.controller().unwrap()).unwrap();
    (tor, state)
}

fn every_path_is_built(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let target = ("www.scape.test", 80);
    let mut paths = vec![
        path().random_guard(),
        path().random_guard().internal(),
        path().random_guard().exit_to(target).uniform_middles(),
        path().random_guard().exit_to(("192.0.2.1", 443)).exclude(["relay0"]),
    ];
    // The private network has eight relays, and a path contains each relay at
    // most once.
    paths.extend((1..=6).map(|length| path().random_guard().length(length)));
    for path in paths {
        for circuit in CircuitBuilder::choosing(path.clone()).build_many(&state, 5).unwrap() {
            let circuit = circuit.unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let hops = relays(&circuit);
            assert_eq!(hops.iter().collect::<HashSet<_>>().len(), hops.len(), "{circuit}");
            assert!(circuit.is_built(), "{circuit}");
            circuit.close().unwrap();
        }
    }
}

fn entry_guards(network: &TestNetwork) {
    let (_tor, state) = own_tor(network);
    let circuit = CircuitBuilder::choosing(path()).build(&state).unwrap();
    let guards = state.entry_guards();
    let usable: Vec<Fingerprint> = guards
        .iter()
        .filter(|guard| guard.status != EntryGuardStatus::Unusable)
        .filter_map(|guard| guard.relay.fingerprint())
        .collect();
    let hops = relays(&circuit);
    assert_eq!(hops.len(), 3);
    assert!(usable.contains(&hops[0]), "{circuit}, but the guards are {guards:?}");
    let last = state.router(hops[2]);
    assert!(last.flags().contains(RouterFlags::EXIT), "{last:?}");
    // If the exit is one of the guards, the entry is another one.
    for guard in usable.iter().take(2) {
        if state.router(*guard).flags().contains(RouterFlags::EXIT) {
            let circuit = CircuitBuilder::choosing(path().exit(*guard)).build(&state).unwrap();
            let hops = relays(&circuit);
            assert!(
                usable.contains(&hops[0]) && hops[0] != hops[2] && hops[2] == *guard,
                "{circuit}"
            );
        }
    }
}

fn exits(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let exits: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    for exit in &exits[..2] {
        let builder = CircuitBuilder::choosing(path().random_guard().exit(*exit).length(2));
        let builder = builder.purpose(CircuitPurpose::Controller);
        let circuit = builder.build(&state).unwrap();
        assert_eq!(relays(&circuit)[1], *exit);
        assert_eq!(circuit.purpose(), Some(CircuitPurpose::Controller));
        circuit.close().unwrap();
    }
    // The exit policy of the authorities allows nothing, so only the relays can
    // be exits.
    let builder = CircuitBuilder::choosing(path().random_guard().exit_to(("www.scape.test", 8080)));
    for circuit in builder.build_many(&state, 6).unwrap() {
        let circuit = circuit.unwrap();
        assert!(exits.contains(&relays(&circuit)[2]), "{circuit}");
        circuit.close().unwrap();
    }
}

fn no_path(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let before = state.circuits().len();
    let exits: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let none = path().random_guard().exclude(&exits).exit_to(("www.scape.test", 80));
    let error = CircuitBuilder::choosing(none).build(&state).unwrap_err();
    let Some(error) = error.get::<NoPathError>() else { panic!("{error}") };
    assert_eq!((error.hop, error.length, error.candidates), (3, 3, 0), "{error}");
    // All relays are in one subnet, so no relay fits next to another.
    let any = PathBuilder::new().fast(false).random_guard();
    let error = CircuitBuilder::choosing(any).build(&state).unwrap_err();
    let Some(error) = error.get::<NoPathError>() else { panic!("{error}") };
    assert!(error.candidates > 0, "{error}");
    assert!(error.to_string().contains("network of another hop"), "{error}");
    // tor itself goes on building circuits.
    assert!(state.circuits().len() <= before + 3);
}

fn several_at_once(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let builder = CircuitBuilder::choosing(path().random_guard()).concurrency(8);
    let circuits: Vec<Circuit> =
        builder.build_many(&state, 24).unwrap().map(Result::unwrap).collect();
    let ids: HashSet<_> = circuits.iter().map(Circuit::id).collect();
    assert_eq!(ids.len(), 24);
    let listed = network.client().circuits().unwrap();
    for circuit in &circuits {
        let listed = listed.iter().find(|listed| listed.id == circuit.id());
        assert_eq!(listed.map(|listed| &listed.path), Some(&circuit.path()), "{circuit}");
    }
    for circuit in circuits {
        circuit.close().unwrap();
    }
}

fn around_a_stopped_relay(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let mut relays_here = network.relays();
    let [stopped, other, first] = std::array::from_fn(|_| relays_here.next().unwrap());
    let [stopped_fingerprint, other] = [stopped, other].map(|relay| relay.fingerprint().unwrap());
    let two_exits = path()
        .length(2)
        .relay(1, first.fingerprint().unwrap())
        .exit_where(move |relay| [stopped_fingerprint, other].contains(&relay.fingerprint()));
    let builder =
        CircuitBuilder::choosing(two_exits).attempt_timeout(Duration::from_secs(5)).attempts(4);
    let _stopped = Stopped::new(stopped);
    // Either of the two relays may be chosen first. A relay that fails once is
    // not tried again.
    for circuit in builder.timeout(SOON).concurrency(8).build_many(&state, 8).unwrap() {
        let circuit = circuit.unwrap();
        assert_eq!(relays(&circuit)[1], other, "{circuit}");
        circuit.close().unwrap();
    }
    // The failed attempts leave no circuits behind.
    state
        .wait(SOON, |state| {
            let through = |circuit: &Circuit| relays(circuit) == [first.fingerprint().unwrap()];
            (!state.circuits().iter().any(|circuit| through(circuit) && !circuit.is_built()))
                .then_some(())
        })
        .unwrap();
}

fn pool(network: &TestNetwork) {
    let (_tor, state) = own_tor(network);
    let builder = CircuitBuilder::choosing(path().exit_to(("www.scape.test", 80)));
    let pool = builder.purpose(CircuitPurpose::Controller).pool(&state, 4).unwrap();
    pool.wait_full(SOON).unwrap();
    let before: Vec<Circuit> = pool.circuits();
    assert_eq!(before.len(), 4);

    // Two circuits are closed, one of them by its id without the state.
    state.controller().close_circuit(before[0].id()).unwrap();
    before[1].close().unwrap();
    before[0].wait_closed(SOON).unwrap();
    pool.wait_full(SOON).unwrap();
    let now = pool.circuits();
    assert!(now.contains(&before[2]) && now.contains(&before[3]));
    assert!(!now.contains(&before[0]) && !now.contains(&before[1]));

    let taken = pool.take(SOON).unwrap();
    pool.wait_full(SOON).unwrap();
    let all = pool.circuits();
    pool.close().unwrap();
    for circuit in all {
        circuit.wait_closed(SOON).unwrap();
    }
    assert!(taken.is_built());
    taken.close().unwrap();
}

fn chosen_by_tor(network: &TestNetwork) {
    let (_tor, state) = own_tor(network);
    let circuit = CircuitBuilder::new().build(&state).unwrap();
    assert_eq!(circuit.path().len(), 3);
    let along: Vec<Fingerprint> =
        network.relays().filter_map(|relay| relay.fingerprint()).take(4).collect();
    let circuit = CircuitBuilder::along(&along).build(&state).unwrap();
    assert_eq!(relays(&circuit), along);
}
