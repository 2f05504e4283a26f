//! Starting a tor.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::child::Child;
use super::control::{Control, PrepareError};
use super::find::find_tor;
use super::log::{LineCallback, LogTail};
use super::options::OptionValue;
use super::tor_process::{Running, TorProcess};
use super::torrc::Torrc;
use crate::controller::Controller;
use crate::error::{ArgumentError, Error, LaunchError, LaunchProblem, Result};
use crate::event::{Bootstrap, EventBody};
use crate::transport::deadline_after;
use crate::types::EventKind;

/// How long a start may take. A first bootstrap over a slow network takes a minute or two.
const TIMEOUT: Duration = Duration::from_secs(180);

/// How many lines of tor's log are kept.
const LOG_LINES: usize = 64;

/// How long a tor whose control connection has ended may take to be gone.
const LAST_BREATH: Duration = Duration::from_secs(3);

/// Options that the launch sets by itself, with what to call instead.
const RESERVED: &[(&str, &str)] = &[
    ("DataDirectory", "is set by data_directory()"),
    ("__OwningControllerFD", "is set by control()"),
    ("__OwningControllerProcess", "is set by control()"),
    ("RunAsDaemon", "would take tor out of this program's hands"),
];

type ProgressCallback = Box<dyn FnMut(&Bootstrap) + Send>;

/// A tor to be started, with its options.
///
/// ```no_run
/// use scape::process::Launch;
/// use std::time::Duration;
///
/// let tor = Launch::new()
///     .option("SocksPort", "auto")
///     .option("MaxCircuitDirtiness", 60)
///     .data_directory("/home/me/.cache/my-program/tor") // keeps the consensus: a much faster start
///     .on_progress(|p| eprintln!("{:3} % {}", p.progress, p.summary))
///     .timeout(Duration::from_secs(120))
///     .start()?;
/// println!("{}", tor.controller().version()?);
/// tor.stop()?;
/// # Ok::<(), scape::Error>(())
/// ```
///
/// Unless the options say otherwise, tor logs at level notice to this program, and opens one SOCKS port, on
/// 127.0.0.1, with a number that it chooses (`GETINFO net/listeners/socks` tells): its default, 9050, is often taken.
#[must_use = "nothing happens before start()"]
pub struct Launch {
    program: Option<PathBuf>,
    options: Vec<(String, OptionValue)>,
    data_directory: Option<PathBuf>,
    control: Control,
    wait_for: Option<u8>,
    timeout: Duration,
    log_lines: usize,
    on_progress: Option<ProgressCallback>,
    on_log: Option<LineCallback>,
}

impl Default for Launch {
    fn default() -> Self {
        Launch {
            program: None,
            options: Vec::new(),
            data_directory: None,
            control: Control::default(),
            wait_for: None,
            timeout: TIMEOUT,
            log_lines: LOG_LINES,
            on_progress: None,
            on_log: None,
        }
    }
}

impl Launch {
    /// A tor without options.
    pub fn new() -> Self {
        Launch::default()
    }

    /// The tor program. Default: what [`find_tor`] finds.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Sets an option. Repeat it for options that may have several values; the order is kept.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Sets several options.
    pub fn options<N: Into<String>, V: Into<OptionValue>>(
        mut self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.options.extend(options.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Where tor keeps its state. It is made, for this user alone, where it does not exist, and stays. Default: a
    /// temporary directory, which goes with tor.
    pub fn data_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(path.into());
        self
    }

    /// How tor is controlled. Default: over a socket pair, where the platform has it.
    pub fn control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// Waits until the bootstrap has come this far, in percent; 0 waits only for the control connection. Default: 100,
    /// or 0 where `DisableNetwork 1` is among the options.
    pub fn wait_for(mut self, percent: u8) -> Self {
        self.wait_for = Some(percent);
        self
    }

    /// How long [`start`](Self::start) may take. Default: three minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many of tor's last log lines are kept, for [`TorProcess::log_tail`] and for errors. Default: 64.
    pub fn log_lines(mut self, lines: usize) -> Self {
        self.log_lines = lines;
        self
    }

    /// Called with each step of the bootstrap, on the thread that calls [`start`](Self::start): where it stands at
    /// the beginning, and every change.
    pub fn on_progress(mut self, callback: impl FnMut(&Bootstrap) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Called with each line that tor logs, on a thread of its own.
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Box::new(callback));
        self
    }

