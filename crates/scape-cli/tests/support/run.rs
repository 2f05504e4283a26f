//! Runs the built `scape` as a user does.

use std::fmt::Debug;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use serde_json::Value;

/// The time limit for a command. Every command needs much less.
const LONGEST: Duration = Duration::from_secs(240);

/// The time limit for the next line of a command's output.
const SOON: Duration = Duration::from_secs(60);

/// A command line of `scape`. The environment variables that `scape` would read
/// are removed, so that tests don't depend on them.
#[derive(Debug)]
pub(crate) struct Scape {
    command: Command,
    input: Vec<u8>,
    error: Option<Stdio>,
}

/// Returns a command for the built program. It doesn't ignore signals, even if
/// the tests do because they were started by `nohup` or in the background of a
/// script.
fn program() -> Command {
    let path = env!("CARGO_BIN_EXE_scape");
    if cfg!(not(target_os = "linux")) {
        return Command::new(path);
    }
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT,HUP", path]);
    command
}

/// The result of a command: the exit code, the output, and the error output.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Scape {
    /// Creates a command with these arguments.
    pub(crate) fn new<const N: usize>(arguments: [&str; N]) -> Self {
        let mut command = program();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SCAPE_") || text.starts_with("TOR_") || text.contains("COLOR") {
                command.env_remove(&name);
            }
        }
        command.args(arguments);
        Scape { command, input: Vec::new(), error: None }
    }

    /// Adds the option `--control` with this address of a control port.
    pub(crate) fn control(mut self, address: impl ToString) -> Self {
        self.command.arg("--control").arg(address.to_string());
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the bytes that [`run`](Self::run) writes to the standard input.
    pub(crate) fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input = bytes.as_ref().to_vec();
        self
    }

    /// Replaces the standard error. The result of the command then lacks the
    /// error output.
    pub(crate) fn error(mut self, error: Stdio) -> Self {
        self.error = Some(error);
        self
    }

    /// Starts the command with pipes for input and output, so that a test can
    /// communicate with it while it runs.
    pub(crate) fn start(mut self) -> Child {
        let command = self.command.stdin(Stdio::piped());
        let error = self.error.unwrap_or_else(Stdio::piped);
        command.stdout(Stdio::piped()).stderr(error).spawn().unwrap()
    }

    /// Starts the command with this standard output, such as a terminal, and
    /// without input.
    pub(crate) fn start_with(mut self, output: Stdio) -> Child {
        let error = self.error.unwrap_or_else(Stdio::piped);
        let command = self.command.stdin(Stdio::null());
        command.stdout(output).stderr(error).spawn().unwrap()
    }

    /// Starts the command with this standard input and output, such as a
    /// terminal.
    pub(crate) fn start_on(mut self, input: Stdio, output: Stdio) -> Child {
        let error = self.error.unwrap_or_else(Stdio::piped);
        self.command.stdin(input).stdout(output).stderr(error).spawn().unwrap()
    }

    /// Runs the command until it ends, and returns the result.
    pub(crate) fn run(self) -> Done {
        let input = self.input.clone();
        let line = format!("{:?}", self.command);
        let mut child = self.start();
        let mut stdin = child.stdin.take().unwrap();
        // The command may end before it has read everything.
        thread::spawn(move || stdin.write_all(&input));
        Done::of(child, &line)
    }

    /// Runs the command, which must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        self.run().expect(0).out
    }

    /// Runs the command with `--json`. It must succeed. Returns the JSON values
    /// of its output, one for each line.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        let out = self.arg("--json").ok();
        let values = out.lines().map(serde_json::from_str);
        values.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error} in {out}"))
    }
}

impl Done {
    /// Waits for the end of a command, and returns the result. If the command
    /// takes too long, kills it and fails the test.
    pub(crate) fn of(child: Child, what: &dyn Debug) -> Done {
        let pid = child.id();
        let (sender, receiver) = crossbeam_channel::bounded(1);
        thread::spawn(move || sender.send(child.wait_with_output()));
        let begun = Instant::now();
        let Output { status, stdout, stderr } = match receiver.recv_timeout(LONGEST) {
            Ok(output) => output.unwrap(),
            Err(_) => {
                send_signal(pid, rustix::process::Signal::KILL);
                let output = receiver.recv().unwrap().unwrap();
                panic!("{what:?} hangs for {:?}: {output:?}", begun.elapsed());
            }
        };
        Done {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            error: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Checks that the exit code is `code`, and returns the result.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The lines that a running command prints. A thread reads them.
#[derive(Debug)]
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    /// Starts to read a command's output in a thread.
    pub(crate) fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = unbounded();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                // The output is read to its end, even if the test has all the
                // lines that it wants.
                let _ = sender.send(line.unwrap());
            }
        });
        Lines(lines)
    }

    /// Waits for the next line. Fails the test after [`SOON`].
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(SOON).unwrap_or_else(|error| panic!("no line: {error}"))
    }

    /// Waits for the next line, for `limit` at most. Returns `None` if the
    /// limit or the end of the output was reached first.
    pub(crate) fn within(&self, limit: Duration) -> Option<String> {
        self.0.recv_timeout(limit).ok()
    }

    /// Returns the remaining lines of the output, which must end soon.
    pub(crate) fn rest(&self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| self.within(SOON))
    }

    /// Skips lines until one is equal to `expected`.
    #[track_caller]
    pub(crate) fn until(&self, expected: &str) {
        while self.next() != expected {}
    }
}

/// Waits until a command has installed its handler for Ctrl-C, or has ended.
/// Commands install the handler before they do anything else.
pub(crate) fn wait_for_handler(child: &mut Child) {
    let deadline = Instant::now() + LONGEST;
    let path = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let Ok(text) = fs::read_to_string(&path) else {
            // This system has no /proc.
            return thread::sleep(Duration::from_millis(500));
        };
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        if caught.is_some_and(|set| u64::from_str_radix(set.trim(), 16).unwrap() & 2 != 0) {
            return;
        }
        assert!(Instant::now() < deadline, "no signal is handled: {text}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a signal to a process.
pub(crate) fn send_signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
