//! What tor listens on.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::word::path_of;

open_enum! {
    /// What a port of tor's is for: the member of `GETINFO net/listeners/…`.
    pub enum ListenerKind {
        /// Connections from other relays and from clients (ORPort).
        Or = "or",
        /// Pluggable transports of this relay (ExtORPort).
        ExtOr = "extor",
        /// Directory requests (DirPort).
        Dir = "dir",
        /// SOCKS (SocksPort).
        Socks = "socks",
        /// Connections that the system's packet filter redirects (TransPort).
        Trans = "trans",
        /// Connections that a NAT daemon redirects (NATDPort).
        Natd = "natd",
        /// HTTP CONNECT (HTTPTunnelPort).
        HttpTunnel = "httptunnel",
        /// DNS questions (DNSPort).
        Dns = "dns",
        /// Controllers (ControlPort, ControlSocket).
        Control = "control",
        /// Metrics (MetricsPort).
        Metrics = "metrics",
    }
}

/// Where tor listens: an address and a port, or a Unix socket.
///
/// ```
/// use scape::protocol::ListenerAddress;
///
/// let address: ListenerAddress = "[::1]:9050".parse()?;
/// assert_eq!(address.socket_addr().map(|a| a.port()), Some(9050));
/// let address: ListenerAddress = "unix:/run/tor/socks".parse()?;
/// assert_eq!(address.to_string(), "unix:/run/tor/socks");
/// # Ok::<(), scape::protocol::ParseListenerAddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ListenerAddress {
    /// A TCP port (of a DNS port: UDP).
    Ip(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl ListenerAddress {
    /// Reads an address as `GETINFO net/listeners/…` has it, without its
    /// quotes: `address:port`, IPv6 in brackets, or `unix:` and a path, which
    /// need not be UTF-8. `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_prefix(b"unix:") {
            Some([]) => None,
            Some(path) => Some(ListenerAddress::Unix(path_of(path))),
            None => Some(ListenerAddress::Ip(std::str::from_utf8(text).ok()?.parse().ok()?)),
        }
    }

    /// The address, unless it is a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            ListenerAddress::Ip(address) => Some(*address),
            ListenerAddress::Unix(_) => None,
        }
    }

    /// The path, where it is a Unix socket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            ListenerAddress::Ip(_) => None,
            ListenerAddress::Unix(path) => Some(path),
        }
    }
}

impl FromStr for ListenerAddress {
    type Err = ParseListenerAddressError;

    /// As [`parse`](Self::parse).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ListenerAddress::parse(text.as_bytes())
            .ok_or_else(|| ParseListenerAddressError { text: text.into() })
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenerAddress::Ip(address) => write!(f, "{address}"),
            ListenerAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A text that is no address of a listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no address of a listener (such as 127.0.0.1:9050, [::1]:9050, unix:/run/tor/socks)"
)]
pub struct ParseListenerAddressError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in
            ["", "unix:", "127.0.0.1", "::1:9050", "localhost:9050", "127.0.0.1:99999", "/run/tor"]
        {
            assert!(bad.parse::<ListenerAddress>().is_err(), "{bad:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_text() {
        use std::os::unix::ffi::OsStrExt;
        let address = ListenerAddress::parse(b"unix:/run/\xff").unwrap();
        assert_eq!(address.path().unwrap().as_os_str().as_bytes(), b"/run/\xff");
    }

    proptest! {
        #[test]
        fn an_address_goes_there_and_back(ip: IpAddr, port: u16) {
            let address = ListenerAddress::Ip(SocketAddr::new(ip, port));
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn a_path_goes_there_and_back(path in "/[^\0]{1,30}") {
            let address = ListenerAddress::Unix(path.into());
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn nothing_makes_it_fail(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            ListenerAddress::parse(&text);
        }
    }
}
