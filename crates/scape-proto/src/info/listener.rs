//! Addresses on which tor listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::control::Words;
use crate::word::path_of;

open_enum! {
    /// The purpose of a listener: the last part of the key `net/listeners/…`.
    pub enum ListenerKind {
        /// Connections from other relays and from clients (ORPort).
        Or = "or",
        /// Connections from this relay's pluggable transports (ExtORPort).
        ExtOr = "extor",
        /// Directory requests (DirPort).
        Dir = "dir",
        /// SOCKS connections (SocksPort).
        Socks = "socks",
        /// Connections that the system's packet filter redirects (TransPort).
        Trans = "trans",
        /// Connections that a NAT daemon redirects (NATDPort).
        Natd = "natd",
        /// HTTP CONNECT requests (HTTPTunnelPort).
        HttpTunnel = "httptunnel",
        /// DNS queries (DNSPort).
        Dns = "dns",
        /// Control connections (ControlPort, ControlSocket).
        Control = "control",
        /// Requests for metrics (MetricsPort).
        Metrics = "metrics",
    }
}

/// An address on which tor listens: an IP address with a port, or a Unix
/// socket.
///
/// ```
/// use scape_proto::info::ListenerAddress;
///
/// let address: ListenerAddress = "[::1]:9050".parse()?;
/// assert_eq!(address.socket_addr().map(|a| a.port()), Some(9050));
/// let address: ListenerAddress = "unix:/run/tor/socks".parse()?;
/// assert_eq!(address.to_string(), "unix:/run/tor/socks");
/// # Ok::<(), scape_proto::info::ParseListenerAddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenerAddress {
    /// A TCP port, or a UDP port for DNS.
    Ip(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl ListenerAddress {
    /// Parses an address from `GETINFO net/listeners/…`. The text must not
    /// contain the quotes that tor writes around an address.
    ///
    /// The text is either `address:port`, or `unix:` and a path. An IPv6
    /// address has brackets, and the path need not be UTF-8. Returns `None` for
    /// any other text.
    ///
    /// ```
    /// use std::path::Path;
    /// use scape_proto::info::ListenerAddress;
    ///
    /// let address = ListenerAddress::parse(b"unix:/run/tor/socks").expect("it has a path");
    /// assert_eq!(address.path(), Some(Path::new("/run/tor/socks")));
    /// assert_eq!(ListenerAddress::parse(b"9050"), None);
    /// ```
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_prefix(b"unix:") {
            Some([]) => None,
            Some(path) => Some(ListenerAddress::Unix(path_of(path))),
            None => Some(ListenerAddress::Ip(std::str::from_utf8(text).ok()?.parse().ok()?)),
        }
    }

    /// Parses a value of `GETINFO net/listeners/…`: addresses with spaces
    /// between them. Each of them may be in quotes, as a C string. Returns
    /// `None` if an address is malformed.
    ///
    /// ```
    /// use scape_proto::info::ListenerAddress;
    ///
    /// let value = br#""127.0.0.1:9050" "unix:/run/my tor/socks""#;
    /// let addresses = ListenerAddress::parse_list(value).expect("two addresses");
    /// assert_eq!(addresses[1].to_string(), "unix:/run/my tor/socks");
    /// ```
    pub fn parse_list(value: &[u8]) -> Option<Vec<Self>> {
        let mut words = Words::new(value);
        let mut addresses = Vec::new();
        while !words.rest().is_empty() {
            let address = words.next_value();
            if !address.is_empty() {
                addresses.push(ListenerAddress::parse(&address.bytes())?);
            }
        }
        Some(addresses)
    }

    /// Returns the socket address, or `None` for a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            ListenerAddress::Ip(address) => Some(*address),
            ListenerAddress::Unix(_) => None,
        }
    }

    /// Returns the path of a Unix socket, or `None` for a socket address.
    pub fn path(&self) -> Option<&Path> {
        match self {
            ListenerAddress::Ip(_) => None,
            ListenerAddress::Unix(path) => Some(path),
        }
    }
}

impl FromStr for ListenerAddress {
    type Err = ParseListenerAddressError;

    /// Parses an address in the same way as [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// Returns an error if the text is malformed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ListenerAddress::parse(text.as_bytes())
            .ok_or_else(|| ParseListenerAddressError { text: text.into() })
    }
}

impl fmt::Display for ListenerAddress {
    /// Writes the address as tor does. If the path of a Unix socket isn't
    /// UTF-8, its invalid bytes are replaced by U+FFFD, so the text can't be
    /// parsed back. Use [`path`](Self::path) to get the exact path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenerAddress::Ip(address) => write!(f, "{address}"),
            ListenerAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The error for a text that isn't the address of a listener.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the address of a listener (such as 127.0.0.1:9050, [::1]:9050, unix:/run/tor/socks)"
)]
pub struct ParseListenerAddressError {
    text: String,
}

error_debug!(ParseListenerAddressError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    #[test]
    fn malformed_listener_address_is_rejected() {
        for bad in
            ["", "unix:", "127.0.0.1", "::1:9050", "localhost:9050", "127.0.0.1:99999", "/run/tor"]
        {
            assert!(bad.parse::<ListenerAddress>().is_err(), "{bad:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn unix_listener_path_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let address = ListenerAddress::parse(b"unix:/run/\xff").unwrap();
        assert_eq!(address.path().unwrap().as_os_str().as_bytes(), b"/run/\xff");
        assert_eq!(address.to_string(), "unix:/run/\u{fffd}");
    }

    #[test]
    fn listed_addresses_are_read_with_and_without_quotes() {
        let value = br#""127.0.0.1:19472" "[::1]:19473" "unix:/run/tor/c \"s.sock" 127.0.0.1:1"#;
        let addresses = ListenerAddress::parse_list(value).unwrap();
        assert_eq!(
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1:19472", "[::1]:19473", "unix:/run/tor/c \"s.sock", "127.0.0.1:1"]
        );
        for bad in [&b"x"[..], br#""127.0.0.1:1" "x""#, br#""127.0.0.1:1" "unix:/a"#, br#""""#] {
            let text = String::from_utf8_lossy(bad);
            assert_eq!(ListenerAddress::parse_list(bad), None, "{text:?}");
        }
        assert_eq!(ListenerAddress::parse_list(b""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn ip_listener_address_round_trip(ip: IpAddr, port: u16) {
            let address = ListenerAddress::Ip(SocketAddr::new(ip, port));
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn unix_listener_address_round_trip(path in "/[^\0]{1,30}") {
            let address = ListenerAddress::Unix(path.into());
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn listener_address_parser_never_panics(
            text in proptest::collection::vec(any::<u8>(), 0..40)
        ) {
            ListenerAddress::parse(&text);
            ListenerAddress::parse_list(&text);
        }
    }
}
