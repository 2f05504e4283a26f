//! Checks how often each relay is chosen. Over 100,000 paths through a network
//! of 9,000 relays, the frequencies must match the consensus' bandwidth weights
//! at each hop. See "Weighting node selection" in path-spec.
//!
//! The tests use Pearson's chi-squared over bins of relays with at least
//! [`BIN`] expected hits. The significance is one in a million, and the seeds
//! are fixed. With wrong weights the test must fail, which shows that it
//! detects errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/relay_world.rs"]
mod relay_world;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use relay_world::{Known, World};
use scape::path::PathBuilder;

const DRAWS: usize = 100_000;
const RELAYS: usize = 9_000;
/// The minimum number of expected hits in a bin of relays.
const BIN: f64 = 200.0;
/// The quantile of the normal distribution that is exceeded once in a million
/// times.
const ONE_IN_A_MILLION: f64 = 4.753;

/// Returns true if these hits are likely for these probabilities, and a text
/// with the statistic and its limit.
fn is_likely(hits: &[usize], probabilities: &[f64]) -> (bool, String) {
    let total: usize = hits.iter().sum();
    let sum: f64 = probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-9, "the probabilities add up to {sum}");
    // A relay with probability 0 must never be chosen.
    for (hits, probability) in hits.iter().zip(probabilities) {
        if *hits > 0 && *probability == 0.0 {
            return (false, "one was chosen that is never chosen".to_owned());
        }
    }
    let mut order: Vec<usize> =
        (0..hits.len()).filter(|index| probabilities[*index] > 0.0).collect();
    order.sort_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
    let (mut statistic, mut bins) = (0.0, 0);
    let (mut expected, mut observed) = (0.0, 0.0);
    for (place, index) in order.iter().enumerate() {
        expected += probabilities[*index] * total as f64;
        observed += hits[*index] as f64;
        let rest: f64 =
            order[place + 1..].iter().map(|index| probabilities[*index] * total as f64).sum();
        if expected >= BIN && (rest >= BIN || rest == 0.0) || place + 1 == order.len() {
            statistic += (observed - expected).powi(2) / expected;
            bins += 1;
            (expected, observed) = (0.0, 0.0);
        }
    }
    // Wilson and Hilferty's approximation of the quantile.
    let freedom = f64::from(bins - 1);
    let part = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - part + ONE_IN_A_MILLION * part.sqrt()).powi(3);
    assert!(bins > 50, "{bins} bins are too few");
    (statistic <= limit, format!("{statistic:.1} with {bins} bins, of at most {limit:.1}"))
}

/// Returns the weight of a relay as dir-spec defines it: the weight for its
/// flags at the position. If the relay answers directory requests, this is
/// multiplied by the corresponding weight for such relays.
fn weight(world: &World, relay: &Known, [none, guard, exit, both]: [&str; 4]) -> f64 {
    let is_exit = relay.has("Exit") && !relay.has("BadExit");
    let (name, directory) = match (relay.has("Guard"), is_exit) {
        (false, false) => (none, "Wmb"),
        (true, false) => (guard, "Wgb"),
        (false, true) => (exit, "Web"),
        (true, true) => (both, "Wdb"),
    };
    let weight = if name.is_empty() { 0.0 } else { world.weight(name) };
    let directory = if relay.has("V2Dir") { world.weight(directory) } else { 1.0 };
    f64::from(relay.bandwidth) * weight * directory
}

/// Returns the weights of all relays at the three positions. The weight is 0 if
/// the rules forbid the relay at that position.
fn weights(world: &World) -> [Vec<f64>; 3] {
    let usable = |relay: &Known| {
        relay.is_described && relay.has("Running") && relay.has("Valid") && relay.has("Fast")
    };
    let entry = |relay: &Known| usable(relay) && relay.has("Guard") && !relay.has("MiddleOnly");
    let exit = |relay: &Known| {
        usable(relay)
            && relay.has("Exit")
            && relay.lets_something_out()
            && !relay.has("BadExit")
            && !relay.has("MiddleOnly")
    };
    let all = |fits: &dyn Fn(&Known) -> bool, names: [&str; 4]| -> Vec<f64> {
        let weight = |relay: &Known| if fits(relay) { weight(world, relay, names) } else { 0.0 };
        world.relays.iter().map(weight).collect()
    };
    [
        all(&entry, ["Wgm", "Wgg", "", "Wgd"]),
        all(&usable, ["Wmm", "Wmg", "Wme", "Wmd"]),
        all(&exit, ["Wem", "Weg", "Wee", "Wed"]),
    ]
}

