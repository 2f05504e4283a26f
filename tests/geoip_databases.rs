//! Reading databases in MaxMind's format: all known forms of records, all
//! record sizes, and damaged files.
#![cfg(feature = "geoip")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use scape::Connect;
use scape::geoip::{Database, GeoIp, GeoIpError, Location, Source};
use scape::testing::ScriptedTor;
use support::mmdb::{Mmdb, Value};
use support::mutation::mutations;
use tempfile::TempDir;

use Value::{F32, F64, I32, List, Map, Text, U16, U32, U64};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Writes the database to a file in a temporary folder. Returns a guard that
/// deletes the folder, and the path of the file.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.mmdb");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn country(code: &'static str) -> Value {
    Map(vec![("country", Map(vec![("iso_code", Text(code))]))])
}

fn asn(number: u32) -> Value {
    Map(vec![
        ("autonomous_system_number", U32(number)),
        ("autonomous_system_organization", Text("An Organization")),
    ])
}

/// Returns the location of 192.0.2.1 that a database with the record `record`
/// gives.
fn told(type_name: &'static str, record: &Value) -> Location {
    let (_folder, path) = file(&Mmdb::new(type_name, 6, 28).with("192.0.2.0/24", record).bytes());
    GeoIp::new().database(path).unwrap().lookup(ip("192.0.2.1")).unwrap()
}

/// Opens a damaged database, which must fail with the right type of error.
/// Returns the error's text.
fn refused(bytes: &[u8], type_of_error: impl Fn(&GeoIpError) -> bool) -> String {
    let (_folder, path) = file(bytes);
    let error = GeoIp::new().database(&path).unwrap_err();
    match error.get::<GeoIpError>() {
        Some(error) if type_of_error(error) => {
            assert_eq!(error.path(), Some(&*path));
            error.to_string()
        }
        _ => panic!("{error:?}"),
    }
}

#[test]
fn mmdb_trees_of_every_record_size_are_read() {
    for size in [24, 28, 32] {
        let (_folder, path) = file(
            &Mmdb::new("GeoLite2-Country", 6, size)
                .with("192.0.2.0/24", &country("DE"))
                .with("192.0.2.64/26", &country("FR"))
                .with("192.0.2.65/32", &country("IT"))
                .with("2001:db8::/32", &country("US"))
                .with("2001:db8:8000::/33", &country("CA"))
                .bytes(),
        );
        let geoip = GeoIp::new().country_database(path).unwrap();
        for (address, expected) in [
            ("192.0.2.1", Some(("de", "192.0.2.0/26"))),
            ("192.0.2.64", Some(("fr", "192.0.2.64/32"))),
            ("192.0.2.65", Some(("it", "192.0.2.65/32"))),
            ("192.0.2.127", Some(("fr", "192.0.2.96/27"))),
            ("192.0.2.128", Some(("de", "192.0.2.128/25"))),
            ("::ffff:192.0.2.1", Some(("de", "192.0.2.0/26"))),
            ("192.0.3.1", None),
            ("2001:db8::1", Some(("us", "2001:db8::/33"))),
            ("2001:db8:ffff::1", Some(("ca", "2001:db8:8000::/33"))),
            ("::1", None),
        ] {
            let found = geoip.lookup(ip(address)).unwrap();
            let country = found.country.map(|country| country.to_string());
            assert_eq!(
                country.as_deref(),
                expected.map(|(country, _)| country),
                "{address}, {size}"
            );
            let network = found.network.map(|network| network.to_string());
            assert_eq!(
                network.as_deref(),
                expected.map(|(_, network)| network),
                "{address}, {size}"
            );
            assert_eq!(found.is_known(), expected.is_some());
            assert!(found.network.is_none_or(|network| network.contains(ip(address))));
        }

        let (_folder, path) = file(
            &Mmdb::new("GeoLite2-Country", 4, size).with("192.0.2.0/24", &country("DE")).bytes(),
        );
        let geoip = GeoIp::new().country_database(path).unwrap();
        assert_eq!(geoip.lookup(ip("192.0.2.1")).unwrap().to_string(), "192.0.2.1 de");
        assert_eq!(geoip.lookup(ip("::ffff:192.0.2.1")).unwrap().to_string(), "192.0.2.1 de");
        assert!(!geoip.lookup(ip("2001:db8::1")).unwrap().is_known());
    }
}

