//! Shows what tor reads and writes: one line a second, until Ctrl-C or the
//! connection's end.
//!
//! `cargo run --example bandwidth_meter`, or with the number of seconds after
//! which it is enough: `cargo run --example bandwidth_meter -- 60`. Where tor
//! is somewhere else than usual, set `SCAPE_CONTROL` (`127.0.0.1:9051` or
//! `unix:/path`); a password is asked for, or taken from `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;

use scape::event::{EventBody, EventKind};

/// The number of characters of a full bar.
const WIDTH: usize = 24;

/// A full bar is at least this many bytes a second, so that a quiet tor looks
/// quiet.
const LEAST: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => usize::MAX,
    };
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    // Subscribed first, so that nothing is missing between the total so far and
    // the first event.
    let events = tor.subscribe([EventKind::Bw])?;
    let mut total = tor.traffic()?;
    let mut most = LEAST;
    for event in events.iter().take(seconds) {
        let EventBody::Bw(now) = event.body() else { continue };
        most = most.max(now.read).max(now.written);
        total.read += now.read;
        total.written += now.written;
        println!(
            "read {} {:>10}/s   written {} {:>10}/s   total {:>10} {:>10}",
            bar(now.read, most),
            size(now.read),
            bar(now.written, most),
            size(now.written),
            size(total.read),
            size(total.written),
        );
    }
    if let Some(cause) = events.cause() {
        eprintln!("{cause}");
    }
    Ok(())
}

/// Returns a bar for the share that `bytes` have of `most`.
fn bar(bytes: u64, most: u64) -> String {
    let share = bytes as f64 / most as f64;
    let filled = ((share * WIDTH as f64).ceil() as usize).min(WIDTH);
    format!("|{}{}|", "#".repeat(filled), " ".repeat(WIDTH - filled))
}

/// Such as `1.5 MB`.
fn size(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}
