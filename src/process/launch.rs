//! Starting a tor: [`Launch`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::authentication;
use super::bootstrap::{self, ProgressCallback, WaitFor};
use super::child::Child;
use super::command::{self, TORRC};
use super::control::{Connected, Control, Failed, Pending, Shutdown};
use super::find::find_tor;
use super::log::LineCallback;
use super::options::{self, OptionValue};
use super::private_dir::PrivateDir;
use super::private_file;
use super::tor_process::{Owner, Running, TorProcess};
use crate::control::BuildCircuit;
use crate::error::{Error, IoError, Result};
use crate::io::cancel::CancelToken;
use crate::io::transport::{Deadline, deadline_after};
use crate::live::config::{Torrc, TorrcMagic};
use crate::process::{LaunchError, LaunchProblem};
use scape_proto::control::ArgumentError;
use scape_proto::word::Progress;

/// The default time limit for starting. tor itself never gives up, and a first
/// bootstrap over a slow line takes minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// The default time limit for ending. tor takes milliseconds on a machine that
/// is not busy.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The default number of log lines that are kept.
const DEFAULT_LOG_LINES: usize = 64;

/// A builder that configures and starts a tor process, which belongs to this
/// program and ends with it.
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
/// Defaults:
///
/// * the program is the one that [`find_tor`] finds;
/// * the data directory is a temporary one, so each tor downloads everything
///   anew and has new guards;
/// * the control connection is a [pair of sockets](Control::SocketPair);
/// * `SocksPort auto ExtendedErrors`, so that this tor can run beside another
///   one (`GETINFO net/listeners/socks` returns the port). With
///   `HiddenServiceNonAnonymousMode 1` it is `SocksPort 0`. Setting `SocksPort`
///   replaces this;
/// * `Log notice stdout`, unless `Log` is set;
/// * [`start`](Self::start) waits until tor is ready, for two minutes at most.
///   With `DisableNetwork 1` it waits only until tor can be controlled.
///
/// No other configuration is read: neither `/etc/tor/torrc` nor
/// `torrc-defaults`. tor inherits the environment.
///
/// # Control ports
///
/// All control ports of a launched tor need authentication. This includes ports
/// from [`Control`], from `ControlPort` or `ControlSocket` in the options, and
/// from later changes of the configuration.
///
/// `CookieAuthentication 1` is set unless the options contain this option or,
/// with [`Control::SocketPair`], a password. Some later changes could remove
/// the cookie or the password as a side effect. In such a case,
/// [`TorProcess::controller`] adds `CookieAuthentication 1` to the command:
///
/// * [`load_conf`](crate::Controller::load_conf) with a torrc that sets neither
///   the cookie nor a password;
/// * [`reset_conf`](crate::Controller::reset_conf) of the cookie or a password;
/// * [`set_conf`](crate::Controller::set_conf) that clears the cookie or a
///   password.
///
/// A change that sets the option to 0 is sent unchanged:
/// `set_conf([("CookieAuthentication", "0")])`, or `CookieAuthentication 0` in
/// a torrc that is loaded.
/// [`without_authentication`](Self::without_authentication) turns all of this
/// off. Commands sent with [`Controller::send`](crate::Controller::send) aren't
/// checked.
///
/// # Processes
///
/// On Unix, tor has a process group of its own, so Ctrl-C in a terminal reaches
/// this program and not tor. tor ends nevertheless, because it ends with the
/// control connection that this program owns.
///
/// The program may be a wrapper script. It should `exec` tor. If it doesn't,
/// the whole process group is ended together with the script, also if the
/// script ends before tor. In two cases, the launch can't signal the wrapped
/// tor:
///
/// * the wrapper moves tor to another process group (`setsid`);
/// * the script ends before tor, and other code in this program reaps all
///   children (`waitpid(-1)`, or SIGCHLD ignored). The script's exit status is
///   unknown then.
///
/// Such a tor ends when its control connection closes, or within 15 seconds
/// after this program ends. If the wrapper starts tor only after the torrc was
/// removed, tor refuses to start.
///
/// # Files
///
/// The torrc, the control socket and the temporary data directory are in a
/// private directory named `scape-…` in the system's directory for temporary
/// files. The directory is removed after tor has ended. If this program is
/// killed, the directory stays. On Unix, the next launch removes it: each
/// launch first removes the directories that killed programs of this user left.
#[doc(alias = "launch_tor")]
#[doc(alias = "launch_tor_with_config")]
#[must_use = "nothing is started before start() is called"]
pub struct Launch {
    program: Option<PathBuf>,
    options: Vec<(String, OptionValue)>,
    environment: Vec<(OsString, OsString)>,
    data_directory: Option<PathBuf>,
    /// Files that are written into a data directory that contains none of them.
    seed: Vec<(&'static str, Arc<[u8]>)>,
    control: Control,
    without_authentication: bool,
    cancel: CancelToken,
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
            seed: Vec::new(),
            control: Control::default(),
            without_authentication: false,
            cancel: CancelToken::new(),
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
    /// Creates a launch with the [defaults](Launch).
    pub fn new() -> Self {
        Launch::default()
    }

    /// Sets the path of the tor program. Default: the one that [`find_tor`]
    /// finds.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Adds a tor option, as in a torrc. Options keep the order in which they
    /// are given. Options that tor accepts several times (such as `SocksPort`
    /// or the `HiddenService…` ones) can be repeated.
    ///
    /// Values may be text, numbers, addresses, paths, and `bool`, which becomes
    /// `1` or `0`. They reach tor unchanged: quotes, `#` and backslashes need
    /// no escaping.
    ///
    /// An abbreviated or older name (`ControlPor`, `DataDir`, `EntryNode`) is
    /// replaced by the full name of the option that tor would take it for. Then
    /// [`start`](Self::start) returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for:
    ///
    /// * names with characters other than letters, digits and `_`;
    /// * values with CR, LF or NUL, and values that
    ///   [`set_conf`](crate::Controller::set_conf) refuses;
    /// * `DataDirectory` (use [`data_directory`](Self::data_directory));
    /// * `RunAsDaemon`, unless it is 0;
    /// * `__OwningControllerFD` and `__OwningControllerProcess`, and
    ///   `ControlPortWriteToFile` with [`Control::TcpPort`], because the launch
    ///   sets them;
    /// * `CookieAuthentication 0` unless there is a password or
    ///   [`without_authentication`](Self::without_authentication) was called.
    ///
    /// ```
    /// let launch = scape::Launch::new()
    ///     .option("SocksPort", "auto IsolateDestAddr")
    ///     .option("SocksPort", 9999)
    ///     .option("ClientOnly", true);
    /// ```
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Adds several options, in order. See [`option`](Self::option).
    ///
    /// ```
    /// let launch = scape::Launch::new().options([("SocksPort", "9150"), ("ClientOnly", "1")]);
    /// assert!(format!("{launch:?}").contains(r#"["SocksPort", "ClientOnly"]"#));
    /// ```
    pub fn options<N: Into<String>, V: Into<OptionValue>>(
        self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        options.into_iter().fold(self, |launch, (name, value)| launch.option(name, value))
    }

    /// Adds the options of a torrc in its order, as if each were given with
    /// [`option`](Self::option). So the torrc must not contain options that
    /// `option` refuses (`DataDirectory`, `RunAsDaemon`, …) either.
    ///
    /// `+Name` means `Name`, because there is no defaults file. `/Name`
    /// discards all earlier values of this option and sets it to an empty
    /// value. With an `%include`, [`start`](Self::start) returns an error.
    /// Replace it first with
    /// [`TorrcFiles::to_single`](crate::config::TorrcFiles::to_single).
    ///
    /// ```
    /// use scape::config::Torrc;
    ///
    /// let torrc = Torrc::parse("# A relay\nNickname relay01 # mine\nORPort 9001\n")?;
    /// let launch = scape::Launch::new().torrc(&torrc).option("ContactInfo", "me@example.org");
    /// assert!(format!("{launch:?}").contains(r#"["Nickname", "ORPort", "ContactInfo"]"#));
    /// # Ok::<(), scape::config::ParseTorrcError>(())
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

    /// Sets a variable in tor's environment, in addition to the inherited ones.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the data directory. Default: a temporary one, which is removed
    /// after tor has ended.
    ///
    /// The directory is created with mode 0700 if it is missing, and isn't
    /// removed afterwards. With tor's files in it, the next bootstrap takes
    /// only seconds, and tor keeps the same guards. Only one tor at a time can
    /// use a data directory.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new().data_directory("tor-data").start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn data_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(path.into());
        self
    }

