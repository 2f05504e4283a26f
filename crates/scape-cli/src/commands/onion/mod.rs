//! `scape onion` offers and examines onion services.

mod auth;
mod forward;
mod key;
mod key_files;
mod list;
mod share;
mod status;

use clap::{Args, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Offer and examine onion services
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Share(share::Arguments),
    Forward(forward::Arguments),
    Key(key::Arguments),
    Auth(auth::Arguments),
    Status(status::Arguments),
    List(list::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Share(arguments) => arguments.run(context),
            Command::Forward(arguments) => arguments.run(context),
            Command::Key(arguments) => arguments.run(context),
            Command::Auth(arguments) => arguments.run(context),
            Command::Status(arguments) => arguments.run(context),
            Command::List(arguments) => arguments.run(context),
        }
    }
}
