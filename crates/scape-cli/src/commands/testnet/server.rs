//! The server: a process in the background that keeps a private network
//! running.
//!
//! The server reads its settings as JSON from standard input. Until the network
//! is ready, it writes `Message`s to standard output, each as a line of JSON.
//! From the start on, it answers requests on its Unix socket. A request is a
//! line with one word. The answer to `status` is a [`State`]. `down` has two
//! answers: an [`Ending`] at once, and another one when the network has ended.
//! Each answer is a line of JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use scape::CancelToken;
use scape::testing::TestNetwork;
use serde::{Deserialize, Serialize};

use super::environment::variables;
use super::place::{self, Name};
use super::settings::Settings;
use super::web::WebServer;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::threads;

/// The interval at which the server checks if a signal has come.
const POLL: Duration = Duration::from_millis(100);
/// The request to end the network.
const DOWN: &str = "down";
/// The timeout of each read from, or write to, a program that sends a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keep a network in the background (used by `up`)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    name: Name,
}

/// A message on the server's standard output, until the network is ready.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    Progress { percent: u8, text: String },
    Ready(State),
    Failed { code: u8, message: String },
}

/// An answer to the request `down`, which ends the network.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// The server has begun to end the network.
    Begun,
    /// The network has ended, and everything was removed.
    Ended,
    /// The network has ended, but something failed, such as writing the logs of
    /// `--keep`. Contains the reason.
    Failed(String),
}

/// The phase in the life of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Starting,
    Running,
}

/// The state of a network, as `up`, `status` and `env` print it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) name: String,
    /// The process id of the server, which keeps the network running.
    pub(super) pid: u32,
    /// The phase: `starting` or `running`.
    pub(super) state: Phase,
    /// The time since the network became ready, in seconds. 0 until then.
    pub(super) uptime: u64,
    /// The tor processes of the network. Empty until the network is ready.
    pub(super) nodes: Vec<NodeState>,
    /// The environment variables for programs that use the network. Empty until
    /// the network is ready.
    pub(super) environment: BTreeMap<String, String>,
}

/// The state of a node: one of the tor processes of the network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeState {
    pub(super) nickname: String,
    /// The role: `authority`, `relay`, `bridge` or `client`.
    pub(super) role: String,
    pub(super) fingerprint: Option<String>,
    pub(super) pid: u32,
    /// False if the node's process has ended.
    pub(super) is_running: bool,
    pub(super) data_directory: PathBuf,
}

/// A request to the server, with the connection on which it is answered.
struct Request {
    word: String,
    connection: UnixStream,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        // In a new session, the server has no terminal, so Ctrl-C in the shell
        // doesn't end the network. If the process already leads a group, this
        // fails and changes nothing.
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
        let socket = Socket::bind(&self.name)?;
        let is_ready = Arc::new(AtomicBool::new(false));
        watch(context.token.clone(), is_ready.clone())?;
        let web = settings.web.then(WebServer::start).transpose()?;
        let state = State {
            name: self.name.to_string(),
            pid: std::process::id(),
            state: Phase::Starting,
            uptime: 0,
            nodes: Vec::new(),
            environment: BTreeMap::new(),
        };
        let (network, last) = start(context, &settings, &socket.requests, &state);
        if let Some(request) = last {
            let stopped = network.map_or(Ok(()), |network| network.stop().map_err(Failure::from));
            finish(socket, Some(request), &stopped);
            return Err(Failure::failed(format_args!(
                "network {} was ended by `scape testnet down` before it was ready",
                self.name
            )));
        }
        let network = network?;
        let kept = settings.kept(&network);
        let environment = variables(&network, web.as_ref());
        let state = State { state: Phase::Running, environment, ..state };
        let ready = SystemTime::now();
        is_ready.store(true, Ordering::SeqCst);
        say(&Message::Ready(state_of(&state, &network, ready)))?;
        let last = answer_requests(context, &socket.requests, &never(), |request| {
            reply(&request.connection, &state_of(&state, &network, ready));
        });
        let kept = kept.write(&network);
        let stopped = network.stop().map_err(Failure::from);
        let result = kept.and(stopped);
        finish(socket, last, &result);
        result
    }
}

