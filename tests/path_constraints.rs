//! Checks that chosen paths keep all rules, and that a path is found if one
//! exists. Networks and settings are generated, and the tests have their own
//! implementation of the rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/relay_world.rs"]
mod relay_world;

use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use relay_world::{Known, World};
use scape::path::{NoPathError, PathBuilder, PathRule};
use scape::word::{CountryCode, Fingerprint};

/// The settings of a requested path. Relays are given as indexes.
#[derive(Debug, Clone)]
struct Wanted {
    length: usize,
    /// This tor's guards as indexes of relays, or `None` if any guard will do.
    guards: Option<Vec<usize>>,
    leaves: bool,
    port: Option<u16>,
    is_ipv6: bool,
    exit: Option<usize>,
    second: Option<usize>,
    exit_country: Option<u8>,
    excluded: Vec<usize>,
    excluded_by_name: bool,
    excluded_country: Option<u8>,
    min_bandwidth: u32,
    fast: bool,
    stable: Option<bool>,
    distinct_subnets: bool,
    uniform: bool,
}

fn wanted(relays: usize, longest: usize) -> impl Strategy<Value = Wanted> {
    let place = move || 0..relays;
    let route = (
        1..=longest,
        prop::option::of(prop::collection::vec(place(), 1..6)),
        prop::bool::weighted(0.8),
        prop::option::of(prop::sample::select(vec![22u16, 80, 443, 6667, 25])),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, place()),
        prop::option::weighted(0.2, place()),
    );
    let limits = (
        prop::option::weighted(0.2, 0u8..4),
        prop::collection::vec(place(), 0..5),
        any::<bool>(),
        prop::option::weighted(0.2, 0u8..4),
        prop_oneof![4 => Just(0u32), 1 => 0u32..5000],
        prop::bool::weighted(0.8),
        prop::option::weighted(0.3, any::<bool>()),
        prop::bool::weighted(0.8),
        any::<bool>(),
    );
    (route, limits).prop_map(|(route, limits)| {
        let (length, guards, leaves, port, is_ipv6, exit, second) = route;
        let (
            exit_country,
            excluded,
            excluded_by_name,
            excluded_country,
            min_bandwidth,
            fast,
            stable,
            distinct_subnets,
            uniform,
        ) = limits;
        Wanted {
            length,
            guards,
            leaves,
            port,
            is_ipv6,
            exit,
            second: second.filter(|_| length > 2),
            exit_country,
            excluded,
            excluded_by_name,
            excluded_country,
            min_bandwidth,
            fast,
            stable,
            distinct_subnets,
            uniform,
        }
    })
}

/// Returns the country of a relay's address: one of four, or `None` if it is
/// unknown.
fn country(address: u32) -> Option<u8> {
    (address % 5 < 4).then_some((address % 5) as u8)
}

fn code(country: u8) -> CountryCode {
    ["de", "fr", "nl", "us"][usize::from(country)].parse().unwrap()
}

fn country_of(ip: IpAddr) -> Option<CountryCode> {
    match ip {
        IpAddr::V4(ip) => country(ip.into()).map(code),
        IpAddr::V6(_) => None,
    }
}

fn builder(wanted: &Wanted, world: &World) -> PathBuilder {
    let fingerprint = |place: usize| world.relays[place].fingerprint;
    let mut builder = PathBuilder::new()
        .length(wanted.length)
        .min_bandwidth(wanted.min_bandwidth)
        .fast(wanted.fast)
        .distinct_subnets(wanted.distinct_subnets);
    if wanted.guards.is_none() {
        builder = builder.random_guard();
    }
    if !wanted.leaves {
        builder = builder.internal();
    }
    if let Some(port) = wanted.port {
        let host = if wanted.is_ipv6 { "2001:db8::1" } else { "example.com" };
        builder = builder.exit_to((host, port));
    }
    if let Some(exit) = wanted.exit {
        builder = builder.exit(fingerprint(exit));
    }
    if let Some(second) = wanted.second {
        builder = builder.relay(2, fingerprint(second));
    }
    if let Some(country) = wanted.exit_country {
        builder = builder.exit_in([code(country)], country_of);
    }
    if let Some(country) = wanted.excluded_country {
        builder = builder.exclude_countries([code(country)], country_of);
    }
    if let Some(stable) = wanted.stable {
        builder = builder.stable(stable);
    }
    if wanted.uniform {
        builder = builder.uniform_middles();
    }
    match wanted.excluded_by_name {
        true => builder.exclude(
            wanted.excluded.iter().map(|place| world.relays[*place].nickname.to_uppercase()),
        ),
        false => builder.exclude(wanted.excluded.iter().map(|place| fingerprint(*place))),
    }
}

