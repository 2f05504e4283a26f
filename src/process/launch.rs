//! Starting a tor.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::bootstrap::{self, ProgressCallback, WaitFor};
use super::child::Child;
use super::command::{self, TORRC};
use super::control::{Control, Pending};
use super::find::find_tor;
use super::log::LineCallback;
use super::options::{self, OptionValue};
use super::private_dir::{self, PrivateDir};
use super::tor_process::{Running, TorProcess};
use crate::config::{Torrc, TorrcMagic};
use crate::error::{ArgumentError, Error, LaunchError, LaunchProblem, Result};
use crate::transport::deadline_after;
use crate::types::Progress;
use crate::undo::{self, Rank};

/// How long starting may take unless told otherwise: tor gives up on nothing, and a first bootstrap over a slow line
/// takes minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long ending may take. tor takes milliseconds, on a machine that is not busy.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How many lines of the log are kept.
const DEFAULT_LOG_LINES: usize = 64;

/// Starts a tor of our own.
///
/// ```no_run
/// let tor = scape::Launch::new()
///     .option("ContactInfo", "me@example.org")
///     .on_progress(|step| println!("{step}"))
///     .start()?;
/// println!("tor {} has the process identifier {}", tor.controller().version()?, tor.pid());
/// tor.stop()?;
/// # Ok::<(), scape::Error>(())
/// ```
///
/// What is not said otherwise:
///
/// * the program is what [`find_tor`] finds;
/// * the data directory is a temporary one, so tor downloads everything anew (and has new guards) each time;
/// * the control connection is a [pair of sockets](Control::SocketPair);
/// * `SocksPort auto`, so that it can run beside another tor (`GETINFO net/listeners/socks` tells the port; it is `0`
///   with `HiddenServiceNonAnonymousMode 1`), and `Log notice stdout`, unless these options are given;
/// * [`start`](Self::start) waits until tor is ready, for two minutes at most; with `DisableNetwork 1` it waits only
///   until tor is controlled.
///
/// No other configuration is read: neither `/etc/tor/torrc` nor `torrc-defaults`. The process inherits the
/// environment, and has a process group of its own: Ctrl-C in a terminal goes to this program, not to its tor.
#[must_use = "nothing is started before start() is called"]
pub struct Launch {
    program: Option<PathBuf>,
    options: Vec<(String, OptionValue)>,
    environment: Vec<(OsString, OsString)>,
    data_directory: Option<PathBuf>,
    control: Control,
    wait_for: Option<WaitFor>,
    timeout: Duration,
    stop_timeout: Duration,
    on_progress: Option<ProgressCallback>,
    on_log: Option<LineCallback>,
    log_lines: usize,
}

impl Default for Launch {
    fn default() -> Self {
        Launch {
            program: None,
            options: Vec::new(),
            environment: Vec::new(),
            data_directory: None,
            control: Control::default(),
            wait_for: None,
            timeout: DEFAULT_TIMEOUT,
            stop_timeout: DEFAULT_STOP_TIMEOUT,
            on_progress: None,
            on_log: None,
            log_lines: DEFAULT_LOG_LINES,
        }
    }
}

impl Launch {
    /// A tor with nothing said: see [`Launch`].
    pub fn new() -> Self {
        Launch::default()
    }

    /// The tor program, where it is not the one that [`find_tor`] finds.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// An option of tor's, as in a torrc. Options stay in the order in which they are given, and those that tor takes
    /// several times (such as `SocksPort` or the `HiddenService…` ones) can be repeated.
    ///
    /// Values may be text, numbers, addresses, paths, and `bool`, which becomes `1` or `0`. They reach tor as they are:
    /// quotes, `#` and backslashes need no care. CR, LF and NUL are refused by [`start`](Self::start), and so are
    /// `DataDirectory` (there is [`data_directory`](Self::data_directory)), `RunAsDaemon`, and the options by which the
    /// control connection is made.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Several options, in order: see [`option`](Self::option).
    pub fn options<N: Into<String>, V: Into<OptionValue>>(
        self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        options.into_iter().fold(self, |launch, (name, value)| launch.option(name, value))
    }

