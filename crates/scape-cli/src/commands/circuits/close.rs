//! `scape circuits close` closes circuits.

use clap::Args;
use scape::State;
use scape::state::Circuit;
use scape::word::CircuitId;

use super::row::CircuitRow;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Close circuits and the streams on them
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ids of the circuits, as `scape circuits` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<CircuitId>,

    /// Don't close circuits that carry streams
    #[arg(long)]
    if_unused: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let state = State::new(&context.controller()?)?;
        // All circuits are looked up first, so that nothing is closed if one of
        // the IDs is wrong.
        let circuits = self.ids.iter().map(|id| find(&state, *id));
        let circuits = circuits.collect::<Result<Vec<_>, _>>()?;
        for circuit in circuits {
            context.check_interrupt()?;
            let is_closed = match self.if_unused {
                true => circuit.close_if_unused()?,
                false => circuit.close()?,
            };
            report(context, &circuit, is_closed)?;
        }
        Ok(())
    }
}

fn find(state: &State, id: CircuitId) -> Result<Circuit, Failure> {
    state.circuit(id).ok_or_else(|| {
        Failure::failed(format!("tor has no circuit {id}; `scape circuits` lists the circuits"))
    })
}

fn report(context: &Context, circuit: &Circuit, is_closed: bool) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.value(&CircuitRow::new(circuit));
    }
    let id = circuit.id();
    match (is_closed, circuit.is_ended()) {
        (true, _) => context.out.note(format_args!("closed circuit {id}")),
        (false, true) => context.out.note(format_args!("circuit {id} was closed already")),
        (false, false) => {
            context.out.note(format_args!("circuit {id} carries streams, and was left open"));
        }
    }
    Ok(())
}
