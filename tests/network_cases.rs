//! Cases that need a network. All run in turn on one private network of real
//! tors, in one test, because starting the network takes longer than a case.
//!
//! `SCAPE_CASE` runs only the cases whose names contain its value:
//! `SCAPE_CASE="live state" cargo test --all-features --test network_cases -- --nocapture`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "network/attach.rs"]
mod attach;
#[cfg(target_os = "linux")]
#[path = "support/audit.rs"]
mod audit;
#[path = "network/circuits.rs"]
mod circuits;
#[path = "network/commands.rs"]
mod commands;
#[path = "network/directory.rs"]
mod directory;
#[path = "network/endpoints.rs"]
mod endpoints;
#[path = "network/events.rs"]
mod events;
#[path = "network/examples.rs"]
mod examples;
#[path = "network/geoip.rs"]
mod geoip;
#[path = "support/happening.rs"]
mod happening;
#[path = "network/hs_descriptors.rs"]
mod hs_descriptors;
#[cfg(feature = "http")]
#[path = "network/http.rs"]
mod http;
#[path = "network/info.rs"]
mod info;
#[path = "network/killed.rs"]
mod killed;
#[cfg(target_os = "linux")]
#[path = "network/leaks.rs"]
mod leaks;
#[cfg(feature = "geoip")]
#[path = "support/mmdb.rs"]
#[allow(dead_code)]
mod mmdb;
#[path = "support/network_end.rs"]
mod network_end;
#[path = "network/onion_disk.rs"]
mod onion_disk;
#[path = "network/onion_services.rs"]
mod onion_services;
#[path = "network/onions.rs"]
mod onions;
#[path = "network/paths.rs"]
mod paths;
#[path = "network/program.rs"]
mod program;
#[path = "network/rare_events.rs"]
mod rare_events;
#[path = "support/seed.rs"]
mod seed;
#[path = "network/socks.rs"]
mod socks;
#[path = "network/state.rs"]
mod state;
#[path = "network/stopped.rs"]
mod stopped;
#[path = "network/tor.rs"]
mod tor;
#[path = "support/unknown_words.rs"]
mod unknown_words;
#[path = "network/via.rs"]
mod via;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use scape::testing::{Role, TestNetwork};

/// How long a case waits for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// How long a case may take in all: none needs a quarter of it.
const LONGEST: Duration = Duration::from_secs(420);
/// A name that the network's name server knows.
pub(crate) const NAME: &str = "www.scape.test";
/// An address that has a name there, to which nothing is ever sent.
pub(crate) const NAMED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

type Case = (&'static str, fn(&TestNetwork));

#[test]
fn a_private_network() {
    if tor::child().is_some() {
        return;
    }
    #[cfg(target_os = "linux")]
    if leaks::child().is_some() {
        return;
    }
    let begun = Instant::now();
    let network = watchdog::within(LONGEST, "the start of the network", || {
        TestNetwork::builder().name(NAME, Ipv4Addr::LOCALHOST).start().unwrap()
    });
    watchdog::say_how_long("the network", "ready", begun);
    network.name_server().add_name(NAMED, "seven.scape.test");
    let roles: Vec<Role> = network.nodes().iter().map(|node| node.role()).collect();
    assert_eq!(roles.iter().filter(|role| **role == Role::Authority).count(), 3);
    assert_eq!(network.relays().count(), 5);

    let cases: &[&[Case]] = &[
        circuits::CASES,
        commands::CASES,
        events::CASES,
        info::CASES,
        socks::CASES,
        onions::CASES,
        onion_services::CASES,
        onion_disk::CASES,
        hs_descriptors::CASES,
        tor::CASES,
        state::CASES,
        directory::CASES,
        geoip::CASES,
        attach::CASES,
        via::CASES,
        #[cfg(target_os = "linux")]
        leaks::CASES,
        killed::CASES,
        endpoints::CASES,
        #[cfg(feature = "http")]
        http::CASES,
        paths::CASES,
        examples::CASES,
        // Last: they leave the network in another state.
        rare_events::CASES,
    ];
    let wanted = std::env::var("SCAPE_CASE").unwrap_or_default();
    let cases: Vec<&Case> =
        cases.iter().copied().flatten().filter(|(name, _)| name.contains(&wanted)).collect();
    assert!(!cases.is_empty(), "no case's name contains {wanted:?} (SCAPE_CASE)");
    let mut failed = Vec::new();
    for (name, case) in cases {
        let begun = Instant::now();
        let outcome =
            watchdog::within(LONGEST, name, || catch_unwind(AssertUnwindSafe(|| case(&network))));
        watchdog::say_how_long(name, if outcome.is_ok() { "ok" } else { "FAILED" }, begun);
        if outcome.is_err() {
            failed.push(*name);
        }
    }

    network_end::end(network, LONGEST);
    assert!(failed.is_empty(), "{failed:?}");
}