/// Returns true if the relay `place` may be at hop `hop`, counted from 0, under
/// all requested rules.
fn may_be(wanted: &Wanted, world: &World, hop: usize, place: usize) -> bool {
    let relay = &world.relays[place];
    let (is_first, is_last) = (hop == 0, hop + 1 == wanted.length);
    let usable = relay.has("Running") && relay.has("Valid") && relay.is_described;
    if is_last && let Some(exit) = wanted.exit {
        return usable && place == exit;
    }
    if hop == 1
        && let Some(second) = wanted.second
    {
        return usable && place == second;
    }
    let is_own_guard = is_first && wanted.guards.is_some();
    let is_stable = wanted.stable.unwrap_or(matches!(wanted.port, Some(22 | 6667)));
    let place_of_relay = country(relay.ipv4.into());
    let first = || match &wanted.guards {
        Some(guards) => guards.contains(&place) && !relay.has("MiddleOnly"),
        None => relay.has("Guard") && !relay.has("MiddleOnly"),
    };
    let last = || {
        let ports = if wanted.is_ipv6 { &relay.ports_v6 } else { &relay.ports };
        let leaves = wanted.leaves && (!is_first || wanted.port.is_some());
        let flags = !leaves
            || !relay.has("BadExit")
                && !relay.has("MiddleOnly")
                && (wanted.port.is_some() || relay.has("Exit") && relay.lets_something_out());
        flags
            && wanted.port.is_none_or(|port| ports.contains(&port))
            && wanted.exit_country.is_none_or(|country| place_of_relay == Some(country))
    };
    usable
        && (is_own_guard || !wanted.fast || relay.has("Fast"))
        && (is_own_guard || !is_stable || relay.has("Stable"))
        && (!is_first || first())
        && (!is_last || last())
        && relay.bandwidth >= wanted.min_bandwidth
        && !wanted.excluded.contains(&place)
        && wanted
            .excluded_country
            .is_none_or(|country| place_of_relay.is_some_and(|there| there != country))
}

fn go_together(wanted: &Wanted, one: &Known, other: &Known) -> bool {
    one.fingerprint != other.fingerprint
        && !one.is_family_of(other)
        && !(wanted.distinct_subnets && one.is_near(other))
}

fn check(wanted: &Wanted, world: &World, path: &[Fingerprint]) -> Result<(), TestCaseError> {
    prop_assert_eq!(path.len(), wanted.length);
    for (hop, fingerprint) in path.iter().enumerate() {
        let (place, relay) = world.find(*fingerprint);
        prop_assert!(may_be(wanted, world, hop, place), "hop {}: {:?}", hop, relay);
        for other in &path[..hop] {
            let other = world.find(*other).1;
            prop_assert!(go_together(wanted, relay, other), "{:?} and {:?}", relay, other);
        }
    }
    Ok(())
}

/// Returns true if there is a complete path that begins with `path`. Tries
/// every path.
fn exists(wanted: &Wanted, world: &World, path: &mut Vec<usize>) -> bool {
    if path.len() == wanted.length {
        return true;
    }
    for place in 0..world.relays.len() {
        let relay = &world.relays[place];
        if may_be(wanted, world, path.len(), place)
            && path.iter().all(|other| go_together(wanted, relay, &world.relays[*other]))
        {
            path.push(place);
            if exists(wanted, world, path) {
                return true;
            }
            path.pop();
        }
    }
    false
}

fn guards(wanted: &Wanted, world: &World) -> Vec<Fingerprint> {
    let places = wanted.guards.iter().flatten();
    places.map(|place| world.relays[*place].fingerprint).collect()
}

