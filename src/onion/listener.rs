//! Accepting an onion service's connections.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, at, bounded, never, select};
use parking_lot::Mutex;

use super::acceptor::Acceptor;
use super::local::Socket;
use super::service::OnionService;
use super::stream::OnionStream;
use crate::connection::Subscription;
use crate::controller::{Controller, Never, OnionTarget};
use crate::error::{Error, Phase, Result, Timeout};
use crate::protocol::ArgumentError;
use crate::transport::deadline_after;
use crate::word::OnionAddress;

/// How many connections that were accepted may wait for
/// [`OnionListener::accept`]. More wait in the system's queue.
const QUEUE: usize = 16;

/// An onion service and the socket that its connections come to, like a
/// [`TcpListener`](std::net::TcpListener). Made by
/// [`OnionBuilder::listen`](super::OnionBuilder::listen).
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
/// connection ends for good, [`accept`](Self::accept) returns an error. If the
/// connection is made again
/// ([`Connect::reconnect`](crate::Connect::reconnect)), the service is added
/// again and accepting goes on. If tor doesn't take the service back,
/// [`accept`](Self::accept) and [`check`](Self::check) return tor's refusal.
///
/// Dropping it removes the service first and closes the socket then;
/// connections that were accepted live on. [`close`](Self::close) does the same
/// and returns the error.
#[must_use = "the service goes when this is dropped"]
pub struct OnionListener {
    // In the order in which they are dropped.
    service: OnionService,
    door: Door,
    lifeline: Mutex<Arc<Subscription>>,
}

/// The sockets, and the threads that accept from them. They end with it.
pub(super) struct Door {
    acceptors: Vec<Acceptor>,
    /// Where the first of them listens.
    local: OnionTarget,
    streams: Receiver<Result<OnionStream>>,
    shutdown: OnionShutdown,
}

/// Ends the accepting of an [`OnionListener`], from any thread. It keeps
/// nothing open.
#[derive(Clone)]
pub struct OnionShutdown {
    /// Taken away to tell that it is over.
    sender: Arc<Mutex<Option<Sender<Never>>>>,
    receiver: Receiver<Never>,
}

impl OnionShutdown {
    fn new() -> Self {
        let (sender, receiver) = bounded(0);
        OnionShutdown { sender: Arc::new(Mutex::new(Some(sender))), receiver }
    }

    /// Ends the accepting: whoever waits in [`OnionListener::accept`] is told,
    /// and iterators end. The service goes when the listener is closed or
    /// dropped, which is what its owner should do then.
    pub fn shutdown(&self) {
        *self.sender.lock() = None;
    }

    /// Whether it was told to end.
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
    /// Starts to accept from these sockets, each with the ports that it serves.
    pub(super) fn open(sockets: Vec<(Socket, Vec<u16>)>) -> Result<Self> {
        let (sender, streams) = bounded(QUEUE);
        let Some((first, _)) = sockets.first() else {
            return Err(ArgumentError::invalid("OnionBuilder", "list of ports", "is empty").into());
        };
        let local = first.address().clone();
        let mut door =
            Door { acceptors: Vec::new(), local, streams, shutdown: OnionShutdown::new() };
        for (socket, ports) in sockets {
            let port = match *ports {
                [port] => Some(port),
                _ => None,
            };
            let stop = door.shutdown.receiver.clone();
            door.acceptors.push(Acceptor::start(socket, port, sender.clone(), stop)?);
        }
        Ok(door)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shutdown.shutdown();
        for acceptor in &self.acceptors {
            acceptor.end();
        }
    }
}

/// Why there is no stream.
enum NoStream {
    ShutDown,
    Late,
    Failed(Error),
    /// tor doesn't have the service any more.
    Lost(Error),
}

impl OnionListener {
    pub(super) fn new(service: OnionService, door: Door) -> Result<Self> {
        let lifeline = Mutex::new(Arc::new(service.controller().lifeline()?));
        Ok(OnionListener { service, door, lifeline })
    }

