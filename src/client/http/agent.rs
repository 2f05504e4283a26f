//! Builds HTTP agents of ureq whose connections go through tor.

use std::fmt;
use std::time::Duration;

use ureq::http::HeaderValue;

use super::connector::{NoResolver, TorConnector};
use crate::client::socks::{Isolation, SocksProxy};
#[cfg(feature = "https")]
use crate::client::tls::TlsSettings;
use crate::error::Result;
use scape_proto::control::ArgumentError;

/// A builder for a [`ureq::Agent`] whose connections go through tor. See the
/// [module](super).
///
/// Other settings of ureq can be changed for each request with
/// `agent.get(url).config()`.
///
/// ```no_run
/// use scape::http::AgentBuilder;
/// use scape::socks::SocksProxy;
/// use std::time::Duration;
///
/// let agent = AgentBuilder::new(SocksProxy::new(9050))
///     .timeout(Duration::from_secs(60))
///     .http_status_as_error(false)
///     .build()?;
/// let response = agent.get("http://example.com/").header("Accept-Language", "en").call()?;
/// println!("{}", response.status());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "call build() to create the agent"]
pub struct AgentBuilder {
    proxy: SocksProxy,
    timeout: Option<Duration>,
    stall_timeout: Duration,
    user_agent: Option<String>,
    max_redirects: u32,
    status_as_error: bool,
    #[cfg(feature = "https")]
    tls: TlsSettings,
}

impl AgentBuilder {
    /// The default time limit of one read or write: 130 seconds.
    pub const DEFAULT_STALL_TIMEOUT: Duration = SocksProxy::DEFAULT_TIMEOUT;
    /// The default maximum number of redirects.
    pub const DEFAULT_MAX_REDIRECTS: u32 = 10;

