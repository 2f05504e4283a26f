//! A control port that says what a test wants.
//!
//! * **Answers**: a reply for each command, in whatever order they come. Short,
//!   for the tests of programs.
//! * **A [`Script`]**: what is sent, and what is said to it, step by step and
//!   to the byte: events between the lines of a reply, one byte at a time, too
//!   late, not at all, and the end of the connection in the middle.
//!
//! Both answer in memory, on a TCP port of 127.0.0.1, or on a Unix socket.

mod answers;
mod conversation;
mod failure;
mod listener;
mod script;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Phase, Result, Timeout};
use crate::transport::{Address, Transport, deadline_after};

use answers::Answers;
use conversation::Line;
pub use failure::{ScriptError, ScriptProblem};
use listener::Listener;
pub use script::Script;

/// How long a step may take where the builder says nothing else.
const PATIENCE: Duration = Duration::from_secs(10);

/// A control port without a tor behind it. Its threads end when it is dropped.
///
/// ```
/// use scape::testing::ScriptedTor;
///
/// let tor = ScriptedTor::builder()
///     .on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n")
///     .on("SIGNAL NEWNYM", "250 OK\r\n")
///     .start()?;
/// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// assert_eq!(controller.get_info("version")?, "0.4.9.11");
/// assert_eq!(tor.sent().last().map(String::as_str), Some("GETINFO version"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It may be used from several threads. Every wait in it ends at the latest
/// after [`patience`](ScriptedTorBuilder::patience).
pub struct ScriptedTor {
    shared: Arc<Shared>,
    listener: Option<Listener>,
}

/// How a [`ScriptedTor`] is to behave. What is not said is answered as a tor
/// without authentication does: PROTOCOLINFO, AUTHENTICATE, SETEVENTS and QUIT
/// are understood, everything else gets `510 Unrecognized command`.
#[must_use = "nothing is there to connect to before start() or one of the listen methods"]
pub struct ScriptedTorBuilder {
    answers: Answers,
    scripts: VecDeque<Script>,
    patience: Duration,
    chunk: Option<usize>,
}

/// What the threads share.
struct Shared {
    patience: Duration,
    /// How many bytes at a time are written, where not all at once.
    chunk: Option<usize>,
    answers: Mutex<Answers>,
    state: Mutex<State>,
    /// Told of every change of `state`.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    sent: Vec<String>,
    failure: Option<ScriptError>,
    scripts: VecDeque<Script>,
    /// Scripts that are being played.
    playing: usize,
    gates: BTreeSet<String>,
    /// How many there were.
    connections: usize,
    open: Vec<Arc<Line>>,
    threads: Vec<JoinHandle<()>>,
    stopped: bool,
}

impl ScriptedTor {
    /// To be told how to behave.
    pub fn builder() -> ScriptedTorBuilder {
        ScriptedTorBuilder {
            answers: Answers::default(),
            scripts: VecDeque::new(),
            patience: PATIENCE,
            chunk: None,
        }
    }

