//! Asks tor for a new identity, waits until tor has acted on the request, and
//! shows the effects.
//!
//! Run it with `cargo run --example new_identity`. tor changes the identity at
//! most every ten seconds, and postpones a request that comes too soon. Open
//! streams stay on their circuits, and new streams use new circuits. Set
//! `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual
//! place.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::{Duration, Instant};

use scape::event::{CircuitPurpose, CircuitStatus, EventBody, EventKind};

/// The timeout of the request, which tor may postpone for ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// The time for which new circuits are shown after the request.
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
