//! The process in the background that has a network.
//!
//! It reads its settings as JSON from standard input, and writes `Message`s, a
//! line of JSON each, to standard output until the network is ready. After
//! that, it answers requests on its Unix socket: a line with one word each,
//! answered by a line of JSON.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use scape::testing::TestNetwork;
use serde::{Deserialize, Serialize};

use super::environment::variables;
use super::place::{self, Name};
use super::settings::Settings;
use super::web::WebServer;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};

/// The interval between two checks for a signal.
const POLL: Duration = Duration::from_millis(100);
/// The time that a client has to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keep a network in the background (used by `up`)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    name: Name,
}

/// A line that the server prints while it starts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    Progress { percent: u8, text: String },
    Ready(State),
    Failed { code: u8, message: String },
}

/// The state of a network, as `up`, `status` and `env` print it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) name: String,
    /// The process that keeps the network.
    pub(super) pid: u32,
    /// The time since the network was ready, in seconds.
    pub(super) uptime: u64,
    pub(super) nodes: Vec<NodeState>,
    /// The variables for programs that use the network.
    pub(super) environment: BTreeMap<String, String>,
}

/// The state of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeState {
    pub(super) nickname: String,
    /// `authority`, `relay`, `bridge` or `client`.
    pub(super) role: String,
    pub(super) fingerprint: Option<String>,
    pub(super) pid: u32,
    /// False if the node's process has ended.
    pub(super) is_running: bool,
    pub(super) data_directory: PathBuf,
}

/// A request, with the connection for the answer.
struct Request {
    word: String,
    connection: UnixStream,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        // Without a terminal, Ctrl-C in the shell doesn't end the network. This
        // fails if the process leads a group, and then changes nothing.
        let _ = rustix::process::setsid();
        match self.serve(context) {
            Ok(()) => Ok(()),
            Err(failure) => {
                let (code, message) = (failure.exit.code(), failure.message.clone());
                say(&Message::Failed { code, message })?;
                Err(Failure::silent(failure.exit))
            }
        }
    }

    fn serve(&self, context: &Context) -> Result<(), Failure> {
        let mut text = String::new();
        io::stdin()
            .read_line(&mut text)
            .map_err(|error| Failure::failed(format!("cannot read the settings: {error}")))?;
        let settings: Settings = serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("cannot read the settings: {error}")))?;
        let path = place::socket(&self.name)?;
        let socket = Socket::bind(&self.name, path)?;
        let web = settings.web.then(WebServer::start).transpose()?;
        let token = context.token.clone();
        let mut builder = settings.builder().cancel_with(&token);
        if let Some(timeout) = context.options.timeout {
            builder = builder.timeout(timeout);
        }
        let network = builder
            .on_progress(move |progress| {
                let text = progress.text.clone();
                // Nobody would know of the network after `up` has ended.
                if say(&Message::Progress { percent: progress.percent, text }).is_err() {
                    token.cancel();
                }
            })
            .start()?;
        let state = State {
            name: self.name.to_string(),
            pid: std::process::id(),
            uptime: 0,
            nodes: Vec::new(),
            environment: variables(&network, web.as_ref()),
        };
        let ready = SystemTime::now();
        say(&Message::Ready(state_of(&state, &network, ready)))?;
        let last = answer_requests(context, &socket.requests, |request| {
            reply(&request.connection, &state_of(&state, &network, ready));
        });
        let kept = settings.keep(&network);
        let stopped = network.stop().map_err(Failure::from);
        // The name is free before `down` returns.
        drop(socket);
        if let Some(request) = last {
            reply(&request.connection, &state.name);
        }
        kept.and(stopped)
    }
}

/// Answers requests until a signal comes, or until somebody asks for the end,
/// whose request is returned.
fn answer_requests(
    context: &Context,
    requests: &Receiver<Request>,
    answer: impl Fn(&Request),
) -> Option<Request> {
    loop {
        match requests.recv_timeout(POLL) {
            Ok(request) if request.word == "down" => return Some(request),
            Ok(request) => answer(&request),
            Err(RecvTimeoutError::Timeout) if !context.token.is_cancelled() => {}
            Err(_) => return None,
        }
    }
}

fn state_of(state: &State, network: &TestNetwork, ready: SystemTime) -> State {
    let nodes = network.nodes().iter().map(|node| NodeState {
        nickname: node.nickname().into(),
        role: format!("{:?}", node.role()).to_lowercase(),
        fingerprint: node.fingerprint().map(|fingerprint| fingerprint.to_string()),
        pid: node.process().pid(),
        is_running: node.process().is_running(),
        data_directory: node.process().data_directory().into(),
    });
    let uptime = SystemTime::now().duration_since(ready).unwrap_or_default().as_secs();
    State { nodes: nodes.collect(), uptime, ..state.clone() }
}

fn say(message: &Message) -> Result<(), Failure> {
    let line = serde_json::to_string(message).map_err(Failure::failed)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn reply(mut connection: &UnixStream, value: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(value) {
        // The client may have gone.
        let _ = writeln!(connection, "{line}");
    }
}

/// The socket of a network. Dropping it removes its file.
struct Socket {
    path: PathBuf,
    requests: Receiver<Request>,
}

impl Socket {
    fn bind(name: &Name, path: PathBuf) -> Result<Self, Failure> {
        let failed =
            |error| Failure::failed(format!("cannot listen on {}: {error}", path.display()));
        let listener = match UnixListener::bind(&path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if UnixStream::connect(&path).is_ok() {
                    return Err(Failure::new(
                        Exit::Failed,
                        format!("a network named {name} is running: use another --name, or end it with `scape testnet down {name}`"),
                    ));
                }
                // A killed server has left its socket.
                std::fs::remove_file(&path).map_err(failed)?;
                UnixListener::bind(&path)
            }
            result => result,
        }
        .map_err(failed)?;
        let (sender, requests) = bounded(8);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || {
                    if let Ok(word) = read_word(&connection) {
                        let _ = sender.send(Request { word, connection });
                    }
                });
            }
        });
        Ok(Socket { path, requests })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    // Somebody may have removed it already.
    let _ = std::fs::remove_file(path);
}

fn read_word(connection: &UnixStream) -> io::Result<String> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut word = String::new();
    BufReader::new(io::Read::take(connection, 64)).read_line(&mut word)?;
    Ok(word.trim_end().to_owned())
}
