//! Shows circuits as they are built and closed, with their paths and the
//! reasons of their end, until Ctrl-C or the end of the connection.
//!
//! Run it with `cargo run --example circuit_watcher`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::SystemTime;

use scape::event::{CircuitInfo, CircuitStatus, EventBody, EventKind};

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    // Subscribe before asking for the present state, so that no change is
    // missed.
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

/// Prints a line: `+` for a new circuit, `=` for one that is ready, `-` for one
/// that has ended.
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
