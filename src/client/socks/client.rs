//! SOCKS requests, each within one deadline.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stream::KeepAlive;
use super::{Answer, Handshake, Isolation, NextStep, Request, SocksStream, ToTarget};
use super::{HandshakeError, SocksError, SocksProblem};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::transport::{Address, Transport, deadline_after};

/// The maximum time to wait for the rest of an answer once its first bytes show
/// that the peer isn't a SOCKS port. The answer shows what kind of server the
/// peer is, so the error can say it.
const EXPLANATION: Duration = Duration::from_millis(500);

/// A SOCKS port of tor, for connections and DNS look-ups.
///
/// A proxy holds no open connection: each request makes its own. Clones are
/// independent and cheap. The timeout limits each request, including the
/// connection to the port.
///
/// Requests can exceed the timeout if the proxy comes from a
/// [`TorClient`](crate::TorClient) with a control connection. After a timeout,
/// such a proxy asks tor for the likely reason, for up to half a second more.
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
#[doc(alias = "TorSocksEndpoint")]
pub struct SocksProxy {
    address: Address,
    timeout: Duration,
    isolation: Option<Isolation>,
    refuse_private: bool,
    // The order matters: the route resets an option of tor before `keep` may
    // end a launched tor.
    route: Option<Arc<dyn RequestBinder>>,
    explainer: Option<Arc<dyn Explain>>,
    keep: Option<KeepAlive>,
}

/// An object that finds out why SOCKS requests timed out.
pub(crate) trait Explain: fmt::Debug + Send + Sync {
    /// Returns `error`, the error of a request that timed out, with the reason
    /// added if it is known.
    fn explain(&self, error: SocksError) -> SocksError;
}

/// An object that chooses the circuits of a proxy's requests, instead of tor.
/// The choice for one request is called its route.
pub(crate) trait RequestBinder: fmt::Debug + Send + Sync {
    /// Prepares one request for its circuit, before anything is sent to the
    /// SOCKS port.
    fn bind(&self, request: &Request, deadline: Instant) -> Result<Box<dyn BoundRequest>>;
}

/// One request that a [`RequestBinder`] has prepared. Dropping it before it is
/// confirmed abandons the request.
pub(crate) trait BoundRequest: Send {
    /// Returns the isolation credentials of the request. They are unique, so
    /// that the request's stream can be recognized by them.
    fn isolation(&self) -> &Isolation;

    /// Registers the connection that the request is made over. The connection
    /// is shut down if the request can't use the chosen circuit.
    fn connected(&self, transport: &Transport) -> io::Result<()>;

    /// After tor has granted the request, waits until it is certain that the
    /// request used the chosen circuit. Returns an error if the request used
    /// another circuit, or if this isn't known by `deadline`.
    fn confirm(&self, deadline: Instant) -> Result<()>;

    /// Returns the error for the caller of a request that failed with `error`
    /// on the SOCKS port. The returned error says why the chosen circuit
    /// couldn't be used, if this is known. Otherwise it is `error` itself.
    fn cause(&self, error: SocksError) -> Error;
}

impl SocksProxy {
    /// The default time limit of a request: 130 seconds. tor gives up after 120
    /// seconds (its option `SocksTimeout`), so tor's own error arrives first.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(130);

    /// Creates a proxy for the SOCKS port at `address`. This doesn't connect to
    /// anything yet.
    ///
    /// ```
    /// use scape::socks::SocksProxy;
    ///
    /// let proxy = SocksProxy::new(9050);
    /// assert_eq!(proxy.address().to_string(), "127.0.0.1:9050");
    /// ```
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

