//! `scape onion auth` manages the keys of clients of onion services.

mod add;
mod list;
mod new;
mod remove;

use clap::{Args, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Manage keys for onion services that accept only authorized clients
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::Arguments),
    Add(add::Arguments),
    List(list::Arguments),
    Remove(remove::Arguments),
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::New(arguments) => arguments.run(context),
            Command::Add(arguments) => arguments.run(context),
            Command::List(arguments) => arguments.run(context),
            Command::Remove(arguments) => arguments.run(context),
        }
    }
}
