//! Endpoint strings: a line in a program's configuration that says where to
//! connect to, or where to listen.
//!
//! If a program accepts endpoint strings, its users can choose the tor, keep
//! the address of an onion service, and so on. The program needs no code for
//! these options:
//!
//! ```text
//! tor:example.com:443:tls=true:isolate=true
//! tor:[2001:db8::1]:80:socksPort=9150
//! onion:80
//! onion:80:localPort=8080:privateKeyFile=/var/lib/site/key
//! onion:22:controlPort=unix\:/run/tor/control
//! onion:22:client=FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ
//! ```
//!
//! # Grammar
//!
//! An endpoint string is a kind (`tor` or `onion`), followed by parts, with a
//! colon before each part:
//!
//! ```text
//! endpoint = kind *( ":" part )
//! part     = [ name "=" ] value
//! value    = *( character / "\:" / "\=" / "\\" / "[" IPv6 address "]" )
//! ```
//!
//! * The first parts don't need a name. These are the host and the port of
//!   `tor:`, and the port of `onion:`. The forms with names are
//!   `tor:host=example.com:port=80` and `onion:port=80`.
//! * A backslash escapes a colon, an equals sign or a backslash, and must not
//!   precede anything else. So a Unix socket is written
//!   `controlPort=unix\:/run/tor/control`, or without a colon,
//!   `controlPort=/run/tor/control`.
//! * An IPv6 address in brackets at the beginning of a value needs no
//!   backslashes: `tor:[::1]:80`, `socksPort=[::1]\:9050`.
//! * Only the first equals sign of a part is special, so base64 keys can be
//!   written as they are.
//! * The case of kinds and names doesn't matter. An unknown name and an empty
//!   part are errors. Only the option `client` can be given more than once.
//!
//! This is the grammar of the endpoint strings of Twisted, a networking library
//! for Python. Options that txtorcon (Twisted's library for Tor) also has are
//! named the same here, so endpoint strings for txtorcon work.
//!
//! The tables of options below use these forms of values:
//!
//! | form | values |
//! |---|---|
//! | bool | `true`, `yes`, `1`; `false`, `no`, `0` |
//! | seconds | a number of seconds, more than 0, with up to nine decimal places: `30`, `2.5` |
//! | address | a port of 127.0.0.1, `HOST\:PORT`, `[::1]\:PORT`, `unix\:/PATH` or `/PATH`; see [`Address`](crate::transport::Address) |
//!
//! # `tor:`
//!
//! | option | form | meaning |
//! |---|---|---|
//! | `host` | name, onion address or IP address | the host to connect to. Only tor looks up names. |
//! | `port` | 1 to 65535 | the port to connect to |
//! | `controlPort` | address | the control port of the tor to use. Default: the [global tor](crate::Tor::global) if the program has one, or a running tor (a SOCKS port is enough), or a new one |
//! | `socksPort` | address | the SOCKS port to use, without a control connection; excludes `controlPort` |
//! | `socksHostname` | name or IP address | the host of a `socksPort` that is only a number, for txtorcon's strings |
//! | `socksUsername`, `socksPassword` | 1 to 255 bytes each | credentials: circuits are shared only with connections that have the same; **secret** |
//! | `isolate` | bool | makes the connection use a circuit that it shares with no other connection |
//! | `timeout` | seconds | the time limit for connecting through tor. Default: 130 |
//! | `tls` | bool | TLS inside the connection; the certificate must be valid for `host`; requires the feature `https` |
//! | `allowPrivate` | bool | allows a `host` that is an address of a private network |
//!
//! # `onion:`
//!
//! | option | form | meaning |
//! |---|---|---|
//! | `port` | 1 to 65535, or several with commas | the ports of the onion address. Also named `public_port`, for txtorcon's strings. |
//! | `localPort` | 1 to 65535 | the local TCP port that tor connects to. Default: any free port |
//! | `localAddress` | IP address | the local address that tor connects to. Default: `127.0.0.1` |
//! | `unixSocket` | path | the path of a Unix socket to create, instead of a TCP port |
//! | `controlPort` | address | the control port of the tor to use. Default: the [global tor](crate::Tor::global), which is a running one or a new one |
//! | `hiddenServiceDir` | path | makes a service in tor's configuration, with its key in this directory; excludes `detach` and `client` |
//! | `privateKey` | base64 | the service's key, with or without `ED25519-V3\:`; **secret** |
//! | `privateKeyFile` | path | the file of the service's key. It is created (mode 0600) if it is missing, so that the address stays the same |
//! | `singleHop` | bool | makes a faster service that is **not hidden**, on the tor of `controlPort`, or else on a tor that is launched for the service |
//! | `detach` | bool | lets the service outlive the control connection: if the connection ends before the listener is closed or dropped, the service stays until tor ends |
//! | `version` | 3 | the only supported version |
//! | `client` | public key | restricts the service to clients with the private key for it; can be repeated |
//! | `maxStreams` | 0 to 65535 | the limit of simultaneous streams on one circuit; 0: no limit |
//! | `pow` | bool | clients must solve a proof-of-work puzzle when the service is under load |
//! | `timeout` | seconds | the time limit for adding and publishing the service, from the time when tor is running. Default: 120 |
//!
//! Only one of `hiddenServiceDir`, `privateKey` and `privateKeyFile` can be
//! given. Without these options, the service gets a new address each time.
//!
//! # Secrets
//!
//! `Display` and `Debug` show `[redacted]` instead of a password or a private
//! key. Parsing a text with `[redacted]` in place of a secret is an error, so
//! that the placeholder isn't used as a password. [`Endpoint::expose`] returns
//! the text with the secrets. Errors don't repeat values, except for the path
//! of a key file. On a command line, a secret is visible to every user of the
//! machine, so use a `privateKeyFile` there.

