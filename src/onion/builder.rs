//! Describing an onion service, and making it.

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
use super::publication::{Publication, Wait};
use super::service::{Keep, OnionService};
use crate::cancel::CancelToken;
use crate::controller::{AddOnion, Controller, OnionTarget};
use crate::error::{Error, Phase, Result};
use crate::protocol::{ArgumentError, Refusal};
use crate::transport::{Address, Deadline};
use crate::word::{ClientPublicKey, OnionKey, Progress};

/// How long making and publishing a service may take unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

type OnProgress = Box<dyn FnMut(&Progress) + Send>;

/// An ephemeral onion service to be made: [`listen`](Self::listen) gives
/// something like a [`TcpListener`](std::net::TcpListener),
/// [`publish`](Self::publish) the service alone, whose connections go somewhere
/// else. Nothing happens before: nothing is bound, and nothing is sent.
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
    /// To be added to tor's configuration in place of an ephemeral service.
    on_disk: Option<DiskOnion>,
    keep: Option<Keep>,
}

/// Where a port's connections go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Listener,
    Target(OnionTarget),
}

impl OnionBuilder {
    /// A service of this tor with a new key, and no port yet.
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

    /// Something that lives as long as the service, or its listener, does.
    pub(crate) fn keep(mut self, keep: Arc<dyn Any + Send + Sync>) -> Self {
        self.keep = Some(keep);
        self
    }

    /// Adds this service to tor's configuration, with the builder's ports, in
    /// place of an ephemeral one. It has its key in its directory, and its
    /// options are said there: the builder's do not count.
    pub(crate) fn on_disk(mut self, service: DiskOnion) -> Self {
        self.on_disk = Some(service);
        self
    }

    /// Adds a virtual port (a port of the onion address) that the listener
    /// serves: for [`listen`](Self::listen).
    ///
    /// Repeat it for several ports. Each gets a local socket of its own, so
    /// that [`OnionStream::port`](super::OnionStream::port) tells them apart,
    /// unless a local socket is named, which they share.
    pub fn virtual_port(mut self, port: u16) -> Self {
        self.ports.push((port, To::Listener));
        self
    }

    /// Adds a virtual port (a port of the onion address) whose connections go
    /// to a local target: a port of 127.0.0.1, a socket address, or the path of
    /// a Unix socket. Repeat it for several ports.
    ///
    /// [`DiskOnion::port`] and [`AddOnion::port`] mean the same.
    pub fn port(mut self, port: u16, target: impl Into<OnionTarget>) -> Self {
        self.ports.push((port, To::Target(target.into())));
        self
    }

    /// Uses this key, from which the address follows. To keep an address,
    /// [save](OnionKey::save) the key of [`OnionService::key`], and
    /// [load](OnionKey::load) it the next time.
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Lets only such clients connect that have the private key to this one.
    /// Repeat it for several.
    pub fn client(mut self, key: ClientPublicKey) -> Self {
        self.service = self.service.client(key);
        self
    }

    /// At most this many streams at once on one circuit, that is, of one
    /// client; more are refused. 0 is no limit, as without this.
    pub fn max_streams(mut self, streams: u16) -> Self {
        self.service = self.service.max_streams(streams);
        self
    }

    /// More streams than [`max_streams`](Self::max_streams) close the circuit.
    pub fn max_streams_close_circuit(mut self) -> Self {
        self.service = self.service.max_streams_close_circuit();
        self
    }

    /// Demands proof of work from clients when the service is under load: how
    /// many introductions a second it serves before, and in a burst; `None`
    /// leaves tor's defaults (250 and 2500).
    pub fn proof_of_work(mut self, rate: Option<u32>, burst: Option<u32>) -> Self {
        self.service = self.service.proof_of_work(rate, burst);
        self
    }

    /// The service does not end with the control connection, but with tor. It
    /// goes all the same when the returned object is dropped, unless
    /// [`OnionService::detach`] lets it go on.
    pub fn detached(mut self) -> Self {
        self.service = self.service.detach();
        self.detached = true;
        self
    }

    /// tor does not tell the new key: nobody can ever be this service again,
    /// and it does not come back when the control connection was made again.
    pub fn discard_key(mut self) -> Self {
        self.service = self.service.discard_key();
        self
    }

    /// A single onion service: **its location is not hidden**, and in exchange
    /// it is faster. Only for a tor that is configured so, which can do nothing
    /// else: `HiddenServiceNonAnonymousMode 1`, `HiddenServiceSingleHopMode 1`
    /// and `SocksPort 0`.
    pub fn single_hop(mut self) -> Self {
        self.service = self.service.non_anonymous();
        self.single_hop = true;
        self
    }