    /// Returns a copy without callbacks, and with its own cancel token.
    #[cfg(feature = "testing")]
    pub(crate) fn again(&self) -> Launch {
        Launch {
            program: self.program.clone(),
            options: self.options.clone(),
            environment: self.environment.clone(),
            data_directory: self.data_directory.clone(),
            seed: self.seed.clone(),
            control: self.control,
            without_authentication: self.without_authentication,
            wait_for: self.wait_for,
            timeout: self.timeout,
            stop_timeout: self.stop_timeout,
            log_lines: self.log_lines,
            ..Launch::default()
        }
    }

    /// Sets files for tor's data directory. If the directory already contains
    /// one of them, none is written.
    #[cfg(feature = "testing")]
    pub(crate) fn seed(mut self, files: Vec<(&'static str, Arc<[u8]>)>) -> Self {
        self.seed = files;
        self
    }

    /// Sets the kind of the control connection. Default:
    /// [`Control::SocketPair`] on Unix, [`Control::TcpPort`] elsewhere.
    ///
    /// ```no_run
    /// use scape::Launch;
    /// use scape::process::Control;
    ///
    /// let tor = Launch::new().control(Control::TcpPort).start()?;
    /// println!("other controllers can connect to {:?}", tor.control_address());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// Lets another thread cancel the launch with this token, in any phase.
    ///
    /// [`start`](Self::start) then ends everything that it has started and
    /// fails with [`LaunchProblem::Cancelled`]. This takes as long as tor takes
    /// to end: usually milliseconds. After the
    /// [`stop_timeout`](Self::stop_timeout), tor is killed. The callback of
    /// [`on_progress`](Self::on_progress) may cancel the launch, too.
    ///
    /// ```
    /// use scape::{CancelToken, Launch};
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// let launch = Launch::new().cancel_with(&token).on_progress(move |step| {
    ///     if step.tag == "conn_proxy" {
    ///         stop.cancel();
    ///     }
    /// });
    /// ```
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Sets the state that tor has to reach before [`start`](Self::start)
    /// returns. Default: [`WaitFor::DONE`], or [`WaitFor::Control`] with
    /// `DisableNetwork 1`.
    ///
    /// ```no_run
    /// use scape::Launch;
    /// use scape::process::WaitFor;
    ///
    /// // Returns as soon as tor can be controlled, and lets it bootstrap.
    /// let tor = Launch::new().wait_for(WaitFor::Control).start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn wait_for(mut self, wait_for: WaitFor) -> Self {
        self.wait_for = Some(wait_for);
        self
    }

