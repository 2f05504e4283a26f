//! Counts the relays of the consensus by country, with their share of the
//! network's weight.
//!
//! `cargo run --example world` asks tor for the countries, which it knows if it
//! has a `GeoIPFile`. `cargo run --features geoip --example world
//! GeoLite2-Country.mmdb` looks in the given databases first, which are in
//! MaxMind's format. Any number can be given.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::error::Error;

use scape::Connect;
use scape::State;
use scape::geoip::GeoIp;

fn main() -> Result<(), Box<dyn Error>> {
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    state.set_geoip(databases()?);

    let routers = state.routers();
    let addressed: Vec<_> =
        routers.iter().filter_map(|r| Some((*r.or_address()?.ip(), r.bandwidth()))).collect();
    // Look up all addresses at once. One by one, each would take a round trip.
    let locations = state.geoip().lookup_all(addressed.iter().map(|(ip, _)| (*ip).into()))?;

    let mut countries: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for (location, (_, bandwidth)) in locations.into_iter().zip(&addressed) {
        let country =
            location?.country.map_or_else(|| "??".to_owned(), |country| country.to_string());
        let (relays, weight) = countries.entry(country).or_default();
        *relays += 1;
        *weight += u64::from(bandwidth.unwrap_or(0));
    }
    let all: u64 = countries.values().map(|(_, weight)| weight).sum();
    let mut countries: Vec<_> = countries.into_iter().collect();
    countries.sort_by_key(|(_, (relays, _))| std::cmp::Reverse(*relays));
    for (country, (relays, weight)) in countries {
        println!(
            "{country} {relays:5} relays {:5.1} % of the weight",
            100.0 * weight as f64 / all.max(1) as f64
        );
    }
    Ok(())
}

/// Opens the GeoIP databases that are named by the program's arguments.
#[cfg(feature = "geoip")]
fn databases() -> scape::Result<GeoIp> {
    std::env::args_os().skip(1).try_fold(GeoIp::new(), GeoIp::database)
}

#[cfg(not(feature = "geoip"))]
fn databases() -> Result<GeoIp, &'static str> {
    match std::env::args_os().nth(1) {
        Some(_) => Err("databases take the feature geoip"),
        None => Ok(GeoIp::new()),
    }
}
