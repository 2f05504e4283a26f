//! Asks tor for a new identity, waits until it has acted on it, and tells what
//! happened.
//!
//! `cargo run --example new_identity`. tor does it at most every ten seconds:
//! asked too soon, it puts it off. Streams that are open stay where they are;
//! only new ones use new circuits. Where tor is somewhere else than usual, set
//! `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`).

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::{Duration, Instant};

use scape::event::{CircuitPurpose, CircuitStatus, EventBody, EventKind};

/// tor may put it off for ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// The time for which the circuits that follow are watched.
const AFTERWARDS: Duration = Duration::from_secs(5);

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    let events = tor.subscribe([EventKind::Circ])?;
    let begun = Instant::now();
    match tor.new_identity(PATIENCE) {
        Ok(()) => println!("a new identity, after {:.1} seconds", begun.elapsed().as_secs_f32()),
        Err(error) if error.is_timeout() => {
            println!("{error}");
            println!("tor never acts on it where it has no client port (SocksPort): is there one?");
            return Err(error);
        }
        Err(error) => return Err(error),
    }

    for event in events.timeout_iter(AFTERWARDS) {
        if let EventBody::Circ(circuit) = event.body()
            && circuit.status == CircuitStatus::Built
            && matches!(
                circuit.purpose,
                Some(CircuitPurpose::General | CircuitPurpose::ConfluxLinked)
            )
        {
            println!("a new circuit: {circuit}");
        }
        if begun.elapsed() > PATIENCE + AFTERWARDS {
            break;
        }
    }
    for stream in tor.streams()? {
        println!("still on its old circuit: {stream}");
    }
    Ok(())
}
