//! Sends the next stream over a circuit of chosen relays. tor chooses the
//! circuits of all other streams.
//!
//! `cargo run --example next_stream -- RELAY RELAY RELAY` takes fingerprints or
//! nicknames, the first hop first. It ends when the stream is open.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.
//!
//! Choosing relays by hand is less secure than tor's choice, and makes your
//! traffic distinguishable from that of other users.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use scape::attach::{Decision, StreamRequest};
use scape::{CircuitBuilder, Connect, State};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let relays: Vec<String> = std::env::args().skip(1).collect();
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    let circuit = CircuitBuilder::along(relays).build(&state)?;
    let (sender, streams) = mpsc::channel();
    let taken = AtomicBool::new(false);
    let attacher = {
        let circuit = circuit.clone();
        state.attach(move |stream: &StreamRequest| {
            // Only the first stream gets the circuit.
            if taken.swap(true, Ordering::SeqCst) {
                return Decision::Pass;
            }
            let _ = sender.send(stream.id());
            Decision::on(&circuit)
        })?
    };
    println!("the next stream goes over {circuit}");
    let id = loop {
        match streams.recv_timeout(Duration::from_secs(1)) {
            Ok(id) => break id,
            Err(RecvTimeoutError::Timeout) if circuit.is_ended() => {
                return Err("the circuit has ended".into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the attacher is gone".into()),
        }
    };
    // Wait until the stream is open or has ended.
    let stream = state.wait(Duration::from_secs(120), |state| {
        let stream = state.stream(id);
        match &stream {
            Some(stream)
                if stream.circuit().is_none() || stream.status().as_str() != "SUCCEEDED" =>
            {
                None
            }
            _ => Some(stream),
        }
    })?;
    match stream {
        Some(stream) => println!("on its way: {stream}"),
        None => println!("it has ended already"),
    }
    attacher.close()?;
    Ok(())
}