#[test]
fn mmdb_records_of_every_vendor_are_read() {
    let city = Map(vec![
        ("city", Map(vec![("names", Map(vec![("de", Text("Köln")), ("en", Text("Cologne"))]))])),
        (
            "country",
            Map(vec![("iso_code", Text("DE")), ("names", Map(vec![("en", Text("Germany"))]))]),
        ),
        (
            "location",
            Map(vec![
                ("accuracy_radius", U16(20)),
                ("latitude", F64(50.9)),
                ("longitude", F64(6.9)),
                ("time_zone", Text("Europe/Berlin")),
            ]),
        ),
        ("subdivisions", List(vec![Map(vec![("iso_code", Text("NW"))])])),
    ]);
    let found = told("GeoLite2-City", &city);
    assert_eq!(found.to_string(), "192.0.2.1 de Cologne");
    assert_eq!(found.country_name.as_deref(), Some("Germany"));
    let place = found.coordinates.unwrap();
    assert_eq!((place.latitude, place.longitude, place.radius_km), (50.9, 6.9, Some(20)));

    assert_eq!(told("DBIP-ASN-Lite", &asn(64496)).to_string(), "192.0.2.1 AS64496 An Organization");

    // IPinfo stores every value as text.
    let lite = Map(vec![
        ("asn", Text("AS64496")),
        ("as_name", Text("Example")),
        ("as_domain", Text("example.com")),
        ("continent", Text("Europe")),
        ("country", Text("Germany")),
        ("country_code", Text("DE")),
    ]);
    let found = told("ipinfo bundle_location_lite.mmdb", &lite);
    assert_eq!(found.to_string(), "192.0.2.1 de AS64496 Example");
    assert_eq!(found.country_name.as_deref(), Some("Germany"));
    let standard = Map(vec![
        ("city", Text("Cologne")),
        ("country", Text("DE")),
        ("lat", Text("50.9")),
        ("lng", Text("-6.5")),
    ]);
    let found = told("ipinfo standard_location.mmdb", &standard);
    assert_eq!((found.to_string().as_str(), found.country_name), ("192.0.2.1 de Cologne", None));
    assert_eq!(
        found.coordinates.map(|place| (place.latitude, place.longitude)),
        Some((50.9, -6.5))
    );

    // IPLocate and others use these names.
    let iplocate =
        Map(vec![("asn", U32(64496)), ("name", Text("EXAMPLE")), ("org", Text("Example Ltd"))]);
    assert_eq!(told("iplocate ip-to-asn", &iplocate).to_string(), "192.0.2.1 AS64496 Example Ltd");
    let flat = Map(vec![
        ("country_code", Text("DE")),
        ("country_name", Text("Germany")),
        ("latitude", F32(1.5)),
        ("longitude", I32(-2)),
        ("asn", Text("64496")),
    ]);
    let found = told("my own", &flat);
    assert_eq!(found.to_string(), "192.0.2.1 de AS64496");
    assert_eq!(found.coordinates.map(|place| (place.latitude, place.longitude)), Some((1.5, -2.0)));
}

#[test]
fn malformed_mmdb_fields_are_left_out() {
    let odd = Map(vec![
        ("country", List(vec![Text("DE")])),
        ("country_code", Text("Deutschland")),
        ("city", U16(7)),
        ("location", Text("somewhere")),
        ("latitude", F64(f64::NAN)),
        ("longitude", F64(1e300)),
        ("asn", U64(1 << 40)),
        ("autonomous_system_number", I32(-1)),
        ("as_number", U32(0)),
        ("autonomous_system_organization", Value::Bytes(vec![0xff])),
    ]);
    let found = told("GeoIP2-Enterprise", &odd);
    assert!(
        !found.is_known() && found.coordinates.is_none() && found.network.is_none(),
        "{found:?}"
    );
    for odd in [Text("DE"), List(vec![]), Map(vec![]), U32(7)] {
        assert!(!told("GeoLite2-City", &odd).is_known());
    }
}

