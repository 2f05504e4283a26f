//! `tor:HOST:PORT`: an endpoint to connect to through Tor.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::grammar::escape;
use super::options::{self, Options, Vocabulary};
use crate::client::socks::Isolation;
use crate::endpoint::{EndpointError, EndpointProblem};
use crate::io::transport::Address;
use scape_proto::control::REDACTED;
use scape_proto::word::{Host, Secret};

const OPTIONS: Vocabulary = Vocabulary {
    kind: "tor",
    unnamed: &["host", "port"],
    known: &[
        "host",
        "port",
        "controlPort",
        "socksPort",
        "socksHostname",
        "socksUsername",
        "socksPassword",
        "isolate",
        "timeout",
        "tls",
        "allowPrivate",
    ],
    repeated: &[],
    also: &[],
};

/// An endpoint to connect to through Tor: `tor:HOST:PORT`, with the options of
/// [the table](super#tor).
///
/// An endpoint is parsed from a text or built with methods. No connection is
/// made before [`dial`](Self::dial).
///
/// `Display` and `Debug` don't show the password of
/// [`credentials`](Self::credentials). [`expose`](Self::expose) does.
///
/// ```
/// use scape::endpoint::ClientEndpoint;
/// use std::time::Duration;
///
/// let endpoint: ClientEndpoint = "tor:example.com:443:isolate=true:timeout=30".parse()?;
/// let same = ClientEndpoint::new("example.com", 443)?.isolate().timeout(Duration::from_secs(30));
/// assert_eq!(endpoint, same);
/// assert_eq!(same.to_string(), "tor:example.com:443:isolate=true:timeout=30");
/// # Ok::<(), scape::endpoint::EndpointError>(())
/// ```
#[doc(alias = "TorClientEndpoint")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEndpoint {
    host: String,
    port: u16,
    control_port: Option<Address>,
    socks_port: Option<Address>,
    sharing: Sharing,
    timeout: Option<Duration>,
    tls: bool,
    allow_private: bool,
}

/// The connections that may share circuits with a connection to this endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sharing {
    /// All connections through this tor that have no credentials.
    Anybody,
    /// No other connection.
    Nobody,
    /// Connections with the same credentials.
    Credentials { user: String, password: Secret },
}

impl ClientEndpoint {
    /// Creates an endpoint for `port` of `host`. The host is a name, an onion
    /// address or an IP address. Only tor looks up names. An IPv6 address may
    /// be in brackets. The trailing dot of an onion address is removed.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("[2001:db8::1]", 80)?;
    /// assert_eq!(endpoint.host(), "2001:db8::1");
    /// assert!(ClientEndpoint::new("example.com", 0).is_err());
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with [`EndpointProblem::Invalid`] if the host is
    /// malformed, or the port is 0. [`Request`](crate::socks::Request)
    /// describes the form of a host.
    pub fn new(host: &str, port: u16) -> Result<Self, EndpointError> {
        if port == 0 {
            return Err(EndpointError::invalid("port", "must be a port, 1 to 65535"));
        }
        let host = match Host::parse(host) {
            Ok(Host::Ip(ip)) => ip.to_string(),
            Ok(Host::Name(name)) => name.into(),
            Err(error) => {
                return Err(EndpointError::invalid("host", format!("the host name {error}")));
            }
        };
        Ok(ClientEndpoint {
            host,
            port,
            control_port: None,
            socks_port: None,
            sharing: Sharing::Anybody,
            timeout: None,
            tls: false,
            allow_private: false,
        })
    }