    /// Follows `script` on its first connection, in memory:
    /// `builder().script(script).start()`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn follow(script: Script) -> Result<ScriptedTor> {
        Self::builder().script(script).start()
    }

    /// A new connection, in memory: the end of the one who connects.
    ///
    /// # Errors
    /// The operating system's, when no thread can be had.
    pub fn transport(&self) -> Result<Transport> {
        let (client, server) = Transport::pair();
        serve(&self.shared, server)?;
        Ok(client)
    }

    /// Where it listens; `None` where it was started with
    /// [`start`](ScriptedTorBuilder::start).
    pub fn address(&self) -> Option<&Address> {
        self.listener.as_ref().map(Listener::address)
    }

    /// Says something of its own accord, an event for example, on every open
    /// connection. They are never in the middle of an answer or of what one
    /// step of a script says, and are on their way when this returns.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// use scape::event::EventKind;
    ///
    /// let tor = ScriptedTor::builder().start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// tor.send("650 BW 1024 512\r\n");
    /// assert!(events.iter().next().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        let open = self.shared.state.lock().open.clone();
        for line in open {
            // Whoever hung up does not hear it.
            let _ =
                line.write(bytes.as_ref(), self.shared.chunk, deadline_after(self.shared.patience));
        }
    }

    /// Opens the gate `name`, at which a [`Script`] waits or will wait.
    pub fn open(&self, name: &str) {
        self.shared.state.lock().gates.insert(name.to_owned());
        self.shared.changed.notify_all();
    }

    /// Ends all open connections, as a tor that dies does. New ones are still
    /// accepted.
    pub fn hang_up(&self) {
        for line in &self.shared.state.lock().open {
            line.shutdown();
        }
    }

    /// The commands that were sent so far, in order, without their line ends.
    /// One with data is as it was on the wire, with `\n` between its lines and
    /// the final `.`; what is no UTF-8 is shown lossily.
    pub fn sent(&self) -> Vec<String> {
        self.shared.state.lock().sent.clone()
    }

    /// Waits until a command that begins with `prefix` has been sent, and
    /// returns it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it isn't sent
    /// within the builder's patience.
    pub fn wait_for(&self, prefix: &str) -> Result<String> {
        let deadline = deadline_after(self.shared.patience);
        let mut state = self.shared.state.lock();
        loop {
            if let Some(command) = state.sent.iter().find(|command| command.starts_with(prefix)) {
                return Ok(command.clone());
            }
            if self.shared.changed.wait_until(&mut state, deadline).timed_out() {
                return Err(Timeout::new(Phase::Reply, self.shared.patience).into());
            }
        }
    }

    /// Ends everything, and gives what was sent.
    ///
    /// # Errors
    /// The first thing that went otherwise than its script says: something else
    /// was sent, or nothing more; or a script was not played to its end, for
    /// which this waits for the builder's patience.
    pub fn finish(mut self) -> Result<Vec<String>, ScriptError> {
        let deadline = deadline_after(self.shared.patience);
        let mut state = self.shared.state.lock();
        while state.failure.is_none() && state.playing > 0 {
            if self.shared.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        let unplayed = !state.scripts.is_empty();
        let next = state.connections + 1;
        drop(state);
        self.end();
        let mut state = self.shared.state.lock();
        let sent = std::mem::take(&mut state.sent);
        match state.failure.take() {
            Some(failure) => Err(failure),
            None if unplayed => Err(ScriptError::new(next, 0, ScriptProblem::NotConnected)),
            None => Ok(sent),
        }
    }

    /// Takes the listener away, hangs up, and waits for the threads.
    fn end(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        self.listener = None;
        self.hang_up();
        let threads = std::mem::take(&mut self.shared.state.lock().threads);
        for thread in threads {
            // A thread may drop what keeps the scripted tor itself; and none
            // joins itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for ScriptedTor {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for ScriptedTor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("ScriptedTor")
            .field("address", &self.address())
            .field("connections", &state.connections)
            .field("sent", &state.sent.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ScriptedTorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedTorBuilder").field("scripts", &self.scripts).finish_non_exhaustive()
    }
}

impl ScriptedTorBuilder {
    /// Answers exactly this command with exactly these bytes. Nothing is added:
    /// give every line its CRLF. A later answer that fits goes before an
    /// earlier one.
    ///
    /// A command with data is one text, its lines separated by `\n`, up to the
    /// final `.`: `"+LOADCONF\nSocksPort 0\n."`.
    pub fn on(mut self, command: impl Into<String>, reply: impl Into<Vec<u8>>) -> Self {
        self.answers.exact(command.into(), reply.into());
        self
    }

    /// Answers every command that begins with `prefix` with exactly these
    /// bytes.
    pub fn on_prefix(mut self, prefix: impl Into<String>, reply: impl Into<Vec<u8>>) -> Self {
        self.answers.prefix(prefix.into(), reply.into());
        self
    }

    /// Asks `answer` for the reply to a command; `None` leaves it to the
    /// answers given before. An empty reply is none at all: the one who asks
    /// waits.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let mut circuits = 0;
    /// let tor = ScriptedTor::builder()
    ///     .on_any(move |command| {
    ///         command.strip_prefix("EXTENDCIRCUIT 0")?;
    ///         circuits += 1;
    ///         Some(format!("250 EXTENDED {circuits}\r\n").into_bytes())
    ///     })
    ///     .start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn on_any(mut self, answer: impl FnMut(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        self.answers.any(Box::new(answer));
        self
    }

    /// What GETINFO gives for `key`, alone or among others. A `value` of
    /// several lines is sent as a data block.
    pub fn info(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.answers.info(key.into(), value.into());
        self
    }

    /// Follows `script` on the first connection that has no script yet; on the
    /// connections after the last script, the answers are given.
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push_back(script);
        self
    }

    /// How long each step may take: the next command to come, a gate to be
    /// opened, what is said to be taken. Default: 10 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Writes at most `bytes` bytes (at least one) at a time.
    pub fn chunks(mut self, bytes: usize) -> Self {
        self.chunk = Some(bytes.max(1));
        self
    }

    /// Starts; connections are made in memory, with [`ScriptedTor::transport`].
    ///
    /// # Errors
    /// None at present.
    pub fn start(self) -> Result<ScriptedTor> {
        Ok(ScriptedTor { shared: self.into_shared(), listener: None })
    }

    /// Starts, and listens on a free TCP port of 127.0.0.1:
    /// [`ScriptedTor::address`]. Connections in memory can be had besides.
    ///
    /// # Errors
    /// The operating system's.
    pub fn listen(self) -> Result<ScriptedTor> {
        let shared = self.into_shared();
        let listener = Listener::tcp(&shared)?;
        Ok(ScriptedTor { shared, listener: Some(listener) })
    }

    /// Starts, and listens on a Unix socket at `path`, which must not be there
    /// yet, and is taken away in the end.
    ///
    /// # Errors
    /// The operating system's.
    #[cfg(unix)]
    pub fn listen_at(self, path: impl Into<PathBuf>) -> Result<ScriptedTor> {
        let shared = self.into_shared();
        let listener = Listener::unix(&shared, path.into())?;
        Ok(ScriptedTor { shared, listener: Some(listener) })
    }

    fn into_shared(self) -> Arc<Shared> {
        let state = State { scripts: self.scripts, ..State::default() };
        Arc::new(Shared {
            patience: self.patience,
            chunk: self.chunk,
            answers: Mutex::new(self.answers),
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }
}

impl Shared {
    fn deadline(&self) -> Instant {
        deadline_after(self.patience)
    }
}

/// Serves a connection on a thread of its own.
fn serve(shared: &Arc<Shared>, transport: Transport) -> Result<()> {
    let line = Arc::new(Line::new(transport));
    let mut state = shared.state.lock();
    if state.stopped {
        return Ok(());
    }
    state.connections += 1;
    let number = state.connections;
    let script = state.scripts.pop_front();
    let scripted = script.is_some();
    let (their_shared, their_line) = (shared.clone(), line.clone());
    let thread = thread::Builder::new()
        .name("scape scripted tor".to_owned())
        .spawn(move || conversation::hold(&their_shared, &their_line, number, script))
        .map_err(|error| Error::io("starting a thread for a scripted tor", error))?;
    // The thread takes the lock before it does anything, so it finds itself
    // entered here.
    state.playing += usize::from(scripted);
    state.open.push(line);
    state.threads.push(thread);
    Ok(())
}
