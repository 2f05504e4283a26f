//! [`Controller`], the handle on a control connection.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::keeper::Keeping;
use super::recipe::Recipe;
use super::session::{self, Session};
use super::time_limits::DEFAULT_TIMEOUT;
use super::{Command, Limits, Reply, attaching, events, reload};
use crate::error::{Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::connection::{Candidate, Closed, Connection, PendingReply};
use crate::io::transport::{Address, Deadline, Transport};

/// A handle on an authenticated control connection to tor.
///
/// [`connect()`](crate::connect()) and [`Connect`](crate::Connect) create one.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let version = controller.version()?;
/// assert_eq!(version.numbers(), [0, 4, 9, 11]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Threads and handles
///
/// A handle is cheap to clone. Any number of threads may use it and its clones
/// at the same time: each call gets the reply to its own command.
///
/// # The end of the connection
///
/// The connection ends when the last handle is dropped, when
/// [`close`](Self::close) is called, or when tor ends it. From then on every
/// call fails with an error of the kind
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed), always with the same cause.
/// [`reconnect`](Self::reconnect) opens the connection again. With
/// [`Connect::reconnect`](crate::Connect::reconnect) this happens
/// automatically.
///
/// # Timeouts
///
/// Every call waits for at most the handle's timeout. The default is 30
/// seconds. [`Connect::timeout`](crate::Connect::timeout) and
/// [`with_timeout`](Self::with_timeout) set another one. The connection stays
/// usable after a call has timed out, because tor's late reply is discarded.
///
/// # Errors
///
/// Every call that talks to tor can fail with these kinds of errors, besides
/// those that the method documents.
///
/// * [`ErrorKind::Closed`](crate::ErrorKind::Closed): the connection has ended.
/// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout): tor didn't answer in
///   time.
/// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled): the call was
///   cancelled. See [`cancel_with`](Self::cancel_with).
/// * [`ErrorKind::Refused`](crate::ErrorKind::Refused): tor, or a filter in
///   front of its control port (such as onion-grater), refused the command.
/// * [`ErrorKind::Argument`](crate::ErrorKind::Argument): an argument can't be
///   sent. Nothing was sent.
#[doc(alias = "BaseController")]
#[doc(alias = "TorControlProtocol")]
#[derive(Debug, Clone)]
pub struct Controller {
    pub(super) inner: Arc<Inner>,
    pub(super) timeout: Duration,
    /// The deadline of the call that this handle was made for. `None` for a
    /// user's handle, because each call on such a handle gets a new deadline.
    pub(super) call: Option<Deadline>,
    /// The token that cancels the handle's calls. `None` if they can't be
    /// cancelled.
    pub(super) cancel: Option<CancelToken>,
    /// The number of the socket that commands go to. `None` means the socket
    /// that is current when a command is sent.
    pub(super) link: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) session: Arc<Session>,
    /// True if the connection ends when this value is dropped, that is, when
    /// the user's last handle is gone. False for the handles of this library's
    /// own threads.
    pub(super) owns: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.owns {
            session::close_on_drop(&self.session);
        }
    }
}

/// A handle for threads of this library.
///
/// Unlike [`WeakController`], it never gives out a handle that keeps the
/// connection open. So the connection ends when a user drops the last handle,
/// whatever these threads are doing. Calls on this handle have the timeout that
/// the connection was made with.
#[derive(Debug, Clone)]
pub(crate) struct InternalController {
    pub(super) session: Weak<Session>,
    pub(super) timeout: Duration,
}

impl InternalController {
    /// Returns a controller for this library's own commands. This controller
    /// must not be given to users. Returns `None` if all handles are gone and
    /// the connection's state was dropped. Once the connection has ended, the
    /// controller's calls fail with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub(crate) fn get(&self) -> Option<Controller> {
        let inner = Arc::new(Inner { session: self.session.upgrade()?, owns: false });
        Some(Controller { inner, timeout: self.timeout, call: None, cancel: None, link: None })
    }

    /// Returns a weak handle on the connection of `controller`, for users. The
    /// weak handle has the timeout of this `InternalController`.
    pub(crate) fn as_users(&self, controller: &Controller) -> WeakController {
        WeakController { timeout: self.timeout, ..controller.downgrade() }
    }
}

