//! Builds circuits through each entry guard of your running tor and counts
//! those that fail.
//!
//! `cargo run --example circuit_failures -- [COUNT]` builds COUNT circuits
//! through each guard, by default 10. They carry no streams and are closed
//! afterwards.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::error::Error;

use scape::control::CircuitError;
use scape::event::CircuitPurpose;
use scape::info::EntryGuardStatus;
use scape::path::PathBuilder;
use scape::state::Circuit;
use scape::word::Fingerprint;
use scape::{CircuitBuilder, Connect, State};

fn main() -> Result<(), Box<dyn Error>> {
    let count = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 10,
    };
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    // Choose relays by the same rule as tor.
    let distinct =
        state.controller().get_conf("EnforceDistinctSubnets")?.is_none_or(|value| value != "0");
    for guard in state.entry_guards() {
        if guard.status == EntryGuardStatus::Unusable {
            println!("{}: not to be used", guard.relay);
        } else if let Some(fingerprint) = guard.relay.fingerprint() {
            let failures = failures(&state, fingerprint, distinct, count)?;
            println!("{}: {}", guard.relay, told(&failures, count));
        }
    }
    Ok(())
}

/// Builds `count` circuits through the guard, with one attempt for each, and
/// counts the failures by reason. `distinct_subnets` is true if the relays of a
/// circuit must be in different subnets.
fn failures(
    state: &State,
    guard: Fingerprint,
    distinct_subnets: bool,
    count: usize,
) -> Result<BTreeMap<String, usize>, scape::Error> {
    let path = PathBuilder::new().relay(1, guard).internal().distinct_subnets(distinct_subnets);
    let builder = CircuitBuilder::choosing(path).purpose(CircuitPurpose::Controller).attempts(1);
    let mut failures = BTreeMap::new();
    for circuit in builder.build_many(state, count)? {
        match circuit.and_then(|circuit: Circuit| circuit.close()) {
            Ok(_) => {}
            Err(error) if error.is_closed() => return Err(error),
            Err(error) => *failures.entry(reason(&error)).or_default() += 1,
        }
    }
    Ok(failures)
}

/// Returns the reason of a failure as a short text.
fn reason(error: &scape::Error) -> String {
    match error.get::<CircuitError>() {
        Some(circuit) => {
            let reason = circuit.remote_reason.as_ref().or(circuit.reason.as_ref());
            reason.map_or("no reason".to_owned(), ToString::to_string)
        }
        None if error.is_timeout() => "too slow".to_owned(),
        None => error.to_string(),
    }
}

fn told(failures: &BTreeMap<String, usize>, count: usize) -> String {
    let failed: usize = failures.values().sum();
    let percent = 100.0 * failed as f64 / count.max(1) as f64;
    let reasons: String =
        failures.iter().map(|(reason, count)| format!(", {reason}: {count}")).collect();
    format!("{count} circuits, {failed} failed ({percent:.0} %){reasons}")
}
