//! Sends the streams to certain ports over separate circuits, one for each
//! port. tor chooses the circuits of all other streams.
//!
//! `cargo run --example attach_by_port -- 22 6667` runs until Enter is pressed.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.
//!
//! End the program with Enter, not with Ctrl-C: while it runs, tor makes every
//! new stream wait for it. Attaching streams by hand also makes your traffic
//! distinguishable from that of other users.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::HashMap;
use std::io;
use std::num::ParseIntError;

use parking_lot::Mutex;
use scape::attach::{Decision, StreamAttacher, StreamRequest};
use scape::event::{EndReason, StreamInfo};
use scape::state::Circuit;
use scape::{CircuitBuilder, Connect, Error, State};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ports: Result<Vec<u16>, ParseIntError> =
        std::env::args().skip(1).map(|port| port.parse()).collect();
    let state = State::new(&Connect::from_env()?.connect_interactive()?)?;
    let circuits = ports?.into_iter().map(|port| (port, Mutex::new(None))).collect();
    let attacher = state.attach(ByPort { circuits, state: state.clone() })?;
    println!("attaching streams, until Enter is pressed");
    io::stdin().read_line(&mut String::new())?;
    // From now on, tor attaches streams itself again.
    attacher.close()?;
    Ok(())
}

/// Attaches each stream to the circuit for its port. The circuit is built when
/// the first stream to that port comes.
struct ByPort {
    circuits: HashMap<u16, Mutex<Option<Circuit>>>,
    state: State,
}

impl StreamAttacher for ByPort {
    fn decide(&self, stream: &StreamRequest) -> Decision {
        let Some(circuit) = stream.target().port().and_then(|port| self.circuits.get(&port)) else {
            return Decision::Pass;
        };
        // Streams to this port wait for each other here, so that only one
        // circuit is built for all of them. Streams to other ports don't wait.
        let mut circuit = circuit.lock();
        if circuit.as_ref().is_none_or(Circuit::is_ended) {
            match CircuitBuilder::new().build(&self.state) {
                Ok(built) => *circuit = Some(built),
                Err(error) => {
                    println!("no circuit for {}: {error}", stream.target());
                    return Decision::Refuse(EndReason::NO_ROUTE);
                }
            }
        }
        match &*circuit {
            Some(circuit) => {
                println!("{} goes over circuit {}", stream.target(), circuit.id());
                Decision::on(circuit)
            }
            None => Decision::Refuse(EndReason::NO_ROUTE),
        }
    }

    fn failed(&self, _: &StreamInfo, error: &Error) {
        println!("{error}");
    }
}
