//! `onion:PORT`: an endpoint to listen at as an onion service.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::grammar::escape;
use super::options::{self, Options, Value, Vocabulary};
use crate::endpoint::{EndpointError, EndpointProblem};
use crate::io::transport::Address;
use scape_proto::control::REDACTED;
use scape_proto::word::{ClientPublicKey, OnionKey};

const OPTIONS: Vocabulary = Vocabulary {
    kind: "onion",
    unnamed: &["port"],
    known: &[
        "port",
        "localPort",
        "localAddress",
        "unixSocket",
        "controlPort",
        "hiddenServiceDir",
        "privateKey",
        "privateKeyFile",
        "singleHop",
        "detach",
        "version",
        "client",
        "maxStreams",
        "pow",
        "timeout",
    ],
    repeated: &["client"],
    also: &[("public_port", "port")],
};

/// An endpoint to listen at as an onion service: `onion:PORT`, with the options
/// of [the table](super#onion).
///
/// An endpoint is parsed from a text or built with methods. No service is added
/// before [`listen`](Self::listen).
///
/// `Display` and `Debug` don't show a [`private_key`](Self::private_key).
/// [`expose`](Self::expose) does.
///
/// ```
/// use scape::endpoint::OnionEndpoint;
///
/// let endpoint: OnionEndpoint = "onion:80:localPort=8080:privateKeyFile=site.key".parse()?;
/// let same = OnionEndpoint::new(80)?.local_port(8080).private_key_file("site.key");
/// assert_eq!(endpoint, same);
/// assert_eq!(same.to_string(), "onion:80:localPort=8080:privateKeyFile=site.key");
/// # Ok::<(), scape::endpoint::EndpointError>(())
/// ```
#[doc(alias = "TCPHiddenServiceEndpoint")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnionEndpoint {
    ports: Vec<u16>,
    local: Local,
    control_port: Option<Address>,
    identity: Identity,
    single_hop: bool,
    detach: bool,
    clients: Vec<ClientPublicKey>,
    max_streams: Option<u16>,
    proof_of_work: bool,
    timeout: Option<Duration>,
}

/// The local socket that tor connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Local {
    /// A TCP socket. `None` means the default: the address 127.0.0.1, and any
    /// free port.
    Tcp { address: Option<IpAddr>, port: Option<u16> },
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// The source of the service's key. The key determines the onion address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// A new key each time.
    New,
    /// The key that the user has set.
    Key(OnionKey),
    /// The key in this file. A missing file is created with a new key.
    File(PathBuf),
    /// The key in this directory. tor makes a key there if necessary.
    Directory(PathBuf),
}

impl OnionEndpoint {
    /// Creates an endpoint for a service on `port` of a new onion address.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// assert_eq!(OnionEndpoint::new(80)?.to_string(), "onion:80");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with [`EndpointProblem::Invalid`] if the port is 0.
    pub fn new(port: u16) -> Result<Self, EndpointError> {
        OnionEndpoint {
            ports: Vec::new(),
            local: Local::Tcp { address: None, port: None },
            control_port: None,
            identity: Identity::New,
            single_hop: false,
            detach: false,
            clients: Vec::new(),
            max_streams: None,
            proof_of_work: false,
            timeout: None,
        }
        .and_port(port)
    }

    /// Adds another port of the onion address.
    /// [`OnionStream::port`](crate::onion::OnionStream::port) returns the port
    /// to which a client has connected. That method returns `None` if a local
    /// port, address or Unix socket is set, because all ports share one socket
    /// then.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.and_port(443)?;
    /// assert_eq!(endpoint.to_string(), "onion:80,443");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with [`EndpointProblem::Invalid`] if the port is 0, and
    /// with [`EndpointProblem::Doubled`] if the endpoint has the port already.
    pub fn and_port(mut self, port: u16) -> Result<Self, EndpointError> {
        if port == 0 {
            return Err(EndpointError::invalid("port", "must be a port, 1 to 65535"));
        }
        if self.ports.contains(&port) {
            return Err(EndpointError::of("port", EndpointProblem::Doubled));
        }
        self.ports.push(port);
        Ok(self)
    }