    /// Sets the time limit for [`start`](Self::start). Default: two minutes.
    ///
    /// A launch that fails takes up to the [`stop_timeout`](Self::stop_timeout)
    /// more, to end tor. If tor has closed the control connection, the launch
    /// first waits up to three seconds for tor's exit status.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time in which tor has to end when asked to. After it, tor is
    /// killed. Default: 10 seconds.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Sets a callback for each step of the bootstrap, problems included. It
    /// runs on the thread that called [`start`](Self::start). With
    /// [`WaitFor::Control`] it is never called. (The event STATUS_CLIENT has
    /// more details of each step: [`Bootstrap`](crate::event::Bootstrap).)
    ///
    /// To stop the launch from the callback, cancel a token: see
    /// [`cancel_with`](Self::cancel_with).
    ///
    /// ```
    /// let launch = scape::Launch::new().on_progress(|step| println!("{step}"));
    /// ```
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Sets a callback for each line that tor writes to its standard output or
    /// standard error, by default its log. It runs on a thread of its own, as
    /// long as tor runs. After a panic it isn't called again. The lines also go
    /// to [`log`] at debug level, with the target `scape::tor`.
    ///
    /// ```
    /// let launch = scape::Launch::new().on_log(|line| println!("tor: {line}"));
    /// ```
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Box::new(callback));
        self
    }

    /// Sets the number of lines of tor's log that are kept for
    /// [`TorProcess::log_tail`] and for errors. Default: 64.
    pub fn log_lines(mut self, count: usize) -> Self {
        self.log_lines = count;
        self
    }

    /// Starts tor and waits until it has reached the state that
    /// [`wait_for`](Self::wait_for) sets.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new().start()?;
    /// println!("tor is ready, as process {}", tor.pid());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`LaunchError`], which has the
    /// [problem](LaunchProblem) and the last lines of the log. The kind is
    ///
    /// * [`ErrorKind::Argument`](crate::ErrorKind::Argument) if an option is
    ///   refused, or if [`wait_for`](Self::wait_for) is more than 100 percent;
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't reach
    ///   the state in time;
    /// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the launch
    ///   was cancelled;
    /// * [`ErrorKind::Launch`](crate::ErrorKind::Launch) in all other cases.
    ///
    /// After an error, no process and no temporary file is left behind.
    pub fn start(mut self) -> Result<TorProcess> {
        let deadline = deadline_after(self.timeout);
        self.check().map_err(unspawned)?;
        if self.cancel.is_cancelled() {
            return Err(LaunchError::new(LaunchProblem::Cancelled, Vec::new()).into());
        }
        let program = match self.program.take() {
            Some(program) => program,
            None => find_tor()?,
        };
        let directory =
            PrivateDir::new("").map_err(|error| prepare("make a temporary directory", error))?;
        let data_directory = match self.data_directory.take() {
            Some(path) => std::path::absolute(&path)
                .map_err(|error| prepare(format!("find {}", path.display()), error))?,
            None => directory.join("data"),
        };
        private_file::make_private(&data_directory).map_err(|error| {
            prepare(format!("make the data directory {}", data_directory.display()), error)
        })?;

        self.write_seed(&data_directory)
            .map_err(|error| prepare(format!("write into {}", data_directory.display()), error))?;

        let cookie_file = self.cookie_file(&directory);
        let (mut command, pending) =
            self.command(&program, &directory, &data_directory).map_err(unspawned)?;
        let child =
            Child::spawn(&mut command, self.log_lines, self.on_log.take()).map_err(|error| {
                let problem =
                    LaunchProblem::Spawn { program: program.clone(), source: Arc::new(error) };
                LaunchError::new(problem, Vec::new())
            })?;
        // The command holds our copy of tor's end of the pair of sockets. It
        // must be closed, or else the connection wouldn't end when tor does.
        drop(command);

        let directory = Mutex::new(Some(directory));
        let running = Owner::new(Running { child, stop_timeout: self.stop_timeout, directory });
        let on_cancel = self.cancel.on_cancel(ends(&running, pending.shutdown()));
        let result = self.wait_until_up(pending, &running, deadline);
        drop(on_cancel);
        if self.cancel.is_cancelled() {
            let child = running.child.handle();
            // Dropping these ends tor, so that its log is complete.
            drop((result, running));
            return Err(LaunchError::new(LaunchProblem::Cancelled, child.log().last_lines()).into());
        }
        match result {
            Ok(Connected { controller, address }) => {
                if !self.without_authentication {
                    controller.amend_changes(move |change| {
                        authentication::amend(change, cookie_file.as_deref())
                    });
                }
                Ok(TorProcess { controller, control_address: address, data_directory, running })
            }
            Err(failed) => {
                let Failed { error, connected, reached } = *failed;
                let failure = running.failure(error, self.timeout, reached);
                drop(connected);
                Err(failure.into())
            }
        }
    }

    fn write_seed(&self, data_directory: &Path) -> std::io::Result<()> {
        if self.seed.iter().any(|(name, _)| data_directory.join(name).exists()) {
            return Ok(());
        }
        self.seed.iter().try_for_each(|(name, content)| {
            private_file::create_private(&data_directory.join(name))?.write_all(content)
        })
    }

    /// Connects to the started tor and waits until it has reached the wanted
    /// state.
    fn wait_until_up(
        &mut self,
        pending: Pending,
        running: &Running,
        deadline: Instant,
    ) -> Result<Connected, Box<Failed>> {
        let connected = pending.connect(&running.child, &self.cancel, deadline)?;
        let WaitFor::Bootstrap(percent) = self.wanted() else { return Ok(connected) };
        if !self.seed.is_empty() {
            // Build a circuit now, because tor itself would start its first
            // one only at the next full second. An error is ignored: if tor
            // can't build circuits, the bootstrap doesn't complete.
            let _ = connected.controller.launch_circuit(&BuildCircuit::new());
        }
        let mut reached = None;
        let mut callback = self.on_progress.take();
        let deadline = Deadline::at(deadline, deadline.saturating_duration_since(Instant::now()));
        let waited =
            bootstrap::wait(&connected.controller, percent, deadline, &mut reached, |step| {
                if let Some(call) = &mut callback {
                    call(&step.into());
                }
            });
        match waited {
            Ok(()) => Ok(connected),
            Err(error) => Err(Failed::new(Some(error), Some(connected), reached)),
        }
    }

    /// Returns true if the option `name` was given to this launch.
    fn has(&self, name: &str) -> bool {
        self.value_of(name).is_some()
    }

    /// Returns the last value that was given for the option `name`, or `None`
    /// if the option wasn't given.
    fn value_of(&self, name: &str) -> Option<&[u8]> {
        let last = self.options.iter().rfind(|(given, _)| options::is_name_of(given, name));
        last.map(|(_, value)| value.as_bytes().trim_ascii())
    }

    /// Returns true if the options set a password for control connections.
    fn has_password(&self) -> bool {
        let names = ["HashedControlPassword", "__HashedControlSessionPassword"];
        self.options.iter().any(|(given, value)| {
            names.iter().any(|name| options::is_name_of(given, name))
                && !value.as_bytes().trim_ascii().is_empty()
        })
    }

    /// Returns the state that tor has to reach: the one that was set, or else
    /// 100 percent, unless the network is disabled.
    fn wanted(&self) -> WaitFor {
        match self.wait_for {
            Some(wait_for) => wait_for,
            None if self.value_of("DisableNetwork") == Some(b"1") => WaitFor::Control,
            None => WaitFor::DONE,
        }
    }

    /// Returns an error if an option can't be given to a launched tor, or if
    /// tor can't reach the wanted state.
    fn check(&self) -> Result<()> {
        if let WaitFor::Bootstrap(percent @ 101..) = self.wanted() {
            let why = format!("is {percent}, but the bootstrap ends at 100");
            return Err(ArgumentError::invalid("Launch::wait_for", "percentage", why).into());
        }
        let refused =
            |name: &str, why: &str| Err(ArgumentError::invalid("Launch::option", name, why).into());
        for (name, value) in &self.options {
            let value = value.as_bytes();
            options::check(name, value)?;
            let is = |option| options::is_name_of(name, option);
            if is("DataDirectory") {
                return refused(name, "is set with Launch::data_directory");
            }
            if is("RunAsDaemon") && value.trim_ascii() != b"0" {
                return refused(name, "would make tor leave this program");
            }
            if is("__OwningControllerFD") || is("__OwningControllerProcess") {
                return refused(name, "is set by Launch");
            }
            if is("ControlPortWriteToFile") && self.control == Control::TcpPort {
                return refused(name, "is set by Launch, with Control::TcpPort");
            }
        }
        let cookie = self.value_of("CookieAuthentication");
        if cookie.is_some_and(|value| value != b"1")
            && !self.has_password()
            && !self.without_authentication
        {
            let why = "would leave control ports without authentication: set HashedControlPassword, or call \
                       Launch::without_authentication if anybody may control this tor";
            return refused("CookieAuthentication", why);
        }
        Ok(())
    }

    /// Returns the path of tor's cookie file, or `None` for tor's default path.
    fn cookie_file(&self, directory: &PrivateDir) -> Option<Vec<u8>> {
        let given =
            self.options.iter().rfind(|(name, _)| options::is_name_of(name, "CookieAuthFile"));
        match (given, self.value_of("CookieAuthentication")) {
            (Some((_, file)), _) => Some(file.as_bytes().to_vec()),
            (None, None) => Some(path_bytes(&directory.join("cookie"))),
            (None, Some(_)) => None,
        }
    }

    /// Adds the authentication of control ports to the torrc, even if there is
    /// no control port yet.
    fn push_authentication(&self, directory: &PrivateDir, torrc: &mut Torrc) -> Result<()> {
        let password_is_enough = self.has_password() && !self.control.is_listening();
        if self.value_of("CookieAuthentication").is_some()
            || self.without_authentication
            || password_is_enough
        {
            return Ok(());
        }
        torrc.push("CookieAuthentication", b"1")?;
        if !self.has("CookieAuthFile") {
            torrc.push("CookieAuthFile", path_bytes(&directory.join("cookie")))?;
        }
        Ok(())
    }

    /// Writes the torrc and returns the command that starts tor.
    fn command(
        &self,
        program: &Path,
        directory: &PrivateDir,
        data_directory: &Path,
    ) -> Result<(Command, Pending)> {
        let mut command = command::tor_command(program, directory)
            .map_err(|error| Error::io("write an empty file of defaults for tor", error))?;
        let mut torrc = Torrc::new();
        torrc.push("DataDirectory", path_bytes(data_directory))?;
        let pending = self.control.prepare(directory, &mut torrc, &mut command)?;
        self.push_authentication(directory, &mut torrc)?;
        // A tor with non-anonymous onion services refuses to be a client.
        let is_client = self.value_of("HiddenServiceNonAnonymousMode") != Some(b"1");
        if !self.has("SocksPort") && !self.has("__SocksPort") {
            torrc.push("SocksPort", if is_client { "auto ExtendedErrors" } else { "0" })?;
        }
        if !self.has("Log") {
            torrc.push("Log", b"notice stdout")?;
        }
        for (name, value) in &self.options {
            let (name, value) = (options::full_name(name), value.as_bytes());
            // This option goes on the command line, like those in
            // Control::prepare: tor neither saves it nor lets it change.
            if name.eq_ignore_ascii_case("__DisableSignalHandlers") {
                command.arg(format!("--{name}")).arg(String::from_utf8_lossy(value).as_ref());
            } else {
                torrc.push(name, value)?;
            }
        }
        directory.write(TORRC, &torrc.to_bytes()).map_err(|error| {
            Error::io(format!("write {}", directory.join(TORRC).display()), error)
        })?;
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok((command, pending))
    }

    /// Turns off authentication: anybody who can connect to a control port of
    /// this tor can control it.
    ///
    /// Every program on the machine can then read and change tor's
    /// configuration. By default, control ports require the cookie.
    /// `CookieAuthentication` and `HashedControlPassword` in the options still
    /// have an effect.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new().option("ControlPort", 9051).without_authentication().start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn without_authentication(mut self) -> Self {
        self.without_authentication = true;
        self
    }
}

