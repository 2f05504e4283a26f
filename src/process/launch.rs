//! Starting a tor: [`Launch`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::bootstrap::{ProgressCallback, WaitFor};
use super::control::Control;
use super::log::LineCallback;
use super::options::OptionValue;
use crate::io::cancel::CancelToken;
use crate::live::config::{Torrc, TorrcMagic};
use scape_proto::word::Progress;

/// The default time limit for starting. tor itself never gives up, and a first
/// bootstrap over a slow line takes minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// The default time limit for tor to end. After that, tor is killed. tor takes
/// milliseconds on a machine that is not busy.
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
/// * the program is the one that [`find_tor`](crate::process::find_tor) finds;
/// * the data directory is a temporary one, so each tor downloads everything
///   anew and has new guards;
/// * the control connection is a [pair of sockets](Control::SocketPair);
/// * `SocksPort auto ExtendedErrors`, so that this tor can run beside another
///   one (`GETINFO net/listeners/socks` returns the port). With
///   `HiddenServiceNonAnonymousMode 1`, the default is `SocksPort 0`. A
///   `SocksPort` among the options replaces the default;
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
/// `CookieAuthentication 1` is set by default. It isn't set if the options
/// contain `CookieAuthentication`. With [`Control::SocketPair`], it isn't set
/// either if the options contain a password. Some later changes could remove
/// the cookie or the password as a side effect. The controller that
/// [`TorProcess::controller`](super::TorProcess::controller) returns adds
/// `CookieAuthentication 1` to these commands:
///
/// * [`load_conf`](crate::Controller::load_conf) with a torrc that sets neither
///   the cookie nor a password;
/// * [`reset_conf`](crate::Controller::reset_conf) of the cookie or a password;
/// * [`set_conf`](crate::Controller::set_conf) that clears the cookie or a
///   password.
///
/// A change that sets `CookieAuthentication` to 0 is sent unchanged:
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
///   unknown then. On systems such as OpenBSD, it is enough that the script
///   ends before tor.
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
    pub(super) program: Option<PathBuf>,
    pub(super) options: Vec<(String, OptionValue)>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) data_directory: Option<PathBuf>,
    /// Files that [`start`](Launch::start) writes into the data directory:
    /// names and contents. If the directory already contains one of them, none
    /// is written.
    pub(super) seed: Vec<(&'static str, Arc<[u8]>)>,
    pub(super) control: Control,
    pub(super) without_authentication: bool,
    pub(super) cancel: CancelToken,
    pub(super) wait_for: Option<WaitFor>,
    pub(super) timeout: Duration,
    pub(super) stop_timeout: Duration,
    pub(super) on_progress: Option<ProgressCallback>,
    pub(super) on_log: Option<LineCallback>,
    pub(super) log_lines: usize,
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
    ///
    /// ```
    /// let launch = scape::Launch::new();
    /// assert!(format!("{launch:?}").contains("timeout: 120s"));
    /// ```
    pub fn new() -> Self {
        Launch::default()
    }

    /// Sets the path of the tor program. Default: the path that
    /// [`find_tor`](crate::process::find_tor) finds.
    ///
    /// ```
    /// let launch = scape::Launch::new().program("/opt/tor/bin/tor");
    /// assert!(format!("{launch:?}").contains(r#"program: Some("/opt/tor/bin/tor")"#));
    /// ```
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
    /// Abbreviated and older names (`ControlPor`, `DataDir`, `EntryNode`) are
    /// accepted, as in a torrc. They are replaced by the full names.
    ///
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
    /// value. If the torrc contains an `%include`, [`start`](Self::start)
    /// returns an error. To avoid this, first replace each `%include` by the
    /// content of its files with
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
    /// An inherited variable of this name is replaced.
    ///
    /// ```
    /// let launch = scape::Launch::new().env("TZ", "UTC"); // times in tor's log are in UTC
    /// ```
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the data directory. If none is set, tor gets a temporary one, which
    /// is removed after tor has ended.
    ///
    /// A directory that is set here is created with mode 0700 if it is missing,
    /// and stays after tor has ended. With tor's files in it, the next
    /// bootstrap takes only seconds, and tor keeps the same guards. Only one
    /// tor at a time can use a data directory.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new().data_directory("tor-data").start()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn data_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(path.into());
        self
    }

    /// Returns a copy without callbacks and with a new cancel token.
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

    /// Sets the token with which another thread can cancel the launch, in any
    /// phase.
    ///
    /// After a cancellation, [`start`](Self::start) ends everything that it has
    /// started, and fails with
    /// [`LaunchProblem::Cancelled`](super::LaunchProblem::Cancelled). This
    /// takes as long as tor takes to end: usually milliseconds. After the
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
    /// If the launch fails, [`start`](Self::start) also has to end tor. This
    /// can take as long as the [`stop_timeout`](Self::stop_timeout) after the
    /// time limit. If tor has closed the control connection, `start` first
    /// waits up to three seconds for tor's exit status.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let launch = scape::Launch::new().timeout(Duration::from_secs(300)); // for a slow line
    /// assert!(format!("{launch:?}").contains("timeout: 300s"));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time in which tor has to end when asked to. After this time,
    /// tor is killed. Default: 10 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let launch = scape::Launch::new().stop_timeout(Duration::from_secs(2));
    /// ```
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Sets a callback for each step of the bootstrap, problems included. The
    /// callback runs on the thread that called [`start`](Self::start). With
    /// [`WaitFor::Control`], the callback is never called. (The event
    /// STATUS_CLIENT has more details of each step:
    /// [`Bootstrap`](crate::event::Bootstrap).)
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
    /// standard error. By default, these lines are tor's log. The callback runs
    /// on a thread of its own until it has been called with tor's last line. If
    /// the callback panics, it isn't called again. The lines also go to [`log`]
    /// at debug level, with the target `scape::tor`.
    ///
    /// The callback may wait, also for tor. If it doesn't keep up, at most
    /// 4 MiB of lines wait for it, and lines that come meanwhile are skipped. A
    /// warning with the target `scape::process` says how many were skipped.
    ///
    /// ```
    /// let launch = scape::Launch::new().on_log(|line| println!("tor: {line}"));
    /// ```
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Box::new(callback));
        self
    }

    /// Sets the number of lines of tor's log that are kept for
    /// [`TorProcess::log_tail`](super::TorProcess::log_tail) and for errors. 0
    /// keeps no lines. Default: 64.
    ///
    /// ```
    /// let launch = scape::Launch::new().log_lines(500);
    /// ```
    pub fn log_lines(mut self, count: usize) -> Self {
        self.log_lines = count;
        self
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
