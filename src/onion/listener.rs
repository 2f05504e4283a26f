//! The listener that accepts an onion service's connections.

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, at, bounded, never, select};
use parking_lot::Mutex;

use super::acceptor::Acceptor;
use super::local::Socket;
use super::service::OnionService;
use super::stream::OnionStream;
use crate::control::{Controller, Never, OnionTarget};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::Subscription;
use crate::io::transport::deadline_after;
use scape_proto::control::ArgumentError;
use scape_proto::word::OnionAddress;

/// The number of accepted connections that may wait for
/// [`OnionListener::accept`]. Further connections wait in the system's queue.
const QUEUE: usize = 16;

/// An onion service together with the local sockets that accept its
/// connections. Returned by
/// [`OnionBuilder::listen`](super::OnionBuilder::listen). An `OnionListener` is
/// used like a [`TcpListener`](std::net::TcpListener).
///
/// ```no_run
/// use scape::OnionBuilder;
/// use std::io::Write;
///
/// let controller = scape::connect()?;
/// let listener = OnionBuilder::new(&controller).virtual_port(80).listen()?;
/// println!("http://{}/", listener.address());
/// for stream in listener.incoming() {
///     stream?.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n")?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Any number of threads may accept at the same time. When the control
/// connection ends for good, [`accept`](Self::accept) returns an error. After a
/// reconnect ([`Connect::reconnect`](crate::Connect::reconnect)), the service
/// is added again and accepting goes on. If tor refuses to add the service
/// again, [`accept`](Self::accept) and [`check`](Self::check) return tor's
/// refusal. A [detached](super::OnionBuilder::detached) service is only added
/// again if tor no longer has it, most often because tor was restarted.
///
/// Dropping the listener removes the service and then closes the sockets. A
/// detached service can't be removed after the control connection has ended, so
/// it stays in tor then. Accepted connections stay open. [`close`](Self::close)
/// does the same as dropping, and reports errors.
#[doc(alias = "TCPHiddenServiceEndpoint")]
#[must_use = "the service is removed when this is dropped"]
pub struct OnionListener {
    // The order matters: the fields are dropped in this order.
    service: OnionService,
    door: Door,
    lifeline: Mutex<Arc<Subscription>>,
}

/// The sockets and the threads that accept from them. Dropping the `Door` ends
/// the threads and closes the sockets.
pub(super) struct Door {
    acceptors: Vec<Arc<Acceptor>>,
    /// The address of the first socket, which [`OnionListener::local_addr`]
    /// returns.
    local: OnionTarget,
    /// The first virtual port of the first socket, which
    /// [`OnionListener::port`] returns.
    port: u16,
    streams: Receiver<Result<OnionStream>>,
    shutdown: OnionShutdown,
}

/// A handle that shuts down an [`OnionListener`] from any thread. The handle
/// doesn't keep the listener or its sockets open.
#[derive(Clone)]
pub struct OnionShutdown {
    stop: Arc<Mutex<Stop>>,
    receiver: Receiver<Never>,
}

/// The parts of a listener that [`OnionShutdown::shutdown`] needs.
struct Stop {
    /// The sender of a channel that signals the shutdown. Dropping the sender
    /// disconnects the channel's receivers. `None` after the shutdown.
    sender: Option<Sender<Never>>,
    /// The threads that accept connections. A shutdown ends them.
    acceptors: Vec<Weak<Acceptor>>,
}

impl OnionShutdown {
    fn new() -> Self {
        let (sender, receiver) = bounded(0);
        let stop = Stop { sender: Some(sender), acceptors: Vec::new() };
        OnionShutdown { stop: Arc::new(Mutex::new(stop)), receiver }
    }

