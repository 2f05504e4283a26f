//! The client for connections through tor.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "https")]
use std::time::Instant;

use crate::client::NoControlError;
#[cfg(feature = "http")]
use crate::client::http::AgentBuilder;
#[cfg(feature = "https")]
use crate::client::socks::RequestError;
use crate::client::socks::{
    Explain, Isolation, KeepAlive, RequestBinder, SocksError, SocksProxy, SocksStream, ToTarget,
};
use crate::client::socks_ports::FoundPort;
#[cfg(feature = "https")]
use crate::client::tls::{TlsSettings, TlsStream};
use crate::control::Controller;
use crate::error::Result;
use crate::io::transport::Address;
#[cfg(feature = "https")]
use crate::io::transport::deadline_after;
use scape_proto::control::Refusal;
#[cfg(feature = "https")]
use scape_proto::word::Host;

/// The maximum time for finding out why a request timed out.
const EXPLANATION: Duration = Duration::from_millis(500);

/// A client for connections and DNS look-ups through one of tor's SOCKS ports.
///
/// A client always uses the same port. If tor's ports change, call
/// [`Tor::client`](crate::Tor::client) again, which returns a client for a new
/// port. A client holds no connection. Clones are cheap, and any number of
/// threads can use one client. If this program launched tor, the client keeps
/// that tor running. So does everything that was made with the client, such as
/// a stream: see [`Tor`](crate::Tor).
///
/// ```no_run
/// use scape::Tor;
/// use std::time::Duration;
///
/// let client = Tor::connect()?.client()?.timeout(Duration::from_secs(60));
/// let (alice, bob) = (client.isolated(), client.isolated());
/// let first = alice.connect(("example.com", 80))?; // never on a circuit together
/// let second = bob.connect(("example.com", 80))?;
/// println!("{}", client.dns_resolve("example.com")?);
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Clone)]
pub struct TorClient {
    proxy: SocksProxy,
    /// The control connection. `None` if tor is reached through its SOCKS port
    /// only.
    controller: Option<Controller>,
    /// The refusal, if a filter in front of the control port refused to list
    /// tor's SOCKS ports. In that case this client's port was guessed, and may
    /// belong to a tor other than the controller's. `None` if tor or the
    /// program named the port.
    hidden_by: Option<Arc<Refusal>>,
}

impl fmt::Debug for TorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TorClient").field(&self.proxy).finish()
    }
}

impl TorClient {
    /// Creates a client for a SOCKS port. The client holds `keep`, which keeps
    /// a launched tor running. If there is a controller, the client uses it to
    /// find out why a request timed out.
    pub(crate) fn new(port: FoundPort, controller: Option<&Controller>, keep: KeepAlive) -> Self {
        let controller = controller.map(Controller::to_keep);
        let mut proxy = SocksProxy::new(port.address).keep(keep).allow_private_addresses(false);
        if let Some(controller) = &controller {
            proxy = proxy.explainer(Arc::new(StreamsWaiting(controller.clone())));
        }
        TorClient { proxy, controller, hidden_by: port.hidden_by.map(Arc::new) }
    }

    /// Returns the control connection to the tor that this client's SOCKS port
    /// belongs to. Returns an error if there is no control connection, or if
    /// the port was guessed and may belong to another tor.
    pub(crate) fn controller_of_port(&self) -> Result<&Controller> {
        if let Some(refusal) = &self.hidden_by {
            return Err(Refusal::clone(refusal).into());
        }
        self.controller
            .as_ref()
            .ok_or_else(|| NoControlError::new(self.address().to_string()).into())
    }

    /// Returns a client like this one, but `route` chooses the circuit of each
    /// request.
    pub(crate) fn with_route(&self, route: Arc<dyn RequestBinder>) -> TorClient {
        TorClient { proxy: self.proxy.clone().route(route), ..self.clone() }
    }

    /// Returns a client like this one, with new random isolation credentials.
    /// The streams of the new client share no circuit with the streams of any
    /// other client. This client keeps its credentials.
    ///
    /// A SOCKS port with the flag `NoIsolateSOCKSAuth` ignores credentials.
    /// [`Tor::client`](crate::Tor::client) prefers a port without this flag.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::tor::SocksPort;
    ///
    /// let client = tor.client_on(&SocksPort::at(9050))?;
    /// let (alice, bob) = (client.isolated(), client.isolated()); // never on a circuit together
    /// assert_eq!(alice.address(), bob.address());
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn isolated(&self) -> TorClient {
        self.clone().isolation(Isolation::random())
    }