    /// Starts tor and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Error::Launch`], with the last lines that tor logged: no tor program, a bad option, a port in use, the timeout.
    /// Nothing is left behind then.
    pub fn start(mut self) -> Result<TorProcess> {
        let deadline = deadline_after(self.timeout);
        let program = match self.program.take() {
            Some(program) => program,
            None => find_tor()?,
        };
        let private = private_directory().map_err(|e| prepare("make a private directory", e))?;
        let data_directory = self.make_data_directory(private.path())?;

        let mut command = Command::new(&program);
        let mut torrc = Torrc::default();
        torrc.push("DataDirectory", data_directory.as_os_str().as_encoded_bytes()).map_err(option_error)?;
        let control =
            self.control.prepare(private.path(), &mut torrc, &mut command).map_err(|error| match error {
                PrepareError::Io(error) => prepare("make a socket pair for control", error),
                PrepareError::Argument(error) => option_error(error),
            })?;
        self.write_options(&mut torrc)?;
        let torrc_path = private.path().join("torrc");
        let defaults = private.path().join("torrc-defaults");
        write_private(&torrc_path, torrc.as_bytes()).map_err(|e| prepare("write the torrc", e))?;
        // The system's is not read: this one is empty.
        write_private(&defaults, b"").map_err(|e| prepare("write an empty torrc-defaults", e))?;

        command.arg("--defaults-torrc").arg(&defaults).arg("-f").arg(&torrc_path);
        let running = self.spawn(command, &program, private)?;
        let controller = match control.connect(&running.child, deadline) {
            Ok(controller) => controller,
            Err(error) => return Err(self.failure(running, error, None)),
        };
        let mut progress = None;
        match self.wait_ready(&controller, deadline, &mut progress) {
            Ok(()) => Ok(TorProcess::new(controller, running, data_directory)),
            Err(error) => Err(self.failure(running, error, progress)),
        }
    }

    fn spawn(&mut self, mut command: Command, program: &Path, private: TempDir) -> Result<Running> {
        let pipe = io::pipe().and_then(|(reader, writer)| Ok((reader, writer.try_clone()?, writer)));
        let (output, stdout, stderr) = pipe.map_err(|e| prepare("make a pipe for tor's log", e))?;
        // tor writes nothing on standard error, but the system's loader does.
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let child = Child::spawn(&mut command);
        // The command holds the other ends of the pipe and of the control socket.
        drop(command);
        let child = child.map_err(|e| {
            let problem = LaunchProblem::Spawn { program: program.into(), source: Arc::new(e) };
            Error::from(LaunchError::new(problem, Vec::new()))
        })?;
        match LogTail::read(output, self.log_lines, self.on_log.take()) {
            Ok(log) => Ok(Running { child, log, private: Some(private) }),
            Err(error) => {
                child.end(Duration::ZERO);
                Err(prepare("start a thread for tor's log", error))
            }
        }
    }

