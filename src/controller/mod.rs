//! tor's commands as methods: [`Controller`].
//!
//! One file a family: connecting and authenticating ([`Connect`]), information,
//! configuration, events, signals, circuits, streams, onion services,
//! ownership.

mod added;
mod addresses;
mod attaching;
mod auth;
mod auth_error;
mod cache;
mod circuit_error;
mod circuits;
mod client_auth;
mod client_auth_files;
mod client_keys;
mod conf;
mod connect;
mod connect_error;
mod descriptors;
mod events;
mod features;
mod guards;
mod hs_descriptors;
mod hs_fetch_error;
mod hs_post;
mod info;
mod keeper;
mod latest;
mod leave_streams;
mod ledger;
mod listeners;
mod lost_onions;
mod onions;
mod ownership;
mod places;
mod reconnect;
mod reload;
mod resolve;
mod resolve_error;
mod retake;
mod session;
mod shared;
mod signals;
mod stream_error;
mod streams;
mod undo;
mod warnings;

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::connection::{Candidate, Closed, Connection, PendingReply};
use crate::error::{Error, Phase, Result};
use crate::protocol::{Command, Limits, Reply};
use crate::transport::{Address, Deadline, Transport};

pub use addresses::{MappedAddress, Mapping};
pub use auth_error::AuthError;
pub use cache::Caching;
pub use circuit_error::CircuitError;
pub use circuits::BuildCircuit;
pub use client_auth::{ClientAuth, ClientAuthAdded};
pub use connect::{Connect, PasswordRequest, connect};
pub use connect_error::{ConnectAttempt, ConnectError};
pub use descriptors::{PostDescriptor, PostedDescriptor};
pub use hs_descriptors::{FetchedHsDescriptor, HsFetch};
pub use hs_fetch_error::{HsFetchError, HsFetchFailure, HsFetchProblem};
pub use hs_post::{HsPostAnswer, HsPostOutcome};
pub use info::{
    Accounting, ConsensusLifetime, DirServerQuery, HandshakeStats, ProcessInfo, Reachability,
    SharedRandom,
};
pub use onions::{AddOnion, AddedOnion, OnionTarget};
pub use reconnect::Reconnect;
pub use resolve_error::ResolveError;
pub use stream_error::{StreamError, StreamProblem};

use keeper::Keeping;
use session::Session;

pub(crate) use leave_streams::OPTION as LEAVE_STREAMS;
pub(crate) use listeners::{Function, ListenerGuard, Listeners, Subject};
pub(crate) use lost_onions::Never;
pub(crate) use places::environment_socks;
pub(crate) use shared::Follower;
pub(crate) use undo::UNDO_WITHIN;
pub(crate) use warnings::Warnings;

/// How long a call waits for tor unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A handle on an authenticated control connection to tor.
///
/// It is cheap to clone, and any number of threads may use it and its clones at
/// once: each call gets the reply to its own command. The connection ends when
/// the last handle is dropped, or with [`close`](Self::close). Once it has
/// ended, for whatever reason, every call fails with an error of the kind
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed) and the same cause, until
/// the connection is made again, by [`reconnect`](Self::reconnect) or by itself
/// ([`Connect::reconnect`]).
///
/// Every call waits for at most the handle's timeout, 30 seconds unless
/// [`Connect::timeout`] or [`with_timeout`](Self::with_timeout) say otherwise.
/// A call whose timeout has passed leaves the connection in step: tor's late
/// reply is thrown away.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let version = controller.version()?;
/// assert_eq!(version.numbers(), [0, 4, 9, 11]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Controller {
    inner: Arc<Inner>,
    timeout: Duration,
    /// When the call ends that this handle was made for. `None` for the user's
    /// handles, each of whose calls has a deadline of its own.
    call: Option<Deadline>,
    /// Ends the handle's calls early.
    cancel: Option<CancelToken>,
    /// The number of the socket that commands go to. `None` for the present
    /// one, whichever that is.
    link: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    session: Arc<Session>,
    /// True if the connection ends with this.
    owns: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.owns {
            session::close_on_drop(&self.session);
        }
    }
}

/// A handle for threads of this library. Unlike [`WeakController`], it never
/// gives out a handle that keeps the connection open, so the last drop of a
/// user's handle is the last one, whatever these threads are doing. Calls that
/// they make have the timeout that the connection was made with.
#[derive(Debug, Clone)]
pub(crate) struct InternalController {
    session: Weak<Session>,
    timeout: Duration,
}