    /// Sets the local TCP port that tor connects to (`localPort`). 0, the
    /// default, means any free port. A [`unix_socket`](Self::unix_socket) that
    /// was set before is discarded.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.local_port(8080);
    /// assert_eq!(endpoint.to_string(), "onion:80:localPort=8080");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn local_port(self, port: u16) -> Self {
        let address = match self.local {
            Local::Tcp { address, .. } => address,
            Local::Unix(_) => None,
        };
        OnionEndpoint {
            local: Local::Tcp { address, port: Some(port).filter(|&port| port != 0) },
            ..self
        }
    }

    /// Sets the local address that tor connects to (`localAddress`). Default:
    /// 127.0.0.1. [`listen`](Self::listen) refuses `0.0.0.0` and `::`, because
    /// tor can't connect to them. A [`unix_socket`](Self::unix_socket) that was
    /// set before is discarded.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    /// use std::net::Ipv6Addr;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.local_address(Ipv6Addr::LOCALHOST.into());
    /// assert_eq!(endpoint.to_string(), "onion:80:localAddress=[::1]");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn local_address(self, address: IpAddr) -> Self {
        let port = match self.local {
            Local::Tcp { port, .. } => port,
            Local::Unix(_) => None,
        };
        OnionEndpoint { local: Local::Tcp { address: Some(address), port }, ..self }
    }

    /// Sets the path of a Unix socket that tor connects to (`unixSocket`).
    /// [`listen`](Self::listen) creates the socket, so the path must not exist
    /// yet. A local port or address that was set before is discarded.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.unix_socket("/run/site/socket");
    /// assert_eq!(endpoint.to_string(), "onion:80:unixSocket=/run/site/socket");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { local: Local::Unix(path.into()), ..self }
    }

    /// Sets the control port of the tor that gets the service (`controlPort`).
    /// Default: the [global tor](crate::Tor::global).
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.control_port(9051);
    /// assert_eq!(endpoint.to_string(), "onion:80:controlPort=9051");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn control_port(self, address: impl Into<Address>) -> Self {
        OnionEndpoint { control_port: Some(address.into()), ..self }
    }

    /// Makes [`listen`](Self::listen) add the service to tor's configuration,
    /// with the service's key in this directory (`hiddenServiceDir`). tor makes
    /// a key if the directory contains none. See
    /// [`onion::disk`](crate::onion::disk). A key or key file that was set
    /// before is discarded.
    ///
    /// Closing or dropping the listener takes the service out of the
    /// configuration. The directory stays. The files in the directory's
    /// `authorized_clients` determine who may connect. [`listen`](Self::listen)
    /// returns an error if [`client`](Self::client) or [`detach`](Self::detach)
    /// is set, too.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.hidden_service_dir("/var/lib/tor/site");
    /// assert_eq!(endpoint.to_string(), "onion:80:hiddenServiceDir=/var/lib/tor/site");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn hidden_service_dir(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { identity: Identity::Directory(path.into()), ..self }
    }

    /// Sets the service's key, which determines the onion address
    /// (`privateKey`). A key file or directory that was set before is
    /// discarded.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    /// use scape::word::OnionKey;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.private_key(OnionKey::random());
    /// assert_eq!(endpoint.to_string(), "onion:80:privateKey=[redacted]");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn private_key(self, key: OnionKey) -> Self {
        OnionEndpoint { identity: Identity::Key(key), ..self }
    }

    /// Sets the file with the service's key (`privateKeyFile`). If the file
    /// doesn't exist yet, [`listen`](Self::listen) creates it with a new key
    /// and mode 0600. So the service gets the same address each time. A key or
    /// directory that was set before is discarded.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.private_key_file("site.key");
    /// assert_eq!(endpoint.to_string(), "onion:80:privateKeyFile=site.key");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn private_key_file(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { identity: Identity::File(path.into()), ..self }
    }

    /// Lets the service outlive the control connection (`detach`). While the
    /// connection is open, closing or dropping the listener still removes the
    /// service. If the connection ends first, for example because the program
    /// is killed, the service stays until tor ends, or until a program removes
    /// it: see [`OnionService::adopt`](crate::onion::OnionService::adopt).
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.detach();
    /// assert_eq!(endpoint.to_string(), "onion:80:detach=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn detach(self) -> Self {
        OnionEndpoint { detach: true, ..self }
    }

    /// Restricts the service to clients that have the private key for this
    /// public key (`client`). Call this method again to allow more clients.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let client = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
    /// let key = client.parse().expect("a public key");
    /// let endpoint = OnionEndpoint::new(80)?.client(key);
    /// assert_eq!(endpoint.to_string(), format!("onion:80:client={client}"));
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn client(mut self, key: ClientPublicKey) -> Self {
        self.clients.push(key);
        self
    }

    /// Limits the number of simultaneous streams on one circuit (`maxStreams`).
    /// 0, the default, means no limit.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.max_streams(100);
    /// assert_eq!(endpoint.to_string(), "onion:80:maxStreams=100");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn max_streams(self, streams: u16) -> Self {
        OnionEndpoint { max_streams: Some(streams), ..self }
    }

    /// Makes clients solve a proof-of-work puzzle when the service is under
    /// load (`pow`). tor's default limits apply: see
    /// [`OnionBuilder::proof_of_work`](crate::OnionBuilder::proof_of_work).
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.proof_of_work();
    /// assert_eq!(endpoint.to_string(), "onion:80:pow=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn proof_of_work(self) -> Self {
        OnionEndpoint { proof_of_work: true, ..self }
    }

    /// Sets the time limit for adding and publishing the service (`timeout`).
    /// The time begins when tor is running. Default: two minutes. Zero counts
    /// as one nanosecond.
    ///
    /// After the time limit, asking tor for the reason and removing the service
    /// take at most two more seconds. With
    /// [`hidden_service_dir`](Self::hidden_service_dir), they take at most six
    /// more seconds.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    /// use std::time::Duration;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.timeout(Duration::from_secs(300));
    /// assert_eq!(endpoint.to_string(), "onion:80:timeout=300");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        OnionEndpoint { timeout: Some(timeout.max(Duration::from_nanos(1))), ..self }
    }

    /// Returns the ports of the onion address, in the order in which they were
    /// added.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Returns the endpoint as a text that can be parsed again, **with its
    /// secrets**. The caller must keep the text confidential.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    /// use scape::word::OnionKey;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.private_key(OnionKey::random());
    /// assert_eq!(endpoint.to_string(), "onion:80:privateKey=[redacted]");
    /// assert!(!endpoint.expose().contains("[redacted]"));
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    pub fn expose(&self) -> Zeroizing<String> {
        self.text(true)
    }

    pub(super) fn local(&self) -> &Local {
        &self.local
    }

    pub(super) fn named_control_port(&self) -> Option<&Address> {
        self.control_port.as_ref()
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn is_single_hop(&self) -> bool {
        self.single_hop
    }

    pub(super) fn is_detached(&self) -> bool {
        self.detach
    }

    pub(super) fn clients(&self) -> &[ClientPublicKey] {
        &self.clients
    }

    pub(super) fn wanted_max_streams(&self) -> Option<u16> {
        self.max_streams
    }

    pub(super) fn wants_proof_of_work(&self) -> bool {
        self.proof_of_work
    }

    pub(super) fn wanted_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn text(&self, secrets: bool) -> Zeroizing<String> {
        // Writing to a string can't fail. The capacity is enough for a key, so
        // that no copy of it stays in memory.
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let _ = write!(text, "onion:{}", ports.join(","));
        let mut say = |name: &str, value: &str| {
            let _ = write!(text, ":{name}={}", escape(value));
        };
        match &self.identity {
            Identity::Key(key) if secrets => {
                // Base64 contains no colons, so this removes the prefix
                // `ED25519-V3:`.
                let blob = key.to_blob();
                say("privateKey", blob.split(':').next_back().unwrap_or_default());
            }
            Identity::Key(_) => say("privateKey", REDACTED),
            _ => {}
        }
        match &self.local {
            Local::Tcp { address, port } => {
                if let Some(port) = port {
                    say("localPort", &port.to_string());
                }
                if let Some(address) = address {
                    say("localAddress", &options::show_ip(*address));
                }
            }
            Local::Unix(path) => say("unixSocket", &show_path(path)),
        }
        if let Some(address) = &self.control_port {
            say("controlPort", &options::show_address(address));
        }
        match &self.identity {
            Identity::Directory(path) => say("hiddenServiceDir", &show_path(path)),
            Identity::File(path) => say("privateKeyFile", &show_path(path)),
            Identity::New | Identity::Key(_) => {}
        }
        for (name, on) in
            [("singleHop", self.single_hop), ("detach", self.detach), ("pow", self.proof_of_work)]
        {
            if on {
                say(name, "true");
            }
        }
        for client in &self.clients {
            say("client", &client.to_string());
        }
        if let Some(streams) = self.max_streams {
            say("maxStreams", &streams.to_string());
        }
        if let Some(timeout) = self.timeout {
            say("timeout", &options::show_seconds(timeout));
        }
        text
    }

    /// Makes [`listen`](Self::listen) add a service that clients reach in three
    /// hops instead of six (`singleHop`). The service's location is **not
    /// hidden**. The service needs a tor that does nothing else. If no control
    /// port is set, [`listen`](Self::listen) launches such a tor, which ends
    /// with the listener.
    ///
    /// ```
    /// use scape::endpoint::OnionEndpoint;
    ///
    /// let endpoint = OnionEndpoint::new(80)?.single_hop();
    /// assert_eq!(endpoint.to_string(), "onion:80:singleHop=true");
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    #[must_use]
    pub fn single_hop(self) -> Self {
        OnionEndpoint { single_hop: true, ..self }
    }
}