#[test]
fn databases_complete_each_other_in_order() {
    let (_one, countries) =
        file(&Mmdb::new("GeoLite2-Country", 6, 24).with("192.0.2.0/24", &country("DE")).bytes());
    let (_two, others) =
        file(&Mmdb::new("DBIP-Country-Lite", 4, 24).with("192.0.0.0/16", &country("FR")).bytes());
    let (_three, systems) =
        file(&Mmdb::new("GeoLite2-ASN", 4, 32).with("192.0.2.0/23", &asn(64496)).bytes());
    let geoip = GeoIp::new()
        .country_database(&countries)
        .and_then(|geoip| geoip.country_database(&others)?.asn_database(&systems))
        .unwrap();
    let found = geoip.lookup(ip("192.0.2.1")).unwrap();
    assert_eq!(found.to_string(), "192.0.2.1 de AS64496 An Organization");
    assert_eq!(found.network.unwrap().to_string(), "192.0.2.0/24");
    let from = |source: &Option<Source>| match source {
        Some(Source::Database(database)) => database.path().to_path_buf(),
        other => panic!("{other:?}"),
    };
    assert_eq!((from(&found.country_from), from(&found.asn_from)), (countries, systems));
    let found = geoip.lookup(ip("192.0.77.1")).unwrap();
    assert_eq!((found.to_string().as_str(), from(&found.country_from)), ("192.0.77.1 fr", others));

    let database = &geoip.databases()[2];
    assert_eq!(database.type_name(), "GeoLite2-ASN");
    assert_eq!(database.built(), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    assert!(
        database.contents().unwrap().autonomous_systems && !database.contents().unwrap().countries
    );

    // Any number of threads may use a `GeoIp`.
    thread::scope(|scope| {
        for _ in 0..4 {
            let geoip = geoip.clone();
            scope.spawn(move || assert!(geoip.lookup(ip("192.0.2.1")).unwrap().is_known()));
        }
    });
}

#[test]
fn tor_is_asked_for_countries_that_no_database_knows() {
    let tor = ScriptedTor::builder()
        .info("ip-to-country/198.51.100.1", "us")
        .on("GETINFO ip-to-country/203.0.113.1", "551 GeoIP data not loaded\r\n")
        .on("GETINFO ip-to-country/192.0.3.1", "551 GeoIP data not loaded\r\n")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let bytes = Mmdb::new("GeoLite2-Country", 4, 24).with("192.0.2.0/24", &country("DE")).bytes();
    let (_one, countries) = file(&bytes);
    let (_two, systems) =
        file(&Mmdb::new("GeoLite2-ASN", 4, 24).with("192.0.3.0/24", &asn(64496)).bytes());
    let geoip =
        GeoIp::new().database(countries).unwrap().database(systems).unwrap().tor(&controller);
    let asked = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.3.1"];
    let found = geoip.lookup_all(asked.map(ip)).unwrap();
    assert_eq!(found[0].as_ref().unwrap().to_string(), "192.0.2.1 de");
    assert!(matches!(found[0].as_ref().unwrap().country_from, Some(Source::Database(_))));
    assert_eq!(found[1].as_ref().unwrap().country_from, Some(Source::Tor));
    let error = found[2].as_ref().unwrap_err();
    assert!(matches!(error.get(), Some(GeoIpError::NotLoaded { .. })), "{error:?}");
    // An address that a database knows is not affected.
    assert_eq!(found[3].as_ref().unwrap().to_string(), "192.0.3.1 AS64496 An Organization");
}

#[test]
fn missing_and_damaged_databases_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (path, kind) in [
        (folder.path().join("nothing"), std::io::ErrorKind::NotFound),
        (folder.path().to_path_buf(), std::io::ErrorKind::InvalidInput),
        (PathBuf::from("/dev/zero"), std::io::ErrorKind::InvalidInput),
    ] {
        let error = GeoIp::new().database(&path).unwrap_err();
        let Some(GeoIpError::Unreadable { source, .. }) = error.get() else { panic!("{error:?}") };
        assert_eq!(source.kind(), kind, "{path:?}");
    }

    let whole = Mmdb::new("GeoLite2-Country", 6, 28).with("192.0.2.0/24", &country("DE")).bytes();
    let not_one = |error: &GeoIpError| matches!(error, GeoIpError::NotADatabase { .. });
    let damaged = |error: &GeoIpError| matches!(error, GeoIpError::Damaged { ip: None, .. });
    for bytes in [&b""[..], b"PK\x03\x04", &whole[..whole.len() / 2]] {
        assert!(refused(bytes, not_one).contains("not a GeoIP database"));
    }
    assert!(refused(&whole[..whole.len() - 20], damaged).contains("damaged"));
    assert!(refused(&whole[500..], damaged).contains("damaged"));

    // The tree is complete, but its records are missing.
    let marker = whole.windows(14).position(|bytes| bytes == b"\xab\xcd\xefMaxMind.com").unwrap();
    let data = marker - (1 + 8 + 1 + 9 + 3);
    let (_folder, path) = file(&[&whole[..data], &whole[marker..]].concat());
    let error = GeoIp::new().database(path).unwrap().lookup(ip("192.0.2.1")).unwrap_err();
    assert!(matches!(error.get(), Some(GeoIpError::Damaged { ip: Some(_), .. })), "{error:?}");
    assert!(error.to_string().contains("192.0.2.1"));
}

