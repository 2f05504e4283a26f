//! [`Tor`]: the object that most programs hold.
//!
//! # Which tor
//!
//! | made by | what it is | ends |
//! |---|---|---|
//! | [`Tor::connect`] | one that runs already, controlled: the usual places, `SCAPE_CONTROL` | never by us |
//! | [`Tor::connect_with`], `Tor::from(controller)` | one that runs already, wherever it is | never by us |
//! | [`Tor::launch`] | one of our own, as its [`Launch`] says | with the last of its handles |
//! | [`Tor::private`] | one of our own, with nothing of it left afterwards | with the last of its handles |
//! | [`Tor::socks_only`] | one that is known by its SOCKS port: connections, but no onion services, no events | never by us |
//! | [`Tor::find`] | the first that is there: controlled, or else its SOCKS port | never by us |
//! | [`Tor::global`] | one for the whole program: one that runs already, or else one that is launched | as that one |
//!
//! A `Tor` is a cheap handle; its clones are the same tor. What is made with it
//! counts as a handle too, as long as it lives: [`TorClient`], streams, HTTP
//! agents, onion services, listeners. So a launched tor does not end under a
//! stream.
//!
//! # What it gives
//!
//! * [`controller`](Tor::controller): every command and every event.
//! * [`client`](Tor::client): connections through tor, names looked up by tor,
//!   isolation; [`dial`](Tor::dial) for one.
#![cfg_attr(
    feature = "http",
    doc = "* [`http`](Tor::http): a `ureq::Agent` that goes through tor, whatever the environment says."
)]
//! * [`onion`](Tor::onion): onion services, and listeners behind them;
//!   [`disk_onions`](Tor::disk_onions): those of tor's configuration.
//!
//! Nothing goes around tor, ever: where tor cannot be used, there is an error
//! that says what was tried.

mod circuit;
mod circuit_socks;
mod client;
mod global;
mod no_control;
mod no_socks_port;
mod no_tor;
mod not_ready;
mod probe;
mod ready;
mod socks_port;
mod socks_server;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::cancel::CancelToken;
use crate::config::{Config, PortLine};
use crate::controller::{Connect, ConnectAttempt, Controller, environment_socks};
use crate::error::{Phase, Result};
use crate::onion::OnionBuilder;
use crate::onion::disk::DiskOnions;
use crate::process::{Launch, TorProcess};
use crate::protocol::ListenerAddress;
use crate::socks::{Keep, SocksProxy, SocksStream, ToTargetAddr};
use crate::state::State;
use crate::transport::{Address, Deadline};

pub use circuit_socks::CircuitSocks;
pub use client::TorClient;
pub use no_control::NoControlError;
pub use no_socks_port::NoSocksPortError;
pub use no_tor::NoTorError;
pub use not_ready::NotReadyError;
pub use socks_port::SocksPort;

use probe::ask_whether_tor;
use socks_port::{FromFilter, usual_addresses};

/// How long a SOCKS port on this machine may take to say that it is one.
const SOCKS_TIMEOUT: Duration = Duration::from_secs(10);

/// A tor: one that runs already, or one of our own. See the [module](self) for
/// the ways to one, and what it gives.
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
    core: Arc<Core>,
    /// Ends the handle's calls early.
    cancel: Option<CancelToken>,
}

/// What the handles of a tor share. With it, a launched tor ends.
struct Core {
    way: Way,
    /// The SOCKS port that was found usable last.
    usable: Mutex<Option<Address>>,
    /// The SOCKS ports that were added, and where tor opened them. Held while
    /// one is added: one at a time.
    added: Mutex<Vec<(PortLine, ListenerAddress)>>,
    /// The live state, once it was asked for.
    state: Mutex<Option<State>>,
}

/// How tor is reached.
enum Way {
    Socks(Address),
    Control(Controller),
    /// The process is gone once the tor was told to end.
    Launched(Controller, Mutex<Option<TorProcess>>),
}

impl Core {
    /// Returns true if new streams wait for a controller other than this one.
    /// Takes `timeout` at most.
    fn leaves_streams_to_others(&self, timeout: Duration) -> bool {
        match &self.way {
            Way::Socks(_) => false,
            Way::Control(controller) | Way::Launched(controller, _) => {
                controller.with_timeout(timeout).leaves_streams_to_others().unwrap_or(false)
            }
        }
    }
}

