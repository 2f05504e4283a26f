//! Requests over a stream, each within one deadline.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stream::Keep;
use super::{Answer, Handshake, Isolation, NextStep, Request, SocksStream, ToTargetAddr};
use super::{HandshakeError, SocksError, SocksProblem};
use crate::error::{Error, Phase, Result, Timeout};
use crate::transport::{Address, Transport, deadline_after};

/// How long a peer that is no SOCKS port may take to say what it is.
const EXPLANATION: Duration = Duration::from_millis(500);

/// A SOCKS port of tor's, through which connections are made and names looked
/// up.
///
/// It holds no connection: each request makes one. Clones are independent and
/// cheap. Every request ends within the timeout, the connection to the port
/// included.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use scape::socks::{Isolation, SocksProxy};
/// use scape::transport::Address;
///
/// let tor = SocksProxy::new(Address::from(9050)).isolation(Isolation::random());
/// let mut stream = tor.connect(("example.com", 80))?;
/// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
/// let mut page = Vec::new();
/// stream.read_to_end(&mut page)?;
/// println!("{}", tor.resolve("example.com")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SocksProxy {
    address: Address,
    timeout: Duration,
    isolation: Option<Isolation>,
    refuse_private: bool,
    keep: Option<Keep>,
    route: Option<Arc<dyn Route>>,
    explainer: Option<Arc<dyn Explain>>,
}

/// Finds out more about requests that timed out.
pub(crate) trait Explain: fmt::Debug + Send + Sync {
    /// The same error, with what was found out.
    fn explain(&self, error: SocksError) -> SocksError;
}

/// Where the requests of a proxy go, where that is not left to tor.
pub(crate) trait Route: fmt::Debug + Send + Sync {
    /// Prepares the way for one request, before anything is sent.
    fn passage(&self, request: &Request, deadline: Instant) -> Result<Box<dyn Passage>>;
}

/// One request on such a way. Where it is dropped before it is confirmed, the
/// request is given up.
pub(crate) trait Passage: Send {
    /// The credentials by which the request is known.
    fn isolation(&self) -> &Isolation;

    /// The request is made over this connection: it is shut down where the way
    /// turns out to be closed.
    fn connected(&self, transport: &Transport) -> io::Result<()>;

    /// Waits until it is certain that the request that tor has granted went
    /// this way.
    fn confirm(&self, deadline: Instant) -> Result<()>;

    /// What is behind a failure.
    fn cause(&self, error: SocksError) -> Error;
}

impl SocksProxy {
    /// How long a request may take when nothing else is said. tor gives up
    /// after 120 seconds (its option `SocksTimeout`); this is a little more, so
    /// that tor can say so.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(130);

    /// The SOCKS port at `address`. Nothing is connected to yet.
    pub fn new(address: impl Into<Address>) -> Self {
        SocksProxy {
            address: address.into(),
            timeout: Self::DEFAULT_TIMEOUT,
            isolation: None,
            refuse_private: false,
            keep: None,
            route: None,
            explainer: None,
        }
    }