/// Starts a thread that cancels the start of the network if `up` ends before
/// the network is ready. Otherwise, the network would go on without a user who
/// knows about it. `up` keeps the standard input of this process open, so the
/// thread waits for the end of the standard input.
fn watch(token: CancelToken, is_ready: Arc<AtomicBool>) -> Result<(), Failure> {
    threads::start_or_fail(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        if !is_ready.load(Ordering::SeqCst) {
            token.cancel();
        }
    })
}

/// Starts the network. Meanwhile, answers requests with `state`. Returns the
/// network, and the request to end it if one came before the network was ready.
fn start(
    context: &Context,
    settings: &Settings,
    requests: &Receiver<Request>,
    state: &State,
) -> (Result<TestNetwork, Failure>, Option<Request>) {
    let mut builder = settings.builder().cancel_with(&context.token);
    if let Some(timeout) = context.options.timeout {
        builder = builder.timeout(timeout);
    }
    let builder = builder.on_progress(move |progress| {
        let text = progress.text.clone();
        // This fails if `up` has ended. The start is then cancelled by
        // [`watch`].
        let _ = say(&Message::Progress { percent: progress.percent, text });
    });
    thread::scope(|scope| {
        let (over, is_over) = bounded(0);
        let answering = thread::Builder::new().spawn_scoped(scope, move || {
            let last = answer_requests(context, requests, &is_over, |request| {
                reply(&request.connection, state);
            });
            if last.is_some() {
                context.token.cancel();
            }
            last
        });
        let answering = match answering {
            Ok(answering) => answering,
            Err(error) => return (Err(threads::failure(&error)), None),
        };
        let network = builder.start().map_err(Failure::from);
        drop::<Sender<()>>(over);
        // If the thread has panicked, the panic is already printed.
        (network, answering.join().unwrap_or_default())
    })
}

/// Frees the name of the network. Then answers `last`, the request to end the
/// network, with the result.
fn finish(socket: Socket, last: Option<Request>, result: &Result<(), Failure>) {
    drop(socket);
    if let Some(request) = last {
        let ending = match result {
            Ok(()) => Ending::Ended,
            Err(failure) => Ending::Failed(failure.message.clone()),
        };
        reply(&request.connection, &ending);
    }
}

/// Answers requests until a signal comes, `over` is closed, or a request to end
/// the network comes. Returns that request, which is answered later, when the
/// network has ended. Returns `None` in the other cases.
fn answer_requests(
    context: &Context,
    requests: &Receiver<Request>,
    over: &Receiver<()>,
    answer: impl Fn(&Request),
) -> Option<Request> {
    while !context.token.is_cancelled() {
        select! {
            recv(requests) -> request => match request {
                Ok(request) if request.word == DOWN => return Some(request),
                Ok(request) => answer(&request),
                Err(_) => return None,
            },
            recv(over) -> _ => return None,
            default(POLL) => {}
        }
    }
    None
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
        // An error only means that the client has closed the connection.
        let _ = writeln!(connection, "{line}");
    }
}

/// The socket of a network, on which the server receives requests. Dropping the
/// value removes the socket's file and frees the network's name.
struct Socket {
    path: PathBuf,
    requests: Receiver<Request>,
    /// The lock of the network's name. It is released after the file of the
    /// socket was removed.
    _lock: File,
}

impl Socket {
    fn bind(name: &Name) -> Result<Self, Failure> {
        let lock = place::lock(name)?.ok_or_else(|| {
            Failure::failed(format_args!(
                "a network named {name} is running: use another --name, or end it with \
                 `scape testnet down {name}`"
            ))
        })?;
        let path = place::socket(name)?;
        // A killed server leaves its socket, so a socket of this name is
        // removed here.
        remove(&path);
        let listener = UnixListener::bind(&path).map_err(|error| {
            Failure::failed(format_args!("cannot listen on {}: {error}", path.display()))
        })?;
        let (sender, requests) = bounded(8);
        threads::start_or_fail(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                // If no thread can be started, the connection is closed.
                let _ = threads::start(move || {
                    let Ok(word) = read_word(&connection) else { return };
                    if word == DOWN {
                        reply(&connection, &Ending::Begun);
                    }
                    let _ = sender.send(Request { word, connection });
                });
            }
        })?;
        Ok(Socket { path, requests, _lock: lock })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    // An error only means that somebody has removed it already.
    let _ = std::fs::remove_file(path);
}

fn read_word(connection: &UnixStream) -> io::Result<String> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut word = String::new();
    BufReader::new(io::Read::take(connection, 64)).read_line(&mut word)?;
    Ok(word.trim_end().to_owned())
}
