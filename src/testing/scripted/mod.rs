//! A control port whose replies a test sets.
//!
//! * **Answers** give a reply for each command, in any order. They are short
//!   and suit the tests of programs.
//! * **A [`Script`]** describes a conversation step by step and byte by byte.
//!   It can put events between the lines of a reply, or send one byte at a
//!   time. It can also answer too late or not at all, and end the connection in
//!   the middle.
//!
//! Both work in memory, on a TCP port of 127.0.0.1, and on a Unix socket.

mod answers;
mod conversation;
mod failure;
mod line;
mod listener;
mod script;
mod shared;

use std::collections::VecDeque;
use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::error::{Phase, Result, Timeout};
use crate::io::transport::{Address, Transport, deadline_after};

use answers::Answers;
pub use failure::{ScriptError, ScriptProblem};
use listener::Listener;
pub use script::Script;
use shared::{Shared, State};

/// The default of [`ScriptedTorBuilder::patience`], the time limit of each step
/// and of each method that waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A control port without a tor behind it. Dropping it ends its threads.
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
/// A `ScriptedTor` may be used from several threads. A method that waits gives
/// up after the builder's [`patience`](ScriptedTorBuilder::patience).
pub struct ScriptedTor {
    shared: Arc<Shared>,
    listener: Option<Listener>,
}

/// The settings of a [`ScriptedTor`].
///
/// Commands without an answer get the reply of a tor that needs no
/// authentication: PROTOCOLINFO, AUTHENTICATE, SETEVENTS and QUIT succeed, and
/// everything else gets `510 Unrecognized command`. If [`info`](Self::info) was
/// called, GETINFO of other keys gets `552 Unrecognized key`.
///
/// ```
/// use scape::testing::ScriptedTor;
///
/// let tor = ScriptedTor::builder()
///     .info("version", "0.4.9.11")
///     .on("SIGNAL NEWNYM", "250 OK\r\n")
///     .start()?;
/// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// assert_eq!(controller.get_info("version")?, "0.4.9.11");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is there to connect to before start() or one of the listen methods"]
pub struct ScriptedTorBuilder {
    answers: Answers,
    scripts: VecDeque<Script>,
    patience: Duration,
    chunk: Option<usize>,
}

