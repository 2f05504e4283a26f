//! Streams to certain ports go over circuits of their own, one for each port;
//! all others where tor likes.
//!
//! `cargo run --example attach_by_port -- 22 6667`, until Enter is pressed.
//! Where tor is somewhere else than usual, set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`); a password is asked for, or taken from
//! `TOR_CONTROL_PASSWD`.
//!
//! End it with Enter, not with Ctrl-C: while it runs, tor has every new stream
//! wait for it. And know that who sorts his streams by hand can be told from
//! others.

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
    // From now on tor does it by itself again.
    attacher.close()?;
    Ok(())
}

/// A circuit for each port, once it was needed.
struct ByPort {
    circuits: HashMap<u16, Mutex<Option<Circuit>>>,
    state: State,
}

impl StreamAttacher for ByPort {
    fn decide(&self, stream: &StreamRequest) -> Decision {
        let Some(circuit) = stream.target().port().and_then(|port| self.circuits.get(&port)) else {
            return Decision::NotMine;
        };
        // Streams to this port wait for each other here, so that one circuit is
        // built for them all. Others do not.
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