#[test]
fn database_of_another_kind_is_refused() {
    let (_one, countries) = file(&Mmdb::new("GeoLite2-Country", 4, 24).bytes());
    let (_two, systems) = file(&Mmdb::new("GeoLite2-ASN", 4, 24).bytes());
    let (_three, cities) = file(&Mmdb::new("GeoLite2-City", 4, 24).bytes());
    let (_four, other) = file(&Mmdb::new("GeoIP2-Anonymous-IP", 4, 24).bytes());
    let (_five, own) = file(&Mmdb::new("my own", 4, 24).bytes());
    let geoip = GeoIp::new;
    for wrong in [
        geoip().asn_database(&countries),
        geoip().city_database(&countries),
        geoip().country_database(&systems),
        geoip().asn_database(&cities),
        geoip().database(&other),
    ] {
        let error = wrong.unwrap_err();
        assert!(matches!(error.get(), Some(GeoIpError::WrongKind { .. })), "{error:?}");
    }
    // A city database has countries too, and a database of unknown type may
    // contain anything.
    geoip().country_database(&cities).unwrap();
    geoip().city_database(&own).and_then(|geoip| geoip.asn_database(&own)).unwrap();
}

#[test]
fn lookup_without_a_source_is_an_error() {
    let error = GeoIp::new().lookup(ip("192.0.2.1")).unwrap_err();
    assert!(matches!(error.get(), Some(GeoIpError::NoSource)), "{error:?}");
}

proptest! {
    /// Checks that a damaged database gives an error or an answer, but never a
    /// panic.
    #[test]
    fn damaged_database_never_panics(
        mutations in mutations(),
        size in proptest::sample::select(vec![24_u16, 28, 32]),
        version in proptest::sample::select(vec![4_u16, 6]),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = Mmdb::new("GeoIP2-Enterprise", version, size)
            .with("192.0.2.0/24", &country("DE"))
            .with("192.0.2.7/32", &asn(7))
            .bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        if let Ok(database) = Database::from_bytes("mutated", bytes) {
            let _ = (database.contents(), database.built());
            let geoip = GeoIp::new().with(database);
            for address in ["192.0.2.1", "192.0.2.7", "0.0.0.0", "::", "2001:db8::1", "255.255.255.255"] {
                let _ = geoip.lookup(ip(address));
            }
        }
    }
}
