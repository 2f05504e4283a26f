//! Decodes a recorded conversation with tor, without any socket.
//!
//! ```sh
//! cargo run -p scape-proto --example recorded            the built-in recording
//! cargo run -p scape-proto --example recorded FILE       a recording of your own
//! ```
//!
//! In a recording, `> ` begins a line that was sent to tor, and `< ` a line
//! that tor sent. Commands with a data block aren't supported.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for the terminal")]

use std::collections::VecDeque;
use std::error::Error;
use std::time::UNIX_EPOCH;

use scape_proto::control::{Command, Decoder, Reply, parse_getinfo};
use scape_proto::event::Event;
use scape_proto::info::EntryGuard;

/// The built-in recording: a client of a private network asks for its guards,
/// and closes a circuit.
const RECORDING: &str = "\
> GETINFO version entry-guards
< 250-version=0.4.9.11
< 250+entry-guards=
< $C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 up
< $9695DFC35FFEB861329B9F1AB04C46397020CE31~relay01 never-connected
< .
< 250 OK
> SETEVENTS CIRC BW
< 250 OK
< 650 BW 512 1024
> CLOSECIRCUIT 7
< 250 OK
< 650 CIRC 7 CLOSED $C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 REASON=REQUESTED
> SIGNAL TEAPOT
< 552 Unrecognized signal code \"TEAPOT\"
";

fn main() -> Result<(), Box<dyn Error>> {
    let recording = match std::env::args_os().nth(1) {
        Some(file) => std::fs::read_to_string(file)?,
        None => RECORDING.to_owned(),
    };
    let mut decoder = Decoder::default();
    // Commands that have no reply yet. tor replies in the order of the
    // commands.
    let mut asked = VecDeque::new();
    for line in recording.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            // `Display` hides passwords.
            let shown = Command::raw(command, None).map(|command| command.to_string());
            println!("> {}", shown.unwrap_or_else(|error| error.to_string()));
            asked.push_back(command);
        } else if let Some(received) = line.strip_prefix("< ") {
            // Bytes can come in pieces of any size; here each piece is a line.
            decoder.feed(format!("{received}\r\n").as_bytes());
            while let Some(reply) = decoder.next_reply()? {
                if reply.is_event() {
                    // The recording doesn't say when the event came.
                    let event = Event::parse(reply, UNIX_EPOCH);
                    println!("  {} event: {:?}", event.kind(), event.body());
                } else {
                    show(&reply, asked.pop_front().unwrap_or_default());
                }
            }
        }
    }
    Ok(())
}

/// Prints the reply to a command.
fn show(reply: &Reply, command: &str) {
    if let Some(refusal) = reply.refusal(&command.split(' ').next().unwrap_or_default()) {
        println!("  refused: {refusal}");
        return;
    }
    let Some(keys) = command.strip_prefix("GETINFO ") else {
        println!("  done");
        return;
    };
    let keys: Vec<&str> = keys.split(' ').collect();
    for (key, value) in keys.iter().zip(parse_getinfo(reply, &keys).unwrap_or_default()) {
        if *key == "entry-guards" {
            let lines = value.split(|byte| *byte == b'\n');
            for guard in lines.filter_map(EntryGuard::parse) {
                println!("  guard {}: {}", guard.relay, guard.status);
            }
        } else {
            println!("  {key}: {}", value.escape_ascii());
        }
    }
}
