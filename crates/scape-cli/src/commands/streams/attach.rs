//! `scape streams attach` attaches a stream to a circuit.

use clap::Args;
use scape::State;
use scape::word::{CircuitId, StreamId};

use super::find;
use super::row::StreamRow;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Attach a stream to a circuit
///
/// tor attaches streams by itself, unless its option __LeaveStreamsUnattached
/// is 1. A stream that is open can't be moved.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The id of the stream, as `scape streams` shows it
    #[arg(value_name = "ID")]
    stream: StreamId,

    /// The id of the circuit, or 0 to let tor choose one
    #[arg(value_name = "CIRCUIT")]
    circuit: CircuitId,

    /// The number of the relay at which the stream leaves the circuit, counted
    /// from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    hop: Option<u32>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let circuit = (self.circuit.get() != 0).then_some(self.circuit);
        if circuit.is_none() && self.hop.is_some() {
            return Err(Failure::usage(
                "--hop needs the id of a circuit: tor can't choose one for a hop",
            ));
        }
        let state = State::new(&context.controller()?)?;
        let stream = find(&state, self.stream)?;
        if let Some(id) = circuit
            && state.circuit(id).is_none()
        {
            let advice = "`scape circuits` lists the circuits";
            return Err(Failure::failed(format!("tor has no circuit {id}; {advice}")));
        }
        let attached = state.controller().attach_stream(self.stream, circuit, self.hop);
        attached.map_err(|error| {
            let is_open = error.refusal().is_some_and(|refusal| refusal.code() == 555);
            let mut failure = Failure::from(error);
            if is_open {
                failure.message += "; only a stream that isn't open yet can be attached, and tor \
                                    attaches it first unless __LeaveStreamsUnattached is 1";
            }
            failure
        })?;
        if let Some(id) = circuit {
            // tor's event may arrive a moment after its answer.
            state.wait(context.timeout(), |_| {
                (stream.is_ended() || stream.info().circuit == Some(id)).then_some(())
            })?;
        }
        if context.out.is_json() {
            return context.out.value(&StreamRow::new(&stream, None, None));
        }
        match circuit {
            Some(id) => {
                context.out.note(format_args!("attached stream {} to circuit {id}", self.stream));
            }
            None => context.out.note(format_args!("tor attaches stream {}", self.stream)),
        }
        Ok(())
    }
}
