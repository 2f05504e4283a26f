//! Addresses on which tor listens.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::control::c_string;

/// The address in a port option such as `SocksPort`, on which tor listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortAddress {
    /// `0`: tor doesn't listen.
    Off,
    /// A port on tor's usual address, which is 127.0.0.1 for client ports.
    Port(u16),
    /// `auto`: a port that tor chooses.
    Auto,
    /// An address and a port.
    Ip(SocketAddr),
    /// An IP address with `auto`: a port on that address that tor chooses.
    IpAuto(IpAddr),
    /// A host name, which tor resolves with the system's resolver, and a port.
    Host {
        /// The host name.
        name: String,
        /// The port, or `None` for `auto`.
        port: Option<u16>,
    },
    /// A Unix socket: `unix:` and a path.
    Unix(PathBuf),
    /// Any other text, as it is written.
    Other(String),
}

impl PortAddress {
    /// Returns true if tor chooses the port number: `auto`, with or without an
    /// address.
    ///
    /// ```
    /// use scape_proto::torrc::PortLine;
    ///
    /// let is_auto = |text: &str| text.parse::<PortLine>().map(|line| line.address.is_auto());
    /// assert_eq!((is_auto("127.0.0.1:auto")?, is_auto("9050")?), (true, false));
    /// # Ok::<(), scape_proto::torrc::ParsePortLineError>(())
    /// ```
    pub fn is_auto(&self) -> bool {
        matches!(
            self,
            PortAddress::Auto | PortAddress::IpAuto(_) | PortAddress::Host { port: None, .. }
        )
    }

    /// Parses an address without quotes. Returns `None` if the text is empty,
    /// or if the path after `unix:` is empty or contains a NUL.
    pub(super) fn read(word: &str) -> Option<Self> {
        if let Some(path) = word.strip_prefix("unix:") {
            return Self::unix(path);
        }
        if word.is_empty() {
            return None;
        }
        if word.eq_ignore_ascii_case("auto") {
            return Some(PortAddress::Auto);
        }
        let known = match (number(word), word.parse()) {
            (Some(0), _) => Some(PortAddress::Off),
            (Some(port), _) => Some(PortAddress::Port(port)),
            (None, Ok(address)) => Some(PortAddress::Ip(address)),
            _ => Self::read_host(word),
        };
        Some(known.unwrap_or_else(|| PortAddress::Other(word.to_owned())))
    }

    /// Returns the Unix socket at this path, or `None` if the path is invalid.
    pub(super) fn unix(path: &str) -> Option<Self> {
        (!path.is_empty() && !path.contains('\0')).then(|| PortAddress::Unix(path.into()))
    }

    /// Parses a name with a port, or a name or address with `auto`. Returns
    /// `None` for any other text.
    fn read_host(word: &str) -> Option<Self> {
        let (host, port) = word.rsplit_once(':')?;
        let port = match port.eq_ignore_ascii_case("auto") {
            true => None,
            false => Some(number(port)?),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match (bare, host.parse::<IpAddr>(), port) {
            (Some(address), _, None) => {
                address.parse().ok().filter(IpAddr::is_ipv6).map(PortAddress::IpAuto)
            }
            (None, Ok(address), None) if address.is_ipv4() => Some(PortAddress::IpAuto(address)),
            (None, Err(_), port) if is_name(host) => {
                Some(PortAddress::Host { name: host.to_owned(), port })
            }
            _ => None,
        }
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_name(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl fmt::Display for PortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortAddress::Off => f.write_str("0"),
            PortAddress::Port(port) => write!(f, "{port}"),
            PortAddress::Auto => f.write_str("auto"),
            PortAddress::Ip(address) => write!(f, "{address}"),
            PortAddress::IpAuto(IpAddr::V4(address)) => write!(f, "{address}:auto"),
            PortAddress::IpAuto(IpAddr::V6(address)) => write!(f, "[{address}]:auto"),
            PortAddress::Host { name, port: Some(port) } => write!(f, "{name}:{port}"),
            PortAddress::Host { name, port: None } => write!(f, "{name}:auto"),
            PortAddress::Unix(path) => {
                let path = path.to_string_lossy();
                let plain = |c: char| {
                    !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\\' | '#')
                };
                match path.chars().all(plain) {
                    true => write!(f, "unix:{path}"),
                    false => write!(f, "unix:{}", c_string(&path)),
                }
            }
            PortAddress::Other(text) => f.write_str(text),
        }
    }
}
