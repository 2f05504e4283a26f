//! The command line, as clap parses it, and the commands that are about the
//! command line itself.

mod completions;
mod man;

use clap::{Parser, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::options::GlobalOptions;
#[cfg(unix)]
use crate::commands::testnet;
use crate::commands::{conf, doc, events, info, launch, log, newid, signal, status};

/// Controls Tor: shows what a running tor does, changes it, and uses it
///
/// Every command connects to the control port of a running tor. SCAPE_CONTROL
/// or --control names another one than the usual.
///
/// Exit codes: 0 success, 1 refused or failed, 2 wrong usage, 3 no tor,
/// 4 timeout, 130 interrupted. `run` and `testnet run` return the code of the
/// program.
#[derive(Debug, Parser)]
#[command(name = "scape", version, propagate_version = true, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::Arguments),
    Info(info::Arguments),
    Conf(conf::Arguments),
    Events(events::Arguments),
    Log(log::Arguments),
    Signal(signal::Arguments),
    Newid(newid::Arguments),
    Doc(doc::Arguments),
    Launch(launch::Arguments),
    #[cfg(unix)]
    Testnet(testnet::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Command::Status(arguments) => arguments.run(context),
            Command::Info(arguments) => arguments.run(context),
            Command::Conf(arguments) => arguments.run(context),
            Command::Events(arguments) => arguments.run(context),
            Command::Log(arguments) => arguments.run(context),
            Command::Signal(arguments) => arguments.run(context),
            Command::Newid(arguments) => arguments.run(context),
            Command::Doc(arguments) => arguments.run(context),
            Command::Launch(arguments) => arguments.run(context),
            #[cfg(unix)]
            Command::Testnet(arguments) => arguments.run(context),
            Command::Completions(arguments) => arguments.run(context),
            Command::Man(arguments) => arguments.run(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definitions_of_the_command_line_are_consistent() {
        Cli::command().debug_assert();
    }
}
