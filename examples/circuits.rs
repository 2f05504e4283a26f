//! Lists circuits with their paths and streams, and closes them.
//!
//! ```text
//! cargo run --example circuits                       lists all circuits
//! cargo run --example circuits close 7 9             closes circuits 7 and 9
//! cargo run --example circuits close-streams 7       closes the streams on circuit 7
//! ```
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;

use scape::Connect;
use scape::State;
use scape::event::EndReason;
use scape::state::Circuit;
use scape::word::CircuitId;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    match arguments.split_first() {
        None => state.circuits().iter().for_each(show),
        Some((command, ids)) if command == "close" => {
            for circuit in named(&state, ids)? {
                // Returns when tor reports that the circuit is closed.
                let was_open = circuit.close()?;
                println!(
                    "circuit {} {}",
                    circuit.id(),
                    if was_open { "is closed" } else { "was closed already" }
                );
            }
        }
        Some((command, ids)) if command == "close-streams" => {
            for stream in named(&state, ids)?.iter().flat_map(Circuit::streams) {
                stream.close(EndReason::MISC)?;
                println!("stream {} is closed", stream.id());
            }
        }
        Some(_) => {
            return Err("usage: circuits [close CIRCUIT... | close-streams CIRCUIT...]".into());
        }
    }
    Ok(())
}

/// Returns the circuits with these IDs, or an error if one is missing.
fn named(state: &State, ids: &[String]) -> Result<Vec<Circuit>, Box<dyn Error>> {
    let circuit = |id: &String| {
        let number = id.parse().map_err(|_| format!("{id:?} is no number of a circuit"))?;
        state
            .circuit(CircuitId::new(number))
            .ok_or_else(|| format!("there is no circuit {id}").into())
    };
    ids.iter().map(circuit).collect()
}

/// Prints the circuit: a line for the circuit, one for each hop, and one for
/// each stream.
fn show(circuit: &Circuit) {
    let purpose = circuit.purpose().map(|purpose| format!(" {purpose}")).unwrap_or_default();
    let age = circuit.age().map(|age| format!(", {} s old", age.as_secs())).unwrap_or_default();
    println!("circuit {} {}{purpose}{age}", circuit.id(), circuit.status());
    for hop in circuit.path() {
        println!("    {hop}");
    }
    for stream in circuit.streams() {
        println!("    stream {} {} to {}", stream.id(), stream.status(), stream.target());
    }
}
