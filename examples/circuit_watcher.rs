//! Shows circuits as they come and go, with their paths and why they ended,
//! until Ctrl-C or the connection's end.
//!
//! `cargo run --example circuit_watcher`. Where tor is somewhere else than
//! usual, set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`); a password is
//! asked for, or taken from `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::SystemTime;

use scape::event::{CircuitInfo, CircuitStatus, EventBody, EventKind};

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    // Subscribed before the present state is asked for, so that no change falls
    // between the two.
    let events = tor.subscribe([EventKind::Circ, EventKind::CircMinor])?;
    let circuits = tor.circuits()?;
    println!("{} circuits now", circuits.len());
    for circuit in &circuits {
        show(circuit, SystemTime::now());
    }
    for event in events.iter() {
        match event.body() {
            EventBody::Circ(circuit) => show(circuit, event.arrived()),
            EventBody::CircMinor(change) => println!("* {change}"),
            _ => {}
        }
    }
    if let Some(cause) = events.cause() {
        eprintln!("{cause}");
    }
    Ok(())
}

/// One line: `+` for a new circuit, `-` for one that has ended, `=` for one
/// that can be used.
fn show(circuit: &CircuitInfo, now: SystemTime) {
    let mark = match circuit.status {
        CircuitStatus::Launched => '+',
        CircuitStatus::Built => '=',
        CircuitStatus::Failed | CircuitStatus::Closed => '-',
        _ => ' ',
    };
    match circuit.created.and_then(|created| now.duration_since(created).ok()) {
        Some(age) => println!("{mark} {circuit}, {:.1} s old", age.as_secs_f64()),
        None => println!("{mark} {circuit}"),
    }
}
