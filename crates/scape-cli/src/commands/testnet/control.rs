//! `scape testnet status`, `env` and `down`, which show or end networks that
//! run in the background.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::ask::{Answer, Asked, not_running};
use super::environment::exports;
use super::place::{self, Name};
use super::server::{Ending, Phase, State};
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::table::Table;
use crate::base::units;

/// The time that a server has to end after SIGTERM. Then it is killed.
const ENDING: Duration = Duration::from_secs(20);
/// The interval at which [`end_server`] checks if the server has ended.
const POLL: Duration = Duration::from_millis(20);

/// The name of a network as an argument. Also accepts it as the option
/// `--name`, because `scape testnet up` has this option.
#[derive(Debug, Args)]
struct Named {
    /// The name of the network
    name: Option<Name>,

    /// The same as the argument NAME
    #[arg(long = "name", value_name = "NAME", conflicts_with = "name", hide = true)]
    option: Option<Name>,
}

impl Named {
    fn given(self) -> Option<Name> {
        self.name.or(self.option)
    }
}

/// List the networks in the background, or the nodes of one network
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    name: Named,
}

/// Print the environment variables for programs that use a network
///
/// Without NAME, the network has the name default.
#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(flatten)]
    name: Named,
}

/// End a network in the background
///
/// Without NAME, the network has the name default.
#[derive(Debug, Args)]
pub(crate) struct DownArguments {
    #[command(flatten)]
    name: Named,

    /// End all networks in the background
    #[arg(long, conflicts_with_all = ["name", "option"])]
    all: bool,
}

impl StatusArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.name.given() {
            Some(name) => one(context, name),
            None => all(context),
        }
    }
}

/// Prints the nodes of a network, or that it is still starting.
fn one(context: &Context, name: Name) -> Result<(), Failure> {
    let state = state(context, name)?;
    match state.state {
        _ if context.out.is_json() => context.out.value(&state),
        Phase::Running => context.out.line(nodes(&state).text(&context.out)),
        Phase::Starting => {
            context.out.note(format_args!("network {} is starting", state.name));
            Ok(())
        }
    }
}

/// Prints a list of all networks. Networks that don't answer are left out. In
/// this case, returns a failure after printing the others.
fn all(context: &Context) -> Result<(), Failure> {
    let (mut states, mut failures): (Vec<State>, _) = (Vec::new(), Failures::default());
    for asked in ask_all("status")? {
        match asked.answer(context) {
            Ok(Answer::Is(state)) => states.push(state),
            Ok(Answer::HasEnded | Answer::NotRunning) => {}
            Err(failure) => failures.add(context, failure)?,
        }
    }
    match context.out.is_json() {
        true => context.out.values(&states)?,
        false => {
            let note = states.is_empty().then(|| "no networks".to_owned());
            context.out.table(&networks(&states).text(&context.out), note)?;
        }
    }
    failures.result()
}

fn networks(states: &[State]) -> Table {
    let mut table = Table::new(&["name", "pid", "state", "nodes", "age", "control", "socks"]);
    for state in states {
        let variable = |name| state.environment.get(name).cloned().unwrap_or_default();
        let running = state.nodes.iter().filter(|node| node.is_running).count();
        let is_starting = state.state == Phase::Starting;
        table.row([
            state.name.clone(),
            state.pid.to_string(),
            if is_starting { "starting" } else { "running" }.into(),
            if is_starting { "-".into() } else { format!("{running}/{}", state.nodes.len()) },
            units::duration(Duration::from_secs(state.uptime)),
            variable("SCAPE_CONTROL"),
            variable("SCAPE_SOCKS"),
        ]);
    }
    table
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
        let state = state(context, self.name.given().unwrap_or_default())?;
        match state.state {
            Phase::Starting => Err(Failure::failed(format_args!(
                "network {} is still starting: try again when `scape testnet status` shows it \
                 running",
                state.name
            ))),
            Phase::Running if context.out.is_json() => context.out.value(&state.environment),
            Phase::Running => context.out.line(exports(&state.environment)),
        }
    }
}

impl DownArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let asked = match self.all {
            true => ask_all("down")?,
            false => vec![Asked::send(self.name.given().unwrap_or_default(), "down")?],
        };
        let mut failures = Failures::default();
        for asked in asked {
            match end(context, &asked) {
                Ok(Answer::Is(())) => {
                    context.out.note(format_args!("network {} has ended", asked.name()));
                }
                Ok(Answer::HasEnded) => {
                    context.out.note(format_args!("network {} has just ended", asked.name()));
                }
                Ok(Answer::NotRunning) if self.all => {}
                Ok(Answer::NotRunning) => return Err(not_running(asked.name())),
                Err(failure) => failures.add(context, failure)?,
            }
        }
        failures.result()
    }
}

/// Waits until a network has ended. `asked` is the request `down`, which was
/// already sent to the network.
fn end(context: &Context, asked: &Asked) -> Result<Answer<()>, Failure> {
    // The server confirms the request at once. Ending the network takes longer.
    match asked.answer(context)? {
        Answer::Is(Ending::Begun) => {}
        Answer::Is(ending) => return outcome(asked, ending),
        Answer::HasEnded => return Ok(Answer::HasEnded),
        Answer::NotRunning => return Ok(Answer::NotRunning),
    }
    match asked.answer_within(context, context.network_timeout())? {
        Answer::Is(ending) => outcome(asked, ending),
        Answer::HasEnded | Answer::NotRunning => Ok(Answer::HasEnded),
    }
}

fn outcome(asked: &Asked, ending: Ending) -> Result<Answer<()>, Failure> {
    match ending {
        Ending::Begun | Ending::Ended => Ok(Answer::Is(())),
        Ending::Failed(message) => Err(Failure::failed(format_args!(
            "network {} has ended, but not everything worked: {message}",
            asked.name()
        ))),
    }
}

/// Asks the network with this name for its state.
fn state(context: &Context, name: Name) -> Result<State, Failure> {
    let asked = Asked::send(name, "status")?;
    asked.answer(context)?.found(asked.name())
}

/// Sends a request to all networks in the background, without waiting for the
/// answers.
fn ask_all(request: &'static str) -> Result<Vec<Asked>, Failure> {
    place::names()?.into_iter().map(|name| Asked::send(name, request)).collect()
}

/// The failures of some networks, as a single failure. Collecting them lets a
/// command continue with the other networks.
#[derive(Debug, Default)]
struct Failures(Option<Failure>);

impl Failures {
    /// Adds a failure to the others. After Ctrl-C, returns the failure for
    /// interrupts instead, which ends the command.
    fn add(&mut self, context: &Context, failure: Failure) -> Result<(), Failure> {
        context.check_interrupt()?;
        self.0 = match self.0.take() {
            None => Some(failure),
            Some(first) => {
                let message = format!("{}\n{}", first.message, failure.message);
                Some(Failure::new(first.exit, message))
            }
        };
        Ok(())
    }

    fn result(self) -> Result<(), Failure> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Ends a server and its network with SIGTERM. Kills the server if it hasn't
/// ended after [`ENDING`].
pub(super) fn end_server(server: &mut Child) {
    // An error only means that the server has ended by itself.
    let _ = kill_process(Pid::from_child(server), Signal::TERM);
    let begun = Instant::now();
    while begun.elapsed() < ENDING {
        // After an error, the end of the server can't be seen, so waiting is
        // useless.
        if !matches!(server.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(POLL);
    }
    let _ = server.kill();
    let _ = server.wait();
}