    /// Shuts the listener down. Threads that wait in [`OnionListener::accept`]
    /// get an error, iterators end, and the channel of
    /// [`OnionListener::receiver`] is disconnected. The service itself is
    /// removed only when the listener is closed or dropped, so the listener's
    /// owner should do that next.
    ///
    /// Returns after the threads that accept connections have ended, which
    /// usually takes less than a millisecond. Further calls do nothing.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// let listener = OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// let shutdown = listener.shutdown_handle();
    /// std::thread::spawn(move || shutdown.shutdown()); // for example: on a signal
    /// for stream in listener.incoming() {
    ///     println!("{:?}", stream?);
    /// }
    /// listener.close()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn shutdown(&self) {
        // The lock is held until the threads have ended. So a listener that is
        // dropped meanwhile closes its sockets before its `drop` returns.
        let mut stop = self.stop.lock();
        drop(stop.sender.take());
        for acceptor in stop.acceptors.drain(..).filter_map(|acceptor| acceptor.upgrade()) {
            acceptor.end();
        }
    }

    /// Returns true if the listener was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.receiver.try_recv() == Err(TryRecvError::Disconnected)
    }
}

impl fmt::Debug for OnionShutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionShutdown").field("is_shut_down", &self.is_shut_down()).finish()
    }
}

impl Door {
    /// Starts a thread for each of these sockets. Each socket comes with the
    /// virtual ports that it serves.
    pub(super) fn open(sockets: Vec<(Socket, Vec<u16>)>) -> Result<Self> {
        let (sender, streams) = bounded(QUEUE);
        let Some((first, served)) = sockets.first() else {
            return Err(ArgumentError::invalid("OnionBuilder", "list of ports", "is empty").into());
        };
        let (local, port) = (first.address().clone(), served.first().copied().unwrap_or_default());
        let shutdown = OnionShutdown::new();
        let mut door = Door { acceptors: Vec::new(), local, port, streams, shutdown };
        for (socket, ports) in sockets {
            let port = match *ports {
                [port] => Some(port),
                _ => None,
            };
            let stop = door.shutdown.receiver.clone();
            let acceptor = Arc::new(Acceptor::start(socket, port, sender.clone(), stop)?);
            door.shutdown.stop.lock().acceptors.push(Arc::downgrade(&acceptor));
            door.acceptors.push(acceptor);
        }
        Ok(door)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shutdown.shutdown();
        // A thread that didn't end in time at the shutdown gets another chance.
        for acceptor in &self.acceptors {
            acceptor.end();
        }
    }
}

/// The reason why [`OnionListener::next`] returns no stream.
enum NoStream {
    ShutDown,
    Late,
    Failed(Error),
    /// tor no longer has the service.
    Lost(Error),
}

impl OnionListener {
    pub(super) fn new(service: OnionService, door: Door) -> Result<Self> {
        let lifeline = Mutex::new(Arc::new(service.controller().lifeline()?));
        Ok(OnionListener { service, door, lifeline })
    }

