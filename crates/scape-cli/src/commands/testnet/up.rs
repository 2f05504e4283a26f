//! `scape testnet up` starts a private network in the background.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use scape::word::Progress;

use super::control::end_server;
use super::environment::exports;
use super::place::Name;
use super::server::{Message, State};
use super::settings::Settings;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::threads;

/// The interval at which the command checks if a signal has come.
const POLL: Duration = Duration::from_millis(50);

/// The time that is added to the network's time limit. A server that sends
/// nothing for the sum counts as hanging. It should give up by itself at the
/// network's time limit.
const SILENCE: Duration = Duration::from_secs(60);

/// Start a network in the background
///
/// Prints the variables for programs as commands for a shell. Run them with
/// eval "$(scape testnet up)". The network runs until `scape testnet down`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The name of the network
    #[arg(long, default_value_t)]
    name: Name,

    #[command(flatten)]
    settings: Settings,
}

impl Arguments {
    pub(crate) fn run(mut self, context: &Context) -> Result<(), Failure> {
        // The server gets an absolute path, which doesn't depend on its working
        // directory.
        if let Some(folder) = &self.settings.keep {
            self.settings.keep = Some(std::path::absolute(folder).map_err(|error| {
                Failure::usage(format!("cannot use {}: {error}", folder.display()))
            })?);
        }
        self.settings.check_keep()?;
        let mut server = self.start(context)?;
        let result = wait(context, &mut server).and_then(|state| show(context, &state));
        if result.is_err() {
            // Without this, the network would run without anybody knowing about
            // it.
            end_server(&mut server);
        }
        result
    }

    fn start(&self, context: &Context) -> Result<Child, Failure> {
        let failed = |error| Failure::failed(format_args!("cannot start the server: {error}"));
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["testnet", "serve", &self.name.to_string()]);
        if let Some(timeout) = context.options.timeout {
            command.arg("--timeout").arg(timeout.as_secs_f64().to_string());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().map_err(failed)?;
        let settings = serde_json::to_string(&self.settings)
            .map_err(|error| Failure::failed(format!("cannot write the settings: {error}")))?;
        // Standard input stays open. If this program is killed, the server sees
        // the end of its input.
        if let Some(stdin) = &mut server.stdin {
            writeln!(stdin, "{settings}").map_err(failed)?;
        }
        Ok(server)
    }
}

/// Prints the variables that tell programs how to reach the network, as shell
/// commands or as JSON.
fn show(context: &Context, state: &State) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.value(state);
    }
    context.out.line(exports(&state.environment))?;
    context.out.note(format_args!(
        "network {} is ready: {} nodes. `scape testnet down {}` ends it",
        state.name,
        state.nodes.len(),
        state.name
    ));
    Ok(())
}

/// Waits until the network is ready, and shows the progress meanwhile. Returns
/// a failure if the server fails, ends or hangs.
fn wait(context: &Context, server: &mut Child) -> Result<State, Failure> {
    let busy = Busy::new("starting the network");
    let messages = messages(server)?;
    let longest = context.network_timeout() + SILENCE;
    let mut heard = Instant::now();
    loop {
        let message = messages.recv_timeout(POLL);
        if message.is_ok() {
            heard = Instant::now();
        }
        match message {
            Ok(Message::Progress { percent, text }) => {
                busy.update(&Progress::new(percent, "testnet", text));
            }
            Ok(Message::Ready(state)) => return Ok(state),
            Ok(Message::Failed { code, message }) => {
                let exit = match code {
                    2 => Exit::Usage,
                    3 => Exit::NoTor,
                    4 => Exit::Timeout,
                    _ => Exit::Failed,
                };
                return Err(Failure::new(exit, message));
            }
            Err(RecvTimeoutError::Timeout) if heard.elapsed() > longest => {
                let message = format!("the server of the network has sent nothing for {longest:?}");
                return Err(Failure::new(Exit::Timeout, message));
            }
            Err(RecvTimeoutError::Timeout) => context.check_interrupt()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed(
                    "the server of the network ended before the network was ready",
                ));
            }
        }
    }
}

/// Starts a thread that reads the server's messages from its standard output.
/// Returns the receiver of the messages. The channel closes when the server
/// ends.
fn messages(server: &mut Child) -> Result<Receiver<Message>, Failure> {
    let (sender, messages) = unbounded();
    if let Some(stdout) = server.stdout.take() {
        threads::start_or_fail(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(message) = serde_json::from_str(&line) else { break };
                if sender.send(message).is_err() {
                    break;
                }
            }
        })?;
    }
    Ok(messages)
}