mod client;
pub(crate) mod dial;
mod error;
mod grammar;
mod key_file;
pub(crate) mod listen;
mod onion;
mod options;
mod stream;
mod which_tor;

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

pub use client::ClientEndpoint;
pub use error::{EndpointError, EndpointProblem};
pub use listen::listen_with;
pub use onion::OnionEndpoint;
pub use stream::EndpointStream;

/// An endpoint of the kind `tor` or `onion`. See the [module
/// documentation](self) for the grammar.
///
/// ```
/// use scape::endpoint::Endpoint;
///
/// match "tor:[2001:db8::1]:80".parse()? {
///     Endpoint::Client(endpoint) => assert_eq!((endpoint.host(), endpoint.port()), ("2001:db8::1", 80)),
///     Endpoint::Onion(_) => unreachable!(),
///     # _ => unreachable!(),
/// }
/// # Ok::<(), scape::endpoint::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tor:…`, an endpoint to connect to.
    Client(ClientEndpoint),
    /// `onion:…`, an endpoint to listen at.
    Onion(OnionEndpoint),
}

impl Endpoint {
    /// Returns the endpoint as a text that can be parsed again, **with its
    /// secrets**. The caller must keep the text confidential.
    ///
    /// ```
    /// use scape::endpoint::Endpoint;
    ///
    /// let text = "tor:example.com:80:socksUsername=me:socksPassword=sesame";
    /// let endpoint: Endpoint = text.parse()?;
    /// assert_eq!(endpoint.to_string(), "tor:example.com:80:socksUsername=me:socksPassword=[redacted]");
    /// assert_eq!(*endpoint.expose(), text);
    /// # Ok::<(), scape::endpoint::EndpointError>(())
    /// ```
    pub fn expose(&self) -> Zeroizing<String> {
        match self {
            Endpoint::Client(endpoint) => endpoint.expose(),
            Endpoint::Onion(endpoint) => endpoint.expose(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if options::is_kind(text, "tor") {
            return text.parse().map(Endpoint::Client);
        }
        if options::is_kind(text, "onion") {
            return text.parse().map(Endpoint::Onion);
        }
        Err(EndpointError::new(EndpointProblem::Kind).at(0))
    }
}

/// Writes the endpoint with `[redacted]` instead of secrets. See
/// [`expose`](Endpoint::expose).
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Client(endpoint) => endpoint.fmt(f),
            Endpoint::Onion(endpoint) => endpoint.fmt(f),
        }
    }
}

impl From<ClientEndpoint> for Endpoint {
    fn from(endpoint: ClientEndpoint) -> Self {
        Endpoint::Client(endpoint)
    }
}

impl From<OnionEndpoint> for Endpoint {
    fn from(endpoint: OnionEndpoint) -> Self {
        Endpoint::Onion(endpoint)
    }
}

/// Converts a `tor:` endpoint. Returns an error with
/// [`EndpointProblem::OtherKind`] for an `onion:` endpoint.
impl TryFrom<Endpoint> for ClientEndpoint {
    type Error = EndpointError;

    fn try_from(endpoint: Endpoint) -> Result<Self, Self::Error> {
        match endpoint {
            Endpoint::Client(endpoint) => Ok(endpoint),
            Endpoint::Onion(_) => {
                Err(EndpointError::new(EndpointProblem::OtherKind { needed: "tor" }))
            }
        }
    }
}

/// Converts an `onion:` endpoint. Returns an error with
/// [`EndpointProblem::OtherKind`] for a `tor:` endpoint.
impl TryFrom<Endpoint> for OnionEndpoint {
    type Error = EndpointError;

    fn try_from(endpoint: Endpoint) -> Result<Self, Self::Error> {
        match endpoint {
            Endpoint::Onion(endpoint) => Ok(endpoint),
            Endpoint::Client(_) => {
                Err(EndpointError::new(EndpointProblem::OtherKind { needed: "onion" }))
            }
        }
    }
}
