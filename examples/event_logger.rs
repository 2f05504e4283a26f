//! Shows what tor reports, one line an event, until Ctrl-C or the connection's
//! end.
//!
//! `cargo run --example event_logger` shows every kind of event that this tor
//! knows; `cargo run --example event_logger -- CIRC STREAM NOTICE` only these
//! kinds. Where tor is somewhere else than usual, set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`); a password is asked for, or taken from
//! `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::SystemTime;

use scape::event::{Event, EventBody, EventKind};

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    let mut kinds: Vec<EventKind> =
        std::env::args().skip(1).map(|name| name.to_ascii_uppercase().as_str().into()).collect();
    if kinds.is_empty() {
        kinds = tor.known_events()?;
    }
    let begun = SystemTime::now();
    let events = tor.subscribe(kinds)?;
    for event in events.iter() {
        let seconds = event.arrived().duration_since(begun).unwrap_or_default().as_secs_f64();
        println!("{seconds:10.3}  {:18} {}", event.kind(), text(&event));
    }
    if let Some(cause) = events.cause() {
        eprintln!("{cause}");
    }
    Ok(())
}

/// For people; of what this version of the library does not know, tor's own
/// words. Neither has secrets in it.
fn text(event: &Event) -> String {
    match event.body() {
        EventBody::Unknown => event.to_string(),
        body => body.to_string(),
    }
}