    /// Waits for the next connection, without a time limit, and returns it.
    ///
    /// ```no_run
    /// # let controller = scape::connect()?;
    /// # let listener = scape::OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// let stream = listener.accept()?;
    /// println!("a client connected to port {:?}", stream.port());
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) when the control
    /// connection has ended for good, because the service ends with the
    /// connection. The error is the same for a
    /// [detached](super::OnionBuilder::detached) service, although clients can
    /// still connect to it. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) or
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor didn't add
    /// the service again after a reconnect, for example because the service's
    /// key isn't known.
    ///
    /// The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if the system can't
    /// accept a connection, for example because too many files are open. The
    /// listener stays usable, and a later call may succeed. The kind is also
    /// [`ErrorKind::Io`](crate::ErrorKind::Io), with an
    /// [`IoError`](crate::error::IoError) of the kind
    /// [`NotConnected`](io::ErrorKind::NotConnected), when the listener was
    /// shut down ([`is_shut_down`](Self::is_shut_down)).
    pub fn accept(&self) -> Result<OnionStream> {
        self.next(None).map_err(|none| none.error(Duration::MAX))
    }

    /// Waits for the next connection, for at most `timeout`, and returns it.
    ///
    /// ```no_run
    /// # let controller = scape::connect()?;
    /// # let listener = scape::OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// use std::time::Duration;
    ///
    /// match listener.accept_timeout(Duration::from_secs(60)) {
    ///     Ok(stream) => println!("{stream:?}"),
    ///     Err(error) if error.is_timeout() => println!("nobody has connected"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`accept`](Self::accept), and an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Accept`], if nobody connects within `timeout`.
    pub fn accept_timeout(&self, timeout: Duration) -> Result<OnionStream> {
        self.next(Some(deadline_after(timeout))).map_err(|none| none.error(timeout))
    }

    fn next(&self, deadline: Option<Instant>) -> Result<OnionStream, NoStream> {
        loop {
            if self.is_shut_down() {
                return Err(NoStream::ShutDown);
            }
            if let Ok(stream) = self.door.streams.try_recv() {
                return stream.map_err(NoStream::Failed);
            }
            let bell = self.controller().onions_lost();
            self.check_service().map_err(NoStream::Lost)?;
            let lifeline = self.lifeline().map_err(NoStream::Failed)?;
            let late = deadline.map_or_else(never, at);
            select! {
                recv(self.door.streams) -> stream => match stream {
                    Ok(stream) => return stream.map_err(NoStream::Failed),
                    Err(_) => return Err(NoStream::ShutDown),
                },
                recv(late) -> _ => return Err(NoStream::Late),
                // The next round of the loop finds out why the thread was
                // woken.
                recv(self.door.shutdown.receiver) -> _ => {}
                recv(lifeline.receiver()) -> _ => {}
                recv(bell) -> _ => {}
            }
        }
    }

    /// Returns an error if tor didn't add the service again after a reconnect.
    fn check_service(&self) -> Result<()> {
        // A service on disk doesn't end with a connection, so it is never lost
        // on a reconnect.
        self.controller().lost_onion(self.address()).map_or(Ok(()), Err)
    }

    /// Returns a subscription that ends with the control connection. Returns an
    /// error of the kind Closed if the connection has ended for good.
    fn lifeline(&self) -> Result<Arc<Subscription>> {
        let mut lifeline = self.lifeline.lock();
        if let Some(closed) = lifeline.cause() {
            if self.controller().closed().is_some() {
                return Err(closed.into());
            }
            // The connection has ended, but the program has called
            // `Controller::reconnect` since then.
            *lifeline = Arc::new(self.controller().lifeline()?);
        }
        Ok(lifeline.clone())
    }

    /// Returns an iterator over the connections. The iterator ends when the
    /// listener is shut down. If the control connection ends for good, or tor
    /// doesn't add the service again after a reconnect, the iterator returns
    /// that error once and ends. After other errors, the iterator continues.
    ///
    /// ```no_run
    /// # let controller = scape::connect()?;
    /// # let listener = scape::OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// for stream in listener.incoming() {
    ///     let stream = stream?;
    ///     std::thread::spawn(move || println!("{stream:?}"));
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, ended: false }
    }

    /// Returns the channel that delivers the connections, for
    /// [`crossbeam_channel::select!`]. After a shutdown, the channel delivers
    /// the connections that wait in it and is then disconnected. The channel
    /// doesn't report the end of the control connection. So call
    /// [`check`](Self::check) from time to time. [`check`](Self::check) returns
    /// an error once the connection has ended for good.
    ///
    /// ```no_run
    /// # fn serve(
    /// #     listener: scape::OnionListener,
    /// #     quit: crossbeam_channel::Receiver<()>,
    /// # ) -> scape::Result<()> {
    /// use crossbeam_channel::select;
    /// use std::time::Duration;
    ///
    /// loop {
    ///     select! {
    ///         recv(listener.receiver()) -> stream => match stream {
    ///             Ok(stream) => println!("{:?}", stream?),
    ///             Err(_) => break, // the listener was shut down
    ///         },
    ///         recv(quit) -> _ => break,
    ///         default(Duration::from_secs(10)) => listener.check()?,
    ///     }
    /// }
    /// # listener.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receiver(&self) -> &Receiver<Result<OnionStream>> {
        &self.door.streams
    }

    /// Returns an error if the listener will accept no more connections. There
    /// are three possible reasons:
    ///
    /// * the listener was shut down;
    /// * the control connection has ended for good;
    /// * tor didn't add the service again after a reconnect.
    ///
    /// This method doesn't block.
    ///
    /// ```no_run
    /// # let controller = scape::connect()?;
    /// # let listener = scape::OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// if let Err(error) = listener.check() {
    ///     println!("no more connections: {error}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`accept`](Self::accept), except for connections that the
    /// system can't accept. Most often the kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), because the control
    /// connection has ended.
    pub fn check(&self) -> Result<()> {
        if self.is_shut_down() {
            return Err(NoStream::ShutDown.error(Duration::ZERO));
        }
        self.lifeline()?;
        self.check_service()
    }

    /// Returns the address of the service. The listener's `Display` output also
    /// has the port: `….onion:80`.
    pub fn address(&self) -> &OnionAddress {
        self.service.address()
    }

    /// Returns the first virtual port that this listener serves: the one that
    /// was added with the first
    /// [`virtual_port`](super::OnionBuilder::virtual_port).
    /// [`OnionService::ports`] has all ports of the service.
    pub fn port(&self) -> u16 {
        self.door.port
    }

    /// Returns the local address that the listener's socket is bound to. If the
    /// listener has several sockets, returns the address of the socket for the
    /// first [`virtual_port`](super::OnionBuilder::virtual_port).
    /// [`OnionService::ports`] has the addresses that tor connects to, for all
    /// ports.
    pub fn local_addr(&self) -> &OnionTarget {
        &self.door.local
    }

    /// Returns the onion service whose connections this listener accepts.
    pub fn service(&self) -> &OnionService {
        &self.service
    }

    fn controller(&self) -> &Controller {
        self.service.controller()
    }

    /// Returns a handle that shuts the listener down from any thread.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on_prefix("GETCONF", "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n")
    /// #     .on_prefix("ADD_ONION", "250-ServiceID=2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid\r\n250 OK\r\n")
    /// #     .on_prefix("DEL_ONION", "250 OK\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::OnionBuilder;
    ///
    /// let listener = OnionBuilder::new(&controller)
    ///     .virtual_port(80)
    /// #   .wait(scape::onion::Wait::Nothing)
    ///     .listen()?;
    /// let shutdown = listener.shutdown_handle();
    /// std::thread::spawn(move || shutdown.shutdown()); // for example: on a signal
    /// assert!(listener.incoming().next().is_none()); // ends at the shutdown
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn shutdown_handle(&self) -> OnionShutdown {
        self.door.shutdown.clone()
    }

    /// Returns true if the listener was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.door.shutdown.is_shut_down()
    }

    /// Removes the service and then closes the sockets. Like dropping the
    /// listener, but reports errors. Returns false if the service was gone
    /// already, like [`OnionService::close`]. Accepted connections stay open.
    ///
    /// ```no_run
    /// # let controller = scape::connect()?;
    /// # let listener = scape::OnionBuilder::new(&controller).virtual_port(80).listen()?;
    /// let stream = listener.accept()?;
    /// listener.close()?; // `stream` stays open
    /// # let _ = stream;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`OnionService::close`], most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). The sockets are
    /// closed anyway.
    pub fn close(self) -> Result<bool> {
        let OnionListener { service, door, .. } = self;
        let closed = service.close();
        drop(door);
        closed
    }
}

