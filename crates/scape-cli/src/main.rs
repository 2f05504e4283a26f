//! The command `scape`, which controls and uses a running tor.
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

use std::env;
use std::process::ExitCode;

use base::context::Context;
use base::failure::Failure;
use base::interrupt::Interrupt;

fn main() -> ExitCode {
    let mut cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli.options.color.write_global();
    if let Err(failure) = cli.options.read_environment(|name| env::var_os(name)) {
        return failure.report();
    }
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(failure) => return failure.report(),
    };
    let context = Context::new(cli.options, interrupt.token().clone());
    let result = cli.command.run(&context);
    // This ends everything that the command has started, and closes
    // connections.
    drop(context);
    match interrupt.finish(result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints clap's message and returns the exit code. The message is the help,
/// the version, or an error in the command line.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        // Help and version go to standard output.
        Err(problem) if !error.use_stderr() => Failure::from(problem).report(),
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX)),
    }
}