/// How a [`Tor`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TorMode {
    /// By its SOCKS port only.
    SocksOnly,
    /// By its control port; it runs without us.
    Control,
    /// By its control connection; we started it, and end it.
    Launched,
}

impl Tor {
    /// A tor that runs already, at the usual places or the one that
    /// `SCAPE_CONTROL` names: see [`scape::connect`](crate::connect()).
    ///
    /// # Errors
    ///
    /// Same errors as [`scape::connect`](crate::connect()): a
    /// [`ConnectError`](crate::controller::ConnectError) with everything that
    /// was tried, or an [`AuthError`](crate::controller::AuthError) if the
    /// environment names a tor that doesn't let this program in.
    pub fn connect() -> Result<Tor> {
        Ok(Tor::from(Connect::from_env()?.connect()?))
    }

    /// A tor that runs already, as `connect` says.
    ///
    /// # Errors
    ///
    /// As [`Connect::connect`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().listen()?;
    /// # let address = scripted.address().cloned().expect("it listens");
    /// use scape::{Connect, Reconnect, Tor};
    ///
    /// let tor = Tor::connect_with(&Connect::to(address)?.reconnect(Reconnect::new()))?;
    /// assert!(tor.controller()?.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_with(connect: &Connect) -> Result<Tor> {
        Ok(Tor::from(connect.connect()?))
    }

    /// Starts a tor of our own. It ends with the last of its handles, or this
    /// program, whatever becomes of that.
    ///
    /// A [data directory](Launch::data_directory) that stays makes the next
    /// start much quicker, and keeps the guards.
    ///
    /// # Errors
    ///
    /// As [`Launch::start`].
    pub fn launch(launch: Launch) -> Result<Tor> {
        Ok(Tor::from(launch.start()?))
    }

    /// Starts a tor of our own, with a temporary data directory: nothing of it
    /// is left afterwards. For one service or task that is to have nothing to
    /// do with any other.
    ///
    /// # Errors
    ///
    /// As [`Launch::start`].
    pub fn private() -> Result<Tor> {
        Tor::launch(Launch::new())
    }

    /// Returns a tor that is known by its SOCKS port only.
    ///
    /// The port is asked whether it is tor's, because another proxy might look
    /// up names by itself, and send connections anywhere. No name is looked up
    /// for that, and nothing is connected to. The port may have any flags,
    /// `OnionTrafficOnly` for example. The answer must come within 10 seconds.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`](crate::socks::SocksError) if
    /// nothing listens there (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)), nothing answers in
    /// time (kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), or it is
    /// another proxy.
    pub fn socks_only(socks: impl Into<Address>) -> Result<Tor> {
        let socks = socks.into();
        ask_whether_tor(&socks, SOCKS_TIMEOUT)?;
        Ok(Tor::with(Way::Socks(socks)))
    }

    /// The first tor that is there: a control port at the usual places (as
    /// [`connect`](Self::connect)), or else a SOCKS port at 127.0.0.1:9050
    /// (tor) or 127.0.0.1:9150 (Tor Browser), unless `TOR_SOCKS_IPC_PATH`,
    /// `TOR_SOCKS_HOST` or `TOR_SOCKS_PORT` names it (see
    /// [`Connect::from_env`]). Enough for a client; [`mode`](Self::mode) tells
    /// which.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoTorError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)), which has everything
    /// that was tried.
    pub fn find() -> Result<Tor> {
        let mut tried = NoTorError::default();
        match Tor::connect() {
            Ok(tor) => return Ok(tor),
            Err(error) => tried.control = Some(error),
        }
        Tor::usual_socks(&mut tried).ok_or_else(|| tried.into())
    }

    /// Returns the tor with the SOCKS port that the environment names, or else
    /// the first with one at a usual place. Notes what was tried in vain.
    fn usual_socks(tried: &mut NoTorError) -> Option<Tor> {
        // What can't be read is in the error of the control port.
        let named = environment_socks().ok().flatten().map(|named| vec![named]);
        for address in named.unwrap_or_else(|| usual_addresses(None)) {
            match Tor::socks_only(address.clone()) {
                Ok(tor) => return Some(tor),
                Err(error) => tried.socks.push(ConnectAttempt::new(address.to_string(), error)),
            }
        }
        None
    }

    /// Finds a tor like [`find`](Self::find), and fails at once when `token` is
    /// cancelled. What is found doesn't keep the token.
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
    /// cancelled. Otherwise same errors as [`find`](Self::find), most often a
    /// [`NoTorError`].
    pub fn find_cancel_with(token: &CancelToken) -> Result<Tor> {
        // The parts have deadlines of their own.
        Deadline::after(Duration::MAX).cancelled_by(Some(token)).run(Phase::Connect, Tor::find)
    }

    fn with(way: Way) -> Tor {
        let core = Core {
            way,
            usable: Mutex::default(),
            added: Mutex::default(),
            state: Mutex::default(),
        };
        Tor::of(Arc::new(core))
    }

    fn of(core: Arc<Core>) -> Tor {
        Tor { core, cancel: None }
    }

    /// Returns a handle on the same tor whose calls fail with an error of the
    /// kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) when `token`
    /// is cancelled: [`become_ready`](Self::become_ready),
    /// [`onion`](Self::onion) with all that it makes, [`client`](Self::client),
    /// [`disk_onions`](Self::disk_onions). The tor and other handles go on.
    ///
    /// The token doesn't reach [`controller`](Self::controller), which has its
    /// own [`cancel_with`](Controller::cancel_with), and connections through
    /// tor, which have a timeout ([`TorClient::timeout`]).
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
    pub fn cancel_with(&self, token: &CancelToken) -> Tor {
        Tor { cancel: Some(token.clone()), ..self.clone() }
    }

    /// The controller with the handle's token.
    fn own_controller(&self) -> Result<Controller> {
        let controller = self.controller()?;
        Ok(self
            .cancel
            .as_ref()
            .map_or_else(|| controller.clone(), |token| controller.cancel_with(token)))
    }

    /// How it is reached.
    pub fn mode(&self) -> TorMode {
        match self.core.way {
            Way::Socks(_) => TorMode::SocksOnly,
            Way::Control(_) => TorMode::Control,
            Way::Launched(..) => TorMode::Launched,
        }
    }

    /// Returns the control connection: every command, every event.
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

    /// Whether it can still be used, as far as is known: its control connection
    /// is open (or is made again by itself), and the process that we started
    /// runs.
    pub fn is_alive(&self) -> bool {
        match &self.core.way {
            Way::Socks(_) => true,
            Way::Control(controller) => controller.is_open(),
            Way::Launched(controller, process) => {
                controller.is_open() && process.lock().as_ref().is_some_and(TorProcess::is_running)
            }
        }
    }

    /// The process identifier of the tor that we started; for another one,
    /// [`Controller::process`] asks tor.
    pub fn pid(&self) -> Option<u32> {
        self.of_process(|process| process.pid())
    }

    /// The data directory of the tor that we started.
    pub fn data_directory(&self) -> Option<PathBuf> {
        self.of_process(|process| process.data_directory().to_owned())
    }

    /// The last lines of the log of the tor that we started, oldest first.
    pub fn log_tail(&self) -> Vec<String> {
        self.of_process(|process| process.log_tail()).unwrap_or_default()
    }

    fn of_process<T>(&self, ask: impl FnOnce(&TorProcess) -> T) -> Option<T> {
        match &self.core.way {
            Way::Launched(_, process) => process.lock().as_ref().map(ask),
            _ => None,
        }
    }

    /// Returns a client on the first of tor's SOCKS ports that can be used:
    /// [`client_on`](Self::client_on) with [`SocksPort::Usable`].
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoSocksPortError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if there is no port
    /// that can be used.
    pub fn client(&self) -> Result<TorClient> {
        self.client_on(&SocksPort::Usable)
    }

    /// Returns a client on the SOCKS port `port`.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoSocksPortError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if there is no such
    /// port, and of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused)
    /// if a port was to be added and tor couldn't open it.
    /// [`Refusal::log`](crate::protocol::Refusal::log) says why.
    pub fn client_on(&self, port: &SocksPort) -> Result<TorClient> {
        self.client_until(port, FromFilter::UsualPorts, self.deadline())
    }

    /// Returns a client on a SOCKS port that certainly is this tor's, because
    /// its control connection attaches the client's streams.
    fn client_of_this_tor(&self, port: &SocksPort, deadline: Deadline) -> Result<TorClient> {
        self.client_until(port, FromFilter::Error, deadline)
    }

    /// The deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        self.deadline_after(self.controller().map_or(SOCKS_TIMEOUT, Controller::timeout))
    }

    /// The deadline of a call that begins now and may take `timeout`.
    fn deadline_after(&self, timeout: Duration) -> Deadline {
        Deadline::after(timeout).cancelled_by(self.cancel.as_ref())
    }

    fn client_until(
        &self,
        port: &SocksPort,
        from_filter: FromFilter,
        deadline: Deadline,
    ) -> Result<TorClient> {
        let address = self.socks_address(port, from_filter, deadline)?;
        Ok(TorClient::new(&self.core, address))
    }

    /// Connects to `target` through tor: [`TorClient::connect`] of
    /// [`client`](Self::client). Both together take at most
    /// [`SocksProxy::DEFAULT_TIMEOUT`], and after a timeout half a second more
    /// to find out the reason.
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Self::client) and [`TorClient::connect`].
    pub fn dial(&self, target: impl ToTargetAddr) -> Result<SocksStream> {
        let deadline = self.deadline_after(SocksProxy::DEFAULT_TIMEOUT);
        self.client_until(&SocksPort::Usable, FromFilter::UsualPorts, deadline)?
            .timeout(deadline.left())
            .connect(target)
    }

    /// An HTTP agent that goes through tor: [`TorClient::http`] of
    /// [`client`](Self::client). Names go to tor, and the environment's proxies
    /// are not asked.
    ///
    /// ```no_run
    /// let tor = scape::Tor::connect()?;
    /// let page = tor.http()?.get("https://example.com/").call()?.body_mut().read_to_string()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`client`](Self::client) and [`TorClient::http`].
    #[cfg(feature = "http")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.client()?.http()
    }

    /// An onion service of this tor, to be described, and then made: by
    /// [`listen`](OnionBuilder::listen), with a listener like a
    /// [`TcpListener`](std::net::TcpListener), or by
    /// [`publish`](OnionBuilder::publish), for a server that is there already.
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
    pub fn onion(&self) -> Result<OnionBuilder> {
        let keep: Keep = self.core.clone();
        Ok(OnionBuilder::new(&self.own_controller()?).keep(keep))
    }

    /// The onion services in tor's configuration, with their keys on disk.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NoControlError`] (kind
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect)) if tor is known by
    /// its SOCKS port only.
    pub fn disk_onions(&self) -> Result<DiskOnions> {
        Ok(DiskOnions::of(&self.own_controller()?))
    }

    /// What tor has and does, live: circuits, streams, routers, addresses,
    /// entry guards. Begun when it is first asked for, and kept from then on as
    /// long as the tor is; every call gives the same.
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
    pub fn state(&self) -> Result<State> {
        self.state_until(self.deadline())
    }

    /// Like [`state`](Self::state), as a part of a call that ends at
    /// `deadline`.
    fn state_until(&self, deadline: Deadline) -> Result<State> {
        let keep: Keep = self.core.clone();
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

    /// tor's configuration, kept live, to read and to change: see [`Config`]. A
    /// tor that was launched runs at least as long as this.
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
    pub fn config(&self) -> Result<Config> {
        let keep: Keep = self.core.clone();
        Ok(self.controller()?.config()?.keep(keep))
    }

    /// Ends the control connection, for every handle; and the tor, where we
    /// started it.
    ///
    /// Dropping the last handle does the same. (A controller that the tor was
    /// made [from](#impl-From%3CController%3E-for-Tor) ends, too.)
    ///
    /// # Errors
    ///
    /// As [`TorProcess::stop`] and [`Controller::quit`]. The tor has ended then
    /// all the same, or the connection.
    pub fn quit(self) -> Result<()> {
        match &self.core.way {
            Way::Socks(_) => Ok(()),
            Way::Control(controller) if !controller.is_open() => Ok(()),
            Way::Control(controller) => controller.clone().quit(),
            Way::Launched(_, process) => {
                // Without the lock: other handles ask whether the process runs.
                let process = process.lock().take();
                process.map_or(Ok(()), TorProcess::stop)
            }
        }
    }
}

/// A tor that is controlled already. Its connection ends with the last handle,
/// the controller's included.
impl From<Controller> for Tor {
    fn from(controller: Controller) -> Tor {
        Tor::with(Way::Control(controller))
    }
}

/// A tor that was launched already. It ends with the last of the `Tor`'s
/// handles.
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
