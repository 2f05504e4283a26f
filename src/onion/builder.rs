//! [`OnionBuilder`]: the settings of an onion service.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::disk::DiskOnion;
use super::local::{ListeningSocket, Local};
use super::service::KeepAlive;
use super::wait::Wait;
use crate::control::{AddOnion, Controller, OnionTarget};
use crate::io::cancel::CancelToken;
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
    pub(super) controller: Controller,
    pub(super) service: AddOnion,
    pub(super) ports: Vec<(u16, To)>,
    pub(super) key: Option<OnionKey>,
    pub(super) local: Local,
    pub(super) reached_at: Option<OnionTarget>,
    pub(super) single_hop: bool,
    pub(super) detached: bool,
    pub(super) wait: Wait,
    pub(super) timeout: Duration,
    pub(super) cancel: Option<CancelToken>,
    pub(super) on_progress: Option<OnProgress>,
    /// The service on disk to add. If this is `None`, an ephemeral service is
    /// added.
    pub(super) on_disk: Option<DiskOnion>,
    pub(super) keep: Option<KeepAlive>,
}

/// The destination of a port's connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    Listener,
    Target(OnionTarget),
}

impl OnionBuilder {
    /// Creates a builder for a service of the tor that `controller` controls.
    /// The service gets a new key by default. It has no ports yet.
    ///
    /// ```no_run
    /// let controller = scape::connect()?;
    /// let builder = scape::OnionBuilder::new(&controller).port(80, 8080);
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Makes the builder add `service` to tor's configuration instead of adding
    /// an ephemeral service. The builder's ports are added to `service`. The
    /// key is in the directory of `service`, and the builder's key, clients and
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
    /// that [`OnionStream::port`](super::OnionStream::port) can tell the ports
    /// apart. If one local socket is chosen, for example with
    /// [`local_port`](Self::local_port), all ports share this socket.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let listener = tor.onion()?.virtual_port(80).virtual_port(443).listen()?;
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
    /// # let tor = scape::Tor::connect()?;
    /// use std::path::Path;
    ///
    /// let builder = tor.onion()?.port(80, 8080).port(22, Path::new("/run/ssh.sock"));
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn port(mut self, port: u16, target: impl Into<OnionTarget>) -> Self {
        self.ports.push((port, To::Target(target.into())));
        self
    }

