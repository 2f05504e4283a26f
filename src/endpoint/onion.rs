//! `onion:PORT`: where to listen, as an onion service.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::grammar::escape;
use super::options::{self, Options, Value, Vocabulary};
use crate::endpoint::{EndpointError, EndpointProblem};
use crate::protocol::REDACTED;
use crate::transport::Address;
use crate::word::{ClientPublicKey, OnionKey};

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

/// Where to listen as an onion service, and how: `onion:PORT`, with the options
/// of [the table](super#onion).
///
/// It is made from a text, or piece by piece; nothing happens before
/// [`listen`](Self::listen).
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
///
/// `Display` and `Debug` do not show a [`private_key`](Self::private_key);
/// [`expose`](Self::expose) does.
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

/// Where the connections that tor brings are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Local {
    /// A TCP port. What is not said: any port of 127.0.0.1.
    Tcp { address: Option<IpAddr>, port: Option<u16> },
    /// A Unix socket.
    Unix(PathBuf),
}

/// What the service's address follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// A new key, each time.
    New,
    /// This key.
    Key(OnionKey),
    /// The key in this file, which is made where it is missing.
    File(PathBuf),
    /// The key in this directory, which tor makes.
    Directory(PathBuf),
}

impl OnionEndpoint {
    /// A service on `port` of a new onion address.
    ///
    /// # Errors
    /// For the port 0.
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

    /// On this port of the onion address, too.
    /// [`OnionStream::port`](crate::onion::OnionStream::port) tells which of
    /// them a connection came to, unless a local port or Unix socket is named,
    /// which they share.
    ///
    /// # Errors
    /// For the port 0, and one that it has already.
    pub fn and_port(mut self, port: u16) -> Result<Self, EndpointError> {
        if port == 0 {
            return Err(EndpointError::invalid("port", "it is a port: a number from 1 to 65535"));
        }
        if self.ports.contains(&port) {
            return Err(EndpointError::of("port", EndpointProblem::Doubled));
        }
        self.ports.push(port);
        Ok(self)
    }

    /// Accepts the connections that tor brings at this TCP port (`localPort`);
    /// 0, as without this: at any. It takes the place of a
    /// [`unix_socket`](Self::unix_socket).
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

    /// Accepts them at this address of this machine (`localAddress`); without
    /// this: 127.0.0.1. Tor has to reach it, so it is not `0.0.0.0`. It takes
    /// the place of a [`unix_socket`](Self::unix_socket).
    #[must_use]
    pub fn local_address(self, address: IpAddr) -> Self {
        let port = match self.local {
            Local::Tcp { port, .. } => port,
            Local::Unix(_) => None,
        };
        OnionEndpoint { local: Local::Tcp { address: Some(address), port }, ..self }
    }

    /// Accepts them at a Unix socket (`unixSocket`), which is made.
    #[must_use]
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { local: Local::Unix(path.into()), ..self }
    }

    /// On the tor with this control port (`controlPort`). Without: on the
    /// global tor.
    #[must_use]
    pub fn control_port(self, address: impl Into<Address>) -> Self {
        OnionEndpoint { control_port: Some(address.into()), ..self }
    }

    /// A service of tor's configuration, with its key in this directory, where
    /// tor makes one if need be (`hiddenServiceDir`): see
    /// [`onion::disk`](crate::onion::disk). It is taken out of the
    /// configuration when the listener ends, and the directory stays. Who may
    /// connect is said by the files in its `authorized_clients`, and not by
    /// [`client`](Self::client). It takes the place of other sources of a key.
    #[must_use]
    pub fn hidden_service_dir(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { identity: Identity::Directory(path.into()), ..self }
    }

    /// With this key, from which the address follows (`privateKey`). It takes
    /// the place of other sources of a key.
    #[must_use]
    pub fn private_key(self, key: OnionKey) -> Self {
        OnionEndpoint { identity: Identity::Key(key), ..self }
    }

    /// With the key in this file (`privateKeyFile`). Where there is no such
    /// file, a key is made and saved there, with mode 0600: so the service
    /// comes back at the same address. It takes the place of other sources of a
    /// key.
    #[must_use]
    pub fn private_key_file(self, path: impl Into<PathBuf>) -> Self {
        OnionEndpoint { identity: Identity::File(path.into()), ..self }
    }

    /// Reached in three hops instead of six (`singleHop`): the service's
    /// location is **not hidden**. It takes a tor that does nothing else; where
    /// no control port is named, one is launched for it, which ends with the
    /// listener.
    #[must_use]
    pub fn single_hop(self) -> Self {
        OnionEndpoint { single_hop: true, ..self }
    }

    /// The service does not end with the control connection (`detach`), but
    /// when the listener ends, or its tor.
    #[must_use]
    pub fn detach(self) -> Self {
        OnionEndpoint { detach: true, ..self }
    }

    /// Only for clients with the private key to this (`client`). It can be
    /// repeated.
    #[must_use]
    pub fn client(mut self, key: ClientPublicKey) -> Self {
        self.clients.push(key);
        self
    }

    /// At most this many streams at once on one circuit (`maxStreams`); 0: any
    /// number.
    #[must_use]
    pub fn max_streams(self, streams: u16) -> Self {
        OnionEndpoint { max_streams: Some(streams), ..self }
    }

    /// Demands proof of work from clients when the service is under load
    /// (`pow`).
    #[must_use]
    pub fn proof_of_work(self) -> Self {
        OnionEndpoint { proof_of_work: true, ..self }
    }

    /// How long [`listen`](Self::listen) may take, once its tor is there, until
    /// the service is published (`timeout`). Without: two minutes. Zero counts
    /// as a nanosecond.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        OnionEndpoint { timeout: Some(timeout.max(Duration::from_nanos(1))), ..self }
    }

    /// The ports of the onion address.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The endpoint as a text that can be read again, secrets included. Whoever
    /// calls this takes over the duty to keep them out of sight.
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
        // A writing to a text does not fail. The room is for a key: more is
        // needed only where there is none.
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let _ = write!(text, "onion:{}", ports.join(","));
        let mut say = |name: &str, value: &str| {
            let _ = write!(text, ":{name}={}", escape(value));
        };
        match &self.identity {
            Identity::Key(key) if secrets => {
                // Base64 has no colons; its own is left out.
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
            return Err(value.invalid("it is 3: there is no other version any more"));
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
            let key = value.text().parse().map_err(|error: crate::word::ParseClientKeyError| {
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

/// A key in base64, with or without the `ED25519-V3:` that is in front of it
/// elsewhere.
fn read_key(value: &Value) -> Result<OnionKey, EndpointError> {
    let text = value.secret()?;
    let blob = Zeroizing::new(if text.contains(':') {
        text.to_owned()
    } else {
        format!("ED25519-V3:{text}")
    });
    blob.parse().map_err(|error: crate::word::ParseOnionError| value.invalid(error.to_string()))
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

/// As it can be read again, except for a private key, in whose place
/// `[redacted]` stands (which is refused where it is read). A path is shown
/// lossily, where it is no Unicode.
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