    /// Waits for the first answer, and then for the bootstrap.
    fn wait_ready(
        &mut self,
        controller: &Controller,
        deadline: Instant,
        reached: &mut Option<u8>,
    ) -> Result<()> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let target = self.wait_for.unwrap_or(if self.is_set("DisableNetwork", "1") { 0 } else { 100 });
        if target == 0 {
            return controller.with_timeout(left()).version().map(drop);
        }
        // Subscribed first and asked second, so that no step is missed in between.
        let patient = controller.with_timeout(left());
        let events = patient.subscribe([EventKind::StatusClient])?;
        let phase = patient.get_info_bytes("status/bootstrap-phase")?;
        if let Some(bootstrap) = Bootstrap::parse(&phase) {
            self.progress(&bootstrap, reached);
        }
        while reached.is_none_or(|reached| reached < target) {
            let event = events.next_until(deadline, self.timeout)?;
            if let EventBody::StatusClient(status) = event.body()
                && let Some(bootstrap) = status.bootstrap()
            {
                self.progress(&bootstrap, reached);
            }
        }
        Ok(())
    }

    fn progress(&mut self, bootstrap: &Bootstrap, reached: &mut Option<u8>) {
        *reached = Some(bootstrap.progress);
        if let Some(callback) = &mut self.on_progress {
            callback(bootstrap);
        }
    }

    /// What went wrong, from how tor ended, what it logged, and what the control connection saw. Ends tor.
    fn failure(&self, mut running: Running, error: Error, progress: Option<u8>) -> Error {
        // A connection that ends is the first sign of a tor that ends.
        let exit = match &error {
            _ if running.child.exit().is_some() => running.child.exit(),
            Error::Closed(_) | Error::Connect(_) | Error::Auth(_) if !error.is_timeout() => {
                running.child.wait_until(Instant::now() + LAST_BREATH)
            }
            _ => None,
        };
        let problem = match (exit, error) {
            (Some(exit), _) => LaunchProblem::Exited { code: exit.code, signal: exit.signal },
            (None, error) if error.is_timeout() => LaunchProblem::Timeout { after: self.timeout, progress },
            (None, error) => LaunchProblem::Control(Box::new(error)),
        };
        if exit.is_none() {
            // Before the log is read: what it says at its end is part of the story, but what it says of our signal is not.
            let log = running.log.lines();
            running.child.end(Duration::from_secs(2));
            drop(running);
            return LaunchError::new(problem, log).into();
        }
        let log = running.log.last_lines();
        running.private.take();
        LaunchError::new(problem, log).into()
    }

    fn make_data_directory(&self, private: &Path) -> Result<PathBuf> {
        let path = self.data_directory.clone().unwrap_or_else(|| private.join("data"));
        // tor runs in the same directory as this program, but later commands may name files too.
        let path = std::path::absolute(path).map_err(|e| prepare("find the data directory", e))?;
        make_private_directory(&path)
            .map_err(|e| prepare(&format!("make the data directory {}", path.display()), e))?;
        Ok(path)
    }

    fn write_options(&self, torrc: &mut Torrc) -> Result<()> {
        for (name, value) in &self.options {
            let reserved = RESERVED.iter().find(|(reserved, _)| name.eq_ignore_ascii_case(reserved));
            if let Some((_, why)) = reserved {
                return Err(option_error(ArgumentError::invalid("Launch", name, *why)));
            }
            torrc.push(name, value.as_bytes()).map_err(option_error)?;
        }
        if !self.names("Log") {
            torrc.push("Log", b"notice stdout").map_err(option_error)?;
        }
        if !self.names("SocksPort") && !self.is_set("HiddenServiceNonAnonymousMode", "1") {
            torrc.push("SocksPort", b"127.0.0.1:auto").map_err(option_error)?;
        }
        Ok(())
    }

    fn names(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| name.eq_ignore_ascii_case(option))
    }

    fn is_set(&self, option: &str, value: &str) -> bool {
        let set = self.options.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(option));
        set.is_some_and(|(_, set)| set.as_bytes() == value.as_bytes())
    }
}

fn prepare(what: &str, source: io::Error) -> Error {
    let problem = LaunchProblem::Prepare { what: what.into(), source: Arc::new(source) };
    LaunchError::new(problem, Vec::new()).into()
}

fn option_error(error: ArgumentError) -> Error {
    LaunchError::new(LaunchProblem::Option(Box::new(error.into())), Vec::new()).into()
}

/// A temporary directory for this user alone.
fn private_directory() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("scape-tor-").tempdir()
}

#[cfg(unix)]
fn make_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// A new file for this user alone.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}

impl fmt::Debug for Launch {
    /// The options' values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.options.iter().map(|(name, _)| name).collect();
        f.debug_struct("Launch")
            .field("program", &self.program)
            .field("options", &names)
            .field("data_directory", &self.data_directory)
            .field("control", &self.control)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