fn show_path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl FromStr for OnionEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut options = Options::read(text, &OPTIONS)?;
        options.exclude("unixSocket", &["localPort", "localAddress"])?;
        options.exclude("privateKey", &["privateKeyFile", "hiddenServiceDir"])?;
        options.exclude("privateKeyFile", &["hiddenServiceDir"])?;
        options.exclude("hiddenServiceDir", &["detach", "client"])?;
        let mut endpoint = read_ports(&options.need("port")?)?;
        if let Some(value) = options.take("version")
            && value.text() != "3"
        {
            return Err(value.invalid("must be 3, the only supported version"));
        }
        endpoint = endpoint.read_local(&mut options)?;
        if let Some(value) = options.take("controlPort") {
            endpoint = endpoint.control_port(value.address()?);
        }
        if let Some(value) = options.take("hiddenServiceDir") {
            endpoint = endpoint.hidden_service_dir(value.path()?);
        }
        if let Some(value) = options.take("privateKeyFile") {
            endpoint = endpoint.private_key_file(value.path()?);
        }
        if let Some(value) = options.take("privateKey") {
            endpoint = endpoint.private_key(read_key(&value)?);
        }
        if let Some(value) = options.take("singleHop") {
            endpoint.single_hop = value.boolean()?;
        }
        if let Some(value) = options.take("detach") {
            endpoint.detach = value.boolean()?;
        }
        while let Some(value) = options.take("client") {
            let key =
                value.text().parse().map_err(|error: scape_proto::word::ParseClientKeyError| {
                    value.invalid(error.to_string())
                })?;
            endpoint = endpoint.client(key);
        }
        if let Some(value) = options.take("maxStreams") {
            endpoint = endpoint.max_streams(value.number()?);
        }
        if let Some(value) = options.take("pow") {
            endpoint.proof_of_work = value.boolean()?;
        }
        if let Some(value) = options.take("timeout") {
            endpoint = endpoint.timeout(value.seconds()?);
        }
        Ok(endpoint)
    }
}

