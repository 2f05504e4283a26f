//! `scape doc` reads directory documents in files. It needs no tor.
//!
//! `input.rs` reads the documents for all of the commands.

mod diff;
mod input;
mod show;
mod stdin;
mod summary;
mod verify;

use clap::{Args, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Read directory documents: consensuses, descriptors, certificates, votes
///
/// A FILE is a file, a folder, an archive such as those of CollecTor, or a
/// compressed file; - is standard input. The kinds of most documents are
/// recognized. No tor is needed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Arguments),
    Summary(summary::Arguments),
    Verify(verify::Arguments),
    Diff(diff::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Show(arguments) => arguments.run(context),
            Command::Summary(arguments) => arguments.run(context),
            Command::Verify(arguments) => arguments.run(context),
            Command::Diff(arguments) => arguments.run(context),
        }
    }
}
