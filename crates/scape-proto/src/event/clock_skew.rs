//! Sources of clock skew: control-spec, section "Status events", `CLOCK_SKEW`.

use std::fmt;
use std::net::SocketAddr;

use crate::word::parse_socket_addr;

/// The source of a time that differs from the local clock.
///
/// ```
/// use scape_proto::event::ClockSkewSource;
///
/// let source = ClockSkewSource::from("OR:127.0.0.1:9001");
/// assert_eq!(source.socket_addr(), "127.0.0.1:9001".parse().ok());
/// assert_eq!(ClockSkewSource::from("/var/lib/tor/state"), ClockSkewSource::File("/var/lib/tor/state".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClockSkewSource {
    /// A directory server with this address (`DIRSERV:`).
    DirServ(SocketAddr),
    /// A network status document from a directory server (`NETWORKSTATUS:`,
    /// older tors).
    NetworkStatus(SocketAddr),
    /// A relay with this address (`OR:`).
    Or(SocketAddr),
    /// The consensus (`CONSENSUS`).
    Consensus,
    /// A file with this path: tor's `state` file.
    File(Box<str>),
    /// A source that this version of the library doesn't know, as tor wrote it.
    Other(Box<str>),
}

impl ClockSkewSource {
    /// Returns the address of the source, or `None` if it has no address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            ClockSkewSource::DirServ(address)
            | ClockSkewSource::NetworkStatus(address)
            | ClockSkewSource::Or(address) => Some(*address),
            _ => None,
        }
    }
}

impl From<&str> for ClockSkewSource {
    /// Parses a source. Never fails: an unknown source is kept as text.
    fn from(text: &str) -> Self {
        let known = match text.split_once(':') {
            Some(("DIRSERV", address)) => parse_socket_addr(address).map(ClockSkewSource::DirServ),
            Some(("NETWORKSTATUS", address)) => {
                parse_socket_addr(address).map(ClockSkewSource::NetworkStatus)
            }
            Some(("OR", address)) => parse_socket_addr(address).map(ClockSkewSource::Or),
            _ if text == "CONSENSUS" => Some(ClockSkewSource::Consensus),
            _ if text.contains(['/', '\\']) => Some(ClockSkewSource::File(text.into())),
            _ => None,
        };
        known.unwrap_or_else(|| ClockSkewSource::Other(text.into()))
    }
}

impl fmt::Display for ClockSkewSource {
    /// Writes the source as tor does. IPv6 addresses are in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockSkewSource::DirServ(address) => write!(f, "DIRSERV:{address}"),
            ClockSkewSource::NetworkStatus(address) => write!(f, "NETWORKSTATUS:{address}"),
            ClockSkewSource::Or(address) => write!(f, "OR:{address}"),
            ClockSkewSource::Consensus => f.write_str("CONSENSUS"),
            ClockSkewSource::File(text) | ClockSkewSource::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clock_skew_sources_round_trip(text in "(DIRSERV:|OR:|NETWORKSTATUS:|CONSENSUS|/|)[0-9.:\\[\\]a-f/]{0,20}") {
            let source = ClockSkewSource::from(&*text);
            prop_assert_eq!(ClockSkewSource::from(&*source.to_string()), source.clone());
            if source.socket_addr().is_none() {
                prop_assert_eq!(source.to_string(), text);
            }
        }
    }
}
