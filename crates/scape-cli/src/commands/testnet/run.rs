//! `scape testnet run` runs a program with a private network.

use std::ffi::OsString;
use std::process::Command;

use clap::Args;
use scape::testing::TestNetwork;

use super::environment::variables;
use super::settings::Settings;
use super::web::WebServer;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::environment::OF_TOR;
use crate::base::failure::Failure;
use crate::base::program;

/// Start a network, run a program with it, and end the network
///
/// The program gets the variables that `scape testnet env` lists, such as
/// SCAPE_CONTROL, TOR_CONTROL_PORT and TOR_SOCKS_PORT. The exit code is that of
/// the program. Variables with the address or the password of another tor are
/// removed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        self.settings.check_keep()?;
        let web = self.settings.web.then(WebServer::start).transpose()?;
        let network = start(context, &self.settings)?;
        let mut command = Command::new(self.command.first().unwrap_or(&OsString::new()));
        command.args(self.command.iter().skip(1));
        // The program must not use another tor of the user by accident.
        for name in OF_TOR {
            command.env_remove(name);
        }
        command.envs(variables(&network, web.as_ref()));
        let kept = self.settings.kept(&network);
        let result = program::run(context, &self.command, &mut command);
        // If the program has failed, its failure is returned, not a later one.
        let kept = kept.write(&network);
        let stopped = network.stop().map_err(Failure::from);
        result.and(kept).and(stopped)
    }
}

/// Starts the network, waits until it is ready, and shows the progress
/// meanwhile.
fn start(context: &Context, settings: &Settings) -> Result<TestNetwork, Failure> {
    let busy = std::sync::Arc::new(Busy::new("starting the network"));
    let shown = busy.clone();
    let builder = settings.builder().cancel_with(&context.token);
    let builder = match context.options.timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    };
    Ok(builder.on_progress(move |progress| shown.update(progress)).start()?)
}