    /// Creates a builder for an agent whose connections go through `proxy`,
    /// with the proxy's isolation credentials. Connecting takes at most the
    /// proxy's timeout. Private addresses are refused even if the proxy allows
    /// them: see [`allow_private_addresses`](Self::allow_private_addresses).
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    ///
    /// let agent = AgentBuilder::new(SocksProxy::new(9050)).build()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn new(proxy: SocksProxy) -> Self {
        AgentBuilder {
            proxy: proxy.allow_private_addresses(false),
            timeout: None,
            stall_timeout: Self::DEFAULT_STALL_TIMEOUT,
            user_agent: None,
            max_redirects: Self::DEFAULT_MAX_REDIRECTS,
            status_as_error: true,
            #[cfg(feature = "https")]
            tls: TlsSettings::new(),
        }
    }

    /// Sets the isolation credentials, which tor gets as SOCKS user name and
    /// password. The agent's streams share no circuit with streams that have
    /// other credentials, unless the SOCKS port has the flag
    /// `NoIsolateSOCKSAuth`.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::{Isolation, SocksProxy};
    ///
    /// let proxy = SocksProxy::new(9050);
    /// let alice = AgentBuilder::new(proxy.clone()).isolation(Isolation::random()).build()?;
    /// let bob = AgentBuilder::new(proxy).isolation(Isolation::random()).build()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn isolation(self, isolation: Isolation) -> Self {
        AgentBuilder { proxy: self.proxy.isolation(isolation), ..self }
    }

    /// Sets the time limit of a whole request, including redirects and reading
    /// the body. Default: no limit, because a large file may take long.
    /// [`stall_timeout`](Self::stall_timeout) ends a request that makes no
    /// progress.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    /// use std::time::Duration;
    ///
    /// let builder = AgentBuilder::new(SocksProxy::new(9050)).timeout(Duration::from_secs(120));
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        AgentBuilder { timeout: Some(timeout), ..self }
    }

    /// Sets the time limit of connecting to a host through tor. The TLS
    /// handshake doesn't count. Default: the proxy's timeout.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    /// use std::time::Duration;
    ///
    /// let proxy = SocksProxy::new(9050);
    /// let builder = AgentBuilder::new(proxy).connect_timeout(Duration::from_secs(60));
    /// ```
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { proxy: self.proxy.timeout(timeout), ..self }
    }

    /// Sets the time limit of each single read and write: the time for which a
    /// server may stay silent or accept no data. Default: 130 seconds.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    /// use std::time::Duration;
    ///
    /// let proxy = SocksProxy::new(9050);
    /// let builder = AgentBuilder::new(proxy).stall_timeout(Duration::from_secs(30));
    /// ```
    pub fn stall_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { stall_timeout: timeout, ..self }
    }

    /// Sets the `User-Agent` header. Default: none is sent. A value that only
    /// this program sends identifies the program to servers.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    ///
    /// let builder = AgentBuilder::new(SocksProxy::new(9050));
    /// assert!(builder.clone().user_agent("my-program/1.0").build().is_ok());
    /// assert!(builder.user_agent("two\nlines").build().is_err());
    /// ```
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        AgentBuilder { user_agent: Some(user_agent.into()), ..self }
    }

    /// Sets the maximum number of redirects. A request that is redirected more
    /// often fails with [`ureq::Error::TooManyRedirects`]. With 0, redirects
    /// are returned like other responses. Default: 10.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    ///
    /// let builder = AgentBuilder::new(SocksProxy::new(9050)).max_redirects(3);
    /// ```
    pub fn max_redirects(self, max_redirects: u32) -> Self {
        AgentBuilder { max_redirects, ..self }
    }

    /// Sets whether HTTP statuses of 400 and above are errors
    /// ([`ureq::Error::StatusCode`]). Such an error doesn't contain the
    /// response's body. Default: true.
    ///
    /// ```
    /// # use std::io::{Read, Write};
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// # std::thread::spawn(move || -> std::io::Result<u64> {
    /// #     let (mut tor, _) = listener.accept()?;
    /// #     tor.write_all(b"\x05\0\x05\0\0\x01\0\0\0\0\0\0")?;
    /// #     tor.read_exact(&mut [0; 22])?;
    /// #     tor.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
    /// #     std::io::copy(&mut tor, &mut std::io::sink())
    /// # });
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    ///
    /// let agent = AgentBuilder::new(SocksProxy::new(port)).http_status_as_error(false).build()?;
    /// let response = agent.get("http://example.com/").call()?;
    /// assert_eq!(response.status(), 404);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn http_status_as_error(self, status_as_error: bool) -> Self {
        AgentBuilder { status_as_error, ..self }
    }

    /// Sets the certificate authorities that are trusted for `https://` URLs,
    /// also for such URLs of onion services. Default: the authorities that
    /// browsers trust.
    /// TLS settings in the `config()` of a single request are ignored.
    ///
    /// ```
    /// # let path = "tests/data/tls/ca.pem";
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    /// use scape::tls::TlsSettings;
    ///
    /// let ours = TlsSettings::new().add_roots_pem(std::fs::read(path)?)?;
    /// let agent = AgentBuilder::new(SocksProxy::new(9050)).tls(ours).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "https")]
    pub fn tls(self, settings: TlsSettings) -> Self {
        AgentBuilder { tls: settings, ..self }
    }

    /// Builds the agent. This doesn't connect to anything yet.
    ///
    /// ```
    /// use scape::http::{self, AgentBuilder};
    /// use scape::socks::SocksProxy;
    ///
    /// let agent = AgentBuilder::new(SocksProxy::new(9050)).build()?;
    /// let error = agent.get("http://localhost/").call().unwrap_err(); // nothing is sent
    /// assert!(http::socks_error(&error).is_some_and(|error| error.is_private()));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the `User-Agent`
    /// isn't a valid header value, or if the TLS settings trust no certificate
    /// authority.
    pub fn build(self) -> Result<ureq::Agent> {
        let mut config = ureq::Agent::config_builder()
            // Without this, ureq would use the environment's proxy.
            .proxy(None)
            .timeout_global(self.timeout)
            .timeout_per_read(Some(self.stall_timeout))
            .timeout_per_write(Some(self.stall_timeout))
            .max_redirects(self.max_redirects)
            .max_redirects_will_error(self.max_redirects > 0)
            .http_status_as_error(self.status_as_error)
            .user_agent("");
        if let Some(user_agent) = &self.user_agent {
            HeaderValue::from_str(user_agent).map_err(|_| {
                let why = "is an HTTP header and may contain only printable characters";
                ArgumentError::invalid("AgentBuilder", "user agent", why)
            })?;
            config = config.user_agent(user_agent);
        }
        let connector = TorConnector::new(self.proxy);
        #[cfg(feature = "https")]
        let connector = {
            use ureq::unversioned::transport::Connector as _;
            connector.chain(super::tls::TlsConnector::new(self.tls.alpn([""; 0])?.config()?))
        };
        Ok(ureq::Agent::with_parts(config.build(), connector, NoResolver))
    }

    /// Sets whether requests for private addresses, `localhost` and similar
    /// names are sent (see [`is_private`](crate::socks::is_private)). Exits
    /// refuse them, but a private Tor network may serve them. Default: false;
    /// then such a request fails before anything is sent.
    ///
    /// ```
    /// use scape::http::AgentBuilder;
    /// use scape::socks::SocksProxy;
    ///
    /// let builder = AgentBuilder::new(SocksProxy::new(9050)).allow_private_addresses(true);
    /// ```
    pub fn allow_private_addresses(self, allow: bool) -> Self {
        AgentBuilder { proxy: self.proxy.allow_private_addresses(allow), ..self }
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("proxy", &self.proxy)
            .field("timeout", &self.timeout)
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}
