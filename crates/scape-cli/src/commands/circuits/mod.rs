//! `scape circuits` lists circuits. Its subcommands build and close them.

mod build;
mod close;
mod row;

use std::rc::Rc;
use std::time::Instant;

use clap::{Args, Subcommand};
use scape::State;
use scape::state::Circuit;

use self::row::CircuitRow;
use super::shared::column::Column;
use super::shared::ended::Ended;
use super::shared::listing::{ListOptions, Listing, show};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// List tor's circuits, build new ones, or close them
///
/// With --watch, circuits that have ended are shown for five more seconds, with
/// the reason.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show the fingerprints of the relays
    #[arg(long)]
    long: bool,

    #[command(flatten)]
    list: ListOptions,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(build::Arguments),
    Close(close::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.action {
            None => {
                let state = State::new(&context.controller()?)?;
                let mut circuits = Circuits { long: self.long, ended: Ended::default() };
                show(context, &self.list, &state, &mut circuits)
            }
            Some(Action::Build(arguments)) => {
                self.list.must_be_absent("circuits build")?;
                arguments.run(context, self.long)
            }
            Some(Action::Close(arguments)) => {
                self.list.must_be_absent("circuits close")?;
                arguments.run(context)
            }
        }
    }
}

/// The list of circuits.
struct Circuits {
    long: bool,
    ended: Ended<Circuit>,
}

impl Listing for Circuits {
    type Row = CircuitRow;

    const NOUN: &'static str = "circuits";

    fn columns(&self) -> Vec<Column<CircuitRow>> {
        row::columns(self.long)
    }

    fn rows(&mut self, state: &State, now: Instant) -> Result<Rc<[CircuitRow]>, Failure> {
        let circuits = self.ended.add_to(state.circuits(), now);
        Ok(circuits.iter().map(CircuitRow::new).collect())
    }
}
