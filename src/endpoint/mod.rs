//! Endpoint strings: where to connect to, or where to listen, in one line of a
//! program's configuration.
//!
//! A program that takes an endpoint string can be told from outside which tor
//! it uses, whether its service keeps its address, and so on, without any code
//! for it:
//!
//! ```text
//! tor:example.com:443:tls=true:isolate=true
//! tor:[2001:db8::1]:80:socksPort=9150
//! onion:80
//! onion:80:localPort=8080:privateKeyFile=/var/lib/site/key
//! onion:22:controlPort=unix\:/run/tor/control:client=FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ
//! ```
//!
//! # Grammar
//!
//! A kind (`tor` or `onion`), then parts, with a colon before each:
//!
//! ```text
//! endpoint = kind *( ":" part )
//! part     = [ name "=" ] value
//! value    = *( character / "\:" / "\=" / "\\" / "[" IPv6 address "]" )
//! ```
//!
//! * The first parts may go without a name: those of the host and the port of
//!   `tor:`, that of the port of `onion:`. Written out, they are
//!   `tor:host=example.com:port=80` and `onion:port=80`.
//! * A backslash takes away the meaning of a colon, an equals sign or a
//!   backslash, and stands before nothing else. So a Unix socket is written
//!   `controlPort=unix\:/run/tor/control`, or without colon,
//!   `controlPort=/run/tor/control`.
//! * An IPv6 address in brackets at the beginning of a value needs no
//!   backslashes: `tor:[::1]:80`, `socksPort=[::1]\:9050`.
//! * After a part's first equals sign, others need none either: keys in base64
//!   can be written as they are.
//! * Kinds and names are read in either case; an unknown name, a name that is
//!   there twice, and an empty part are errors.
//!
//! This is the grammar of Twisted's endpoint strings, and the names are
//! txtorcon's where that has them, so its strings can be used here.
//!
//! | form | is |
//! |---|---|
//! | bool | `true`, `yes`, `1`; `false`, `no`, `0` |
//! | seconds | a number of seconds, more than 0, with up to nine decimal places: `30`, `2.5` |
//! | address | a port of 127.0.0.1, `HOST\:PORT`, `[::1]\:PORT`, `unix\:/PATH` or `/PATH`: see [`Address`](crate::transport::Address) |
//!
//! # `tor:`
//!
//! | option | form | what it does |
//! |---|---|---|
//! | `host` | name, onion address or IP address | where to connect to. Only tor ever looks up a name. |
//! | `port` | 1 to 65535 | at which port |
//! | `controlPort` | address | the tor with this control port. Without: the global tor, or one that runs, of which a SOCKS port will do; else one is launched |
//! | `socksPort` | address | this SOCKS port, with no control connection; not together with `controlPort` |
//! | `socksHostname` | name or IP address | the host of a `socksPort` that is only a number, as txtorcon has it |
//! | `socksUsername`, `socksPassword` | 1 to 255 bytes each | circuits are shared only with connections of the same; **secret** |
//! | `isolate` | bool | circuits are shared with nobody |
//! | `timeout` | seconds | how long the connection through tor may take |
//! | `tls` | bool | TLS inside the connection, checked against `host`; needs the feature `https` |
//! | `allowPrivate` | bool | also where `host` is an address of a private network |
//!
//! # `onion:`
//!
//! | option | form | what it does |
//! |---|---|---|
//! | `port` | 1 to 65535, or several with commas | the port of the onion address. (Also `public_port`, as txtorcon has it.) |
//! | `localPort` | 1 to 65535 | the TCP port where connections are accepted. Without: any |
//! | `localAddress` | IP address | the address where they are accepted. Without: `127.0.0.1` |
//! | `unixSocket` | path | a Unix socket instead, which is made |
//! | `controlPort` | address | on the tor with this control port. Without: the global tor, a running one before a launched one |
//! | `hiddenServiceDir` | path | a service of tor's configuration, with its key in this directory; not together with `detach` or `client` |
//! | `privateKey` | base64 | this key, with or without `ED25519-V3\:`; **secret** |
//! | `privateKeyFile` | path | the key in this file, which is made (mode 0600) where it is missing, so that the service comes back at the same address |
//! | `singleHop` | bool | a service that is quicker and **not hidden**, on a tor that is launched for it, or that of `controlPort` |
//! | `detach` | bool | the service does not end with the control connection, but when the listener ends, or its tor |
//! | `version` | 3 | there is no other any more |
//! | `client` | public key | only clients with its private key get in; can be repeated |
//! | `maxStreams` | 0 to 65535 | how many streams one circuit may have at once; 0: any number |
//! | `pow` | bool | proof of work is demanded when the service is under load |
//! | `timeout` | seconds | how long making and publishing the service may take, once its tor is there. Without: 120 |
//!
//! Of `hiddenServiceDir`, `privateKey` and `privateKeyFile`, one can be given.
//! Without any, the address is new each time.
//!
//! # Secrets
//!
//! `Display` and `Debug` show `[redacted]` in place of a password or a private
//! key. Such a text is refused where it is read, rather than to stand for
//! another endpoint. [`Endpoint::expose`] writes everything. Errors repeat no
//! values. On a command line, every user of the machine can read a secret:
//! better name a `privateKeyFile`.

mod client;
mod dial;
mod error;
mod grammar;
mod key_file;
mod listen;
mod onion;
mod options;
mod stream;
mod which_tor;

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

pub use client::ClientEndpoint;
pub use dial::dial;
pub use error::{EndpointError, EndpointProblem};
pub use listen::{listen, listen_with};
pub use onion::OnionEndpoint;
pub use stream::EndpointStream;

/// An endpoint of either kind. The [module](self) has the grammar.
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
    /// `tor:…`, to connect to.
    Client(ClientEndpoint),
    /// `onion:…`, to listen at.
    Onion(OnionEndpoint),
}

impl Endpoint {
    /// The endpoint as a text that can be read again, secrets included. Whoever
    /// calls this takes over the duty to keep them out of sight.
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

/// As it can be read again, with `[redacted]` in place of secrets: see
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

/// An endpoint of the other kind is an error.
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

/// An endpoint of the other kind is an error.
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