    /// Sets the service's key, which determines the address. To keep an
    /// address, [save](super::save_key) a key before the first publication, and
    /// [load](super::load_key) it each time.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use scape::onion::{load_key, save_key};
    /// use scape::word::OnionKey;
    /// use std::path::Path;
    ///
    /// # let controller = scape::connect()?;
    /// let path = Path::new("/home/me/blog.key");
    /// if !path.exists() {
    ///     save_key(&OnionKey::random(), path)?;
    /// }
    /// let builder = OnionBuilder::new(&controller).key(load_key(path)?);
    /// let service = builder.port(80, 8080).publish()?;
    /// println!("http://{service}/ is the same address each time");
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
    /// # let tor = scape::Tor::connect()?;
    /// let client = scape::word::ClientKey::random(); // the client keeps this
    /// let builder = tor.onion()?.port(80, 8080).client(client.public_key());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn client(mut self, key: ClientPublicKey) -> Self {
        self.service = self.service.client(key);
        self
    }

    /// Limits the number of simultaneous streams on one circuit, that is, of
    /// one client. Further streams are refused. Default: 0, which means no
    /// limit.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).max_streams(20);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn max_streams(mut self, streams: u16) -> Self {
        self.service = self.service.max_streams(streams);
        self
    }

    /// Makes tor close a circuit that exceeds
    /// [`max_streams`](Self::max_streams). By default, tor only refuses the
    /// further streams.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).max_streams(20).max_streams_close_circuit();
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn max_streams_close_circuit(mut self) -> Self {
        self.service = self.service.max_streams_close_circuit();
        self
    }

    /// Makes clients solve a proof-of-work puzzle when the service is under
    /// load. The service handles up to `rate` introductions per second, and up
    /// to `burst` at once, before it demands the puzzle. `None` means tor's
    /// default: a rate of 250 and a burst of 2500.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).proof_of_work(Some(50), None);
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn proof_of_work(mut self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.service = self.service.proof_of_work(rate, burst);
        self
    }

    /// Lets the service outlive the control connection: if the connection ends,
    /// the service stays until tor ends. While the connection is open, dropping
    /// the returned [`OnionService`](crate::onion::OnionService) or listener
    /// still removes the service. To keep the service, call
    /// [`OnionService::detach`](super::OnionService::detach).
    /// [`OnionService::adopt`](super::OnionService::adopt) takes over a service
    /// that stayed.
    ///
    /// If tor no longer has the service, most often because tor was restarted,
    /// a reconnect ([`Connect::reconnect`](crate::Connect::reconnect)) adds it
    /// again, unless `detach` was called.
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

    /// Makes tor discard the service's new key instead of returning it. Then
    /// nobody can run this service again, and this library can't add it again
    /// after a reconnect. This has no effect if a [`key`](Self::key) is set.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let service = tor.onion()?.port(80, 8080).discard_key().publish()?;
    /// assert!(service.key().is_none());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn discard_key(mut self) -> Self {
        self.service = self.service.discard_key();
        self
    }

    /// Chooses the port of 127.0.0.1 that the listener's socket is bound to. 0
    /// means a free port. All virtual ports share this socket. By default, each
    /// virtual port has a socket of its own, on a free port of 127.0.0.1.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let listener = tor.onion()?.virtual_port(80).local_port(8080).listen()?;
    /// assert_eq!(listener.local_addr().to_string(), "127.0.0.1:8080");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn local_port(self, port: u16) -> Self {
        self.local(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Chooses the address that the listener's socket is bound to. Anybody who
    /// can reach the address can connect without Tor, so use a loopback
    /// address. All virtual ports share this socket.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.virtual_port(80).local("[::1]:8080".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn local(mut self, address: SocketAddr) -> Self {
        self.local = Local::Tcp(address);
        self
    }

    /// Makes the listener use Unix sockets, one for each virtual port, in a new
    /// directory with mode 0700. Other users of the machine can't connect to
    /// these sockets, but they could connect to a TCP port. tor must run as the
    /// same user as this program. The directory is removed with the listener.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let listener = tor.onion()?.virtual_port(80).unix_socket().listen()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn unix_socket(mut self) -> Self {
        self.local = Local::PrivateUnix;
        self
    }

    /// Makes the listener use a Unix socket at this path. All virtual ports
    /// share this socket. [`listen`](Self::listen) returns an error if the path
    /// is relative, contains a space or exists already. (The command ADD_ONION
    /// has no quoting, so the path can't contain a space.) The socket's file is
    /// removed with the listener.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.virtual_port(80).unix_socket_at("/run/blog/blog.sock");
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn unix_socket_at(mut self, path: impl Into<PathBuf>) -> Self {
        self.local = Local::Unix(path.into());
        self
    }

    /// Makes the listener use an existing socket: a
    /// [`TcpListener`](std::net::TcpListener) or a `UnixListener`. All virtual
    /// ports share this socket. The socket is closed with the listener.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let socket = std::net::TcpListener::bind("127.0.0.1:0")?; // a free port
    /// let builder = tor.onion()?.virtual_port(80).listen_on(socket);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// # let tor = scape::Tor::connect()?;
    /// // tor runs on another machine, which knows this one as 192.0.2.7.
    /// let reached: std::net::SocketAddr = "192.0.2.7:8080".parse()?;
    /// let builder = tor.onion()?.virtual_port(80).local("0.0.0.0:8080".parse()?);
    /// let builder = builder.reached_at(reached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reached_at(mut self, target: impl Into<OnionTarget>) -> Self {
        self.reached_at = Some(target.into());
        self
    }

    /// Sets the condition under which the service counts as published. Default:
    /// [`Wait::AllUploads`].
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).wait(scape::onion::Wait::FirstUpload);
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
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).timeout(std::time::Duration::from_secs(300));
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets another thread cancel [`publish`](Self::publish) or
    /// [`listen`](Self::listen) with this token, at any stage. If the builder
    /// has no token, the controller's token cancels the call
    /// ([`Controller::cancel_with`]).
    ///
    /// A cancelled call stops waiting at once. It tells tor to remove the
    /// service, which takes at most one second, and returns an error of the
    /// kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). An
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

    /// Sets a callback that is called with each step of publishing the service,
    /// on the thread that calls [`publish`](Self::publish) or
    /// [`listen`](Self::listen). The [tags](Progress::tag) of the steps are
    /// `adding`, `added`, `created`, `uploading`, `uploaded` and `published`.
    /// Several steps may have the same tag. With [`Wait::Nothing`], the last
    /// step is `added`. The percentage runs from 0 to 100 and never decreases.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let builder = tor.onion()?.port(80, 8080).on_progress(|step| println!("{step}"));
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }
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