    /// The listener gets this port of 127.0.0.1. 0 is a free one, as without
    /// this.
    pub fn local_port(self, port: u16) -> Self {
        self.local(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// The listener gets this address of the machine. Whoever reaches it can
    /// connect without tor, so it should be of 127.0.0.1.
    pub fn local(mut self, address: SocketAddr) -> Self {
        self.local = Local::Tcp(address);
        self
    }

    /// The listener gets a Unix socket in a new directory that only this user
    /// may look into (mode 0700), and that is removed afterwards: unlike a
    /// port, no other user of the machine can connect to it. tor must run as
    /// this user.
    #[cfg(unix)]
    pub fn unix_socket(mut self) -> Self {
        self.local = Local::PrivateUnix;
        self
    }

    /// The listener gets a Unix socket at this path, absolute and without
    /// spaces (ADD_ONION cannot express them), where there must be nothing yet.
    /// It is removed afterwards.
    #[cfg(unix)]
    pub fn unix_socket_at(mut self, path: impl Into<PathBuf>) -> Self {
        self.local = Local::Unix(path.into());
        self
    }

    /// The listener uses this socket, a [`TcpListener`](std::net::TcpListener)
    /// or a `UnixListener`, which is closed with it.
    pub fn listen_on(mut self, socket: impl Into<ListeningSocket>) -> Self {
        self.local = Local::Given(socket.into());
        self
    }

    /// Sets the address at which tor reaches the listener's socket, for a tor
    /// on another machine or in another container. [`listen`](Self::listen)
    /// requires it if the control port is on another machine and the listener's
    /// socket can only be reached from this one.
    pub fn reached_at(mut self, target: impl Into<OnionTarget>) -> Self {
        self.reached_at = Some(target.into());
        self
    }

    /// What is waited for. Default: [`Wait::AllUploads`].
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how long [`publish`](Self::publish) or [`listen`](Self::listen) may
    /// take, with every command and however many events come. Default: two
    /// minutes.
    ///
    /// When they fail at the deadline, tor is asked for the reason and told to
    /// remove the service, which may take one second each. Removing a service
    /// from tor's configuration may take five seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets another thread cancel [`publish`](Self::publish) or
    /// [`listen`](Self::listen) with this token, in whatever phase they are. A
    /// token of the controller ([`Controller::cancel_with`]) counts if none is
    /// given here.
    ///
    /// The call then fails at once with an error of the kind
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), and leaves no
    /// service behind: tor is told to remove it, which may take as long as
    /// after a [timeout](Self::timeout). A callback of
    /// [`on_progress`](Self::on_progress) may cancel, too. A token that is
    /// cancelled later leaves the service alone.
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

    /// Called with each step, on the thread that calls
    /// [`publish`](Self::publish) or [`listen`](Self::listen). The tags are
    /// `adding`, `added`, `created`, `uploading`, `uploaded` and `published`;
    /// the percentage never goes down.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Makes the service and waits until it is published. If this fails, no
    /// service is left behind.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there is no port,
    /// if a port is 0, there twice or goes nowhere, or if tor does not hide
    /// services and that was not [asked for](Self::single_hop), or the other
    /// way round. Nothing is added then. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), with tor's text, if
    /// tor refuses, for example because it has a service with this key (550).
    ///
    /// Returns an error with a [`PublishError`](crate::onion::PublishError)
    /// (kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), which has the
    /// answer of each directory, if the service is not published in time. The
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
                    let why = "goes nowhere: give port() its local target, or call listen() instead of publish()";
                    return Err(invalid(&format!("port {port}"), why));
                }
            }
        }
        self.publish_ports(ports)
    }

    /// Binds the local socket, makes the service, and waits until it is
    /// published. Connections may be there already when this returns.
    ///
    /// # Errors
    ///
    /// Same errors as [`publish`](Self::publish). The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) also if there is no
    /// [`virtual_port`](Self::virtual_port) for the listener, or if tor is on
    /// another machine, from which the listener's socket can't be reached: see
    /// [`reached_at`](Self::reached_at). The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the local socket can't be
    /// bound. Nothing is left behind.
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
        // In the user's order.
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
                return Err(invalid(&format!("port {port}"), "is there twice"));
            }
        }
        Ok(ports)
    }

    /// The deadline of a call that begins now.
    fn deadline(&self) -> Deadline {
        let deadline = Deadline::after(self.timeout).cancelled_by(self.cancel.as_ref());
        deadline.earlier(self.controller.deadline_after(self.timeout))
    }

    /// Adds the service with these ports, and waits for it to be published.
    /// Dropping what it has made so far removes it again.
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
        // What is wrong with it is told before anything is sent.
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
        // Whoever cancels gets no service, even if it was published at the last
        // moment.
        match published.and_then(|()| deadline.check_cancelled(Phase::Publish)) {
            Ok(()) => Ok(service),
            Err(error) => {
                service.undo();
                Err(error)
            }
        }
    }

    /// tor refuses both mistakes, too, but tells nothing of what to do. Where
    /// it cannot be asked, it is left to that.
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
                "would not be hidden: this tor has HiddenServiceNonAnonymousMode 1 and HiddenServiceSingleHopMode 1; say \
                 single_hop() where that is meant, or use another tor",
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses targets that only this machine reaches if tor is on another machine,
/// because a loopback address means that machine to tor.
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

/// Explains a filter's refusal of HS_DESC events.
fn no_events(error: Error) -> Error {
    match error.refusal() {
        Some(refusal) if refusal.is_unrecognized_command() => {
            let why = format!(
                "can't be honoured, because the control port doesn't tell about descriptors ({} {}): use \
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
    use crate::transport::Transport;

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
    fn listening_on_loopback_for_a_tor_on_another_machine_is_refused() {
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
