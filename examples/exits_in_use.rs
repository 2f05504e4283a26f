//! Lists the exits of your running tor's circuits, with their addresses.
//!
//! Run it with `cargo run --example exits_in_use`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::net::IpAddr;

use scape::event::{BuildFlag, CircuitInfo, CircuitPurpose, CircuitStatus};
use scape::word::{Fingerprint, RelayName};
use scape::{Connect, Controller, Result};

fn main() -> Result<()> {
    let tor = Connect::from_env()?.connect_interactive()?;
    for circuit in tor.circuits()? {
        if let Some(exit) = circuit.path.last()
            && leaves_the_network(&circuit)
        {
            println!("circuit {} leaves at {}", circuit.id, described(&tor, exit)?);
        }
    }
    Ok(())
}

/// Returns true if the circuit may carry exit streams. It must be built, longer
/// than one hop, and for general use (alone, or as one of a conflux pair).
fn leaves_the_network(circuit: &CircuitInfo) -> bool {
    let general = [CircuitPurpose::General, CircuitPurpose::ConfluxLinked];
    circuit.status == CircuitStatus::Built
        && circuit.path.len() > 1
        && circuit.purpose.as_ref().is_some_and(|purpose| general.contains(purpose))
        && !circuit.build_flags.contains(&BuildFlag::IsInternal)
}

/// Returns a text with the exit's nickname, its address in the consensus, and
/// its country in tor's GeoIP data.
fn described(tor: &Controller, exit: &RelayName) -> Result<String> {
    let name = exit.nickname().unwrap_or("an unnamed relay");
    let address = match exit.fingerprint() {
        Some(fingerprint) => address(tor, fingerprint)?,
        None => None,
    };
    let Some(address) = address else {
        return Ok(format!("{name}, which the consensus does not list (any more)"));
    };
    // If tor has no GeoIP data, it refuses to answer.
    let country = match tor.info().ip_to_country(address) {
        Ok(country) => country.map(|country| format!(" ({country})")).unwrap_or_default(),
        Err(error) if error.code() == Some(551) => String::new(),
        Err(error) => return Err(error),
    };
    Ok(format!("{name}, {address}{country}"))
}

/// Returns the relay's address from its entry in the consensus, or `None` if
/// the consensus doesn't list the relay.
fn address(tor: &Controller, relay: Fingerprint) -> Result<Option<IpAddr>> {
    let Some(entry) = tor.info().ns_id(relay)? else { return Ok(None) };
    Ok(Some(IpAddr::V4(*entry.parse()?.or_address().ip())))
}