static CITY: LazyLock<World> = LazyLock::new(|| World::crowded(400, true, 11));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn chosen_path_breaks_no_rule(wanted in wanted(400, 8), seed in any::<u64>()) {
        let world = &*CITY;
        let chooser =
            builder(&wanted, world).prepare(world.directory(), &guards(&wanted, world));
        let Ok(chooser) = chooser else {
            return Ok(());
        };
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..5 {
            if let Ok(path) = chooser.choose_by_seed(rng.random(), &[]) {
                check(&wanted, world, &path)?;
            }
        }
    }

    #[test]
    fn path_is_found_if_and_only_if_one_exists(
        wanted in wanted(9, 3), world_seed in any::<u64>(), seed in any::<u64>()
    ) {
        let world = World::crowded(9, false, world_seed);
        let there_is_one = exists(&wanted, &world, &mut Vec::new());
        let chosen = builder(&wanted, &world)
            .prepare(world.directory(), &guards(&wanted, &world))
            .and_then(|chooser| Ok(chooser.choose_by_seed(seed, &[])?));
        match chosen {
            Ok(path) => check(&wanted, &world, &path)?,
            Err(error) => {
                let Some(error) = error.get::<NoPathError>() else { panic!("{error}") };
                prop_assert!(!there_is_one, "{} but there is one", error);
                prop_assert!(
                    (1..=wanted.length).contains(&error.hop) && error.length == wanted.length
                );
                // Each relay is counted once.
                let counted: usize = error.rejected.iter().map(|(_, count)| count).sum();
                prop_assert_eq!(counted, error.relays, "{}", error);
            }
        }
    }
}

#[test]
fn path_takes_the_guards_of_tor_in_their_order() {
    let world = World::apart(200, 12);
    let usable = |relay: &&Known| {
        relay.is_described && relay.has("Running") && relay.has("Valid") && !relay.has("MiddleOnly")
    };
    let guards: Vec<Fingerprint> =
        world.relays.iter().filter(usable).take(3).map(|relay| relay.fingerprint).collect();
    let mut rng = StdRng::seed_from_u64(13);
    let chooser = PathBuilder::new().prepare(world.directory(), &guards).unwrap();
    for _ in 0..100 {
        for failed in [&[], &guards[..1]] {
            let path = chooser.choose_by_seed(rng.random(), failed).unwrap();
            // A guard that is another hop already isn't the entry.
            let is_free =
                |guard: &&Fingerprint| !failed.contains(guard) && !path[1..].contains(guard);
            assert_eq!(path.first(), guards.iter().find(is_free));
        }
    }
    // The first guard is the exit, so the next guard is the entry.
    let chooser = PathBuilder::new().exit(guards[0]).prepare(world.directory(), &guards).unwrap();
    assert_eq!(chooser.choose_by_seed(rng.random(), &[]).unwrap()[0], guards[1]);
}

#[test]
fn no_path_error_names_the_broken_rules() {
    let world = World::apart(200, 14);
    let error = PathBuilder::new().prepare(world.directory(), &[]).unwrap_err();
    let Some(error) = error.get::<NoPathError>() else { panic!("{error}") };
    assert_eq!((error.hop, error.rejected_by(PathRule::NotThisTorsGuard)), (1, 200));

    let builder = PathBuilder::new().random_guard().exit_to(("example.com", 25));
    let error = builder.prepare(world.directory(), &[]).unwrap_err();
    assert!(
        error.to_string().contains("hop 3 of 3") && error.to_string().contains("does not exit"),
        "{error}"
    );

    let nobody = Fingerprint::from_bytes([0; 20]);
    let error =
        PathBuilder::new().random_guard().exit(nobody).prepare(world.directory(), &[]).unwrap_err();
    let Some(error) = error.get::<NoPathError>() else { panic!("{error}") };
    assert_eq!(error.rejected, [(PathRule::NotInConsensus, 1)]);

    // Two hops are fixed to the same relay.
    let relay = world
        .relays
        .iter()
        .find(|relay| relay.is_described && relay.has("Running") && relay.has("Valid"));
    let relay = relay.unwrap().fingerprint;
    let chooser = PathBuilder::new().random_guard().relay(2, relay).exit(relay);
    let chooser = chooser.prepare(world.directory(), &[]).unwrap();
    let error = chooser.choose_by_seed(15, &[]).unwrap_err();
    assert_eq!((error.hop, error.candidates), (2, 1));
    assert_eq!(error.rejected, [(PathRule::SameRelay, 1)]);
}

#[test]
fn path_candidates_fit_the_hop() {
    let world = World::crowded(300, true, 16);
    let chooser = PathBuilder::new().random_guard().exit_to(("example.com", 443));
    let chooser = chooser.prepare(world.directory(), &[]).unwrap();
    assert!(chooser.candidates(3).count() > 10);
    for relay in chooser.candidates(3) {
        assert!(world.find(relay.fingerprint()).1.ports.contains(&443));
    }
    assert_eq!(chooser.candidates(0).count(), 0);
    assert_eq!(chooser.candidates(4).count(), 0);
}