    /// Sets the control port of the tor to use (`controlPort`). Default: the
    /// global tor if the program has one, or a running tor, or a new one: see
    /// [`dial`](crate::dial). A [`socks_port`](Self::socks_port) that was set
    /// before is discarded.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.control_port(9051);
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:controlPort=9051");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn control_port(self, address: impl Into<Address>) -> Self {
        ClientEndpoint { control_port: Some(address.into()), socks_port: None, ..self }
    }

    /// Sets the SOCKS port to use (`socksPort`). Then no control connection is
    /// made. A [`control_port`](Self::control_port) that was set before is
    /// discarded.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.socks_port(9150);
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:socksPort=9150");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn socks_port(self, address: impl Into<Address>) -> Self {
        ClientEndpoint { socks_port: Some(address.into()), control_port: None, ..self }
    }

    /// Sets SOCKS credentials (`socksUsername`, `socksPassword`). tor shares
    /// circuits only between connections with the same credentials. The
    /// credentials have no other purpose, so they can be chosen freely.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.credentials("me", "sesame")?;
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:socksUsername=me:socksPassword=[redacted]");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with [`EndpointProblem::Invalid`] if `user` or
    /// `password` is empty or longer than 255 bytes, or if tor reserves the
    /// user name: see [`Isolation::new`].
    pub fn credentials(self, user: &str, password: &str) -> Result<Self, EndpointError> {
        Isolation::new(user, password).map_err(|error| {
            let option = if password.is_empty() || password.len() > 255 {
                "socksPassword"
            } else {
                "socksUsername"
            };
            EndpointError::invalid(option, error.to_string())
        })?;
        Ok(ClientEndpoint {
            sharing: Sharing::Credentials {
                user: user.to_owned(),
                password: Secret::from(password),
            },
            ..self
        })
    }

    /// Makes each connection use circuits that it shares with no other
    /// connection (`isolate`). For this purpose, each connection gets new
    /// random credentials. A SOCKS port with the flag `NoIsolateSOCKSAuth`
    /// ignores them.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.isolate();
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:isolate=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn isolate(self) -> Self {
        ClientEndpoint { sharing: Sharing::Nobody, ..self }
    }

    /// Sets the time limit for connecting through tor (`timeout`). The time
    /// begins with the connection to the SOCKS port. Default: 130 seconds
    /// ([`SocksProxy::DEFAULT_TIMEOUT`](crate::socks::SocksProxy::DEFAULT_TIMEOUT)).
    /// Zero counts as one nanosecond.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    /// use std::time::Duration;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?
    ///     .timeout(Duration::from_millis(2500));
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:timeout=2.5");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        ClientEndpoint { timeout: Some(timeout.max(Duration::from_nanos(1))), ..self }
    }

    /// Makes [`dial`](Self::dial) use TLS inside the connection through tor
    /// (`tls`). The host's certificate must be valid for the host. Without this
    /// library's feature `https`, `dial` returns an error.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.tls();
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:tls=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn tls(self) -> Self {
        ClientEndpoint { tls: true, ..self }
    }

    /// Sets whether the host may be an address of a private network
    /// (`allowPrivate`). Default: false; [`dial`](Self::dial) returns an error
    /// for such a host, because exit relays refuse these addresses.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("192.168.1.7", 80)?.allow_private_addresses(true);
    /// assert_eq!(endpoint.to_string(), "tor:192.168.1.7:80:allowPrivate=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn allow_private_addresses(self, allow: bool) -> Self {
        ClientEndpoint { allow_private: allow, ..self }
    }

    /// Returns the host to connect to. An IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the endpoint as a text that can be parsed again, **with its
    /// secrets**. The caller must keep the text confidential.
    ///
    /// ```
    /// use scape::endpoint::ClientEndpoint;
    ///
    /// let endpoint = ClientEndpoint::new("example.com", 80)?.credentials("me", "sesame")?;
    /// assert!(endpoint.expose().ends_with(":socksPassword=sesame"));
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    pub fn expose(&self) -> Zeroizing<String> {
        self.text(true)
    }

    /// Returns the control port, if one is set.
    pub(super) fn named_control_port(&self) -> Option<&Address> {
        self.control_port.as_ref()
    }

    /// Returns the SOCKS port, if one is set.
    pub(super) fn named_socks_port(&self) -> Option<&Address> {
        self.socks_port.as_ref()
    }

    /// Returns the credentials for the next connection, or `None` for a
    /// connection without credentials.
    pub(super) fn isolation(&self) -> crate::error::Result<Option<Isolation>> {
        match &self.sharing {
            Sharing::Anybody => Ok(None),
            Sharing::Nobody => Ok(Some(Isolation::random())),
            Sharing::Credentials { user, password } => {
                Ok(Some(Isolation::new(user, password.expose())?))
            }
        }
    }

    pub(super) fn wanted_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    pub(super) fn wants_tls(&self) -> bool {
        self.tls
    }

    pub(super) fn allows_private(&self) -> bool {
        self.allow_private
    }

    fn text(&self, secrets: bool) -> Zeroizing<String> {
        // Writing to a string can't fail. The capacity is enough for a password
        // of 255 escaped characters, so that no copy of it stays in memory.
        let mut text = Zeroizing::new(String::with_capacity(1024 + 2 * self.host.len()));
        let host = options::ip(&self.host).map_or_else(|| self.host.clone(), options::show_ip);
        let _ = write!(text, "tor:{}:{}", escape(&host), self.port);
        for (name, address) in
            [("controlPort", &self.control_port), ("socksPort", &self.socks_port)]
        {
            if let Some(address) = address {
                let _ = write!(text, ":{name}={}", escape(&options::show_address(address)));
            }
        }
        match &self.sharing {
            Sharing::Anybody => {}
            Sharing::Nobody => text.push_str(":isolate=true"),
            Sharing::Credentials { user, password } => {
                let password = if secrets { password.expose() } else { REDACTED.as_bytes() };
                let password = Zeroizing::new(String::from_utf8_lossy(password).into_owned());
                let password = Zeroizing::new(escape(&password).into_owned());
                let _ = write!(text, ":socksUsername={}:socksPassword={}", escape(user), *password);
            }
        }
        if let Some(timeout) = self.timeout {
            let _ = write!(text, ":timeout={}", options::show_seconds(timeout));
        }
        for (name, on) in [("tls", self.tls), ("allowPrivate", self.allow_private)] {
            if on {
                let _ = write!(text, ":{name}=true");
            }
        }
        text
    }
}

