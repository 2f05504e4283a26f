//! The builder that describes an onion service and adds it to tor.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::disk::{DiskOnion, DiskOnions};
use super::listener::{Door, OnionListener};
use super::local::{ListeningSocket, Local};
use super::publication::Publication;
use super::service::{KeepAlive, OnionService};
use super::wait::Wait;
use crate::control::{AddOnion, Controller, OnionTarget};
use crate::error::{Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::transport::{Address, Deadline};
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::word::{ClientPublicKey, OnionKey, Progress};

/// Default for [`OnionBuilder::timeout`].
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

type OnProgress = Box<dyn FnMut(&Progress) + Send>;

/// A builder for an ephemeral onion service. [`listen`](Self::listen) returns a
/// listener that is used like a [`TcpListener`](std::net::TcpListener).
/// [`publish`](Self::publish) returns only the service, and its connections go
/// to another server. The other methods bind no socket and send nothing to tor.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
/// # let tor = ScriptedTor::builder().on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n"))
/// #     .on_prefix("DEL_ONION", "250 OK\r\n")
/// #     .on_prefix("GETCONF", "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::OnionBuilder;
/// use scape::onion::Wait;
///
/// let service = OnionBuilder::new(&controller)
///     .port(80, 8080) // a web server that is there already
///     .on_progress(|step| println!("{step}"))
/// #   .wait(Wait::Nothing)
///     .publish()?;
/// println!("http://{service}/");
/// service.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "create_ephemeral_hidden_service")]
#[doc(alias = "create_onion_service")]
#[must_use = "nothing happens before publish() or listen()"]
pub struct OnionBuilder {
    controller: Controller,
    service: AddOnion,
    ports: Vec<(u16, To)>,
    key: Option<OnionKey>,
    local: Local,
    reached_at: Option<OnionTarget>,
    single_hop: bool,
    detached: bool,
    wait: Wait,
    timeout: Duration,
    cancel: Option<CancelToken>,
    on_progress: Option<OnProgress>,
    /// The service to add to tor's configuration instead of an ephemeral one.
    on_disk: Option<DiskOnion>,
    keep: Option<KeepAlive>,
}

/// The destination of a port's connections.
#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Listener,
    Target(OnionTarget),
}

impl OnionBuilder {
    /// Creates a builder for a service of this tor. The service gets a new key
    /// and has no ports yet.
    pub fn new(controller: &Controller) -> Self {
        OnionBuilder {
            controller: controller.clone(),
            service: AddOnion::new(),
            ports: Vec::new(),
            key: None,
            local: Local::Free,
            reached_at: None,
            single_hop: false,
            detached: false,
            wait: Wait::default(),
            timeout: DEFAULT_TIMEOUT,
            cancel: None,
            on_progress: None,
            on_disk: None,
            keep: None,
        }
    }

    /// Keeps a value alive as long as the service or its listener.
    pub(crate) fn keep(mut self, keep: Arc<dyn Any + Send + Sync>) -> Self {
        self.keep = Some(keep);
        self
    }

    /// Makes the builder add `service` to tor's configuration, instead of an
    /// ephemeral service. The builder's ports are added to `service`. The key
    /// is in the directory of `service`, and the builder's key, clients and
    /// options are ignored.
    pub(crate) fn on_disk(mut self, service: DiskOnion) -> Self {
        self.on_disk = Some(service);
        self
    }