/// A handle that doesn't keep the connection open, returned by
/// [`Controller::downgrade`].
///
/// Use it in callbacks. A callback that holds a [`Controller`] keeps the
/// connection open as long as the callback is registered.
#[derive(Debug, Clone)]
pub struct WeakController {
    pub(super) inner: Weak<Inner>,
    pub(super) timeout: Duration,
}

impl Controller {
    /// Creates a controller on a transport that needs no authentication, or
    /// that is already authenticated. An example is the socket whose other end
    /// tor inherits with the option `__OwningControllerFD`. Nothing is sent.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").start()?;
    /// # let transport = tor.transport()?;
    /// use scape::Controller;
    ///
    /// let controller = Controller::from_authenticated(transport)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the thread that reads the transport can't be started. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the transport has
    /// ended already.
    pub fn from_authenticated(transport: Transport) -> Result<Controller> {
        let connection = Connection::default();
        let candidate = connection.open(transport, Limits::default())?;
        Controller::start(connection, candidate, None, Keeping::default(), DEFAULT_TIMEOUT)
    }

    /// Creates a controller on a connection that was just authenticated.
    /// `recipe` has the settings for opening the connection again. It is
    /// `None` if the connection can't be opened again.
    pub(super) fn start(
        connection: Connection,
        candidate: Candidate,
        recipe: Option<Recipe>,
        keeping: Keeping,
        timeout: Duration,
    ) -> Result<Controller> {
        let session = Session::start(connection, candidate, recipe, keeping)?;
        let inner = Arc::new(Inner { session, owns: true });
        Ok(Controller { inner, timeout, call: None, cancel: None, link: None })
    }