    /// The same port, each request within `timeout`.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        SocksProxy { timeout, ..self }
    }

    /// The same port, with these credentials: tor keeps these streams apart
    /// from those with others, or without. A port that takes no credentials is
    /// not used.
    #[must_use]
    pub fn isolation(self, isolation: Isolation) -> Self {
        SocksProxy { isolation: Some(isolation), ..self }
    }

    /// The same port, which is not asked to connect to
    /// [private](super::is_private) addresses and names, such as `127.0.0.1` or
    /// `localhost`: an exit would look for them in its own network. By default
    /// it is, and tor decides.
    #[must_use]
    pub fn refuse_private(self, refuse: bool) -> Self {
        SocksProxy { refuse_private: refuse, ..self }
    }

    /// The same port, which keeps this alive, as its streams do.
    pub(crate) fn keep(self, keep: Keep) -> Self {
        SocksProxy { keep: Some(keep), ..self }
    }

    /// The same port, whose requests go this way, with credentials of the way's
    /// own.
    pub(crate) fn route(self, route: Arc<dyn Route>) -> Self {
        SocksProxy { route: Some(route), ..self }
    }

    /// The same port, whose requests are explained by this if they time out.
    pub(crate) fn explainer(self, explainer: Arc<dyn Explain>) -> Self {
        SocksProxy { explainer: Some(explainer), ..self }
    }

    /// Adds to the error of a request that timed out what can be found out.
    /// That may take longer than the request's timeout.
    pub(crate) fn explained(&self, error: Error) -> Error {
        match (error.exact::<SocksError>(), &self.explainer) {
            (Some(error), Some(explainer)) if error.is_timeout() => {
                explainer.explain(error.clone()).into()
            }
            _ => error,
        }
    }

    /// Whether it is not asked to connect to private addresses.
    #[cfg(feature = "http")]
    pub(crate) fn refuses_private(&self) -> bool {
        self.refuse_private
    }

    /// What lives as long as this, and its streams.
    #[cfg(feature = "http")]
    pub(crate) fn kept(&self) -> Option<Keep> {
        self.keep.clone()
    }

    /// Returns how long a request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.timeout
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connects to `target`. The stream has no timeouts set.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]: tor's refusal
    /// ([`SocksProblem::Status`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)), the timeout (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), or the reason why
    /// the port can't be used. Ports with the flag `ExtendedErrors` tell why an
    /// onion service is not reached.
    pub fn connect(&self, target: impl ToTargetAddr) -> Result<SocksStream> {
        let request = Request::connect(target)?;
        let (transport, _) = self.perform(&request)?;
        let io =
            |error| SocksError::new(request.to_string(), broken(self.address.to_string(), &error));
        transport.set_read_timeout(None).map_err(io)?;
        transport.set_write_timeout(None).map_err(io)?;
        Ok(SocksStream::new(transport, self.keep.clone()))
    }

    /// The error of a request whose connection to the SOCKS port failed.
    pub(crate) fn broken(&self, request: &Request, error: &io::Error) -> SocksError {
        SocksError::new(request.to_string(), broken(self.address.to_string(), error))
    }

    /// Looks up an address of the host `name`, at an exit (`RESOLVE`).
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]. tor answers every failure of a
    /// look-up with
    /// [`HOST_UNREACHABLE`](crate::socks::SocksStatus::HOST_UNREACHABLE) (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)).
    pub fn resolve(&self, name: &str) -> Result<IpAddr> {
        let request = Request::resolve(name)?;
        match self.perform(&request)?.1 {
            Answer::Address(ip) => Ok(ip),
            other => Err(unfit(&request, &other).into()),
        }
    }

    /// Looks up the name of the host with the address `ip`, at an exit
    /// (`RESOLVE_PTR`). The name is whatever the owner of the address says: 1
    /// to 255 printable ASCII characters, of any kind.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]. tor answers every failure of a
    /// look-up with
    /// [`HOST_UNREACHABLE`](crate::socks::SocksStatus::HOST_UNREACHABLE) (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)).
    pub fn resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        let request = Request::resolve_ptr(ip);
        match self.perform(&request)?.1 {
            Answer::Name(name) => Ok(name.into()),
            other => Err(unfit(&request, &other).into()),
        }
    }

    /// Connects to the port and makes the request, within one deadline.
    fn perform(&self, request: &Request) -> Result<(Transport, Answer)> {
        self.perform_in_time(request).map_err(|error| self.explained(error))
    }

    fn perform_in_time(&self, request: &Request) -> Result<(Transport, Answer)> {
        let deadline = deadline_after(self.timeout);
        let passage = self.passage(request, deadline)?;
        let transport = self.open(request, deadline)?;
        let answer = self.ask(&transport, request, passage, deadline)?;
        Ok((transport, answer))
    }

    /// The way that `request` is to go, where it is not left to tor.
    pub(crate) fn passage(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Option<Box<dyn Passage>>> {
        if self.refuse_private && request.is_private() {
            return Err(SocksError::new(request.to_string(), SocksProblem::Private).into());
        }
        self.route.as_ref().map(|route| route.passage(request, deadline)).transpose()
    }

    /// A connection to the port, which `request` is to be made over.
    pub(crate) fn open(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Transport, SocksError> {
        Transport::connect(&self.address, deadline).map_err(|error| {
            let problem = if Instant::now() >= deadline {
                SocksProblem::Timeout(Timeout::new(Phase::Connect, self.timeout))
            } else {
                let hint = match error.kind() {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                        " (is tor running, and is this its SOCKS port?)"
                    }
                    _ => "",
                };
                let text =
                    format!("cannot connect to the SOCKS port {}: {error}{hint}", self.address);
                SocksProblem::Io(Arc::new(io::Error::new(error.kind(), text)))
            };
            SocksError::new(request.to_string(), problem)
        })
    }

    /// Makes the request over a connection from [`open`](Self::open), on the
    /// way from [`passage`](Self::passage).
    pub(crate) fn ask(
        &self,
        transport: &Transport,
        request: &Request,
        passage: Option<Box<dyn Passage>>,
        deadline: Instant,
    ) -> Result<Answer> {
        let Some(passage) = passage else {
            let isolation = self.isolation.as_ref();
            return Ok(exchange_by(transport, request, isolation, deadline, self.timeout)?);
        };
        passage.connected(transport).map_err(|error| {
            SocksError::new(request.to_string(), broken(self.address.to_string(), &error))
        })?;
        let answer =
            exchange_by(transport, request, Some(passage.isolation()), deadline, self.timeout);
        let answer = answer.map_err(|error| passage.cause(error))?;
        passage.confirm(deadline).map_err(|error| match error.is::<Timeout>() {
            true => {
                let timeout = Timeout::new(Phase::Socks, self.timeout);
                SocksError::new(request.to_string(), SocksProblem::Timeout(timeout)).into()
            }
            false => error,
        })?;
        Ok(answer)
    }
}

