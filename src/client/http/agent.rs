//! The builder of HTTP agents.

use std::fmt;
use std::time::Duration;

use ureq::http::HeaderValue;

use super::connector::{NoResolver, TorConnector};
use crate::client::socks::{Isolation, SocksProxy};
#[cfg(feature = "https")]
use crate::client::tls::TlsSettings;
use crate::error::Result;
use scape_proto::control::ArgumentError;

/// Builds a [`ureq::Agent`] that goes through tor. See the [module](super).
///
/// Other settings can be changed for each request with
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
    /// with its isolation. Connecting takes at most the proxy's timeout.
    pub fn new(proxy: SocksProxy) -> Self {
        AgentBuilder {
            proxy: proxy.refuse_private(true),
            timeout: None,
            stall_timeout: Self::DEFAULT_STALL_TIMEOUT,
            user_agent: None,
            max_redirects: Self::DEFAULT_MAX_REDIRECTS,
            status_as_error: true,
            #[cfg(feature = "https")]
            tls: TlsSettings::new(),
        }
    }

    /// Sets the isolation credentials. The agent's streams share no circuit
    /// with streams that have other credentials.
    pub fn isolation(self, isolation: Isolation) -> Self {
        AgentBuilder { proxy: self.proxy.isolation(isolation), ..self }
    }

    /// Sets the time limit of a whole request, including redirects and reading
    /// the body. Default: no limit, because a large file may take long.
    /// [`stall_timeout`](Self::stall_timeout) ends a request that makes no
    /// progress.
    pub fn timeout(self, timeout: Duration) -> Self {
        AgentBuilder { timeout: Some(timeout), ..self }
    }

    /// Sets the time limit of connecting through tor, not including TLS.
    /// Default: the proxy's timeout.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { proxy: self.proxy.timeout(timeout), ..self }
    }

    /// Sets the time limit of each single read and write: the time for which a
    /// server may stay silent or accept no data. Default: 130 seconds.
    pub fn stall_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { stall_timeout: timeout, ..self }
    }

    /// Sets the `User-Agent` header. Default: none is sent. A value that only
    /// this program sends identifies it.
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        AgentBuilder { user_agent: Some(user_agent.into()), ..self }
    }

    /// Sets the maximum number of redirects. A request that is redirected more
    /// often fails. With 0, redirects are returned like other responses.
    /// Default: 10.
    pub fn max_redirects(self, max_redirects: u32) -> Self {
        AgentBuilder { max_redirects, ..self }
    }

    /// Sets whether HTTP statuses of 400 and above are errors. Such an error
    /// doesn't contain the response's body. Default: true.
    pub fn http_status_as_error(self, status_as_error: bool) -> Self {
        AgentBuilder { status_as_error, ..self }
    }

    /// Sets the trusted authorities for `https://` URLs, including onion
    /// services. Default: the authorities that browsers trust. TLS settings of
    /// single requests are ignored.
    #[cfg(feature = "https")]
    pub fn tls(self, settings: TlsSettings) -> Self {
        AgentBuilder { tls: settings, ..self }
    }

    /// Builds the agent. This doesn't connect to anything yet.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the `User-Agent`
    /// isn't a valid header value, or if the TLS settings trust no authority.
    pub fn build(self) -> Result<ureq::Agent> {
        let mut config = ureq::Agent::config_builder()
            // ureq's default is the environment's proxy.
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

    /// Sets whether private addresses, `localhost` and similar names are
    /// requested (see [`is_private`](crate::socks::is_private)). Exits refuse
    /// them, but a private Tor network may serve them. Default: false; such a
    /// request fails and nothing is sent.
    pub fn allow_private_addresses(self, allow: bool) -> Self {
        AgentBuilder { proxy: self.proxy.refuse_private(!allow), ..self }
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