    /// Sets the isolation credentials, which tor gets as SOCKS user name and
    /// password. Streams share circuits only with streams that have the same
    /// credentials, unless the SOCKS port has the flag `NoIsolateSOCKSAuth`.
    /// Default: no credentials.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::socks::Isolation;
    /// use scape::tor::SocksPort;
    ///
    /// let client = tor.client_on(&SocksPort::at(9050))?;
    /// let mail = client.clone().isolation(Isolation::new("alice", "mail")?);
    /// let web = client.isolation(Isolation::new("alice", "web")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> TorClient {
        self.proxy = self.proxy.isolation(isolation);
        self
    }

    /// Sets the time limit of a whole request. A request is a connection or a
    /// look-up, and includes the connection to the SOCKS port. Default:
    /// [`SocksProxy::DEFAULT_TIMEOUT`] (130 seconds), which is a little longer
    /// than tor's own limit. A request that times out may take up to half a
    /// second more: see [`connect`](Self::connect).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::tor::SocksPort;
    /// use std::time::Duration;
    ///
    /// let client = tor.client_on(&SocksPort::at(9050))?.timeout(Duration::from_secs(60));
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> TorClient {
        self.proxy = self.proxy.timeout(timeout);
        self
    }

    /// Returns the address of the SOCKS port.
    pub fn address(&self) -> &Address {
        self.proxy.address()
    }

    /// Returns the SOCKS port with this client's settings, for functions that
    /// take a [`SocksProxy`].
    pub fn proxy(&self) -> &SocksProxy {
        &self.proxy
    }

    /// Connects to `target`: a host name, an IP address or an onion address,
    /// with a port. Names go to tor and are never resolved on this machine.
    ///
    /// The stream implements [`Read`](std::io::Read) and
    /// [`Write`](std::io::Write). No timeouts are set, so reads and writes may
    /// block forever.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let mut stream = client.connect(("example.com", 80))?;
    /// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`] in these cases:
    ///
    /// * tor refuses the request, most often with the kind
    ///   [`ErrorKind::Network`](crate::ErrorKind::Network).
    ///   [`SocksError::status`] explains the refusal.
    /// * The request times out (kind
    ///   [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)).
    /// * The target can't be requested (kind
    ///   [`ErrorKind::Argument`](crate::ErrorKind::Argument)).
    /// * The SOCKS port can't be used. The error says why.
    ///
    /// After a timeout, up to half a second more is spent on finding out
    /// whether streams of this tor wait for a controller that attaches them
    /// ([`SocksError::is_waiting_for_controller`]).
    pub fn connect(&self, target: impl ToTarget) -> Result<SocksStream> {
        self.proxy.connect(target)
    }

    /// Returns an HTTP agent that goes through tor. The agent has this client's
    /// SOCKS port, isolation credentials and setting for [private
    /// addresses](Self::allow_private_addresses). The client's timeout limits
    /// the time for connecting. To change more settings, use
    /// [`agent`](Self::agent).
    ///
    /// A connection can time out because a controller keeps tor's new streams
    /// waiting. The error then names this as the likely cause: see
    /// [`connect`](Self::connect).
    ///
    /// Each agent keeps its connections open for later requests and never
    /// shares them with another agent. Use one agent for each identity.
    ///
    /// ```no_run
    /// let client = scape::Tor::connect()?.client()?;
    /// let agent = client.isolated().http()?;
    /// let onion = "http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion/";
    /// println!("{}", agent.get(onion).call()?.status());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`AgentBuilder::build`].
    #[cfg(feature = "http")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.agent().build()
    }

    /// Returns a builder for an HTTP agent like that of [`http`](Self::http),
    /// to set timeouts, a user agent or trusted certificate authorities.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let agent = client.agent().timeout(Duration::from_secs(60)).build()?;
    /// println!("{}", agent.get("http://example.com/").call()?.status());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "http")]
    pub fn agent(&self) -> AgentBuilder {
        let builder = AgentBuilder::new(self.proxy.clone());
        builder.allow_private_addresses(!self.proxy.refuses_private())
    }

    /// Connects to `target` and performs a TLS handshake inside the connection.
    /// The certificate must be valid for the target's host, and come from a
    /// certificate authority that browsers trust. The whole call takes at most
    /// the client's timeout.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let mut mail = client.connect_tls(("mail.example", 993))?;
    /// mail.write_all(b"a LOGOUT\r\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`connect`](Self::connect). If the handshake fails, the
    /// error is a [`TlsError`](crate::tls::TlsError), most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network).
    #[cfg(feature = "https")]
    pub fn connect_tls(&self, target: impl ToTarget) -> Result<TlsStream> {
        self.connect_tls_with(target, &TlsSettings::new())
    }

    /// Connects like [`connect_tls`](Self::connect_tls), with settings for the
    /// trusted certificate authorities and for ALPN (the choice of a protocol).
    ///
    /// ```no_run
    /// use scape::tls::TlsSettings;
    ///
    /// let settings = TlsSettings::new().alpn(["h2", "http/1.1"])?;
    /// let client = scape::Tor::connect()?.client()?;
    /// let stream = client.connect_tls_with(("example.com", 443), &settings)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`connect_tls`](Self::connect_tls), and an error of the
    /// kind [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the settings
    /// trust no certificate authority.
    #[cfg(feature = "https")]
    pub fn connect_tls_with(
        &self,
        target: impl ToTarget,
        settings: &TlsSettings,
    ) -> Result<TlsStream> {
        let target = target.to_target().map_err(RequestError::from)?;
        let host = match target.host() {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.to_string(),
        };
        let timeout = self.proxy.request_timeout();
        let deadline = deadline_after(timeout);
        let stream = self.connect(target)?;
        let left = deadline.saturating_duration_since(Instant::now());
        TlsStream::connect(stream, &host, settings, left)
    }

    /// Resolves a host name to an IP address. An exit relay does the look-up.
    ///
    /// ```no_run
    /// let client = scape::Tor::connect()?.client()?;
    /// println!("{}", client.dns_resolve("example.com")?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network).
    pub fn dns_resolve(&self, name: &str) -> Result<IpAddr> {
        self.proxy.resolve(name)
    }

    /// Resolves an IP address (IPv4 or IPv6) to a host name. An exit relay does
    /// the look-up. The owner of the address controls the name, so don't trust
    /// the name.
    ///
    /// ```no_run
    /// let client = scape::Tor::connect()?.client()?;
    /// println!("{}", client.dns_resolve_ptr("192.0.2.1".parse()?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network).
    pub fn dns_resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        self.proxy.resolve_ptr(ip)
    }

    /// Sets whether the client connects to [private](crate::socks::is_private)
    /// addresses and names, such as `127.0.0.1` or `localhost`. Default: false,
    /// because an exit would look for them in its own network. tor has a
    /// similar rule (`ClientRejectInternalAddresses`), and exits have one too.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let scripted = ScriptedTor::builder().start()?;
    /// # let tor = scape::Tor::from(scape::Controller::from_authenticated(scripted.transport()?)?);
    /// use scape::ErrorKind;
    /// use scape::tor::SocksPort;
    ///
    /// let client = tor.client_on(&SocksPort::at(9050))?;
    /// let error = client.connect("localhost:80").unwrap_err(); // nothing is sent
    /// assert_eq!(error.kind(), ErrorKind::Argument);
    /// let client = client.allow_private_addresses(true);
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[must_use]
    pub fn allow_private_addresses(mut self, allow: bool) -> TorClient {
        self.proxy = self.proxy.allow_private_addresses(allow);
        self
    }
}

/// An [`Explain`] for requests that timed out. It finds out whether new streams
/// of this tor wait for a controller, which may be gone, and notes this in the
/// error. Asking tor takes up to half a second.
struct StreamsWaiting(Controller);

impl Explain for StreamsWaiting {
    fn explain(&self, error: SocksError) -> SocksError {
        let controller = self.0.with_timeout(EXPLANATION);
        if controller.leaves_streams_to_others().unwrap_or(false) {
            error.with_streams_waiting()
        } else {
            error
        }
    }
}

impl fmt::Debug for StreamsWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamsWaiting")
    }
}