/// Makes one request over a stream that is connected to a SOCKS port, within
/// `timeout`.
///
/// Not a byte is read that comes after the handshake. The stream's timeouts are
/// changed; after an error it is of no further use. [`SocksProxy`] does this
/// over connections of its own.
///
/// # Errors
/// tor's refusal ([`SocksProblem::Status`]), the timeout, or why the port could
/// not be used.
///
/// ```
/// use std::io::Write;
/// use std::time::Duration;
/// use scape::socks::{Answer, Request, exchange};
/// use scape::transport::Transport;
///
/// let (transport, mut tor) = Transport::pair();
/// tor.write_all(b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")?;
/// let answer = exchange(&transport, &Request::connect("example.com:80")?, None, Duration::from_secs(10))?;
/// assert_eq!(answer, Answer::Connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn exchange(
    transport: &Transport,
    request: &Request,
    isolation: Option<&Isolation>,
    timeout: Duration,
) -> Result<Answer, SocksError> {
    exchange_by(transport, request, isolation, deadline_after(timeout), timeout)
}

fn exchange_by(
    transport: &Transport,
    request: &Request,
    isolation: Option<&Isolation>,
    mut deadline: Instant,
    timeout: Duration,
) -> Result<Answer, SocksError> {
    let error = |problem| SocksError::new(request.to_string(), problem);
    let failed = |cause: io::Error| {
        error(if crate::transport::is_timeout(&cause) {
            SocksProblem::Timeout(Timeout::new(Phase::Socks, timeout))
        } else {
            broken(transport.peer(), &cause)
        })
    };
    let mut handshake = Handshake::new(request, isolation);
    let mut buffer = [0; 512];
    let mut count = 0;
    let mut suspicious = false;
    loop {
        match handshake.step(&buffer[..count]).map_err(|problem| error(problem.into()))? {
            NextStep::Send(bytes) => {
                transport.write_all_by(bytes, deadline).map_err(failed)?;
                count = 0;
            }
            NextStep::Receive(needed) => {
                if !suspicious && handshake.suspicion().is_some() {
                    suspicious = true;
                    deadline = deadline.min(deadline_after(EXPLANATION));
                }
                let needed = needed.min(buffer.len());
                count = match transport.read_by(&mut buffer[..needed], deadline) {
                    Ok(0) => {
                        return Err(error(match handshake.at_eof() {
                            HandshakeError::Closed(when) => {
                                let cause = io::Error::new(io::ErrorKind::UnexpectedEof, &*when);
                                broken(transport.peer(), &cause)
                            }
                            problem => problem.into(),
                        }));
                    }
                    Ok(count) => count,
                    Err(cause) => {
                        return Err(match handshake.suspicion() {
                            Some(problem) => error(problem.into()),
                            None => failed(cause),
                        });
                    }
                };
            }
            NextStep::Done(answer) => return Ok(answer),
        }
    }
}

/// The connection to the SOCKS port at `address` failed because of `cause`.
fn broken(address: impl fmt::Display, cause: &io::Error) -> SocksProblem {
    let text = format!("the connection to the SOCKS port {address} failed: {cause}");
    SocksProblem::Io(Arc::new(io::Error::new(cause.kind(), text)))
}

/// An answer of another kind than was asked for.
fn unfit(request: &Request, answer: &Answer) -> SocksError {
    let what = match answer {
        Answer::Connected => "it was asked for a look-up, and connected".into(),
        Answer::Address(ip) => format!("it was asked for a name, and found the address {ip}"),
        Answer::Name(name) => format!("it was asked for an address, and found the name {name}"),
    };
    SocksError::new(request.to_string(), SocksProblem::Protocol(what.into_boxed_str()))
}