    /// The options of a torrc, in its order: as if each were given with [`option`](Self::option). So what
    /// cannot be given there (`DataDirectory`, `RunAsDaemon`, …) cannot be in it either.
    ///
    /// `+Name` means `Name`, as there is no file of defaults; `/Name` takes away what was given of this option before, and
    /// sets it to nothing. What is included has to be in it: [`TorrcFiles::to_single`](crate::config::TorrcFiles::to_single).
    ///
    /// ```
    /// use scape::config::Torrc;
    ///
    /// let torrc = Torrc::parse("# A relay\nNickname relay01 # mine\nORPort 9001\n")?;
    /// let launch = scape::Launch::new().torrc(&torrc).option("ContactInfo", "me@example.org");
    /// assert!(format!("{launch:?}").contains(r#"["Nickname", "ORPort", "ContactInfo"]"#));
    /// # Ok::<(), scape::error::ParseTorrcError>(())
    /// ```
    pub fn torrc(mut self, torrc: &Torrc) -> Self {
        for entry in torrc {
            if entry.magic() == Some(TorrcMagic::Clear) {
                self.options.retain(|(name, _)| !entry.is_named(name));
            }
            let value = OptionValue::from_bytes(entry.value_bytes());
            self.options.push((entry.option_name().to_owned(), value));
        }
        self
    }

