//! The description of the command line, with which clap parses it. The commands
//! `completions` and `man` make their output from the description.

mod completions;
mod man;
mod quick;

use std::env;

use clap::{Parser, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::options::GlobalOptions;
use crate::commands;
use crate::monitor;
use crate::prompt;

/// Controls Tor: shows what a running tor does, configures it, and connects
/// through it
///
/// Commands that show or change a running tor connect to its control port. Use
/// --control or SCAPE_CONTROL if its address isn't one of the defaults.
///
/// Exit codes: 0 success, 1 refused or failed, 2 wrong usage, 3 no tor,
/// 4 timeout, 130 interrupted. `run`, `testnet run` and `launch -- COMMAND`
/// return the code of the program, 128 plus the signal that ended it, 126 if it
/// can't be run, or 127 if it doesn't exist.
#[derive(Debug, Parser)]
#[command(name = "scape", version, propagate_version = true, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Parses the words with which this program was called. Help and version are
/// returned as errors, too.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    match quick::parse(env::args_os()) {
        Some(cli) => Ok(cli),
        // The help and the errors need the descriptions of all commands.
        None => Cli::try_parse(),
    }
}

/// The commands, in the order in which the help lists them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(commands::status::Arguments),
    Info(commands::info::Arguments),
    Conf(commands::conf::Arguments),
    Events(commands::events::Arguments),
    Log(commands::log::Arguments),
    Signal(commands::signal::Arguments),
    Newid(commands::newid::Arguments),
    Circuits(commands::circuits::Arguments),
    Streams(commands::streams::Arguments),
    Relays(commands::relays::Arguments),
    Guards(commands::guards::Arguments),
    Addresses(commands::addresses::Arguments),
    Onion(commands::onion::Arguments),
    Resolve(commands::resolve::Arguments),
    Get(commands::get::Arguments),
    Connect(commands::connect::Arguments),
    Proxy(commands::proxy::Arguments),
    Run(commands::run::Arguments),
    Doc(commands::doc::Arguments),
    Launch(commands::launch::Arguments),
    #[cfg(unix)]
    Testnet(commands::testnet::Arguments),
    Monitor(monitor::Arguments),
    Prompt(prompt::Arguments),
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
            Command::Circuits(arguments) => arguments.run(context),
            Command::Streams(arguments) => arguments.run(context),
            Command::Relays(arguments) => arguments.run(context),
            Command::Guards(arguments) => arguments.run(context),
            Command::Addresses(arguments) => arguments.run(context),
            Command::Onion(arguments) => arguments.run(context),
            Command::Resolve(arguments) => arguments.run(context),
            Command::Get(arguments) => arguments.run(context),
            Command::Connect(arguments) => arguments.run(context),
            Command::Proxy(arguments) => arguments.run(context),
            Command::Run(arguments) => arguments.run(context),
            Command::Doc(arguments) => arguments.run(context),
            Command::Launch(arguments) => arguments.run(context),
            #[cfg(unix)]
            Command::Testnet(arguments) => arguments.run(context),
            Command::Monitor(arguments) => arguments.run(context),
            Command::Prompt(arguments) => arguments.run(context),
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