    /// Adds a virtual port (a port of the onion address) whose connections the
    /// listener of [`listen`](Self::listen) accepts. [`publish`](Self::publish)
    /// returns an error if such a port was added.
    ///
    /// Call this again for more ports. Each port gets its own local socket, so
    /// that [`OnionStream::port`](super::OnionStream::port) can tell them
    /// apart. If a local socket is named, for example with
    /// [`local_port`](Self::local_port), the ports share it.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let listener = OnionBuilder::new(&controller)
    ///     .virtual_port(80)
    ///     .virtual_port(443)
    ///     .listen()?;
    /// for stream in listener.incoming() {
    ///     println!("a connection to port {:?}", stream?.port());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn virtual_port(mut self, port: u16) -> Self {
        self.ports.push((port, To::Listener));
        self
    }

    /// Adds a virtual port (a port of the onion address) whose connections go
    /// to a local target: a port of 127.0.0.1, a socket address, or the path of
    /// a Unix socket. Call this again for more ports.
    ///
    /// [`DiskOnion::port`] and [`AddOnion::port`] do the same for services on
    /// disk and for `ADD_ONION` commands.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use std::path::Path;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller)
    ///     .port(80, 8080)
    ///     .port(22, Path::new("/run/ssh.sock"))
    ///     .publish()?;
    /// # let _ = service;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn port(mut self, port: u16, target: impl Into<OnionTarget>) -> Self {
        self.ports.push((port, To::Target(target.into())));
        self
    }

    /// Sets the service's key, which determines its address. To keep an
    /// address, [save](super::save_key) the key of [`OnionService::key`], and
    /// [load](super::load_key) it the next time.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use scape::word::OnionKey;
    ///
    /// # let controller = scape::connect()?;
    /// let key = OnionKey::random();
    /// let service = OnionBuilder::new(&controller).key(key.clone()).port(80, 8080).publish()?;
    /// assert_eq!(*service.address(), key.address());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Restricts the service to clients that hold the private key for this
    /// public key. Call this again for more clients.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use scape::word::ClientKey;
    ///
    /// # let controller = scape::connect()?;
    /// let client = ClientKey::random();
    /// let service = OnionBuilder::new(&controller)
    ///     .port(80, 8080)
    ///     .client(client.public_key())
    ///     .publish()?;
    /// # let _ = service;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn client(mut self, key: ClientPublicKey) -> Self {
        self.service = self.service.client(key);
        self
    }

    /// Limits the number of simultaneous streams on one circuit, that is, of
    /// one client. Further streams are refused. Default: 0, which means no
    /// limit.
    pub fn max_streams(mut self, streams: u16) -> Self {
        self.service = self.service.max_streams(streams);
        self
    }

    /// Closes the circuit when it exceeds [`max_streams`](Self::max_streams).
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller)
    ///     .port(80, 8080)
    ///     .max_streams(20)
    ///     .max_streams_close_circuit()
    ///     .publish()?;
    /// # let _ = service;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn max_streams_close_circuit(mut self) -> Self {
        self.service = self.service.max_streams_close_circuit();
        self
    }

    /// Makes clients solve a proof-of-work puzzle when the service is under
    /// load. `rate` is the number of introductions per second, and `burst` the
    /// number at once, that the service handles before it demands the puzzle.
    /// `None` means tor's default (250 and 2500).
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller)
    ///     .port(80, 8080)
    ///     .proof_of_work(Some(50), None)
    ///     .publish()?;
    /// # let _ = service;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn proof_of_work(mut self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.service = self.service.proof_of_work(rate, burst);
        self
    }

    /// Lets the service outlive the control connection: the service ends with
    /// tor. It is still removed when the returned [`OnionService`] or listener
    /// is dropped, unless [`OnionService::detach`] is called.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller).port(80, 8080).detached().publish()?;
    /// let address = service.detach(); // the service is there until tor ends
    /// # let _ = address;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn detached(mut self) -> Self {
        self.service = self.service.detach();
        self.detached = true;
        self
    }

    /// Tells tor not to return the new key. Then nobody can run this service
    /// again, and this library can't add it again after a reconnect. This has
    /// no effect if a [`key`](Self::key) is set.
    pub fn discard_key(mut self) -> Self {
        self.service = self.service.discard_key();
        self
    }

    /// Binds the listener's socket to this port of 127.0.0.1. 0 means a free
    /// port, which is also the default.
    pub fn local_port(self, port: u16) -> Self {
        self.local(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Binds the listener's socket to this address. Anybody who can reach the
    /// address can connect without Tor, so it should be a loopback address.
    pub fn local(mut self, address: SocketAddr) -> Self {
        self.local = Local::Tcp(address);
        self
    }

    /// Binds the listener's socket to a Unix socket in a new directory with
    /// mode 0700. Unlike with a port, no other user of the machine can connect
    /// to it. tor must run as this user. The directory is removed with the
    /// listener.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let listener = OnionBuilder::new(&controller)
    ///     .virtual_port(80)
    ///     .unix_socket()
    ///     .listen()?;
    /// # let _ = listener;
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn unix_socket(mut self) -> Self {
        self.local = Local::PrivateUnix;
        self
    }

    /// Binds the listener's socket to a Unix socket at this path.
    /// [`listen`](Self::listen) returns an error if the path is relative,
    /// contains a space or exists already. (The command ADD_ONION has no
    /// quoting, so it can't contain a space.) The socket's file is removed with
    /// the listener.
    #[cfg(unix)]
    pub fn unix_socket_at(mut self, path: impl Into<PathBuf>) -> Self {
        self.local = Local::Unix(path.into());
        self
    }

    /// Uses an existing socket for the listener: a
    /// [`TcpListener`](std::net::TcpListener) or a `UnixListener`. The socket
    /// is closed with the listener.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use std::net::TcpListener;
    ///
    /// # let controller = scape::connect()?;
    /// let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    /// let listener = OnionBuilder::new(&controller)
    ///     .virtual_port(80)
    ///     .listen_on(socket)
    ///     .listen()?;
    /// # let _ = listener;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn listen_on(mut self, socket: impl Into<ListeningSocket>) -> Self {
        self.local = Local::Given(socket.into());
        self
    }

    /// Sets the address at which tor reaches the listener's socket, for a tor
    /// on another machine or in another container. [`listen`](Self::listen)
    /// requires this address if the control port is on another machine and the
    /// listener's socket is only reachable from this machine.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use std::net::SocketAddr;
    ///
    /// # let controller = scape::connect()?;
    /// // tor runs on another machine, which knows this one as 192.0.2.7.
    /// let local = SocketAddr::from(([0, 0, 0, 0], 8080));
    /// let reached = SocketAddr::from(([192, 0, 2, 7], 8080));
    /// let listener = OnionBuilder::new(&controller)
    ///     .virtual_port(80)
    ///     .local(local)
    ///     .reached_at(reached)
    ///     .listen()?;
    /// # let _ = listener;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn reached_at(mut self, target: impl Into<OnionTarget>) -> Self {
        self.reached_at = Some(target.into());
        self
    }

    /// Sets the condition under which the service counts as published. Default:
    /// [`Wait::AllUploads`].
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use scape::onion::Wait;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller)
    ///     .port(80, 8080)
    ///     .wait(Wait::FirstUpload)
    ///     .publish()?;
    /// # let _ = service;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the time limit for [`publish`](Self::publish) and
    /// [`listen`](Self::listen). It covers every command and the wait for
    /// events. Default: two minutes.
    ///
    /// A call that fails at the deadline takes a little longer than the time
    /// limit. It asks tor for the reason, which takes at most one second. Then
    /// it tells tor to remove the service, which takes at most one more second.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets another thread cancel [`publish`](Self::publish) or
    /// [`listen`](Self::listen) with this token, at any stage. Without a token
    /// of the builder, the controller's token cancels the call
    /// ([`Controller::cancel_with`]).
    ///
    /// A cancelled call fails at once with an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). It tells tor to
    /// remove the service, which takes at most one second. An
    /// [`on_progress`](Self::on_progress) callback may cancel the call, too.
    /// Cancelling the token after the call has returned doesn't affect the
    /// service.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
    /// # let tor = ScriptedTor::builder().on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n"))
    /// #     .on_prefix("DEL_ONION", "250 OK\r\n").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on_prefix("GETCONF", "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::{CancelToken, OnionBuilder};
    ///
    /// let token = CancelToken::new();
    /// let stop = token.clone();
    /// std::thread::spawn(move || stop.cancel()); // for example: the user closes the window
    /// match OnionBuilder::new(&controller).virtual_port(80).cancel_with(&token).listen() {
    ///     Ok(listener) => println!("http://{}/", listener.address()),
    ///     Err(error) if error.is_cancelled() => println!("nothing is left behind"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// Sets a callback that is called with each step, on the thread that calls
    /// [`publish`](Self::publish) or [`listen`](Self::listen). The tags are
    /// `adding`, `added`, `created`, `uploading`, `uploaded` and `published`.
    /// The percentage runs from 0 to 100 and never decreases.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Adds the service to tor and waits until it is published. If this fails,
    /// the service is removed from tor again.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// // A web server listens on 127.0.0.1:8080.
    /// let service = OnionBuilder::new(&controller).port(80, 8080).publish()?;
    /// println!("http://{service}/");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument), before anything is
    /// added:
    ///
    /// * if there are no ports;
    /// * if a port or a target's port is 0, a port is given twice, or a port
    ///   has no target;
    /// * if tor doesn't hide services and [`single_hop`](Self::single_hop) was
    ///   not called, or tor hides services and it was called;
    /// * if the control port doesn't allow events about descriptors, unless the
    ///   [`wait`](Self::wait) is [`Wait::Nothing`].
    ///
    /// The kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused), with
    /// tor's text, if tor refuses, for example because a service with this key
    /// exists already (550).
    ///
    /// Returns an error with a [`PublishError`](crate::onion::PublishError)
    /// (kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service
    /// isn't published in time. It contains the answer of each directory. The
    /// kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the control
    /// connection has ended, and
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after
    /// [`cancel_with`](Self::cancel_with).
    pub fn publish(mut self) -> Result<OnionService> {
        let mut ports = Vec::new();
        for (port, to) in self.checked_ports()? {
            match to {
                To::Target(target) => ports.push((port, target)),
                To::Listener => {
                    let why =
                        "has no target: add it with port(), or call listen() instead of publish()";
                    return Err(invalid(&format!("port {port}"), why));
                }
            }
        }
        self.publish_ports(ports)
    }

    /// Binds the local socket, adds the service, and waits until it is
    /// published. Clients may have connected already when this returns.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// let listener = OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// println!("http://{}/", listener.address());
    /// let stream = listener.accept()?;
    /// # let _ = stream;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`publish`](Self::publish), most often a
    /// [`PublishError`](crate::onion::PublishError). The kind is also
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) in these cases:
    /// there is no [`virtual_port`](Self::virtual_port), the path of the Unix
    /// socket is relative, or tor is on another machine that can't reach the
    /// listener's socket (see [`reached_at`](Self::reached_at)). The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the local socket can't be
    /// bound. After an error, the socket is closed and the service is removed.
    #[doc(alias = "create_onion_endpoint")]
    pub fn listen(mut self) -> Result<OnionListener> {
        self.deadline().check_cancelled(Phase::Publish)?;
        let wanted = self.checked_ports()?;
        let is_own = |(port, to): &(u16, To)| (*to == To::Listener).then_some(*port);
        let own: Vec<u16> = wanted.iter().filter_map(is_own).collect();
        if own.is_empty() {
            let why = "has none for the listener: add one with virtual_port(), or call publish() instead of listen()";
            return Err(invalid("list of ports", why));
        }
        self.local.check()?;
        let sockets = std::mem::take(&mut self.local).bind(&own)?;
        if self.reached_at.is_none() {
            let targets = sockets.iter().map(|(socket, _)| socket.target());
            check_reachable(self.controller.tor_address(), targets)?;
        }
        let mut served = Vec::new();
        for (socket, own) in &sockets {
            let target = self.reached_at.clone().unwrap_or_else(|| socket.target());
            served.extend(own.iter().map(|port| (*port, target.clone())));
        }
        // Restore the order in which the ports were added.
        let target_of = |(port, to): (u16, To)| match to {
            To::Target(target) => Some((port, target)),
            To::Listener => served.iter().find(|(own, _)| *own == port).cloned(),
        };
        let ports = wanted.into_iter().filter_map(target_of).collect();
        let door = Door::open(sockets)?;
        let service = self.publish_ports(ports)?;
        OnionListener::new(service, door)
    }

    fn checked_ports(&mut self) -> Result<Vec<(u16, To)>> {
        let ports = std::mem::take(&mut self.ports);
        if ports.is_empty() {
            let why = "is empty: a service needs one: port() with its local target, or virtual_port() for a listener";
            return Err(invalid("list of ports", why));
        }
        for (at, (port, to)) in ports.iter().enumerate() {
            if *port == 0
                || matches!(to, To::Target(OnionTarget::Tcp(address)) if address.port() == 0)
            {
                return Err(invalid("port", "is 0, which is no port"));
            }
            if ports.iter().take(at).any(|(before, _)| before == port) {
                return Err(invalid(&format!("port {port}"), "is given twice"));
            }
        }
        Ok(ports)
    }

    /// Returns the deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        let deadline = Deadline::after(self.timeout).cancelled_by(self.cancel.as_ref());
        deadline.earlier(self.controller.deadline_after(self.timeout))
    }

    /// Adds the service with these ports and waits until it is published. If
    /// this fails, the service is removed again.
    fn publish_ports(mut self, ports: Vec<(u16, OnionTarget)>) -> Result<OnionService> {
        let deadline = self.deadline();
        deadline.check_cancelled(Phase::Publish)?;
        let tor = self.controller.until(deadline);
        let mut tell = self.on_progress.take();
        let mut tell = |progress: &Progress| {
            if let Some(tell) = &mut tell {
                tell(progress);
            }
        };
        for (port, target) in &ports {
            self.service = self.service.port(*port, target.clone());
        }
        if let Some(key) = &self.key {
            self.service = self.service.key(key.clone());
        }
        // Report invalid arguments before anything is sent.
        self.service.check()?;
        tell(&Progress::new(0, "adding", "Adding the onion service"));
        self.check_single_hop(&tor)?;
        let publication = match self.wait {
            Wait::Nothing => None,
            _ => Some(Publication::begin(&tor).map_err(no_events)?),
        };
        let service = match self.on_disk {
            Some(service) => {
                let add = |service: DiskOnion, (port, target): &(u16, OnionTarget)| {
                    service.port(*port, target.clone())
                };
                let configured = DiskOnions::of(&tor).add(&ports.iter().fold(service, add))?;
                OnionService::configured(self.controller, &configured, ports, self.keep)
            }
            None => {
                let mut added = tor.add_onion(&self.service)?;
                added.key = added.key.or(self.key);
                OnionService::new(self.controller, added, ports, self.detached, self.keep)
            }
        };
        let address = *service.address();
        let published = match publication {
            Some(publication) => publication.wait_until(&address, self.wait, deadline, tell),
            None => {
                tell(&Progress::new(100, "added", "tor has the service"));
                Ok(())
            }
        };
        // A cancelled call returns no service, even if it was published at the
        // last moment.
        match published.and_then(|()| deadline.check_cancelled(Phase::Publish)) {
            Ok(()) => Ok(service),
            Err(error) => {
                service.undo();
                Err(error)
            }
        }
    }

    /// Checks that tor's mode and [`single_hop`](Self::single_hop) agree. tor
    /// refuses a mismatch, too, but its text doesn't say what to do. If a
    /// filter refuses GETCONF, this returns `Ok` and leaves the check to tor.
    fn check_single_hop(&self, tor: &Controller) -> Result<()> {
        const OPTIONS: [&str; 2] = ["HiddenServiceNonAnonymousMode", "HiddenServiceSingleHopMode"];
        let lines = match tor.get_conf_lines(OPTIONS) {
            Ok(lines) => lines,
            Err(error) if error.is::<Refusal>() => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_on =
            |name| lines.iter().any(|line| line.name == name && line.value.as_deref() == Some("1"));
        let is_single_hop = OPTIONS.into_iter().all(is_on);
        match (self.single_hop, is_single_hop) {
            (true, false) => Err(invalid(
                "single hop",
                "was asked for, but this tor hides its services: it must be started with HiddenServiceNonAnonymousMode 1, \
                 HiddenServiceSingleHopMode 1 and SocksPort 0",
            )),
            (false, true) => Err(invalid(
                "service",
                "would not be hidden: this tor has HiddenServiceNonAnonymousMode 1 and HiddenServiceSingleHopMode 1; call \
                 single_hop() if that is intended, or use another tor",
            )),
            _ => Ok(()),
        }
    }

    /// Makes a single onion service: **its location is not hidden**, and in
    /// exchange it is faster. This requires a tor that is configured with
    /// `HiddenServiceNonAnonymousMode 1`, `HiddenServiceSingleHopMode 1` and
    /// `SocksPort 0`. Such a tor can't do anything else.
    pub fn single_hop(mut self) -> Self {
        self.service = self.service.non_anonymous();
        self.single_hop = true;
        self
    }
}

