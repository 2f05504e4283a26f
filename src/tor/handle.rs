//! [`Tor`], the handle to a tor.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::socks::{KeepAlive, SocksProxy, SocksStream, ToTarget};
use crate::control::{Connect, ConnectAttempt, Controller, environment_socks};
use crate::error::{Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::transport::{Address, Deadline};
use crate::live::config::Config;
use crate::live::state::State;
use crate::onion::OnionBuilder;
use crate::onion::disk::DiskOnions;
use crate::process::{Launch, TorProcess};

use super::NoTorError;
use crate::client::probe::ask_whether_tor;
use crate::client::socks_ports::{FoundPort, PROBE_TIMEOUT, SocksPorts, usual_addresses};
use crate::client::{NoControlError, SocksPort, TorClient};

/// A handle to a tor: one that runs already, or one that this program launched.
/// The [module](crate::tor) lists the ways to get a `Tor` and what it can do.
///
/// ```no_run
/// use scape::Tor;
/// use std::io::{Read, Write};
///
/// let tor = Tor::connect()?;
/// let mut stream = tor.dial(("example.com", 80))?;
/// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
/// let mut page = Vec::new();
/// stream.read_to_end(&mut page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tor {
    pub(super) core: Arc<Core>,
    /// The token that cancels this handle's calls. `None` if they can't be
    /// cancelled.
    pub(super) cancel: Option<CancelToken>,
}

/// State that the handles of one tor share. Dropping it ends a launched tor.
pub(super) struct Core {
    pub(super) way: Way,
    /// The SOCKS ports. `None` until they are first needed.
    pub(super) ports: Mutex<Option<Arc<SocksPorts>>>,
    /// The live state. `None` until it has been requested.
    pub(super) state: Mutex<Option<State>>,
}

/// The way in which tor is reached.
pub(super) enum Way {
    Socks(Address),
    Control(Controller),
    /// The process is `None` once tor has been stopped.
    Launched(Controller, Mutex<Option<TorProcess>>),
}

/// The way in which a [`Tor`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TorMode {
    /// tor is reached through its SOCKS port only.
    SocksOnly,
    /// tor is reached through its control port. This program didn't start it.
    Control,
    /// tor is reached through its control connection. This program started tor
    /// and ends it.
    Launched,
}

impl Tor {
    /// Connects to a running tor, at the address that the environment names
    /// (`SCAPE_CONTROL`, …) or else at the usual places. See
    /// [`scape::connect`](crate::connect()) for the places, and
    /// [`Connect::from_env`] for the variables.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// println!("{}", tor.controller()?.version()?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`scape::connect`](crate::connect()): a
    /// [`ConnectError`](crate::control::ConnectError) with everything that
    /// was tried, or an [`AuthError`](crate::control::AuthError) if the
    /// environment names a tor that doesn't let this program in.
    pub fn connect() -> Result<Tor> {
        Ok(Tor::from(Connect::from_env()?.connect()?))
    }

    /// Connects to a running tor with the settings in `connect`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().listen()?;
    /// # let address = scripted.address().cloned().expect("it listens");
    /// use scape::control::Reconnect;
    /// use scape::{Connect, Tor};
    ///
    /// let tor = Tor::connect_with(&Connect::to(address)?.reconnect(Reconnect::new()))?;
    /// assert!(tor.controller()?.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Connect::connect`], most often a
    /// [`ConnectError`](crate::control::ConnectError) if nothing accepts the
    /// connection.
    pub fn connect_with(connect: &Connect) -> Result<Tor> {
        Ok(Tor::from(connect.connect()?))
    }

    /// Starts a new tor process. The process ends when its last handle is
    /// dropped, or when this program ends in any way.
    ///
    /// A persistent [data directory](Launch::data_directory) makes the next
    /// start much faster, and keeps the entry guards.
    ///
    /// ```no_run
    /// use scape::{Launch, Tor};
    /// use std::time::Duration;
    ///
    /// let tor = Tor::launch(Launch::new().data_directory("/var/lib/my-app/tor"))?;
    /// tor.become_ready(Duration::from_secs(120))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Launch::start`], most often a
    /// [`LaunchError`](crate::process::LaunchError).
    #[doc(alias = "launch_tor")]
    pub fn launch(launch: Launch) -> Result<Tor> {
        Ok(Tor::from(launch.start()?))
    }

    /// Starts a new tor process with a temporary data directory, which is
    /// removed when the process has ended. Use it for a service or a task that
    /// must not share anything with other uses of Tor.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let tor = scape::Tor::private()?;
    /// tor.become_ready(Duration::from_secs(120))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Launch::start`], most often a
    /// [`LaunchError`](crate::process::LaunchError).
    pub fn private() -> Result<Tor> {
        Tor::launch(Launch::new())
    }

