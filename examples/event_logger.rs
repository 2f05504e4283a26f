//! Prints tor's events, one line for each, until Ctrl-C or the end of the
//! connection.
//!
//! `cargo run --example event_logger` shows every kind of event that this tor
//! knows. `cargo run --example event_logger -- CIRC STREAM NOTICE` shows only
//! these kinds.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::SystemTime;

use scape::event::{Event, EventBody, EventKind};

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    let mut kinds: Vec<EventKind> =
        std::env::args().skip(1).map(|name| name.to_ascii_uppercase().as_str().into()).collect();
    if kinds.is_empty() {
        kinds = tor.info().known_events()?;
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

/// Formats an event for people. An event that this version of the library
/// doesn't know is shown in tor's own words. The text never contains secrets.
fn text(event: &Event) -> String {
    match event.body() {
        EventBody::Unknown => event.to_string(),
        body => body.to_string(),
    }
}