/// Returns a hook that ends tor and the connection to it when the launch is
/// cancelled.
fn ends(running: &Running, shutdown: Shutdown) -> impl FnOnce() + Send + use<> {
    let (child, grace) = (running.child.handle(), running.stop_timeout);
    move || {
        // In a thread of its own, because the thread that cancels must not
        // wait.
        let ending = child.clone();
        let thread =
            thread::Builder::new().name("scape-cancel".into()).spawn(move || ending.end(grace));
        if thread.is_err() {
            let _ = child.kill();
        }
        shutdown.now();
    }
}

/// Returns a path in the form that tor reads.
fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// Returns the error for a failed preparation, such as a file that can't be
/// written.
pub(super) fn prepare(what: impl Into<String>, error: std::io::Error) -> LaunchError {
    let problem = LaunchProblem::Prepare(IoError::new(what, error));
    LaunchError::new(problem, Vec::new())
}

/// Returns the error for a failure before the process was started.
fn unspawned(error: Error) -> LaunchError {
    match error.exact::<IoError>() {
        Some(error) => LaunchError::new(LaunchProblem::Prepare(error.clone()), Vec::new()),
        None => LaunchError::new(LaunchProblem::Option(error), Vec::new()),
    }
}

/// Omits the values of the options, some of which are secret.
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
