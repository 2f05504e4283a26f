//! `scape testnet status`, `env` and `down`: requests to networks in the
//! background.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::environment::exports;
use super::place::{self, Name};
use super::server::State;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::table::Table;
use crate::base::units;

/// Show the networks in the background, or the nodes of one
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// The name of a network
    name: Option<Name>,
}

/// Print the variables for programs that use a network
#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    /// The name of the network
    #[arg(default_value = "default")]
    name: Name,
}

/// End a network in the background
#[derive(Debug, Args)]
pub(crate) struct DownArguments {
    /// The name of the network
    #[arg(default_value = "default")]
    name: Name,

    /// End all networks in the background
    #[arg(long)]
    all: bool,
}

impl StatusArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(name) = &self.name {
            let state: State = ask(context, name, "status")?;
            return match context.out.is_json() {
                true => context.out.value(&state),
                false => context.out.line(nodes(&state).text(&context.out)),
            };
        }
        let mut states: Vec<State> = Vec::new();
        for name in place::names()? {
            // A killed server leaves its socket.
            states.extend(ask(context, &name, "status").ok());
        }
        if context.out.is_json() {
            return context.out.values(&states);
        }
        let mut table = Table::new(&["name", "pid", "nodes", "age", "control", "socks"]);
        for state in &states {
            let variable = |name| state.environment.get(name).cloned().unwrap_or_default();
            table.row([
                state.name.clone(),
                state.pid.to_string(),
                state.nodes.len().to_string(),
                units::duration(Duration::from_secs(state.uptime)),
                variable("SCAPE_CONTROL"),
                variable("SCAPE_SOCKS"),
            ]);
        }
        context.out.line(table.text(&context.out))
    }
}

fn nodes(state: &State) -> Table {
    let mut table = Table::new(&["node", "role", "pid", "state", "fingerprint", "folder"]);
    for node in &state.nodes {
        table.row([
            node.nickname.clone(),
            node.role.clone(),
            node.pid.to_string(),
            if node.is_running { "running" } else { "ended" }.into(),
            node.fingerprint.clone().unwrap_or_else(|| "-".into()),
            node.data_directory.display().to_string(),
        ]);
    }
    table
}

impl EnvArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let state: State = ask(context, &self.name, "status")?;
        match context.out.is_json() {
            true => context.out.value(&state.environment),
            false => context.out.line(exports(&state.environment)),
        }
    }
}

impl DownArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let names = if self.all { place::names()? } else { vec![self.name] };
        for name in names {
            match ask::<String>(context, &name, "down") {
                Ok(_) => context.out.note(format_args!("network {name} has ended")),
                // A killed server leaves its socket.
                Err(_) if self.all => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }
}

/// Sends a request to the network with this name, and returns the answer.
fn ask<T: serde::de::DeserializeOwned>(
    context: &Context,
    name: &Name,
    request: &str,
) -> Result<T, Failure> {
    let path = place::socket(name)?;
    let mut socket = match UnixStream::connect(&path) {
        Ok(socket) => socket,
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused]
                .contains(&error.kind()) =>
        {
            return Err(Failure::failed(format!(
                "no network named {name} is running: start it with `scape testnet up`"
            )));
        }
        Err(error) => {
            return Err(Failure::failed(format!("cannot connect to {}: {error}", path.display())));
        }
    };
    let talk = || -> io::Result<String> {
        socket.set_read_timeout(Some(context.network_timeout()))?;
        socket.set_write_timeout(Some(context.timeout()))?;
        writeln!(socket, "{request}")?;
        let mut answer = String::new();
        BufReader::new(&socket).read_line(&mut answer)?;
        Ok(answer)
    };
    let mut talk = talk;
    let answer = talk()
        .map_err(|error| Failure::failed(format!("the network {name} doesn't answer: {error}")))?;
    serde_json::from_str(&answer).map_err(|error| {
        Failure::failed(format!("malformed answer of the network {name}: {error}"))
    })
}

/// Sends SIGTERM to a server.
pub(super) fn terminate(server: &Child) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_child(server), Signal::TERM);
}