/// Returns an error if tor is on another machine and a target is only reachable
/// from this machine. A tor on another machine takes a loopback address for one
/// of its own.
fn check_reachable(
    control: Option<&Address>,
    mut targets: impl Iterator<Item = OnionTarget>,
) -> Result<()> {
    let Some(remote) = control.filter(|address| !address.is_on_this_machine()) else {
        return Ok(());
    };
    let is_here_only = |target: &OnionTarget| match target {
        OnionTarget::Tcp(address) => address.ip().is_loopback(),
        #[cfg(unix)]
        OnionTarget::Unix(_) => true,
    };
    match targets.find(is_here_only) {
        Some(target) => {
            let why = format!(
                "at {target} can't be reached by the tor at {remote}, which is on another machine: say where tor reaches it \
                 (reached_at), or listen at an address that the other machine can connect to (local)"
            );
            Err(invalid("listener's socket", &why))
        }
        None => Ok(()),
    }
}

/// Replaces a filter's refusal of HS_DESC events by an error that says what to
/// do. Returns any other error unchanged.
fn no_events(error: Error) -> Error {
    match error.refusal() {
        Some(refusal) if refusal.is_unrecognized_command() => {
            let why = format!(
                "can't be honored, because the control port doesn't allow events about descriptors ({} {}): use \
                 wait(Wait::Nothing)",
                refusal.code(),
                refusal.excerpt()
            );
            invalid("wait", &why)
        }
        _ => error,
    }
}