impl InternalController {
    /// Returns a controller for this library's own commands, which must not be
    /// given to users. Once the connection has ended, its calls fail with an
    /// error of the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub(crate) fn get(&self) -> Option<Controller> {
        let inner = Arc::new(Inner { session: self.session.upgrade()?, owns: false });
        Some(Controller { inner, timeout: self.timeout, call: None, cancel: None, link: None })
    }

    /// A user's handle on the connection, with the timeout of this one.
    pub(crate) fn as_users(&self, controller: &Controller) -> WeakController {
        WeakController { timeout: self.timeout, ..controller.downgrade() }
    }
}

/// A handle that does not keep the connection open: for callbacks, which would
/// otherwise keep alive what they are registered with.
#[derive(Debug, Clone)]
pub struct WeakController {
    inner: Weak<Inner>,
    timeout: Duration,
}

impl Controller {
    /// A controller on a transport that needs no authentication (any more),
    /// such as the socket of `__OwningControllerFD`. Nothing is sent.
    pub fn from_authenticated(transport: Transport) -> Result<Controller> {
        let connection = Connection::default();
        let candidate = connection.open(transport, Limits::default())?;
        Controller::start(connection, candidate, None, Keeping::default(), DEFAULT_TIMEOUT)
    }

    /// A controller on a connection that has just been authenticated on, as
    /// `connect` says, where it can be made again.
    fn start(
        connection: Connection,
        candidate: Candidate,
        connect: Option<Connect>,
        keeping: Keeping,
        timeout: Duration,
    ) -> Result<Controller> {
        let session = Session::start(connection, candidate, connect, keeping)?;
        let inner = Arc::new(Inner { session, owns: true });
        Ok(Controller { inner, timeout, call: None, cancel: None, link: None })
    }