    /// Creates a controller for a test on `transport`, as if the program had
    /// connected to tor at `address`.
    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "only tests call it")]
    pub(crate) fn as_if_at(transport: Transport, address: &str) -> Controller {
        let connection = Connection::default();
        let candidate = connection.open(transport, Limits::default()).unwrap();
        let recipe = super::Connect::to(address).unwrap().recipe;
        Controller::start(connection, candidate, Some(recipe), Keeping::default(), DEFAULT_TIMEOUT)
            .unwrap()
    }

    /// Sets `ask`, the function that finds out how tor's process ended. `ask`
    /// is called when the connection has ended, and may block for a moment.
    /// `ask` returns `None` if tor still runs.
    pub(crate) fn explain_end(&self, ask: impl Fn() -> Option<Error> + Send + Sync + 'static) {
        self.connection().explain_end(ask);
    }

    /// Returns true if both handles are on the same connection.
    pub(crate) fn is_same(&self, other: &Controller) -> bool {
        Arc::ptr_eq(&self.inner.session, &other.inner.session)
    }

    pub(super) fn connection(&self) -> &Connection {
        self.inner.session.connection()
    }

    /// Returns a handle on the same connection whose calls wait for at most
    /// `timeout`. The timeout of `self` doesn't change.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/all", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// let patient = controller.with_timeout(Duration::from_secs(120));
    /// let consensus = patient.get_info("ns/all")?;
    /// assert_eq!(controller.timeout(), Duration::from_secs(30));
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Controller {
        Controller { timeout, call: None, ..self.clone() }
    }

    /// Returns a handle on the same connection whose calls fail with an error
    /// of the kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) when
    /// `token` is cancelled. The connection and its other handles are not
    /// affected.
    ///
    /// A call that is cancelled while tor works on its command is like a call
    /// that has timed out. tor may still execute the command, and its late
    /// answer is discarded. Calls that would leave something behind in tor undo
    /// their effect, which may take up to a second. For example, a circuit that
    /// is built late is closed, and an onion service that is added late is
    /// removed.
    ///
    /// The objects that calls create, such as a [`State`](crate::State) or an
    /// onion service, don't keep the token, so it doesn't cancel their methods.
    /// [`OnionBuilder`](crate::OnionBuilder),
    /// [`Publication`](crate::onion::Publication) and
    /// [`DiskOnions`](crate::onion::disk::DiskOnions) do keep it.
    ///
    /// The token doesn't cancel the methods of a
    /// [`Subscription`](crate::Subscription). To stop waiting for its events,
    /// use its [`receiver`](crate::Subscription::receiver) in a `select!`
    /// together with a channel of your own.
    ///
    /// A few waits end only at the call's deadline. For example, tor doesn't
    /// read from the socket, and the call waits to write its command. See
    /// [`CancelToken`](crate::CancelToken) for the list.
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
    #[must_use]
    pub fn cancel_with(&self, token: &CancelToken) -> Controller {
        Controller { cancel: Some(token.clone()), ..self.clone() }
    }

    /// Returns the deadline of a call that begins now: the present time plus
    /// the handle's timeout. If the handle was made for a call whose deadline
    /// is earlier, returns that deadline.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline_after(self.timeout)
    }

    /// Like [`deadline`](Self::deadline), but with `timeout` instead of the
    /// handle's timeout.
    pub(crate) fn deadline_after(&self, timeout: Duration) -> Deadline {
        let deadline = Deadline::after(timeout).cancelled_by(self.cancel.as_ref());
        self.call.map_or(deadline, |call| call.earlier(deadline))
    }

    /// Returns a handle for the parts of one call. Each command on the returned
    /// handle ends at `deadline` or after the handle's timeout, whichever comes
    /// first.
    ///
    /// The returned handle must not outlive the call. Guards and other objects
    /// that outlive the call store `self.to_keep()`.
    pub(crate) fn until(&self, deadline: Deadline) -> Controller {
        let call = self.call.map_or(deadline, |call| call.earlier(deadline));
        Controller { call: Some(call), ..self.clone() }
    }

    /// Returns a handle for the parts of one call. All parts together may take
    /// the handle's timeout.
    pub(crate) fn in_one_call(&self) -> Controller {
        self.until(self.deadline())
    }

    /// Returns a handle like this one, but without the deadline, the token and
    /// the socket of a single call. Objects that a call creates keep the
    /// returned handle.
    pub(crate) fn to_keep(&self) -> Controller {
        Controller { call: None, cancel: None, link: None, ..self.clone() }
    }

    /// Returns a handle that sends on the current socket only. Once this socket
    /// has ended, commands on the handle fail with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), even after a reconnect.
    /// Use the handle for commands that depend on the answer to an earlier
    /// command, because the next socket may lead to another tor. If `self` is
    /// already bound to a socket, the new handle is bound to the same socket.
    /// Returns an error of the same kind if there is no connection now.
    pub(crate) fn on_this_link(&self) -> Result<Controller> {
        let link = match self.link {
            Some(link) => link,
            None => self.connection().link_number()?,
        };
        Ok(Controller { link: Some(link), ..self.clone() })
    }

    /// Returns the SOCKS port that the environment names for this tor. Returns
    /// `None` if the environment names no port, or if the connection wasn't
    /// made with [`Connect::from_env`](crate::Connect::from_env).
    pub(crate) fn environment_socks(&self) -> Option<&Address> {
        self.inner.session.environment_socks()
    }

    /// Returns the timeout of this handle: the longest time that each call
    /// waits for tor.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the address that the controller is connected to. Returns `None`
    /// if the program opened the transport itself: with [`from_authenticated`],
    /// [`Connect::through`](crate::Connect::through) or
    /// [`Connect::authenticate_over`](crate::Connect::authenticate_over).
    ///
    /// [`from_authenticated`]: Self::from_authenticated
    pub fn control_address(&self) -> Option<&Address> {
        self.inner.session.address()
    }

    /// Returns the address of tor if it is known, even if the program opened
    /// the transport itself. Callers use it to find out whether tor is on
    /// another machine.
    pub(crate) fn tor_address(&self) -> Option<&Address> {
        self.inner.session.tor_address()
    }

    /// Returns a handle that doesn't keep the connection open.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let weak = controller.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(controller);
    /// assert!(weak.upgrade().is_none());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn downgrade(&self) -> WeakController {
        WeakController { inner: Arc::downgrade(&self.inner), timeout: self.timeout }
    }

    /// Returns a handle for a thread of this library. The calls of that thread
    /// have the timeout that the connection was made with.
    pub(crate) fn internal(&self) -> InternalController {
        let session = &self.inner.session;
        let timeout = session.recipe().map_or(DEFAULT_TIMEOUT, |recipe| recipe.timeout);
        InternalController { session: Arc::downgrade(session), timeout }
    }

    /// Sends one line as it is and returns tor's reply, even if tor refuses the
    /// command. Use it for commands that have no method, and for experiments.
    ///
    /// tor 0.4.9 forgets the client keys of onion services when its
    /// configuration changes. After a SETCONF, RESETCONF, LOADCONF or SIGNAL
    /// RELOAD, this method adds the keys again, like
    /// [`set_conf`](Self::set_conf) and [`signal`](Self::signal).
    /// [`send`](Self::send) and [`send_all`](Self::send_all) don't add them
    /// again. All of these methods check an ATTACHSTREAM like
    /// [`attach_stream`](Self::attach_stream).
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
    /// A refusal by tor is not an error here: see [`Reply::is_ok`]. Returns an
    /// error of the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument),
    /// and sends nothing, in these cases:
    ///
    /// * The line is empty, contains a line end or NUL, or is too long for tor.
    /// * The command needs data. Use [`msg_with_data`](Self::msg_with_data).
    /// * The command is SETEVENTS. Use [`subscribe`](Self::subscribe).
    /// * tor 0.4.9 would crash, or would answer the command twice or not at
    ///   all, so that later replies would be attributed to the wrong commands.
    /// * tor would ask an exit for an onion address, because the address has a
    ///   trailing dot.
    pub fn msg(&self, line: &str) -> Result<Reply> {
        self.ask(Command::raw(line, None)?)
    }

    /// Like [`msg`](Self::msg), but for commands with data. The line of such a
    /// command begins with `+`.
    ///
    /// The lines of `data` end with LF or CRLF. Lines that begin with a dot are
    /// escaped automatically.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("+LOADCONF", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let reply = controller.msg_with_data("+LOADCONF", b"ControlPort 9051\nSocksPort 0\n")?;
    /// assert!(reply.is_ok());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`msg`](Self::msg). The kind is also
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the line doesn't
    /// begin with `+`, or if the data contains a NUL.
    pub fn msg_with_data(&self, line: &str, data: &[u8]) -> Result<Reply> {
        self.ask(Command::raw(line, Some(data))?)
    }

    pub(super) fn ask(&self, command: Command) -> Result<Reply> {
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

    /// Sends a command and returns without waiting for the reply. Use the
    /// returned [`PendingReply`] to wait for the reply. Any number of commands
    /// may be outstanding. tor answers them in the order in which they were
    /// sent.
    ///
    /// An ATTACHSTREAM is checked first, like in
    /// [`attach_stream`](Self::attach_stream). For this check, the call waits
    /// for an answer from tor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO version", "250-version=0.4.9.11\r\n250 OK\r\n")
    /// #     .on("GETINFO uptime", "250-uptime=7\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    ///
    /// let version = controller.send(Command::build("GETINFO").word("key", "version").finish()?)?;
    /// let uptime = controller.send(Command::build("GETINFO").word("key", "uptime").finish()?)?;
    /// assert_eq!(version.wait()?.first().text, b"version=0.4.9.11");
    /// assert_eq!(uptime.wait()?.first().text, b"uptime=7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended. The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument)
    /// if the command is SETEVENTS: use [`subscribe`](Self::subscribe) instead.
    /// For an ATTACHSTREAM, same errors as
    /// [`attach_stream`](Self::attach_stream).
    #[doc(alias = "queue_command")]
    pub fn send(&self, command: Command) -> Result<PendingReply> {
        let command = events::not_setevents(command)?;
        if attaching::is_attach(&command) {
            let sent = self.send_all_checked(vec![command])?.pop();
            return sent.ok_or_else(|| Error::answer("ATTACHSTREAM", "nothing"));
        }
        self.send_checked(command)
    }

    pub(super) fn send_checked(&self, command: Command) -> Result<PendingReply> {
        let pending = self.connection().send_on(self.link, command, self.deadline())?;
        self.inner.session.cache.was_sent(pending.command().keyword());
        Ok(pending)
    }

    /// Sends several commands in one write, which is much faster than one write
    /// for each command. The replies are returned in the order of the commands.
    /// See [`send`](Self::send).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").info("uptime", "7").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    ///
    /// let mut commands = Vec::new();
    /// for key in ["version", "uptime"] {
    ///     commands.push(Command::build("GETINFO").word("key", key).finish()?);
    /// }
    /// for pending in controller.send_all(commands)? {
    ///     assert!(pending.wait()?.is_ok());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`send`](Self::send), most often a connection that has
    /// ended. If one of the commands is SETEVENTS, none of them is sent.
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

    /// Sends commands in one write, without checks. If an ATTACHSTREAM is among
    /// them, the caller has already checked it like
    /// [`attach_stream`](Self::attach_stream).
    pub(crate) fn send_all_unchecked(&self, commands: Vec<Command>) -> Result<Vec<PendingReply>> {
        let pending = self.connection().send_all_on(self.link, commands, self.deadline())?;
        for sent in &pending {
            self.inner.session.cache.was_sent(sent.command().keyword());
        }
        Ok(pending)
    }

    /// Sends a command and waits for its reply. A refusal is an error.
    pub(super) fn request(&self, command: Command) -> Result<Reply> {
        self.send_checked(command)?.wait_ok()
    }

    /// Waits until every callback has seen everything that tor sent before this
    /// call.
    ///
    /// Subscriptions need no such wait: when a call returns a reply, all
    /// earlier events are already in the subscriptions' queues. If a callback
    /// calls this method, the method doesn't wait for other callbacks, because
    /// all callbacks run on the same thread.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let registration = controller.on_event([EventKind::Bw], move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// controller.sync()?;
    /// assert_eq!(receiver.try_recv()?, "BW 1024 512");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer,
    /// or a callback doesn't return, within the handle's timeout. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended.
    pub fn sync(&self) -> Result<()> {
        let deadline = self.deadline();
        // Any answer will do, even a filter's refusal: everything that tor sent
        // before the answer has been read.
        let command = Command::build("GETINFO").word("key", "version").finish()?;
        self.connection().request(command, deadline)?;
        if self.connection().is_in_callback() {
            return Ok(());
        }
        self.connection().wait_for_callbacks(deadline)
    }

    /// Returns the cause of the connection's end, or `None` if the connection
    /// is open.
    pub fn closed(&self) -> Option<Closed> {
        self.connection().closed()
    }

    /// Returns true unless the connection is known to have ended. Sends
    /// nothing: the end of tor is noticed when the operating system reports it
    /// on the socket. [`is_alive`](Self::is_alive) asks tor.
    pub fn is_open(&self) -> bool {
        self.closed().is_none()
    }

    /// Waits until the connection ends, for at most `timeout`, and returns the
    /// cause. The method also returns if the connection ends and is opened
    /// again at once.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// # tor.hang_up();
    /// let closed = controller.wait_closed(Duration::from_secs(60))?;
    /// println!("{closed}");
    /// assert!(!controller.is_open());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the connection is
    /// still open after `timeout`.
    #[doc(alias = "when_disconnected")]
    pub fn wait_closed(&self, timeout: Duration) -> Result<Closed> {
        let deadline = self.deadline_after(timeout);
        self.connection().wait_closed(deadline).ok_or_else(|| deadline.error(Phase::Close))
    }

    /// Ends the connection for every handle, and waits until the threads of the
    /// connection have ended.
    ///
    /// Events that no callback has seen yet are discarded. Events in the queues
    /// of subscriptions can still be read.
    ///
    /// If the connection was lost while this controller attached streams, the
    /// call may take up to one second longer. In this second it resets tor's
    /// option `__LeaveStreamsUnattached` over another connection.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let other = controller.clone();
    /// controller.close()?;
    /// assert!(!other.is_open());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if a callback doesn't
    /// return within the handle's timeout. The connection is closed anyway.
    pub fn close(self) -> Result<()> {
        self.inner.session.close(self.deadline())
    }

    /// Tells tor that the connection ends (QUIT), and then ends it for every
    /// handle like [`close`](Self::close). See control-spec, command QUIT.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.quit()?;
    /// assert_eq!(tor.sent().last().map(String::as_str), Some("QUIT"));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer.
    /// The kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a
    /// filter in front of tor refuses the command. The connection is closed
    /// anyway.
    pub fn quit(self) -> Result<()> {
        let command = Command::build("QUIT").finish()?;
        let call = self.in_one_call();
        self.inner.session.take_leave(call.deadline());
        self.connection().set_quitting(true);
        match call.request(command) {
            // tor may hang up before its answer is read. This is no failure.
            Ok(_) => call.close(),
            Err(error) if error.is::<Closed>() => call.close(),
            // `take_leave` has made tor stop waiting for this controller, so
            // the connection must not stay open.
            Err(error) => {
                let _ = call.undoing().close();
                Err(error)
            }
        }
    }
}

impl WeakController {
    /// Returns a controller, or `None` if the last handle that keeps the
    /// connection open was dropped.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let weak = controller.downgrade();
    /// let registration = controller.on_status(move |status| {
    ///     let Some(controller) = weak.upgrade() else { return };
    ///     println!("{status:?}, open: {}", controller.is_open());
    /// })?;
    /// # drop(registration);
    /// # Ok::<(), scape::Error>(())
    /// ```
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