fn read_ports(value: &Value) -> Result<OnionEndpoint, EndpointError> {
    let mut ports = value.ports()?.into_iter();
    let first = OnionEndpoint::new(ports.next().unwrap_or_default());
    let endpoint = ports.try_fold(first?, OnionEndpoint::and_port);
    endpoint.map_err(|error| value.error(error.problem().clone()))
}

/// Parses a key in base64, with or without the prefix `ED25519-V3:`.
fn read_key(value: &Value) -> Result<OnionKey, EndpointError> {
    let text = value.secret()?;
    let blob = Zeroizing::new(if text.contains(':') {
        text.to_owned()
    } else {
        format!("ED25519-V3:{text}")
    });
    blob.parse()
        .map_err(|error: scape_proto::word::ParseOnionError| value.invalid(error.to_string()))
}

impl OnionEndpoint {
    fn read_local(self, options: &mut Options) -> Result<Self, EndpointError> {
        if let Some(value) = options.take("unixSocket") {
            return Ok(self.unix_socket(value.path()?));
        }
        let mut endpoint = self;
        if let Some(value) = options.take("localPort") {
            endpoint = endpoint.local_port(value.port()?);
        }
        if let Some(value) = options.take("localAddress") {
            endpoint = endpoint.local_address(value.ip()?);
        }
        Ok(endpoint)
    }
}

/// Writes the endpoint with `[redacted]` instead of a private key. Parsing a
/// text with `[redacted]` as the key is an error. In a path that isn't Unicode,
/// the bad parts are replaced by U+FFFD.
impl fmt::Display for OnionEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl TryFrom<&str> for OnionEndpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for OnionEndpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<&String> for OnionEndpoint {
    type Error = EndpointError;

    fn try_from(text: &String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<&OnionEndpoint> for OnionEndpoint {
    fn from(endpoint: &OnionEndpoint) -> Self {
        endpoint.clone()
    }
}