impl NoStream {
    fn error(self, timeout: Duration) -> Error {
        match self {
            NoStream::ShutDown => Error::io(
                "accept a connection, because the listener of the onion service was shut down",
                io::ErrorKind::NotConnected.into(),
            ),
            NoStream::Late => Timeout::new(Phase::Accept, timeout).into(),
            NoStream::Failed(error) | NoStream::Lost(error) => error,
        }
    }
}

/// Writes the address and the first port that the listener serves, such as
/// `2gzy….onion:80`.
impl fmt::Display for OnionListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address(), self.port())
    }
}

impl fmt::Debug for OnionListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionListener")
            .field("service", &self.service)
            .field("local", &self.door.local)
            .field("shutdown", &self.door.shutdown)
            .finish_non_exhaustive()
    }
}

/// An iterator over an onion service's connections. Made by
/// [`OnionListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a OnionListener,
    ended: bool,
}

impl Iterator for Incoming<'_> {
    type Item = Result<OnionStream>;

    fn next(&mut self) -> Option<Result<OnionStream>> {
        if self.ended {
            return None;
        }
        match self.listener.next(None) {
            Ok(stream) => Some(Ok(stream)),
            Err(NoStream::ShutDown | NoStream::Late) => None,
            Err(NoStream::Failed(error)) => {
                self.ended = error.is_closed();
                Some(Err(error))
            }
            Err(NoStream::Lost(error)) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl<'a> IntoIterator for &'a OnionListener {
    type Item = Result<OnionStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}
