//! Shows streams as they come onto circuits, the programs that opened them, and
//! their ends, until Ctrl-C or the connection's end.
//!
//! `cargo run --example streams_by_circuit`. Where tor is somewhere else than
//! usual, set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`); a password is
//! asked for, or taken from `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::Duration;

use scape::state::{Circuit, State, Stream};
use scape::{Connect, Result};

fn main() -> Result<()> {
    let tor = Connect::from_env()?.connect_interactive()?;
    let state = State::new(&tor)?;
    // Each is told as long as its guard lives.
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
    // Where it cannot be told, as on other systems than Linux, or of other
    // users' programs, nothing is said.
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