fn normal(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Returns the probability of each relay at each of three hops. The exit is
/// chosen first, then the entry, then the middle, each by weight among the
/// remaining relays.
fn probabilities([entry, middle, exit]: &[Vec<f64>; 3]) -> [Vec<f64>; 3] {
    let exits = normal(exit);
    let (entry_sum, middle_sum): (f64, f64) = (entry.iter().sum(), middle.iter().sum());
    let count = exits.len();
    let mut entries = vec![0.0; count];
    // For the middle: the common factor of each relay's weight, and the part to
    // subtract because the relay may be taken already.
    let (mut factor, mut taken) = (0.0, vec![0.0; count]);
    let of_positive =
        |weights: &[f64]| -> Vec<usize> { (0..count).filter(|i| weights[*i] > 0.0).collect() };
    let (exit_places, entry_places) = (of_positive(&exits), of_positive(entry));
    for &last in &exit_places {
        for &first in entry_places.iter().filter(|first| **first != last) {
            let both = exits[last] * entry[first] / (entry_sum - entry[last]);
            entries[first] += both;
            let share = both / (middle_sum - middle[last] - middle[first]);
            factor += share;
            taken[first] += share;
            taken[last] += share;
        }
    }
    let middles = (0..count).map(|index| middle[index] * (factor - taken[index])).collect();
    [entries, middles, exits]
}

/// Chooses many paths, and returns how often each relay was chosen at each hop.
fn draw(world: &World, builder: &PathBuilder, seed: u64) -> Vec<Vec<usize>> {
    let chooser = builder.prepare(world.directory(), &[]).unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut hits = vec![vec![0; world.relays.len()]; chooser.length()];
    for _ in 0..DRAWS {
        for (hop, relay) in
            chooser.choose_by_seed(rng.random(), &[]).unwrap().into_iter().enumerate()
        {
            let index =
                world.relays.binary_search_by_key(&relay, |known| known.fingerprint).unwrap();
            hits[hop][index] += 1;
        }
    }
    hits
}

#[test]
fn relays_are_chosen_by_the_weights_of_each_hop() {
    let world = World::apart(RELAYS, 1);
    let expected = probabilities(&weights(&world));
    let hits = draw(&world, &PathBuilder::new().random_guard(), 2);
    for (hop, name) in ["entry", "middle", "exit"].into_iter().enumerate() {
        let (is_likely, told) = is_likely(&hits[hop], &expected[hop]);
        assert!(is_likely, "{name}: {told}");
    }
    // The test detects the difference between these weights and bandwidth
    // alone, and between the positions.
    for hop in 0..3 {
        let possible = |index: usize| expected[hop][index] > 0.0;
        let bandwidth = |index: usize| f64::from(world.relays[index].bandwidth);
        let by_bandwidth: Vec<f64> =
            (0..RELAYS).map(|index| if possible(index) { bandwidth(index) } else { 0.0 }).collect();
        assert!(!is_likely(&hits[hop], &normal(&by_bandwidth)).0, "hop {hop}");
        assert!(!is_likely(&hits[hop], &expected[(hop + 1) % 3]).0, "hop {hop}");
    }
}

/// Checks that the probability of a relay at a hop is the relay's share of the
/// weights. Rules about several hops don't change it. Programs like vanguards
/// and sbws use this probability.
#[test]
fn relay_probability_is_its_share_of_the_weights() {
    let world = World::apart(RELAYS, 11);
    let chooser = PathBuilder::new().random_guard().prepare(world.directory(), &[]).unwrap();
    for (hop, weights) in (1..).zip(weights(&world)) {
        for (relay, expected) in world.relays.iter().zip(normal(&weights)) {
            let probability = chooser.probability(hop, relay.fingerprint);
            assert!((probability - expected).abs() < 1e-6, "{hop}: {probability} {expected}");
        }
    }
    let relay = world.relays[0].fingerprint;
    assert_eq!((chooser.probability(0, relay), chooser.probability(4, relay)), (0.0, 0.0));
    assert_eq!(chooser.probability(2, scape::word::Fingerprint::from_bytes([0xff; 20])), 0.0);
    let candidate = chooser.candidates(1).next().unwrap().fingerprint();
    let fixed = PathBuilder::new().relay(1, candidate).prepare(world.directory(), &[]).unwrap();
    assert_eq!(fixed.probability(1, candidate), 1.0);
    let even = PathBuilder::new()
        .random_guard()
        .uniform_middles()
        .prepare(world.directory(), &[])
        .unwrap();
    let share = 1.0 / even.candidates(2).count() as f64;
    assert!(
        even.candidates(2)
            .all(|relay| (even.probability(2, relay.fingerprint()) - share).abs() < 1e-9)
    );
}

#[test]
fn weights_with_another_scale_and_with_zeros_are_used() {
    let mut world = World::apart(RELAYS, 3);
    world.scale = 5000;
    for (name, weight) in &mut world.weights {
        *weight = if ["Wgd", "Wmd", "Wme"].contains(name) { 0 } else { *weight / 2 };
    }
    let expected = probabilities(&weights(&world));
    let hits = draw(&world, &PathBuilder::new().random_guard(), 4);
    for hop in 0..3 {
        let (is_likely, told) = is_likely(&hits[hop], &expected[hop]);
        assert!(is_likely, "hop {hop}: {told}");
    }
}

#[test]
fn bandwidth_alone_counts_if_a_weight_is_missing() {
    let mut world = World::apart(RELAYS, 5);
    world.weights.retain(|(name, _)| *name != "Wgd");
    let hits = draw(&world, &PathBuilder::new().random_guard().length(1), 6);
    let usable = |relay: &Known| {
        let flags = ["Running", "Valid", "Fast", "Guard"];
        relay.is_described && flags.iter().all(|flag| relay.has(flag)) && !relay.has("MiddleOnly")
    };
    let bandwidths: Vec<f64> = world
        .relays
        .iter()
        .map(|relay| if usable(relay) { f64::from(relay.bandwidth) } else { 0.0 })
        .collect();
    let (is_likely, told) = is_likely(&hits[0], &normal(&bandwidths));
    assert!(is_likely, "{told}");
}

#[test]
fn exits_for_a_target_need_no_exit_flag_and_are_weighted_by_their_flags() {
    // Families and subnets keep relays apart only after the exit was chosen.
    let world = World::crowded(RELAYS, false, 7);
    let fits = |relay: &Known| {
        let flags = ["Running", "Valid", "Fast"];
        let may = relay.is_described && flags.iter().all(|flag| relay.has(flag));
        may && !relay.has("BadExit") && !relay.has("MiddleOnly") && relay.ports.contains(&443)
    };
    let names = ["Wem", "Weg", "Wee", "Wed"];
    let weights: Vec<f64> = world
        .relays
        .iter()
        .map(|relay| if fits(relay) { weight(&world, relay, names) } else { 0.0 })
        .collect();
    let builder = PathBuilder::new().random_guard().exit_to(("example.com", 443));
    let hits = draw(&world, &builder, 8);
    let (is_likely, told) = is_likely(&hits[2], &normal(&weights));
    assert!(is_likely, "{told}");
    assert!(world.relays.iter().any(|relay| fits(relay) && !relay.has("Exit")));
}

#[test]
fn uniform_middle_relays_are_equally_likely() {
    let world = World::apart(RELAYS, 9);
    let [entry, _, exit] = weights(&world);
    let usable = |relay: &Known| {
        relay.is_described && ["Running", "Valid", "Fast"].iter().all(|flag| relay.has(flag))
    };
    let middle = world.relays.iter().map(|relay| f64::from(u8::from(usable(relay)))).collect();
    let expected = probabilities(&[entry, middle, exit]);
    let hits = draw(&world, &PathBuilder::new().random_guard().uniform_middles(), 10);
    let (is_likely, told) = is_likely(&hits[1], &expected[1]);
    assert!(is_likely, "{told}");
}