fn invalid(what: &str, why: &str) -> Error {
    ArgumentError::invalid("OnionBuilder", what, why).into()
}

impl fmt::Debug for OnionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionBuilder")
            .field("ports", &self.ports)
            .field("service", &self.service)
            .field("key", &self.key)
            .field("local", &self.local)
            .field("wait", &self.wait)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::transport::Transport;

    fn check(control: Option<&str>, target: impl Into<OnionTarget>) -> Result<()> {
        let control = control.map(|control| control.parse::<Address>().unwrap());
        check_reachable(control.as_ref(), [target.into()].into_iter())
    }

    #[test]
    fn listen_sends_nothing_to_a_tor_on_another_machine() {
        let (ours, theirs) = Transport::pair();
        let controller = Controller::as_if_at(ours, "192.0.2.1:9051");
        let builder =
            OnionBuilder::new(&controller).virtual_port(80).timeout(Duration::from_millis(500));
        let error = builder.listen().unwrap_err();
        assert!(error.is::<ArgumentError>() && error.to_string().contains("reached_at"), "{error}");
        drop(controller);
        let mut sent = String::new();
        std::io::Read::read_to_string(&mut &theirs, &mut sent).unwrap();
        assert_eq!(sent, "");
    }

    #[test]
    fn loopback_listener_is_refused_if_tor_is_on_another_machine() {
        let local = |text: &str| OnionTarget::Tcp(text.parse().unwrap());
        for remote in ["192.0.2.1:9051", "tor.example:9051"] {
            for target in ["127.0.0.1:40913", "[::1]:80"] {
                let error = check(Some(remote), local(target)).unwrap_err();
                assert!(error.is::<ArgumentError>(), "{error}");
                for part in ["reached_at", remote, target] {
                    assert!(error.to_string().contains(part), "{error}");
                }
            }
            #[cfg(unix)]
            assert!(check(Some(remote), PathBuf::from("/run/app/socket")).is_err());
            assert!(check(Some(remote), local("192.0.2.7:80")).is_ok());
        }
        for here in [None, Some("127.0.0.1:9051"), Some("localhost:9051"), Some("/run/tor/control")]
        {
            assert!(check(here, local("127.0.0.1:80")).is_ok(), "{here:?}");
        }
    }
}
