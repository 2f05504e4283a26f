//! `scape testnet` runs private Tor networks for tests.
//!
//! `run` keeps the network in its own process. `up` starts a process in the
//! background, the server (`server.rs`), which keeps the network. `status`,
//! `env` and `down` talk to the server over a Unix socket, whose path is from
//! `place.rs`.

mod ask;
mod control;
mod environment;
mod place;
mod relay;
mod run;
mod server;
mod settings;
mod up;
mod web;

use clap::{Args, Subcommand};

use crate::base::context::Context;
use crate::base::failure::Failure;

/// Run a private Tor network on this machine, for tests
///
/// The network consists of real tor processes on 127.0.0.1. It has directory
/// authorities, relays and a client, and no connection to the public network.
/// It is ready after one or two seconds. The tor program is SCAPE_TOR, or else
/// the first tor in PATH, in the usual folders, or in a Tor Browser.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Up(up::Arguments),
    Status(control::StatusArguments),
    Env(control::EnvArguments),
    Down(control::DownArguments),
    #[command(hide = true)]
    Serve(server::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Run(arguments) => arguments.run(context),
            Command::Up(arguments) => arguments.run(context),
            Command::Status(arguments) => arguments.run(context),
            Command::Env(arguments) => arguments.run(context),
            Command::Down(arguments) => arguments.run(context),
            Command::Serve(arguments) => arguments.run(context),
        }
    }
}