    /// A variable of tor's environment, besides those inherited.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The data directory. It is made (mode 0700) where it is missing, and is kept. With what tor has left there, the
    /// next bootstrap takes seconds, and the guards stay the same. One tor at a time can use it.
    pub fn data_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(path.into());
        self
    }

    /// How tor is controlled.
    pub fn control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// What tor has to reach before [`start`](Self::start) returns.
    pub fn wait_for(mut self, wait_for: WaitFor) -> Self {
        self.wait_for = Some(wait_for);
        self
    }

    /// How long [`start`](Self::start) may take in all. Default: two minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long tor may take to end, when asked to, before it is killed. Default: 10 seconds.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Called with each step of the bootstrap, problems included, on the thread that called [`start`](Self::start). (The event
    /// STATUS_CLIENT has more of each: [`Bootstrap`](crate::event::Bootstrap).)
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Called with each line that tor writes to its standard output (by default: its log), as long as it runs, on a
    /// thread of its own. The lines also go to [`log`], at debug level, with the target `scape::tor`.
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Box::new(callback));
        self
    }

    /// How many lines of tor's log are kept for [`TorProcess::log_tail`] and for errors. Default: 64.
    pub fn log_lines(mut self, count: usize) -> Self {
        self.log_lines = count;
        self
    }

    /// Starts tor, and waits until it has come as far as is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Launch`], with the [problem](LaunchProblem) and the last lines of the log. No process and no
    /// temporary file is left behind.
    pub fn start(mut self) -> Result<TorProcess> {
        let deadline = deadline_after(self.timeout);
        self.check().map_err(unspawned)?;
        let program = match self.program.take() {
            Some(program) => program,
            None => find_tor()?,
        };
        let directory = PrivateDir::new().map_err(|error| prepare("make a temporary directory", error))?;
        let data_directory = match self.data_directory.take() {
            Some(path) => std::path::absolute(&path)
                .map_err(|error| prepare(format!("find {}", path.display()), error))?,
            None => directory.join("data"),
        };
        private_dir::make_private(&data_directory).map_err(|error| {
            prepare(format!("make the data directory {}", data_directory.display()), error)
        })?;

        let (mut command, pending) =
            self.command(&program, &directory, &data_directory).map_err(unspawned)?;
        let child = Child::spawn(&mut command, self.log_lines, self.on_log.take()).map_err(|error| {
            let problem = LaunchProblem::Spawn { program: program.clone(), source: Arc::new(error) };
            LaunchError::new(problem, Vec::new())
        })?;
        // With it goes our copy of tor's end of the pair of sockets: the connection ends when tor does.
        drop(command);

        let directory = Mutex::new(Some(directory));
        let running = Arc::new(Running { child, stop_timeout: self.stop_timeout, directory });
        undo::register(Rank::Process, &running);
        let mut reached = None;
        let wanted = self.wanted();
        let mut callback = self.on_progress.take();
        let (controller, control_address) = pending
            .connect(&running.child, deadline)
            .and_then(|(controller, address)| {
                if let WaitFor::Bootstrap(percent) = wanted {
                    bootstrap::wait(&controller, percent, deadline, &mut reached, |step| {
                        if let Some(call) = &mut callback {
                            call(&step.into());
                        }
                    })?;
                }
                Ok((controller, address))
            })
            .map_err(|error| running.failure(error, self.timeout, reached))?;
        Ok(TorProcess { controller, control_address, data_directory, running })
    }

    /// Whether an option is given.
    fn has(&self, name: &str) -> bool {
        self.value_of(name).is_some()
    }

    /// What an option is set to: the last value counts.
    fn value_of(&self, name: &str) -> Option<&[u8]> {
        let last = self.options.iter().rfind(|(given, _)| given.eq_ignore_ascii_case(name));
        last.map(|(_, value)| value.as_bytes().trim_ascii())
    }

    /// What tor has to reach: 100 percent, unless it was said or cannot be.
    fn wanted(&self) -> WaitFor {
        match self.wait_for {
            Some(wait_for) => wait_for,
            None if self.value_of("DisableNetwork") == Some(b"1") => WaitFor::Control,
            None => WaitFor::DONE,
        }
    }

    /// Refuses options that cannot be given.
    fn check(&self) -> Result<()> {
        for (name, value) in &self.options {
            let value = value.as_bytes();
            options::check(name, value)?;
            let why = match name.to_ascii_lowercase().as_str() {
                "datadirectory" => "is set with Launch::data_directory",
                "runasdaemon" if value.trim_ascii() != b"0" => "would make tor leave this program",
                "__owningcontrollerfd" | "__owningcontrollerprocess" => "is set by Launch",
                "controlportwritetofile" if self.control == Control::TcpPort => {
                    "is set by Launch, with Control::TcpPort"
                }
                _ => continue,
            };
            return Err(ArgumentError::invalid("Launch::option", name, why).into());
        }
        Ok(())
    }

    /// The command that starts tor, with its torrc written.
    fn command(
        &self,
        program: &Path,
        directory: &PrivateDir,
        data_directory: &Path,
    ) -> Result<(Command, Pending)> {
        let mut command = command::tor_command(program, directory);
        let mut torrc = Torrc::new();
        torrc.push("DataDirectory", path_bytes(data_directory))?;
        let pending = self.control.prepare(directory, &mut torrc, &mut command)?;
        if self.control.is_listening() && !self.has("CookieAuthentication") {
            torrc.push("CookieAuthentication", b"1")?;
            if !self.has("CookieAuthFile") {
                torrc.push("CookieAuthFile", path_bytes(&directory.join("cookie")))?;
            }
        }
        // A tor whose own services are not anonymous refuses to be a client.
        let is_client = self.value_of("HiddenServiceNonAnonymousMode") != Some(b"1");
        if !self.has("SocksPort") && !self.has("__SocksPort") {
            torrc.push("SocksPort", if is_client { "auto" } else { "0" })?;
        }
        if !self.has("Log") {
            torrc.push("Log", b"notice stdout")?;
        }
        for (name, value) in &self.options {
            let value = value.as_bytes();
            // The other one that tor neither saves nor lets change: see Control::prepare.
            if name.eq_ignore_ascii_case("__DisableSignalHandlers") {
                command.arg(format!("--{name}")).arg(String::from_utf8_lossy(value).as_ref());
            } else {
                torrc.push(name, value)?;
            }
        }
        directory
            .write(TORRC, &torrc.to_bytes())
            .map_err(|error| Error::io(format!("write {}", directory.join(TORRC).display()), error))?;
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok((command, pending))
    }
}

/// A path as tor reads it.
fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// Something that tor needs could not be prepared.
pub(super) fn prepare(what: impl Into<String>, error: std::io::Error) -> LaunchError {
    let problem = LaunchProblem::Prepare { what: what.into(), source: Arc::new(error) };
    LaunchError::new(problem, Vec::new())
}

/// A failure before there was a process.
fn unspawned(error: Error) -> LaunchError {
    match error {
        Error::Io { what, source } => {
            LaunchError::new(LaunchProblem::Prepare { what: what.into(), source }, Vec::new())
        }
        error => LaunchError::new(LaunchProblem::Option(Box::new(error)), Vec::new()),
    }
}

/// Without the values of the options, some of which are secret.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("program", &self.program)
            .field("options", &self.options.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("data_directory", &self.data_directory)
            .field("control", &self.control)
            .field("wait_for", &self.wait_for)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
