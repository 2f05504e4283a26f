//! Looking up countries in the GeoIP files of a real tor.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::net::IpAddr;

use scape::geoip::{GeoIp, GeoIpError};
use support::real_tor::RealTor;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn countries_come_from_the_geoip_files_of_tor() {
    let folder = tempfile::tempdir().unwrap();
    let (v4, v6) = (folder.path().join("geoip"), folder.path().join("geoip6"));
    // These are the networks 192.0.2.0/24 and 10.0.0.0/8.
    fs::write(&v4, "3221225984,3221226239,DE\n167772160,184549375,FR\n").unwrap();
    fs::write(&v6, "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,US\n").unwrap();
    let tor =
        RealTor::start(&format!("GeoIPFile {}\nGeoIPv6File {}\n", v4.display(), v6.display()));
    let geoip = GeoIp::new().tor(&tor.controller());
    for (address, shown) in [
        ("192.0.2.1", "192.0.2.1 de"),
        ("::ffff:192.0.2.1", "192.0.2.1 de"),
        ("2001:db8::1", "2001:db8::1 us"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("255.255.255.255", "255.255.255.255"),
    ] {
        assert_eq!(geoip.lookup(ip(address)).unwrap().to_string(), shown);
    }
    // These are about as many addresses as there are relays.
    let many: Vec<IpAddr> = (0..9000_u32).map(|n| IpAddr::V4((0x0a00_0000 + n).into())).collect();
    let found = geoip.lookup_all(many).unwrap();
    assert!(found.iter().all(|found| found.as_ref().unwrap().country.unwrap().as_str() == "fr"));
}

#[test]
fn lookup_without_geoip_files_is_an_error() {
    let tor = RealTor::start("GeoIPFile /nonexistent\nGeoIPv6File /nonexistent\n");
    let geoip = GeoIp::new().tor(&tor.controller());
    for address in ["192.0.2.1", "2001:db8::1"] {
        let error = geoip.lookup(ip(address)).unwrap_err();
        assert!(matches!(error.get(), Some(GeoIpError::NotLoaded { .. })), "{address}: {error:?}");
    }
}