    /// Sets the time limit of each request: a connection or a look-up. It
    /// includes connecting to the SOCKS port and waiting for tor's answer, but
    /// not reading and writing on the stream afterwards. Default:
    /// [`DEFAULT_TIMEOUT`](Self::DEFAULT_TIMEOUT).
    ///
    /// ```
    /// use scape::socks::SocksProxy;
    /// use std::time::Duration;
    ///
    /// let proxy = SocksProxy::new(9050).timeout(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        SocksProxy { timeout, ..self }
    }

    /// Sets the isolation credentials, which tor gets as SOCKS user name and
    /// password. Streams with these credentials share no circuit with streams
    /// that have other credentials or none, unless the port has the flag
    /// `NoIsolateSOCKSAuth`. Requests fail if the port accepts no credentials.
    ///
    /// ```
    /// use scape::socks::{Isolation, SocksProxy};
    ///
    /// let mail = SocksProxy::new(9050).isolation(Isolation::new("alice", "mail")?);
    /// let web = SocksProxy::new(9050).isolation(Isolation::new("alice", "web")?);
    /// # Ok::<(), scape::control::ArgumentError>(())
    /// ```
    #[must_use]
    pub fn isolation(self, isolation: Isolation) -> Self {
        SocksProxy { isolation: Some(isolation), ..self }
    }

    /// Sets whether requests for [private](super::is_private) addresses and
    /// names, such as `127.0.0.1` or `localhost`, are sent. If false, such a
    /// request fails before anything is sent. Exits would look for such a
    /// target in their own network. Default: true, so tor decides.
    ///
    /// ```
    /// use scape::socks::{SocksError, SocksProxy};
    ///
    /// let proxy = SocksProxy::new(9050).allow_private_addresses(false);
    /// let error = proxy.connect("localhost:80").unwrap_err(); // nothing is sent
    /// assert!(error.get::<SocksError>().is_some_and(|error| error.is_private()));
    /// ```
    #[must_use]
    pub fn allow_private_addresses(self, allow: bool) -> Self {
        SocksProxy { refuse_private: !allow, ..self }
    }

    /// Keeps `keep` alive as long as this proxy or one of its streams lives.
    pub(crate) fn keep(self, keep: KeepAlive) -> Self {
        SocksProxy { keep: Some(keep), ..self }
    }

    /// Sets the object that chooses the circuit and the credentials of each
    /// request.
    pub(crate) fn route(self, route: Arc<dyn RequestBinder>) -> Self {
        SocksProxy { route: Some(route), ..self }
    }

    /// Sets the object that explains requests that time out.
    pub(crate) fn explainer(self, explainer: Arc<dyn Explain>) -> Self {
        SocksProxy { explainer: Some(explainer), ..self }
    }

    /// Adds an explanation to the error of a request that timed out. This may
    /// take longer than the request's timeout.
    pub(crate) fn explained(&self, error: Error) -> Error {
        match (error.exact::<SocksError>(), &self.explainer) {
            (Some(error), Some(explainer)) if error.is_timeout() => {
                explainer.explain(error.clone()).into()
            }
            _ => error,
        }
    }

    /// Returns true if requests for private addresses fail before anything is
    /// sent.
    #[cfg(feature = "http")]
    pub(crate) fn refuses_private(&self) -> bool {
        self.refuse_private
    }

    /// Returns the value that was set with [`keep`](Self::keep), or `None` if
    /// no value was set.
    #[cfg(feature = "http")]
    pub(crate) fn kept(&self) -> Option<KeepAlive> {
        self.keep.clone()
    }

    /// Returns the time limit of each request, including the connection to the
    /// SOCKS port.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the address of the SOCKS port.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connects to `target` through tor. The stream has no timeouts set, so
    /// reads and writes may block forever.
    ///
    /// ```no_run
    /// use scape::socks::SocksProxy;
    /// use std::io::Write;
    ///
    /// let mut stream = SocksProxy::new(9050).connect(("example.com", 80))?;
    /// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]: tor's refusal
    /// ([`SocksProblem::Status`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)), the timeout (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), or the reason why
    /// the port can't be used. Ports with the flag `ExtendedErrors` tell why an
    /// onion service can't be reached.
    pub fn connect(&self, target: impl ToTarget) -> Result<SocksStream> {
        let request = Request::connect(target)?;
        let (transport, _) = self.perform(&request)?;
        let io =
            |error| SocksError::new(request.to_string(), broken(self.address.to_string(), &error));
        transport.set_read_timeout(None).map_err(io)?;
        transport.set_write_timeout(None).map_err(io)?;
        Ok(SocksStream::new(transport, self.keep.clone()))
    }

    /// Returns the error of a request whose connection to the SOCKS port
    /// failed.
    pub(crate) fn broken(&self, request: &Request, error: &io::Error) -> SocksError {
        SocksError::new(request.to_string(), broken(self.address.to_string(), error))
    }

    /// Resolves the host `name` to an IP address with the SOCKS command
    /// `RESOLVE`. An exit relay does the look-up.
    ///
    /// ```no_run
    /// let ip = scape::socks::SocksProxy::new(9050).resolve("example.com")?;
    /// println!("{ip}");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]. tor reports every failed look-up
    /// as [`HOST_UNREACHABLE`](crate::socks::SocksStatus::HOST_UNREACHABLE)
    /// (kind [`ErrorKind::Network`](crate::ErrorKind::Network)).
    pub fn resolve(&self, name: &str) -> Result<IpAddr> {
        let request = Request::resolve(name)?;
        match self.perform(&request)?.1 {
            Answer::Address(ip) => Ok(ip),
            other => Err(unfit(&request, &other).into()),
        }
    }

    /// Resolves the address `ip` to a host name with the SOCKS command
    /// `RESOLVE_PTR`. An exit relay does the look-up. The owner of the address
    /// controls the name, which is 1 to 255 printable ASCII characters of any
    /// kind.
    ///
    /// ```no_run
    /// let name = scape::socks::SocksProxy::new(9050).resolve_ptr("192.0.2.1".parse()?)?;
    /// println!("{name}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]. tor reports every failed look-up
    /// as [`HOST_UNREACHABLE`](crate::socks::SocksStatus::HOST_UNREACHABLE)
    /// (kind [`ErrorKind::Network`](crate::ErrorKind::Network)).
    pub fn resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        let request = Request::resolve_ptr(ip);
        match self.perform(&request)?.1 {
            Answer::Name(name) => Ok(name.into()),
            other => Err(unfit(&request, &other).into()),
        }
    }

    /// Connects to the SOCKS port and makes the request, within one deadline.
    /// Returns the connection and tor's answer.
    fn perform(&self, request: &Request) -> Result<(Transport, Answer)> {
        self.perform_in_time(request).map_err(|error| self.explained(error))
    }

    fn perform_in_time(&self, request: &Request) -> Result<(Transport, Answer)> {
        let deadline = deadline_after(self.timeout);
        let passage = self.bind(request, deadline)?;
        let transport = self.open(request, deadline)?;
        let answer = self.ask(&transport, request, passage, deadline)?;
        Ok((transport, answer))
    }

    /// Prepares `request` for the circuit that the [`RequestBinder`] of this
    /// proxy chooses. Returns `None` if tor chooses the circuit. Fails if the
    /// target is private and private targets are refused.
    pub(crate) fn bind(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Option<Box<dyn BoundRequest>>> {
        if self.refuse_private && request.is_private() {
            return Err(SocksError::new(request.to_string(), SocksProblem::Private).into());
        }
        self.route.as_ref().map(|route| route.bind(request, deadline)).transpose()
    }

    /// Connects to the SOCKS port. An error names `request`.
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

    /// Sends the request over a connection from [`open`](Self::open), and
    /// returns tor's answer. `passage` is the result of [`bind`](Self::bind)
    /// for this request.
    pub(crate) fn ask(
        &self,
        transport: &Transport,
        request: &Request,
        passage: Option<Box<dyn BoundRequest>>,
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

/// Makes one request over a connection to a SOCKS port, within `timeout`.
///
/// No byte after the handshake is read. The connection's timeouts are changed,
/// and after an error the connection is unusable. [`SocksProxy`] makes requests
/// in the same way, but opens a connection for each of them. Without
/// `isolation`, no credentials are sent.
///
/// ```
/// use std::io::Write;
/// use std::time::Duration;
/// use scape::socks::{Answer, Request, exchange};
/// use scape::transport::Transport;
///
/// let (transport, mut tor) = Transport::pair();
/// tor.write_all(b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")?;
/// let request = Request::connect("example.com:80")?;
/// let answer = exchange(&transport, &request, None, Duration::from_secs(10))?;
/// assert_eq!(answer, Answer::Connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns tor's refusal ([`SocksProblem::Status`]), the timeout, or the reason
/// why the port can't be used.
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
        error(if crate::io::transport::is_timeout(&cause) {
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

/// Creates the problem for a connection to the SOCKS port at `address` that has
/// failed because of `cause`.
fn broken(address: impl fmt::Display, cause: &io::Error) -> SocksProblem {
    let text = format!("the connection to the SOCKS port {address} failed: {cause}");
    SocksProblem::Io(Arc::new(io::Error::new(cause.kind(), text)))
}

/// Returns the error for an answer whose type doesn't match the request.
fn unfit(request: &Request, answer: &Answer) -> SocksError {
    let what = match answer {
        Answer::Connected => "expected a look-up result, got a connection".into(),
        Answer::Address(ip) => format!("expected a name, got the address {ip}"),
        Answer::Name(name) => format!("expected an address, got the name {name}"),
    };
    SocksError::new(request.to_string(), SocksProblem::Protocol(what.into_boxed_str()))
}
