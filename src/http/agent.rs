//! Making agents.

use std::fmt;
use std::time::Duration;

use ureq::http::HeaderValue;

use super::connector::{NoResolver, TorConnector};
use crate::error::Result;
use crate::protocol::ArgumentError;
use crate::socks::{Isolation, SocksProxy};
#[cfg(feature = "https")]
use crate::tls::TlsSettings;

/// Makes a [`ureq::Agent`] that goes through tor: see the [module](super).
///
/// What is not here can be set for each request: `agent.get(url).config()`.
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
#[must_use = "an agent is made by build()"]
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
    /// How long one read or write may wait when nothing else is said.
    pub const DEFAULT_STALL_TIMEOUT: Duration = SocksProxy::DEFAULT_TIMEOUT;
    /// How many redirects are followed when nothing else is said.
    pub const DEFAULT_MAX_REDIRECTS: u32 = 10;

    /// An agent whose connections go through `proxy`, with its isolation and,
    /// each, within its timeout.
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

    /// With these credentials, tor keeps the agent's streams apart from those
    /// with others.
    pub fn isolation(self, isolation: Isolation) -> Self {
        AgentBuilder { proxy: self.proxy.isolation(isolation), ..self }
    }

    /// How long a whole request may take, redirects and reading the body
    /// included. Without this there is no such limit: a large file takes its
    /// time, as long as it does not [stall](Self::stall_timeout).
    pub fn timeout(self, timeout: Duration) -> Self {
        AgentBuilder { timeout: Some(timeout), ..self }
    }

    /// How long a connection through tor may take to be made (TLS not
    /// included). Without this, the proxy's timeout.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { proxy: self.proxy.timeout(timeout), ..self }
    }

    /// How long a server may be silent, or not take what is sent: the limit of
    /// each single read and write. Without this, 130 seconds.
    pub fn stall_timeout(self, timeout: Duration) -> Self {
        AgentBuilder { stall_timeout: timeout, ..self }
    }

    /// The `User-Agent` that is sent. Without this, none is. (One that only
    /// this program sends identifies it.)
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        AgentBuilder { user_agent: Some(user_agent.into()), ..self }
    }

    /// How many redirects are followed, before it is an error; with 0,
    /// redirects are responses as others.
    pub fn max_redirects(self, max_redirects: u32) -> Self {
        AgentBuilder { max_redirects, ..self }
    }

    /// Whether statuses of 400 and more are errors, without the response's
    /// body. Without this, they are.
    pub fn http_status_as_error(self, status_as_error: bool) -> Self {
        AgentBuilder { status_as_error, ..self }
    }

    /// Whether private addresses, `localhost` and the like are asked for (see
    /// [`is_private`](crate::socks::is_private)): exits refuse them, but tors
    /// of a private network need not. Without this, they are an error, and
    /// nothing is sent.
    pub fn allow_private_addresses(self, allow: bool) -> Self {
        AgentBuilder { proxy: self.proxy.refuse_private(!allow), ..self }
    }

    /// Whom to trust, for `https://` URLs, onion services' too. Without this,
    /// the authorities that browsers trust. TLS settings of single requests are
    /// not looked at.
    #[cfg(feature = "https")]
    pub fn tls(self, settings: TlsSettings) -> Self {
        AgentBuilder { tls: settings, ..self }
    }

    /// Builds the agent. Nothing is connected to yet.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the `User-Agent`
    /// can't be sent, or if the TLS settings trust nobody.
    pub fn build(self) -> Result<ureq::Agent> {
        let mut config = ureq::Agent::config_builder()
            // The default is what the environment says.
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
                let why = "may hold only printable characters: it is a header of HTTP";
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
