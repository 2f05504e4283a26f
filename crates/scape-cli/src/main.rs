//! `scape`, a command for Tor.
//!
//! Start reading in `cli`, which lists the commands. Each command has a file or
//! folder in `commands`. The parts that all commands use are in `base`: the
//! global options, the output, failures and exit codes, and how Ctrl-C is
//! handled.

mod base;
mod cli;
mod commands;
mod monitor;
mod prompt;

use std::process::ExitCode;

use clap::Parser as _;

use base::context::Context;
use base::interrupt::Interrupt;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cli.options.color.write_global();
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(failure) => return failure.report(),
    };
    let context = Context::new(cli.options, interrupt.token().clone());
    let result = cli.command.run(&context);
    // Ends what the command has started, and closes connections.
    drop(context);
    match interrupt.finish(result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
