//! The start of a process with the settings of a [`Launch`].

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::authentication;
use super::bootstrap::{self, WaitFor};
use super::child::Child;
use super::command::{self, TORRC};
use super::control::{Connected, Control, Failed, Pending, Shutdown};
use super::find::find_tor;
use super::launch::Launch;
use super::options;
use super::private_dir::PrivateDir;
use super::private_file;
use super::tor_process::{Owner, Running, TorProcess};
use crate::control::ExtendCircuit;
use crate::error::{Error, IoError, Result};
use crate::io::transport::{Deadline, deadline_after};
use crate::live::config::Torrc;
use crate::process::{LaunchError, LaunchProblem};
use scape_proto::control::ArgumentError;

impl Launch {
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
    ///   the state within the time limit;
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
            let _ = connected.controller.launch_circuit(&ExtendCircuit::new());
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

    /// Returns the state that tor has to reach. If none was set, this is a
    /// bootstrap of 100 percent, or [`WaitFor::Control`] with
    /// `DisableNetwork 1`.
    fn wanted(&self) -> WaitFor {
        match self.wait_for {
            Some(wait_for) => wait_for,
            None if self.value_of("DisableNetwork") == Some(b"1") => WaitFor::Control,
            None => WaitFor::DONE,
        }
    }

    /// Returns an error if an option can't be given to a launched tor, or if
    /// [`wait_for`](Self::wait_for) is more than 100 percent.
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

    /// Turns off the authentication of the launched tor's control ports:
    /// anybody who can connect to one of them can control tor. By default,
    /// control ports require the cookie.
    ///
    /// With a TCP control port, every program on the machine can then read and
    /// change tor's configuration. `CookieAuthentication` and
    /// `HashedControlPassword` in the options still have an effect.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new()
    ///     .option("ControlPort", 9051)
    ///     .without_authentication()
    ///     .start()?;
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
        // tor is ended in a thread of its own, because the thread that cancels
        // must not wait.
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