impl FromStr for ClientEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut options = Options::read(text, &OPTIONS)?;
        options.exclude("socksPort", &["controlPort"])?;
        let (host, port) = (options.need("host")?, options.need("port")?);
        let mut endpoint = ClientEndpoint::new(host.text(), port.port()?)
            .map_err(|e| host.error(e.problem().clone()))?;
        if let Some(value) = options.take("controlPort") {
            endpoint = endpoint.control_port(value.address()?);
        }
        if let Some(address) = socks_port(&mut options)? {
            endpoint = endpoint.socks_port(address);
        }
        endpoint = endpoint.read_sharing(&mut options)?;
        if let Some(value) = options.take("timeout") {
            endpoint = endpoint.timeout(value.seconds()?);
        }
        if let Some(value) = options.take("tls") {
            endpoint.tls = value.boolean()?;
        }
        if let Some(value) = options.take("allowPrivate") {
            endpoint.allow_private = value.boolean()?;
        }
        Ok(endpoint)
    }
}

/// Removes `socksPort` and `socksHostname` from `options`, and returns the
/// address of the SOCKS port. `socksHostname` is the host if `socksPort` is
/// only a number.
fn socks_port(options: &mut Options) -> Result<Option<Address>, EndpointError> {
    let (host, port) = (options.take("socksHostname"), options.take("socksPort"));
    match (host, port) {
        (None, None) => Ok(None),
        (None, Some(port)) => port.address().map(Some),
        (Some(host), None) => Err(host.error(EndpointProblem::Needs { other: "socksPort" })),
        (Some(host), Some(port)) => {
            let address = Address::tcp(host.text(), port.port()?);
            address.map(Some).map_err(|_| host.invalid("must be a host name or an IP address"))
        }
    }
}

impl ClientEndpoint {
    /// Removes `isolate`, `socksUsername` and `socksPassword` from `options`,
    /// and sets them in the endpoint.
    fn read_sharing(self, options: &mut Options) -> Result<Self, EndpointError> {
        let isolate = options.take("isolate");
        let fresh = isolate.as_ref().map_or(Ok(false), |value| value.boolean())?;
        match (options.take("socksUsername"), options.take("socksPassword")) {
            (None, None) if fresh => Ok(self.isolate()),
            (None, None) => Ok(self),
            (Some(user), None) => {
                Err(user.error(EndpointProblem::Needs { other: "socksPassword" }))
            }
            (None, Some(password)) => {
                Err(password.error(EndpointProblem::Needs { other: "socksUsername" }))
            }
            (Some(user), Some(_)) if fresh => {
                Err(user.error(EndpointProblem::Conflict { with: "isolate" }))
            }
            (Some(user), Some(password)) => {
                self.credentials(user.text(), password.secret()?).map_err(|error| {
                    let to_blame =
                        if error.option() == Some("socksPassword") { &password } else { &user };
                    to_blame.error(error.problem().clone())
                })
            }
        }
    }
}

/// Writes the endpoint with `[redacted]` instead of the password. Parsing a
/// text with `[redacted]` as the password is an error.
impl fmt::Display for ClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl TryFrom<&str> for ClientEndpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for ClientEndpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<&String> for ClientEndpoint {
    type Error = EndpointError;

    fn try_from(text: &String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<&ClientEndpoint> for ClientEndpoint {
    fn from(endpoint: &ClientEndpoint) -> Self {
        endpoint.clone()
    }
}