    /// Creates a handle to a running tor of which only the SOCKS port is known.
    ///
    /// The call verifies that the port belongs to tor, because another proxy
    /// might resolve names itself and connect anywhere. This check resolves no
    /// name and connects to no target. The port may have any flags, such as
    /// `OnionTrafficOnly`. The answer must arrive within 10 seconds.
    ///
    /// ```no_run
    /// let tor = scape::Tor::socks_only(9050)?;
    /// let stream = tor.dial(("example.com", 80))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`](crate::socks::SocksError) if
    /// nothing listens at the address (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)), if nothing answers
    /// within 10 seconds (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), or if the port
    /// belongs to another proxy.
    pub fn socks_only(socks: impl Into<Address>) -> Result<Tor> {
        let socks = socks.into();
        ask_whether_tor(&socks, PROBE_TIMEOUT)?;
        Ok(Tor::with(Way::Socks(socks)))
    }

    /// Creates a handle like [`socks_only`](Self::socks_only), but waits for at
    /// most `timeout` instead of 10 seconds, and fails at once when `token` is
    /// cancelled. The returned `Tor` doesn't keep the token.
    ///
    /// ```no_run
    /// use scape::{CancelToken, Tor};
    /// use std::time::Duration;
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// let tor = Tor::socks_only_cancel_with(9050, Duration::from_secs(2), &token)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the token is
    /// cancelled. Otherwise the same errors as
    /// [`socks_only`](Self::socks_only), most often a
    /// [`SocksError`](crate::socks::SocksError).
    pub fn socks_only_cancel_with(
        socks: impl Into<Address>,
        timeout: Duration,
        token: &CancelToken,
    ) -> Result<Tor> {
        let socks = socks.into();
        Deadline::after(timeout).cancelled_by(Some(token)).run(Phase::Socks, move || {
            ask_whether_tor(&socks, timeout)?;
            Ok(Tor::with(Way::Socks(socks)))
        })
    }

    /// Finds a running tor: one with a control port at the usual places, as in
    /// [`connect`](Self::connect), or else one with a SOCKS port.
    ///
    /// The SOCKS port is the one that `TOR_SOCKS_IPC_PATH`, `TOR_SOCKS_HOST` or
    /// `TOR_SOCKS_PORT` names (see [`Connect::from_env`]). If none of them is
    /// set, 127.0.0.1:9050 (tor) and 127.0.0.1:9150 (Tor Browser) are tried.
    /// [`client`](Self::client) works with every result; [`mode`](Self::mode)
    /// returns how tor is reached.
    ///
    /// ```no_run
    /// use scape::tor::TorMode;
    /// use scape::Tor;
    ///
    /// let tor = Tor::find()?;
    /// if tor.mode() == TorMode::SocksOnly {
    ///     println!("connections only, no onion services");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoTorError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) that lists everything
    /// that was tried.
    pub fn find() -> Result<Tor> {
        let mut tried = NoTorError::default();
        match Tor::connect() {
            Ok(tor) => return Ok(tor),
            Err(error) => tried.control = Some(error),
        }
        Tor::usual_socks(&mut tried).ok_or_else(|| tried.into())
    }

