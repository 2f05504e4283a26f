//! Looking up countries in tor's own GeoIP data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use scape::State;
use scape::error::AnswerError;
use scape::geoip::{GeoIp, GeoIpError, Source};
use scape::testing::ScriptedTor;
use scape::{Connect, Controller};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn connect(tor: &ScriptedTor) -> Controller {
    Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()
}

/// Returns the number of addresses that tor was asked about.
fn asked(tor: &ScriptedTor) -> usize {
    tor.sent().iter().filter(|line| line.starts_with("GETINFO ip-to-country/")).count()
}

#[test]
fn country_of_each_address_is_requested_once() {
    let tor = ScriptedTor::builder()
        .info("ip-to-country/192.0.2.1", "de")
        .info("ip-to-country/2001:db8::1", "a1")
        .info("ip-to-country/127.0.0.1", "??")
        .start()
        .unwrap();
    let geoip = GeoIp::new().tor(&connect(&tor));
    let addresses =
        ["192.0.2.1", "127.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "192.0.2.1"].map(ip);
    for _ in 0..3 {
        let found = geoip.lookup_all(addresses).unwrap();
        let shown: Vec<String> =
            found.iter().map(|found| found.as_ref().unwrap().to_string()).collect();
        assert_eq!(
            shown,
            ["192.0.2.1 de", "127.0.0.1", "192.0.2.1 de", "2001:db8::1 a1", "192.0.2.1 de"]
        );
        assert_eq!(found[0].as_ref().unwrap().country_from, Some(Source::Tor));
        assert!(!found[1].as_ref().unwrap().is_known());
    }
    // A clone shares the cached answers, including those without a country.
    assert!(!geoip.clone().lookup(ip("127.0.0.1")).unwrap().is_known());
    assert_eq!(asked(&tor), 3);
    geoip.forget();
    geoip.lookup(ip("192.0.2.1")).unwrap();
    assert_eq!(asked(&tor), 4);
}

#[test]
fn cached_countries_survive_a_forget_during_the_look_up() {
    let shared: Arc<OnceLock<GeoIp>> = Arc::default();
    let of_tor = shared.clone();
    let tor = ScriptedTor::builder()
        .on_any(move |command| {
            // Another thread clears the cache while tor is asked for the second
            // address.
            if command.contains("192.0.2.2") {
                of_tor.get().unwrap().forget();
            }
            let ip = command.strip_prefix("GETINFO ip-to-country/")?;
            Some(format!("250-ip-to-country/{ip}=de\r\n250 OK\r\n").into_bytes())
        })
        .start()
        .unwrap();
    let geoip = shared.get_or_init(|| GeoIp::new().tor(&connect(&tor)));
    geoip.lookup(ip("192.0.2.1")).unwrap();
    let found = geoip.lookup_all(["192.0.2.1", "192.0.2.2"].map(ip)).unwrap();
    assert!(found.iter().all(|found| found.as_ref().unwrap().is_known()), "{found:?}");
    assert_eq!(asked(&tor), 2);
    // The answer to a question from before the forget isn't kept.
    geoip.lookup(ip("192.0.2.2")).unwrap();
    assert_eq!(asked(&tor), 3);
}

#[test]
fn countries_of_thousands_of_addresses_are_looked_up() {
    let mut tor = ScriptedTor::builder();
    let addresses: Vec<IpAddr> = (0..1500_u16)
        .map(|n| Ipv4Addr::new(10, 0, (n / 256) as u8, (n % 256) as u8).into())
        .collect();
    for (n, address) in addresses.iter().enumerate() {
        tor = tor.info(format!("ip-to-country/{address}"), if n % 2 == 0 { "de" } else { "fr" });
    }
    let tor = tor.start().unwrap();
    let found = GeoIp::new().tor(&connect(&tor)).lookup_all(addresses.clone()).unwrap();
    for (n, (found, address)) in found.iter().zip(&addresses).enumerate() {
        let found = found.as_ref().unwrap();
        assert_eq!(found.ip, *address);
        assert_eq!(found.country.unwrap().as_str(), if n % 2 == 0 { "de" } else { "fr" });
    }
}

#[test]
fn lookup_error_is_in_the_result_of_its_address() {
    let tor = ScriptedTor::builder()
        .info("ip-to-country/192.0.2.1", "de")
        .on("GETINFO ip-to-country/2001:db8::1", "551 GeoIP data not loaded\r\n")
        .info("ip-to-country/192.0.2.3", "nonsense")
        .start()
        .unwrap();
    let geoip = GeoIp::new().tor(&connect(&tor));
    let found = geoip.lookup_all(["2001:db8::1", "192.0.2.3", "192.0.2.1"].map(ip)).unwrap();
    let error = found[0].as_ref().unwrap_err();
    assert!(matches!(error.get(), Some(GeoIpError::NotLoaded { .. })));
    assert_eq!(error.code(), Some(551));
    assert!(error.to_string().contains("IPv6 (GeoIP data not loaded): set GeoIPv6File"), "{error}");
    assert!(found[1].as_ref().unwrap_err().get::<AnswerError>().is_some());
    assert!(found[2].as_ref().unwrap().is_known());
    // Errors are not cached, because the data may be loaded next time.
    assert!(geoip.lookup(ip("2001:db8::1")).is_err());
    assert_eq!(asked(&tor), 4);
}

#[test]
fn lookup_without_a_connection_returns_cached_answers_only() {
    let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "de").start().unwrap();
    let controller = connect(&tor);
    let geoip = GeoIp::new().tor(&controller);
    geoip.lookup(ip("192.0.2.1")).unwrap();
    tor.hang_up();
    controller.wait_closed(Duration::from_secs(20)).unwrap();
    assert!(geoip.lookup(ip("192.0.2.2")).unwrap_err().is_closed());
    // Cached answers remain valid.
    assert!(geoip.lookup(ip("192.0.2.1")).unwrap().is_known());
    assert!(geoip.lookup_all([]).unwrap().is_empty());
}

const ROUTERS: &str = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.1 9004 0\n\
     s Running\n";

/// Returns a scripted tor whose consensus has one relay.
fn tor_with_a_router() -> ScriptedTor {
    ScriptedTor::builder()
        .info("ns/all", ROUTERS)
        .info("circuit-status", "")
        .info("stream-status", "")
        .info("address-mappings/all", "")
        .info("entry-guards", "")
        .info("ip-to-country/192.0.2.1", "de")
        .on_prefix("SETEVENTS", "250 OK\r\n")
        .start()
        .unwrap()
}

#[test]
fn routers_know_their_country() {
    let tor = tor_with_a_router();
    let state = State::new(&connect(&tor)).unwrap();
    let router = state.routers().named("alice").pop().unwrap();
    for _ in 0..2 {
        assert_eq!(router.location().unwrap().unwrap().to_string(), "192.0.2.1 de");
    }
    assert_eq!(asked(&tor), 1);
    // A `GeoIp` without a tor uses the tor of the state.
    state.set_geoip(GeoIp::new());
    assert!(router.location().unwrap().unwrap().is_known());
    assert_eq!(asked(&tor), 2);
    let stub = state.router("0000000000000000000000000000000000000000".parse().unwrap());
    assert_eq!(stub.location().unwrap(), None);
}