    /// A controller that takes the tor at the other end of `transport` for one
    /// at `address`.
    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "only tests call it")]
    pub(crate) fn as_if_at(transport: Transport, address: &str) -> Controller {
        let connection = Connection::default();
        let candidate = connection.open(transport, Limits::default()).unwrap();
        let connect = Connect::to(address).unwrap();
        Controller::start(connection, candidate, Some(connect), Keeping::default(), DEFAULT_TIMEOUT)
            .unwrap()
    }

    /// Sets how to find out whether and how tor ended when the connection has.
    /// `ask` may wait for a moment.
    pub(crate) fn explain_end(&self, ask: impl Fn() -> Option<Error> + Send + Sync + 'static) {
        self.connection().explain_end(ask);
    }

    /// Whether the other handle is one on the same connection.
    pub(crate) fn is_same(&self, other: &Controller) -> bool {
        Arc::ptr_eq(&self.inner.session, &other.inner.session)
    }

    fn connection(&self) -> &Connection {
        self.inner.session.connection()
    }

    /// A handle on the same connection whose calls wait for at most `timeout`.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let controller = scape::connect()?;
    /// let consensus = controller.with_timeout(Duration::from_secs(120)).get_info("ns/all")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> Controller {
        Controller { timeout, call: None, ..self.clone() }
    }

    /// Returns a handle on the same connection whose calls fail with an error
    /// of the kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) when
    /// `token` is cancelled. The connection and other handles go on.
    ///
    /// A call that is cancelled while tor works on its command is like one
    /// whose timeout has passed: tor may still do what it was asked for, and
    /// its late answer is thrown away. Calls that would leave something behind
    /// undo it, and may take up to a second for that: a circuit that is built
    /// late is closed, an onion service that is added late is removed.
    ///
    /// The objects that a call returns don't keep the token. The methods of a
    /// [`Subscription`](crate::Subscription) aren't cancelled: its
    /// [`receiver`](crate::Subscription::receiver) can be selected on. Nor is a
    /// wait for room to write, which a tor that reads nothing causes: it ends
    /// at its deadline.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_any(|_| Some(Vec::new())).start()?;
    /// # let controller = scape::Controller::from_authenticated(tor.transport()?)?;
    /// use scape::CancelToken;
    /// use std::time::Duration;
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// let controller = controller.cancel_with(&token);
    /// let error = controller.new_identity(Duration::from_secs(60)).unwrap_err();
    /// assert!(error.is_cancelled());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn cancel_with(&self, token: &CancelToken) -> Controller {
        Controller { cancel: Some(token.clone()), ..self.clone() }
    }

    /// The deadline of a call that begins now: the handle's timeout from now,
    /// or the end of the call that the handle was made for if that is earlier.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline_after(self.timeout)
    }

    /// Like [`deadline`](Self::deadline), for a call with a timeout of its own.
    pub(crate) fn deadline_after(&self, timeout: Duration) -> Deadline {
        let deadline = Deadline::after(timeout).cancelled_by(self.cancel.as_ref());
        self.call.map_or(deadline, |call| call.earlier(deadline))
    }

    /// A handle for the parts of one call: each command ends at `deadline` at
    /// the latest, and after the handle's timeout.
    ///
    /// A handle like this must not outlive the call. Guards and other objects
    /// that are kept store `self.to_keep()`.
    pub(crate) fn until(&self, deadline: Deadline) -> Controller {
        let call = self.call.map_or(deadline, |call| call.earlier(deadline));
        Controller { call: Some(call), ..self.clone() }
    }

    /// A handle for the parts of one call: all of them together may take the
    /// handle's timeout.
    pub(crate) fn in_one_call(&self) -> Controller {
        self.until(self.deadline())
    }

    /// The same handle without the deadline and the token of a call, to be kept
    /// by what a call makes.
    pub(crate) fn to_keep(&self) -> Controller {
        Controller { call: None, cancel: None, link: None, ..self.clone() }
    }

    /// Returns a handle whose commands fail with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the present socket
    /// has ended, even if the connection is made again. For a command that
    /// depends on the answer to an earlier one, because the next socket may
    /// lead to another tor. A handle that is already on a socket stays on it.
    pub(crate) fn on_this_link(&self) -> Result<Controller> {
        let link = match self.link {
            Some(link) => link,
            None => self.connection().link_number()?,
        };
        Ok(Controller { link: Some(link), ..self.clone() })
    }

    /// The SOCKS port of this tor as the environment names it, if the
    /// connection was made as the environment says.
    pub(crate) fn environment_socks(&self) -> Option<&Address> {
        self.inner.session.environment_socks()
    }

    /// How long each call waits for tor.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Where it is connected to. `None` where it was given a transport, or a
    /// way of the program's own.
    pub fn control_address(&self) -> Option<&Address> {
        self.inner.session.address()
    }

    /// Where tor is, as far as is known, also where the program made the
    /// connection. To find out whether it is another machine.
    pub(crate) fn tor_address(&self) -> Option<&Address> {
        self.inner.session.tor_address()
    }

    /// A handle that does not keep the connection open.
    pub fn downgrade(&self) -> WeakController {
        WeakController { inner: Arc::downgrade(&self.inner), timeout: self.timeout }
    }

    /// A handle for a thread of this library.
    pub(crate) fn internal(&self) -> InternalController {
        let session = &self.inner.session;
        let timeout = session.recipe().map_or(DEFAULT_TIMEOUT, Connect::call_timeout);
        InternalController { session: Arc::downgrade(session), timeout }
    }

    /// Sends one line as it is and returns tor's reply, whatever that says. For
    /// commands that have no method, and for trying things out.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let reply = controller.msg("GETINFO version")?;
    /// assert_eq!(reply.first().text, b"version=0.4.9.11");
    /// assert!(controller.msg("GETINFO version\r\nSIGNAL HALT").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for a line that
    /// would leave the connection out of step: one with a line end or NUL, an
    /// empty one, data commands ([`msg_with_data`](Self::msg_with_data) takes
    /// those), commands that tor 0.4.9 answers twice, not at all or by
    /// crashing, and SETEVENTS ([`subscribe`](Self::subscribe) sends it). A
    /// refusal of tor's is not an error here: see [`Reply::is_ok`].
    ///
    /// A SETCONF, RESETCONF, LOADCONF or SIGNAL RELOAD keeps the client keys of
    /// onion services, like [`set_conf`](Self::set_conf) and
    /// [`signal`](Self::signal). [`send`](Self::send) and
    /// [`send_all`](Self::send_all) don't. All of them check an ATTACHSTREAM as
    /// [`attach_stream`](Self::attach_stream) does.
    pub fn msg(&self, line: &str) -> Result<Reply> {
        self.ask(Command::raw(line, None)?)
    }

    /// As [`msg`](Self::msg), for the commands with data, whose line begins
    /// with `+`. The data's lines end with LF or CRLF; its dots are stuffed
    /// here.
    pub fn msg_with_data(&self, line: &str, data: &[u8]) -> Result<Reply> {
        self.ask(Command::raw(line, Some(data))?)
    }

    fn ask(&self, command: Command) -> Result<Reply> {
        let keyword = command.keyword();
        if ["SETCONF", "RESETCONF", "LOADCONF"]
            .iter()
            .any(|change| keyword.eq_ignore_ascii_case(change))
        {
            return Ok(self.change(command, None)?.0);
        }
        if reload::is_reload(&command) {
            return self.reload(command);
        }
        self.send(command)?.wait()
    }

    /// Sends a command and returns at once; its reply is waited for with what
    /// this gives. Any number may be outstanding, and tor answers in the order
    /// of sending.
    ///
    /// An ATTACHSTREAM is checked first, as by
    /// [`attach_stream`](Self::attach_stream), which waits for an answer of
    /// tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n")
    /// #     .on("GETINFO uptime", "250-uptime=7\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::Command;
    ///
    /// let version = controller.send(Command::build("GETINFO").word("key", "version").finish()?)?;
    /// let uptime = controller.send(Command::build("GETINFO").word("key", "uptime").finish()?)?;
    /// assert_eq!(version.wait()?.first().text, b"version=0.4.9.11");
    /// assert_eq!(uptime.wait()?.first().text, b"uptime=7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(&self, command: Command) -> Result<PendingReply> {
        let command = events::not_setevents(command)?;
        if attaching::is_attach(&command) {
            let sent = self.send_all_checked(vec![command])?.pop();
            return sent.ok_or_else(|| Error::answer("ATTACHSTREAM", "nothing"));
        }
        self.send_checked(command)
    }

    fn send_checked(&self, command: Command) -> Result<PendingReply> {
        let pending = self.connection().send_on(self.link, command, self.deadline())?;
        self.inner.session.cache.was_sent(pending.command().keyword());
        Ok(pending)
    }

    /// As [`send`](Self::send), for several commands in one write, which is
    /// much faster than one by one.
    pub fn send_all(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Vec<PendingReply>> {
        let commands: Result<Vec<_>, _> = commands.into_iter().map(events::not_setevents).collect();
        let commands = commands?;
        match commands.iter().any(attaching::is_attach) {
            true => self.send_all_checked(commands),
            false => self.send_all_unchecked(commands),
        }
    }

    /// Sends commands in one write. An ATTACHSTREAM among them is known to be
    /// harmless.
    pub(crate) fn send_all_unchecked(&self, commands: Vec<Command>) -> Result<Vec<PendingReply>> {
        let pending = self.connection().send_all_on(self.link, commands, self.deadline())?;
        for sent in &pending {
            self.inner.session.cache.was_sent(sent.command().keyword());
        }
        Ok(pending)
    }

    /// Sends a command and waits for its reply; one that is no success is an
    /// error.
    fn request(&self, command: Command) -> Result<Reply> {
        self.send_checked(command)?.wait_ok()
    }

    /// Waits until everything that tor sent before this call has been seen by
    /// every callback. (Replies alone promise that subscriptions have it;
    /// callbacks may lag behind.)
    ///
    /// Within a callback, it does not wait for that callback itself.
    pub fn sync(&self) -> Result<()> {
        let deadline = self.deadline();
        // Whatever tor answers, also a filter's refusal: what came before has
        // been read.
        let command = Command::build("GETINFO").word("key", "version").finish()?;
        self.connection().request(command, deadline)?;
        if self.connection().is_in_callback() {
            return Ok(());
        }
        self.connection().wait_for_callbacks(deadline)
    }

    /// Why the connection has ended, once it has.
    pub fn closed(&self) -> Option<Closed> {
        self.connection().closed()
    }

    /// Whether the connection is open, as far as is known: tor's end is noticed
    /// as soon as its socket tells.
    pub fn is_open(&self) -> bool {
        self.closed().is_none()
    }

    /// Waits for the connection to end, for at most `timeout`, and returns the
    /// cause. An end also counts if the connection was made again at once.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the connection is
    /// still open then.
    pub fn wait_closed(&self, timeout: Duration) -> Result<Closed> {
        let deadline = self.deadline_after(timeout);
        self.connection().wait_closed(deadline).ok_or_else(|| deadline.error(Phase::Close))
    }

    /// Ends the connection for every handle, and waits for its threads to end.
    /// What no callback has seen yet is thrown away; what is in subscriptions'
    /// queues can still be read.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if a callback doesn't
    /// return within the handle's timeout. The connection is closed anyway. If
    /// the connection was lost while this controller attached streams, the call
    /// may take up to one second more, to put tor's option
    /// `__LeaveStreamsUnattached` back.
    pub fn close(self) -> Result<()> {
        self.inner.session.close(self.deadline())
    }

    /// Tells tor that the connection ends (QUIT), and ends it for every handle.
    /// control-spec, command QUIT.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer,
    /// and of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a
    /// filter refuses. The connection has ended anyway.
    pub fn quit(self) -> Result<()> {
        let command = Command::build("QUIT").finish()?;
        let call = self.in_one_call();
        self.inner.session.take_leave(call.deadline());
        self.connection().set_quitting(true);
        match call.request(command) {
            // It may hang up before its answer is read.
            Ok(_) => call.close(),
            Err(error) if error.is::<Closed>() => call.close(),
            // It has taken its leave already, so it must not go on.
            Err(error) => {
                let _ = call.undoing().close();
                Err(error)
            }
        }
    }
}

impl WeakController {
    /// The controller, unless its last other handle was dropped.
    pub fn upgrade(&self) -> Option<Controller> {
        Some(Controller {
            inner: self.inner.upgrade()?,
            timeout: self.timeout,
            call: None,
            cancel: None,
            link: None,
        })
    }
}
