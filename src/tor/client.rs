//! Connections through tor.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "https")]
use std::time::Instant;

use super::Core;
use crate::error::Result;
#[cfg(feature = "http")]
use crate::http::AgentBuilder;
#[cfg(feature = "https")]
use crate::protocol::ArgumentError;
#[cfg(feature = "https")]
use crate::socks::TargetAddr;
use crate::socks::{Explain, Isolation, Route, SocksError, SocksProxy, SocksStream, ToTargetAddr};
#[cfg(feature = "https")]
use crate::tls::{TlsSettings, TlsStream};
use crate::transport::Address;
#[cfg(feature = "https")]
use crate::transport::deadline_after;

/// The time for finding out why a request timed out.
const EXPLANATION: Duration = Duration::from_millis(500);

/// Connections through tor, and names looked up by tor: one of its SOCKS ports,
/// with settings.
///
/// It stays with the port that it was made for: where tor's ports have changed
/// since, [`Tor::client`](crate::Tor::client) gives another. It holds no
/// connection; clones are cheap, and any number of threads may use one. What is
/// made with it keeps a tor alive that was launched ([`Tor`](crate::Tor)).
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
#[derive(Debug, Clone)]
pub struct TorClient {
    proxy: SocksProxy,
}

impl TorClient {
    /// A client on a SOCKS port of this tor, which is kept alive.
    pub(super) fn new(core: &Arc<Core>, address: Address) -> Self {
        let proxy = SocksProxy::new(address)
            .keep(core.clone())
            .explainer(Arc::new(StreamsWaiting(core.clone())));
        TorClient { proxy: proxy.refuse_private(true) }
    }

    /// The same client, whose requests go this way.
    pub(super) fn route(self, route: Arc<dyn Route>) -> TorClient {
        TorClient { proxy: self.proxy.route(route) }
    }

    /// The same client, whose streams have a fresh isolation token: they share
    /// no circuit with those of any other.
    #[must_use]
    pub fn isolated(&self) -> TorClient {
        self.clone().isolation(Isolation::random())
    }

    /// The same client, whose streams have this isolation token: they share
    /// circuits with those that have the same, and no others.
    #[must_use]
    pub fn isolation(self, isolation: Isolation) -> TorClient {
        TorClient { proxy: self.proxy.isolation(isolation) }
    }

    /// The same client, whose requests take this long at most, all in all.
    /// Default: [`SocksProxy::DEFAULT_TIMEOUT`], a little more than tor's own.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> TorClient {
        TorClient { proxy: self.proxy.timeout(timeout) }
    }

    /// The same client, which also connects to
    /// [private](crate::socks::is_private) addresses and names, such as
    /// `127.0.0.1` or `localhost`. By default it refuses to: they would mean
    /// the exit's network, not this one. tor has a rule of its own
    /// (`ClientRejectInternalAddresses`), and so have exits.
    #[must_use]
    pub fn allow_private_addresses(self, allow: bool) -> TorClient {
        TorClient { proxy: self.proxy.refuse_private(!allow) }
    }

    /// The SOCKS port.
    pub fn address(&self) -> &Address {
        self.proxy.address()
    }

    /// The SOCKS port with its settings, for what this has no method for.
    pub fn proxy(&self) -> &SocksProxy {
        &self.proxy
    }

    /// Connects to `target`: a host name or an IP address with a port, an onion
    /// service. The name goes to tor, and is never looked up here.
    ///
    /// The stream is [`Read`](std::io::Read) and [`Write`](std::io::Write), and
    /// has no timeouts set.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`]: tor's refusal with its meaning
    /// ([`SocksError::status`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)), the timeout (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)), a target that can't
    /// be asked for (kind [`ErrorKind::Argument`](crate::ErrorKind::Argument)),
    /// or the reason why the port can't be used. If the request timed out, up
    /// to half a second more is taken to find out whether streams of this tor
    /// wait for a controller ([`SocksError::is_waiting_for_controller`]).
    pub fn connect(&self, target: impl ToTargetAddr) -> Result<SocksStream> {
        self.proxy.connect(target)
    }

    /// An HTTP agent that goes through tor, with this client's port, isolation,
    /// timeout for connections, and rule for private addresses:
    /// [`agent`](Self::agent) with nothing else said.
    ///
    /// If a connection times out, the error says so if streams of this tor wait
    /// for a controller, as that of [`connect`](Self::connect) does.
    ///
    /// Each agent keeps connections of its own for later requests, and never
    /// shares them: one identity, one agent.
    ///
    /// ```no_run
    /// let client = scape::Tor::connect()?.client()?;
    /// let agent = client.isolated().http()?;
    /// let page = agent.get("http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion/").call()?;
    /// println!("{}", page.status());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`AgentBuilder::build`].
    #[cfg(feature = "http")]
    pub fn http(&self) -> Result<ureq::Agent> {
        self.agent().build()
    }

    /// As [`http`](Self::http), with more to be said before it is made: timeouts, a user agent, whom to trust.
    #[cfg(feature = "http")]
    pub fn agent(&self) -> AgentBuilder {
        let builder = AgentBuilder::new(self.proxy.clone());
        builder.allow_private_addresses(!self.proxy.refuses_private())
    }

    /// Connects to `host` at `port`, and makes TLS inside the connection: the
    /// certificate must be for `host`, from an authority that browsers trust.
    /// All within the client's timeout.
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
    /// Same errors as [`connect`](Self::connect), and a
    /// [`TlsError`](crate::tls::TlsError) if TLS can't be made, most often of
    /// the kind [`ErrorKind::Network`](crate::ErrorKind::Network).
    #[cfg(feature = "https")]
    pub fn connect_tls(&self, target: impl ToTargetAddr) -> Result<TlsStream> {
        self.connect_tls_with(target, &TlsSettings::new())
    }

    /// As [`connect_tls`](Self::connect_tls), with settings: whom to trust,
    /// ALPN.
    ///
    /// # Errors
    ///
    /// As [`connect_tls`](Self::connect_tls).
    #[cfg(feature = "https")]
    pub fn connect_tls_with(
        &self,
        target: impl ToTargetAddr,
        settings: &TlsSettings,
    ) -> Result<TlsStream> {
        let invalid = |error| {
            ArgumentError::invalid("connect_tls", "target", format!("cannot be used: {error}"))
        };
        let target = target.to_target_addr().map_err(invalid)?;
        let host = match &target {
            TargetAddr::Ip(address) => address.ip().to_string(),
            TargetAddr::Domain(name, _) => name.clone(),
        };
        let timeout = self.proxy.request_timeout();
        let deadline = deadline_after(timeout);
        let stream = self.connect(target)?;
        let left = deadline.saturating_duration_since(Instant::now());
        TlsStream::connect(stream, &host, settings, left)
    }

    /// Looks up an address of a host, at an exit.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network).
    pub fn dns_resolve(&self, name: &str) -> Result<IpAddr> {
        self.proxy.resolve(name)
    }

    /// Looks up the name of the host with this address, IPv4 or IPv6, at an
    /// exit. The name is whatever the owner of the address says.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`SocksError`], most often of the kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network).
    pub fn dns_resolve_ptr(&self, ip: IpAddr) -> Result<String> {
        self.proxy.resolve_ptr(ip)
    }
}

/// Finds out whether a request timed out because new streams of this tor wait
/// for a controller that may be gone. That takes up to half a second more.
struct StreamsWaiting(Arc<Core>);

impl Explain for StreamsWaiting {
    fn explain(&self, error: SocksError) -> SocksError {
        if self.0.leaves_streams_to_others(EXPLANATION) {
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