    /// Returns a tor at the SOCKS port that the environment names. If it names
    /// none, returns a tor at the first of the usual ports that belongs to a
    /// tor. Adds failed attempts to `tried`.
    pub(super) fn usual_socks(tried: &mut NoTorError) -> Option<Tor> {
        // If a variable can't be parsed, the error of the control port says so
        // already.
        let named = environment_socks().ok().flatten().map(|named| vec![named]);
        for address in named.unwrap_or_else(|| usual_addresses(None)) {
            match Tor::socks_only(address.clone()) {
                Ok(tor) => return Some(tor),
                Err(error) => tried.socks.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        None
    }

    /// Finds a tor like [`find`](Self::find), but fails at once when `token` is
    /// cancelled. The returned `Tor` doesn't keep the token.
    ///
    /// ```no_run
    /// use scape::{CancelToken, Tor};
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// match Tor::find_cancel_with(&token) {
    ///     Ok(tor) => println!("found {:?}", tor.mode()),
    ///     Err(error) if error.is_cancelled() => println!("cancelled"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the token is
    /// cancelled. Otherwise the same errors as [`find`](Self::find), most often
    /// a [`NoTorError`].
    pub fn find_cancel_with(token: &CancelToken) -> Result<Tor> {
        // This deadline never passes: it only carries the token. Each step of
        // the search has a deadline of its own.
        Deadline::after(Duration::MAX).cancelled_by(Some(token)).run(Phase::Connect, Tor::find)
    }

    pub(super) fn with(way: Way) -> Tor {
        let core = Core { way, ports: Mutex::default(), state: Mutex::default() };
        Tor::of(Arc::new(core))
    }

    pub(super) fn of(core: Arc<Core>) -> Tor {
        Tor { core, cancel: None }
    }

    /// Returns a handle to the same tor whose calls fail with an error of the
    /// kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) when `token`
    /// is cancelled. This affects [`is_ready`](Self::is_ready),
    /// [`become_ready`](Self::become_ready), [`client`](Self::client),
    /// [`state`](Self::state), [`disk_onions`](Self::disk_onions), and
    /// [`onion`](Self::onion) with everything made from it. The tor itself and
    /// its other handles are not affected.
    ///
    /// The token doesn't apply to [`controller`](Self::controller), which has
    /// its own [`cancel_with`](Controller::cancel_with). It doesn't apply to
    /// connections through tor either; they have a timeout
    /// ([`TorClient::timeout`]).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().on_any(|_| Some(Vec::new())).start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::CancelToken;
    /// use std::time::Duration;
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// let error = tor.cancel_with(&token).become_ready(Duration::from_secs(120)).unwrap_err();
    /// assert!(error.is_cancelled());
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn cancel_with(&self, token: &CancelToken) -> Tor {
        Tor { cancel: Some(token.clone()), ..self.clone() }
    }

    /// Returns the controller. If this handle has a cancel token, the token
    /// also cancels the calls of the returned controller.
    pub(super) fn own_controller(&self) -> Result<Controller> {
        let controller = self.controller()?;
        Ok(self
            .cancel
            .as_ref()
            .map_or_else(|| controller.clone(), |token| controller.cancel_with(token)))
    }

    /// Returns the way in which this tor is reached.
    pub fn mode(&self) -> TorMode {
        match self.core.way {
            Way::Socks(_) => TorMode::SocksOnly,
            Way::Control(_) => TorMode::Control,
            Way::Launched(..) => TorMode::Launched,
        }
    }

    /// Returns the control connection, which has a method for every command and
    /// delivers every event.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// assert_eq!(tor.controller()?.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only.
    pub fn controller(&self) -> Result<&Controller> {
        match &self.core.way {
            Way::Control(controller) | Way::Launched(controller, _) => Ok(controller),
            Way::Socks(address) => Err(NoControlError::new(address.to_string()).into()),
        }
    }

    /// Returns true if this tor can be used now, as far as is known. The
    /// control connection must be open, and a process that this program
    /// launched must be running. So the result is false while the connection
    /// reconnects. A tor that is reached through its SOCKS port only always
    /// counts as alive.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// assert!(tor.is_alive());
    /// tor.controller()?.clone().close()?;
    /// assert!(!tor.is_alive());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        match &self.core.way {
            Way::Socks(_) => true,
            Way::Control(controller) => controller.is_open(),
            Way::Launched(controller, process) => {
                controller.is_open() && process.lock().as_ref().is_some_and(TorProcess::is_running)
            }
        }
    }

    /// Returns true if this tor is alive, or if it can be used again once its
    /// connection has reconnected.
    pub(super) fn is_alive_or_reconnects(&self) -> bool {
        // Only a connection that nothing opens again is reported as closed.
        let reconnects = |controller: &Controller| {
            !controller.wait_connected(Duration::ZERO).is_err_and(|error| error.is_closed())
        };
        match &self.core.way {
            Way::Socks(_) => true,
            Way::Control(controller) => reconnects(controller),
            Way::Launched(controller, _) => {
                reconnects(controller) && self.of_process(TorProcess::is_running) == Some(true)
            }
        }
    }

    /// Returns the process identifier of a launched tor. Returns `None` for
    /// other tors, and after [`quit`](Self::quit).
    /// [`Info::process`](crate::control::Info::process) asks any tor for its
    /// process identifier.
    pub fn pid(&self) -> Option<u32> {
        self.of_process(|process| process.pid())
    }

    /// Returns the data directory of a launched tor. Returns `None` for other
    /// tors, and after [`quit`](Self::quit).
    pub fn data_directory(&self) -> Option<PathBuf> {
        self.of_process(|process| process.data_directory().to_owned())
    }

