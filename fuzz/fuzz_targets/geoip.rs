//! Reads damaged GeoIP databases. A database must be refused, or look-ups in it
//! must not panic.
//!
//! The first byte of the input chooses a valid database, and every five bytes
//! after it describe one change of that database. If the highest bit of the
//! first byte is 1, the bytes after it are the whole database.
#![no_main]

#[path = "../../tests/support/mmdb.rs"]
#[allow(dead_code)]
mod mmdb;

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use mmdb::{Mmdb, Value};
use scape::geoip::{Database, GeoIp};

fn whole(choice: u8) -> Vec<u8> {
    let size = [24, 28, 32][usize::from(choice % 3)];
    let version = if choice & 0x40 == 0 { 4 } else { 6 };
    let place = Value::Map(vec![
        ("country", Value::Map(vec![("iso_code", Value::Text("DE"))])),
        (
            "location",
            Value::Map(vec![("latitude", Value::F64(1.0)), ("longitude", Value::F32(2.0))]),
        ),
        ("asn", Value::Text("AS64496")),
    ]);
    let system = Value::Map(vec![("autonomous_system_number", Value::U32(64496))]);
    Mmdb::new("GeoIP2-Enterprise", version, size)
        .with("192.0.2.0/24", &place)
        .with("192.0.2.7/32", &system)
        .bytes()
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let mut bytes = if choice & 0x80 == 0 { whole(choice) } else { data.to_vec() };
    if choice & 0x80 == 0 {
        for change in data.chunks_exact(5) {
            let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % bytes.len();
            match change[2] % 3 {
                0 => bytes[place] = change[3],
                1 => bytes.insert(place, change[3]),
                _ => bytes.truncate(place.max(1)),
            }
        }
    }
    let Ok(database) = Database::from_bytes("fuzzed", bytes) else { return };
    let _ = (database.contents(), database.built());
    let geoip = GeoIp::new().with(database);
    for ip in ["192.0.2.1", "192.0.2.7", "0.0.0.0", "255.255.255.255", "::", "2001:db8::1"] {
        if let Ok(ip) = ip.parse::<IpAddr>() {
            let _ = geoip.lookup(ip);
        }
    }
});
