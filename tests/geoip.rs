//! Countries by tor's own GeoIP data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::{IpAddr, Ipv4Addr};
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

/// How often tor was asked for anything.
fn asked(tor: &ScriptedTor) -> usize {
    tor.sent().iter().filter(|line| line.starts_with("GETINFO ip-to-country/")).count()
}

#[test]
fn each_address_is_asked_for_once() {
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
    // A clone knows what it was told; that there is no country, too.
    assert!(!geoip.clone().lookup(ip("127.0.0.1")).unwrap().is_known());
    assert_eq!(asked(&tor), 3);
    geoip.forget();
    geoip.lookup(ip("192.0.2.1")).unwrap();
    assert_eq!(asked(&tor), 4);
}

#[test]
fn thousands_of_addresses() {
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
fn what_concerns_one_address_is_in_its_own_result() {
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
    // An error is not kept: the data may be there next time.
    assert!(geoip.lookup(ip("2001:db8::1")).is_err());
    assert_eq!(asked(&tor), 4);
}

#[test]
fn without_a_connection_there_are_no_answers() {
    let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.1", "de").start().unwrap();
    let controller = connect(&tor);
    let geoip = GeoIp::new().tor(&controller);
    geoip.lookup(ip("192.0.2.1")).unwrap();
    tor.hang_up();
    controller.wait_closed(Duration::from_secs(20)).unwrap();
    assert!(geoip.lookup(ip("192.0.2.2")).unwrap_err().is_closed());
    // What was said remains true.
    assert!(geoip.lookup(ip("192.0.2.1")).unwrap().is_known());
    assert!(geoip.lookup_all([]).unwrap().is_empty());
}

const ROUTERS: &str = "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.1 9004 0\n\
     s Running\n";

/// A tor with one router.
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
fn routers_know_where_they_are() {
    let tor = tor_with_a_router();
    let state = State::new(&connect(&tor)).unwrap();
    let router = state.routers().named("alice").pop().unwrap();
    for _ in 0..2 {
        assert_eq!(router.location().unwrap().unwrap().to_string(), "192.0.2.1 de");
    }
    assert_eq!(asked(&tor), 1);
    // One without a tor is given the state's.
    state.set_geoip(GeoIp::new());
    assert!(router.location().unwrap().unwrap().is_known());
    assert_eq!(asked(&tor), 2);
    let stub = state.router("0000000000000000000000000000000000000000".parse().unwrap());
    assert_eq!(stub.location().unwrap(), None);
}