    /// Waits for the next connection and returns it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) when the control
    /// connection has ended for good, because then nobody can connect any more,
    /// and of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused) or
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the connection
    /// was made again and tor didn't take the service back, for example because
    /// its key isn't known.
    ///
    /// The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if the system can't
    /// accept, for example because too many files are open: the listener stays
    /// as it is, and a later attempt may succeed. The kind is also
    /// [`ErrorKind::Io`](crate::ErrorKind::Io), with an
    /// [`IoError`](crate::error::IoError) of the kind
    /// [`NotConnected`](io::ErrorKind::NotConnected), when the listener was
    /// shut down ([`is_shut_down`](Self::is_shut_down)).
    pub fn accept(&self) -> Result<OnionStream> {
        self.next(None).map_err(|none| none.error(Duration::MAX))
    }

    /// Waits for the next connection, for at most `timeout`, and returns it.
    ///
    /// # Errors
    ///
    /// Same errors as [`accept`](Self::accept), and an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Accept`], if nobody connects in time.
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
                // What has happened is seen at the top.
                recv(self.door.shutdown.receiver) -> _ => {}
                recv(lifeline.receiver()) -> _ => {}
                recv(bell) -> _ => {}
            }
        }
    }

    /// Fails if tor didn't take the service back when the connection was made
    /// again.
    fn check_service(&self) -> Result<()> {
        // A service on disk belongs to no connection, so it is never among
        // these.
        self.controller().lost_onion(self.address()).map_or(Ok(()), Err)
    }

    /// What ends with the control connection; or the error that this has ended.
    fn lifeline(&self) -> Result<Arc<Subscription>> {
        let mut lifeline = self.lifeline.lock();
        if let Some(closed) = lifeline.cause() {
            if self.controller().closed().is_some() {
                return Err(closed.into());
            }
            // It was made again by hand.
            *lifeline = Arc::new(self.controller().lifeline()?);
        }
        Ok(lifeline.clone())
    }

    /// Returns an iterator over the connections. It ends when the listener is
    /// shut down. When the control connection has ended for good, or tor didn't
    /// take the service back, it returns that error once and ends. Other errors
    /// don't end it.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, ended: false }
    }

    /// The channel that connections come through, for
    /// [`crossbeam_channel::select!`]. It does not tell when the control
    /// connection ends: [`check`](Self::check) does, if asked from time to
    /// time.
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
    ///             Err(_) => break, // it was shut down
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

    /// Checks that connections may still come.
    ///
    /// # Errors
    ///
    /// The errors of [`accept`](Self::accept) that say why no connection can
    /// come.
    pub fn check(&self) -> Result<()> {
        if self.is_shut_down() {
            return Err(NoStream::ShutDown.error(Duration::ZERO));
        }
        self.lifeline()?;
        self.check_service()
    }

    /// The address of the service. The listener itself displays it with its
    /// first port: `….onion:80`.
    pub fn address(&self) -> &OnionAddress {
        self.service.address()
    }

    /// The first port of the service.
    pub fn port(&self) -> u16 {
        self.service.ports().first().map_or(0, |(port, _)| *port)
    }

    /// Where it listens: the local address that tor connects to. Where it has
    /// several sockets, that of the first port; [`OnionService::ports`] has
    /// them all.
    pub fn local_addr(&self) -> &OnionTarget {
        &self.door.local
    }

    /// The service.
    pub fn service(&self) -> &OnionService {
        &self.service
    }

    fn controller(&self) -> &Controller {
        self.service.controller()
    }

    /// Ends the accepting, from any thread.
    pub fn shutdown_handle(&self) -> OnionShutdown {
        self.door.shutdown.clone()
    }

    /// Whether it was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.door.shutdown.is_shut_down()
    }

    /// Removes the service, then closes the socket, like dropping the listener,
    /// but reports errors. Returns false if the service was gone already, as
    /// [`OnionService::close`] does. Connections that were accepted live on.
    ///
    /// # Errors
    ///
    /// Same errors as [`OnionService::close`], most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). The socket is closed
    /// anyway.
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
                "the listener of the onion service was shut down",
                io::ErrorKind::NotConnected.into(),
            ),
            NoStream::Late => Timeout::new(Phase::Accept, timeout).into(),
            NoStream::Failed(error) | NoStream::Lost(error) => error,
        }
    }
}

/// The address and the first port, such as `2gzy….onion:80`.
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

/// An onion service's connections. See [`OnionListener::incoming`].
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
