//! `scape conf` shows and changes the options of the running tor.
//!
//! All changes go through [`scape::Config`], which checks them before it sends
//! anything. `change.rs` formats and prints changes and differences.

mod ask;
mod change;
pub(crate) mod check;
mod diff;
mod edit;
mod edited;
mod explain;
mod get;
mod problem;
mod reset;
mod save;
mod set;
mod torrc_files;

use clap::{Args, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Show and change the options of the running tor
///
/// Option names may be abbreviated, and their case doesn't matter. Passwords
/// are never shown.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(get::Arguments),
    Set(set::Arguments),
    Reset(reset::Arguments),
    Diff(diff::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Save(save::Arguments),
    Edit(edit::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Get(arguments) => arguments.run(context),
            Command::Set(arguments) => arguments.run(context),
            Command::Reset(arguments) => arguments.run(context),
            Command::Diff(arguments) => arguments.run(context),
            Command::Check(arguments) => arguments.run(context),
            Command::Explain(arguments) => arguments.run(context),
            Command::Save(arguments) => arguments.run(context),
            Command::Edit(arguments) => arguments.run(context),
        }
    }
}
