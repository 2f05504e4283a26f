//! Shows streams when they open, the programs that opened them, the circuits
//! that they use, and their ends, until Ctrl-C or the end of the connection.
//!
//! Run it with `cargo run --example streams_by_circuit`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::Duration;

use scape::State;
use scape::state::{Circuit, Stream};
use scape::{Connect, Result};

fn main() -> Result<()> {
    let tor = Connect::from_env()?.connect_interactive()?;
    let state = State::new(&tor)?;
    // Each callback is registered as long as its guard lives.
    let _new = state.on_stream_new(opened);
    let _attached = state.on_stream_attached(attached);
    let _closed =
        state.on_stream_closed(|stream| println!("- stream {}: {}", stream.id(), stream.status()));
    println!("{} streams now", state.streams().len());
    for circuit in state.circuits() {
        circuit.streams().iter().for_each(|stream| attached(stream, &circuit));
    }
    eprintln!("{}", tor.wait_closed(Duration::MAX)?);
    Ok(())
}

fn opened(stream: &Stream) {
    // The program is unknown on systems other than Linux, and if it belongs to
    // another user.
    let program = stream.process().ok().flatten().map(|process| format!(", by {process}"));
    println!(
        "+ stream {} to {}{}",
        stream.id(),
        stream.first_target(),
        program.unwrap_or_default()
    );
}

fn attached(stream: &Stream, circuit: &Circuit) {
    let names: Vec<String> =
        circuit.path().iter().map(|hop| hop.nickname().unwrap_or("?").to_owned()).collect();
    println!("  stream {} on circuit {}: {}", stream.id(), circuit.id(), names.join(" > "));
}