    /// Returns the last log lines of a launched tor, oldest first. Returns no
    /// lines for other tors, and after [`quit`](Self::quit).
    /// [`Launch::log_lines`] sets the maximum number of lines.
    ///
    /// ```no_run
    /// let tor = scape::Tor::launch(scape::Launch::new())?;
    /// for line in tor.log_tail() {
    ///     println!("{line}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn log_tail(&self) -> Vec<String> {
        self.of_process(|process| process.log_tail()).unwrap_or_default()
    }

    pub(super) fn of_process<T>(&self, ask: impl FnOnce(&TorProcess) -> T) -> Option<T> {
        match &self.core.way {
            Way::Launched(_, process) => process.lock().as_ref().map(ask),
            _ => None,
        }
    }

    /// Returns a client for the first of tor's SOCKS ports that accepts a
    /// connection: [`client_on`](Self::client_on) with [`SocksPort::Usable`].
    ///
    /// ```no_run
    /// let client = scape::Tor::connect()?.client()?;
    /// println!("{}", client.dns_resolve("example.com")?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoSocksPortError`](super::NoSocksPortError)
    /// (kind [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if no SOCKS
    /// port can be used.
    pub fn client(&self) -> Result<TorClient> {
        self.client_on(&SocksPort::Usable)
    }

    /// Returns a client for the SOCKS port that `port` selects.
    ///
    /// ```no_run
    /// use scape::tor::SocksPort;
    /// use scape::Tor;
    ///
    /// let client = Tor::connect()?.client_on(&SocksPort::added(["IsolateDestAddr"]))?;
    /// let stream = client.connect(("example.com", 80))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoSocksPortError`](super::NoSocksPortError)
    /// (kind [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor has no
    /// such port. If a port had to be added and tor couldn't open it, the kind
    /// is [`ErrorKind::Refused`](crate::ErrorKind::Refused), and
    /// [`Refusal::log`](crate::control::Refusal::log) says why.
    #[doc(alias = "create_socks_endpoint")]
    pub fn client_on(&self, port: &SocksPort) -> Result<TorClient> {
        self.client_until(port, self.deadline())
    }

    /// Returns the deadline of a call that begins now and has the controller's
    /// timeout, or 10 seconds without a control connection.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline_after(self.controller().map_or(PROBE_TIMEOUT, Controller::timeout))
    }

    /// Returns the deadline of a call that begins now and may take `timeout`.
    pub(super) fn deadline_after(&self, timeout: Duration) -> Deadline {
        Deadline::after(timeout).cancelled_by(self.cancel.as_ref())
    }

    pub(super) fn client_until(&self, port: &SocksPort, deadline: Deadline) -> Result<TorClient> {
        let found: FoundPort = match (&self.core.way, port) {
            (_, SocksPort::At(address)) => address.clone().into(),
            (Way::Socks(address), SocksPort::Usable) => address.clone().into(),
            _ => {
                let controller = self.controller()?.until(deadline);
                self.ports(&controller)?.find(&controller, port)?
            }
        };
        Ok(TorClient::new(found, self.controller().ok(), self.core.clone()))
    }

    /// Returns tor's SOCKS ports. The first call creates the [`SocksPorts`],
    /// and all handles of this tor share it.
    pub(super) fn ports(&self, controller: &Controller) -> Result<Arc<SocksPorts>> {
        let known = self.core.ports.lock().clone();
        match known {
            Some(ports) => Ok(ports),
            None => {
                let ports = SocksPorts::of(controller);
                Ok(self.core.ports.lock().get_or_insert(ports).clone())
            }
        }
    }

    /// Connects to `target` through tor: shorthand for [`client`](Self::client)
    /// and [`TorClient::connect`].
    ///
    /// Both together take at most [`SocksProxy::DEFAULT_TIMEOUT`] (130
    /// seconds). After a timeout, up to half a second more is spent on finding
    /// the reason.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// let stream = tor.dial("example.com:80")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Self::client) and [`TorClient::connect`], most
    /// often a [`SocksError`](crate::socks::SocksError).
    pub fn dial(&self, target: impl ToTarget) -> Result<SocksStream> {
        let deadline = self.deadline_after(SocksProxy::DEFAULT_TIMEOUT);
        self.client_until(&SocksPort::Usable, deadline)?.timeout(deadline.left()).connect(target)
    }

    /// Returns an HTTP agent that goes through tor: shorthand for
    /// [`client`](Self::client) and [`TorClient::http`]. tor resolves the
    /// names, and the environment's proxy variables are ignored. The agent
    /// refuses [private](crate::socks::is_private) addresses, unless it is made
    /// with [`TorClient::allow_private_addresses`].
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// let page = tor.http()?.get("https://example.com/").call()?.body_mut().read_to_string()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Self::client) and [`TorClient::http`], most
    /// often a [`NoSocksPortError`](super::NoSocksPortError).
    #[cfg(feature = "http")]
    #[doc(alias = "web_agent")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.client()?.http()
    }

    /// Returns a builder for an onion service of this tor.
    /// [`listen`](OnionBuilder::listen) creates the service with a listener
    /// like a [`TcpListener`](std::net::TcpListener).
    /// [`publish`](OnionBuilder::publish) creates the service for a server that
    /// already runs.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// let listener = tor.onion()?.virtual_port(80).listen()?;
    /// println!("http://{}/", listener.address());
    /// for stream in listener.incoming() {
    ///     let stream = stream?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only.
    #[doc(alias = "create_onion_service")]
    #[doc(alias = "create_onion_endpoint")]
    pub fn onion(&self) -> Result<OnionBuilder> {
        let keep: KeepAlive = self.core.clone();
        Ok(OnionBuilder::new(&self.own_controller()?).keep(keep))
    }

    /// Returns the onion services in tor's configuration, whose keys are on
    /// disk.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// for service in tor.disk_onions()?.list()? {
    ///     println!("{}", service.directory().display());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only.
    #[doc(alias = "create_filesystem_onion_endpoint")]
    pub fn disk_onions(&self) -> Result<DiskOnions> {
        Ok(DiskOnions::of(&self.own_controller()?))
    }

    /// Returns the live state of tor: circuits, streams, relays, addresses and
    /// entry guards. The first call loads the state. It is kept until the last
    /// handle to this tor is dropped, and every later call returns the same
    /// state.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// for circuit in tor.state()?.circuits() {
    ///     println!("{circuit}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only. The errors of [`State::new`] are also possible.
    #[doc(alias = "create_state")]
    pub fn state(&self) -> Result<State> {
        self.state_until(self.deadline())
    }

    /// Returns the [`state`](Self::state). Loading it ends at `deadline`.
    pub(super) fn state_until(&self, deadline: Deadline) -> Result<State> {
        let keep: KeepAlive = self.core.clone();
        let known = self.core.state.lock().clone();
        let state = match known {
            Some(state) => state,
            None => {
                let state = State::new(&self.controller()?.until(deadline))?;
                self.core.state.lock().get_or_insert(state).clone()
            }
        };
        Ok(state.keep(keep))
    }

    /// Returns tor's configuration, kept up to date, to read and to change: see
    /// [`Config`]. A launched tor runs at least as long as the returned value
    /// lives.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.append("SocksPort", "9052 IsolateDestAddr")?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only. The errors of [`Controller::config`] are also
    /// possible.
    #[doc(alias = "get_config")]
    pub fn config(&self) -> Result<Config> {
        let keep: KeepAlive = self.core.clone();
        Ok(self.controller()?.config()?.keep(keep))
    }

    /// Ends the control connection for every handle, and ends the tor process
    /// if this program launched it.
    ///
    /// This also ends the connection for all clones of the tor's controller,
    /// including the one that the tor was made
    /// [from](#impl-From%3CController%3E-for-Tor). A tor that is reached
    /// through its SOCKS port only is not affected. Dropping the last handle
    /// ends a launched tor, too.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(scripted.transport()?)?;
    /// let tor = scape::Tor::from(controller);
    /// tor.quit()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`TorProcess::stop`] for a launched tor, and as
    /// [`Controller::quit`] for others, most often a timeout. Even if the call
    /// fails, the tor or the connection has ended.
    pub fn quit(self) -> Result<()> {
        match &self.core.way {
            Way::Socks(_) => Ok(()),
            Way::Control(controller) => controller.clone().quit(),
            Way::Launched(_, process) => {
                // The lock is not held while the process ends, because other
                // handles check whether it runs.
                let process = process.lock().take();
                process.map_or(Ok(()), TorProcess::stop)
            }
        }
    }
}

/// Makes a `Tor` from a control connection. The connection ends when all
/// handles and all clones of the controller are dropped.
impl From<Controller> for Tor {
    fn from(controller: Controller) -> Tor {
        Tor::with(Way::Control(controller))
    }
}

/// Makes a `Tor` from a launched process. The process ends with the last
/// handle.
impl From<TorProcess> for Tor {
    fn from(process: TorProcess) -> Tor {
        Tor::with(Way::Launched(process.controller().clone(), Mutex::new(Some(process))))
    }
}

impl fmt::Debug for Tor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tor");
        shown.field("mode", &self.mode());
        match &self.core.way {
            Way::Socks(address) => shown.field("socks", address),
            Way::Control(controller) => shown.field("open", &controller.is_open()),
            Way::Launched(..) => shown.field("pid", &self.pid()),
        };
        shown.finish()
    }
}