impl ScriptedTor {
    /// Returns a builder, which sets the answers and scripts.
    ///
    /// ```
    /// use scape::testing::ScriptedTor;
    ///
    /// let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn builder() -> ScriptedTorBuilder {
        ScriptedTorBuilder {
            answers: Answers::default(),
            scripts: VecDeque::new(),
            patience: PATIENCE,
            chunk: None,
        }
    }

    /// Starts a scripted tor that follows `script` on the first connection, in
    /// memory. Short for `builder().script(script).start()`.
    ///
    /// ```
    /// use scape::testing::{Script, ScriptedTor};
    ///
    /// let tor = ScriptedTor::follow(Script::new().login().expect("GETINFO version").hang_up())?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.get_info("version").is_err()); // tor has closed the connection
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`start`](ScriptedTorBuilder::start), which never fails
    /// at present.
    pub fn follow(script: Script) -> Result<ScriptedTor> {
        Self::builder().script(script).start()
    }

    /// Opens a new connection in memory and returns the client's end of it.
    ///
    /// ```
    /// let tor = scape::testing::ScriptedTor::builder().start()?;
    /// let first = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let second = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(first.is_open() && second.is_open());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// no thread can be started.
    pub fn transport(&self) -> Result<Transport> {
        let (client, server) = Transport::pair();
        conversation::serve(&self.shared, server)?;
        Ok(client)
    }

    /// Returns the address at which clients can connect. Returns `None` if the
    /// scripted tor was started with [`start`](ScriptedTorBuilder::start),
    /// because there is no listener then.
    pub fn address(&self) -> Option<&Address> {
        self.listener.as_ref().map(Listener::address)
    }

    /// Sends bytes on every open connection, an event for example.
    ///
    /// The bytes never end up in the middle of a reply or of one step of a
    /// script. The bytes have been written when this method returns. If the
    /// client doesn't read them within the builder's
    /// [`patience`](ScriptedTorBuilder::patience), the rest is lost.
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
            // An error only means that the client has closed the connection.
            let _ =
                line.write(bytes.as_ref(), self.shared.chunk, deadline_after(self.shared.patience));
        }
    }

    /// Opens the gate `name`. The step [`gate`](Script::gate) of a script waits
    /// for this.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().gate("now").send("650 BW 1024 512\r\n").ignore();
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// tor.open("now");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn open(&self, name: &str) {
        self.shared.state.lock().gates.insert(name.to_owned());
        self.shared.changed.notify_all();
    }

    /// Ends all open connections, like a tor that dies. New connections are
    /// still accepted.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let tor = scape::testing::ScriptedTor::builder().start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// tor.hang_up();
    /// controller.wait_closed(Duration::from_secs(10))?;
    /// assert!(!controller.is_open());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn hang_up(&self) {
        for line in &self.shared.state.lock().open {
            line.shutdown();
        }
    }

    /// Returns the commands that clients have sent so far, in order, without
    /// their line ends. A command with data is returned as it was sent, with
    /// `\n` between its lines, up to the final `.`. Bytes that aren't UTF-8 are
    /// replaced by U+FFFD.
    pub fn sent(&self) -> Vec<String> {
        self.shared.state.lock().sent.clone()
    }

    /// Waits until a client has sent a command that begins with `prefix`, and
    /// returns the first such command. The command may have been sent before
    /// this call.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder().on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.msg("SIGNAL NEWNYM")?;
    /// assert_eq!(tor.wait_for("SIGNAL")?, "SIGNAL NEWNYM");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no such command is
    /// sent within the builder's [`patience`](ScriptedTorBuilder::patience).
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

    /// Waits for running scripts to end, for at most the builder's
    /// [`patience`](ScriptedTorBuilder::patience). Then ends the listener and
    /// all connections, and returns the commands that were sent.
    ///
    /// ```
    /// use scape::testing::{Script, ScriptedTor};
    ///
    /// let tor = ScriptedTor::follow(Script::new().login().expect("SIGNAL NEWNYM"))?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// // The script expects another command, so the connection ends.
    /// assert!(controller.msg("SIGNAL DUMP").is_err());
    /// let error = tor.finish().err().map(|error| error.to_string());
    /// let expected = "the script expects \"SIGNAL NEWNYM\", but \"SIGNAL DUMP\" was sent";
    /// assert_eq!(error, Some(format!("connection 1, step 5: {expected}")));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first [`ScriptError`]: an unexpected command was sent, an
    /// expected one wasn't, a script wasn't played to its end, or a function
    /// given to [`on_any`](ScriptedTorBuilder::on_any) panicked.
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

    /// Ends the listener and all connections, and waits for the threads.
    fn end(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        self.listener = None;
        self.hang_up();
        let threads = std::mem::take(&mut self.shared.state.lock().threads);
        for thread in threads {
            // A thread of this scripted tor may drop the tor itself, and no
            // thread can join itself.
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
    /// Adds an answer: exactly this command gets exactly these bytes as its
    /// reply. Nothing is added to the bytes, so every line needs its CRLF.
    /// Later answers take precedence over earlier ones.
    ///
    /// A command with data is one text with its lines separated by `\n`, up to
    /// the final `.`: `"+LOADCONF\nSocksPort 0\n."`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder()
    ///     .on("SIGNAL NEWNYM", "250 OK\r\n")
    ///     .on("SIGNAL DUMP", "551 Internal error\r\n")
    ///     .start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.msg("SIGNAL NEWNYM")?.is_ok());
    /// assert!(!controller.msg("SIGNAL DUMP")?.is_ok());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn on(mut self, command: impl Into<String>, reply: impl Into<Vec<u8>>) -> Self {
        self.answers.exact(command.into(), reply.into());
        self
    }

    /// Adds an answer: every command that begins with `prefix` gets exactly
    /// these bytes as its reply.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder().on_prefix("SETCONF", "250 OK\r\n").start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn on_prefix(mut self, prefix: impl Into<String>, reply: impl Into<Vec<u8>>) -> Self {
        self.answers.prefix(prefix.into(), reply.into());
        self
    }

    /// Adds the function `answer`, which returns the reply to a command. If
    /// `answer` returns `None`, the earlier answers are tried. If `answer`
    /// returns an empty reply, nothing is sent, and the client keeps waiting.
    /// Calls run on the threads of the connections, one at a time. If `answer`
    /// panics, the connection ends, and [`finish`](ScriptedTor::finish) returns
    /// an error.
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

    /// Sets the value that GETINFO returns for `key`, alone or among other
    /// keys. A value of several lines is sent as a data block.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn info(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.answers.info(key.into(), value.into());
        self
    }

    /// Adds a script. The first connection follows the script that was added
    /// first, the second connection the next one, and so on. When all scripts
    /// are used, further connections get the builder's answers.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let tor = ScriptedTor::builder()
    ///     .script(Script::new().login().expect("GETINFO version").hang_up())
    ///     .info("version", "0.4.9.11")
    ///     .start()?;
    /// let first = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let second = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(first.get_info("version").is_err()); // the script ends this connection
    /// assert_eq!(second.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push_back(script);
        self
    }

    /// Sets the time limit of each step of a [`Script`]: for the next command
    /// to arrive, for a gate to be opened, or for bytes to be written. The
    /// limit also applies to the waits in [`ScriptedTor::wait_for`] and
    /// [`ScriptedTor::finish`]. Default: 10 seconds.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// use std::time::Duration;
    ///
    /// let tor = ScriptedTor::builder().patience(Duration::from_millis(50)).start()?;
    /// assert!(tor.wait_for("SIGNAL").is_err()); // no client has sent a signal
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the maximum number of bytes in one write. 0 is treated as 1. By
    /// default, all bytes of a reply are written at once.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// // One byte at a time: does the client put lines together correctly?
    /// let tor = ScriptedTor::builder().info("version", "0.4.9.11").chunks(1).start()?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn chunks(mut self, bytes: usize) -> Self {
        self.chunk = Some(bytes.max(1));
        self
    }

    /// Starts the scripted tor without a listener. [`ScriptedTor::transport`]
    /// opens connections in memory.
    ///
    /// ```
    /// let tor = scape::testing::ScriptedTor::builder().start()?;
    /// assert!(tor.address().is_none()); // there is only tor.transport()
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Never returns an error at present.
    pub fn start(self) -> Result<ScriptedTor> {
        Ok(ScriptedTor { shared: self.into_shared(), listener: None })
    }

    /// Starts the scripted tor with a listener on a free TCP port of 127.0.0.1.
    /// [`ScriptedTor::address`] returns the address. Connections in memory are
    /// still possible.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder().listen()?;
    /// let address = tor.address().ok_or("there is no listener")?;
    /// let controller = scape::Connect::to(address)?.connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the operating system refuses to listen.
    pub fn listen(self) -> Result<ScriptedTor> {
        let shared = self.into_shared();
        let listener = Listener::tcp(&shared)?;
        Ok(ScriptedTor { shared, listener: Some(listener) })
    }

    /// Starts the scripted tor with a listener on a Unix socket at `path`. The
    /// path must not exist yet. The socket is removed when the [`ScriptedTor`]
    /// is dropped.
    ///
    /// ```no_run
    /// # use scape::testing::ScriptedTor;
    /// let tor = ScriptedTor::builder().listen_at("/tmp/scripted-tor")?;
    /// let address = tor.address().ok_or("there is no listener")?;
    /// let controller = scape::Connect::to(address)?.connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the operating system refuses to listen, for example because the path
    /// exists.
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
