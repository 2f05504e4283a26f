//! Shows the bytes that tor reads and writes, one line per second, until Ctrl-C
//! or the end of the connection.
//!
//! `cargo run --example bandwidth_meter` runs forever. `cargo run --example
//! bandwidth_meter -- 60` ends after 60 seconds.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;

use scape::event::{EventBody, EventKind};

/// The width of a full bar, in characters.
const WIDTH: usize = 24;

/// The lowest rate, in bytes per second, that a full bar can stand for. It
/// keeps the bars of a quiet tor short.
const LEAST: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => usize::MAX,
    };
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    // Subscribe first, so that nothing is missing between the total so far and
    // the first event.
    let events = tor.subscribe([EventKind::Bw])?;
    let mut total = tor.info().traffic()?;
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

/// Returns a bar whose length shows the ratio of `bytes` to `most`.
fn bar(bytes: u64, most: u64) -> String {
    let share = bytes as f64 / most as f64;
    let filled = ((share * WIDTH as f64).ceil() as usize).min(WIDTH);
    format!("|{}{}|", "#".repeat(filled), " ".repeat(WIDTH - filled))
}

/// Formats a size, such as `1.5 MB`.
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
