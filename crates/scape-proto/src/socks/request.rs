//! Requests to a SOCKS port, which are checked before anything is sent.

use std::fmt;
use std::net::IpAddr;

use super::RequestError;
use super::private::is_private_name;
use super::target::shown;
use super::{TargetError, ToTarget, is_private_ip};
use crate::word::Host;

/// A request to tor's SOCKS port: to connect, or to look up a name or an
/// address.
///
/// The host is an IP address or a name. The host is checked, so that tor
/// understands the request as the caller meant it:
///
/// * A name has 1 to 255 letters, digits, hyphens, underscores and dots. Write
///   an internationalized name in its ASCII form (`xn--…`). URLs, ports, user
///   names and percent escapes are rejected.
/// * Names are sent in lower case, so that capital letters reveal nothing about
///   the client.
/// * The text of an IP address counts as an address, with or without the
///   brackets of IPv6.
/// * The trailing dot of an onion address is removed. tor would take
///   `example.onion.` for an ordinary name and ask an exit for it, which RFC
///   7686 forbids.
/// * Names that end in `.exit` are rejected, because tor refuses them.
/// * Names that end in a number, such as `127.1`, are rejected, because some
///   resolvers read them as addresses.
///
/// ```
/// use scape_proto::socks::Request;
///
/// let request = Request::connect("example.com:80")?;
/// assert_eq!(request.to_string(), "CONNECT example.com:80");
/// assert_eq!(request.host_name(), Some("example.com"));
/// assert!(Request::connect("http://example.com").is_err());
/// # Ok::<(), scape_proto::socks::RequestError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Request {
    command: Command,
    host: Host,
    port: u16,
}

/// The commands of requests, with their numbers from RFC 1928 and
/// socks-extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Command {
    Connect = 0x01,
    Resolve = 0xF0,
    ResolvePtr = 0xF1,
}

impl Request {
    /// Creates a request to connect to `target`.
    ///
    /// ```
    /// use scape_proto::socks::Request;
    ///
    /// let request = Request::connect(("example.com", 80))?;
    /// assert_eq!(request.to_string(), "CONNECT example.com:80");
    /// assert!(Request::connect("example.com").is_err()); // no port
    /// # Ok::<(), scape_proto::socks::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the target isn't a host and a port, if its port is
    /// 0, or if its host isn't valid (see [`Request`]).
    pub fn connect(target: impl ToTarget) -> Result<Self, RequestError> {
        let target = target.to_target()?;
        let (host, port) = (target.host().clone(), target.port());
        Ok(Request { command: Command::Connect, host, port })
    }

    /// Creates a request to look up an address of the host `name` (`RESOLVE`,
    /// 0xF0).
    ///
    /// ```
    /// use scape_proto::socks::Request;
    ///
    /// let request = Request::resolve("example.com")?;
    /// assert!(request.is_look_up());
    /// # Ok::<(), scape_proto::socks::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the name isn't a valid host (see [`Request`]).
    pub fn resolve(name: &str) -> Result<Self, RequestError> {
        let command = Command::Resolve;
        let host = Host::parse(name).map_err(|error| {
            let request = format!("{command} {}", shown(name));
            RequestError::new(request.trim_end(), format!("the host name {error}"))
        })?;
        Ok(Request { command, host, port: 0 })
    }

    /// Creates a request to look up the name of the host with this address
    /// (`RESOLVE_PTR`, 0xF1).
    ///
    /// ```
    /// use scape_proto::socks::Request;
    ///
    /// let request = Request::resolve_ptr([192, 0, 2, 1].into());
    /// assert_eq!(request.to_string(), "RESOLVE_PTR 192.0.2.1");
    /// ```
    pub fn resolve_ptr(ip: IpAddr) -> Self {
        Request { command: Command::ResolvePtr, host: Host::Ip(ip), port: 0 }
    }

    /// Returns true if this is a request to connect to this machine or its
    /// local network (see [`is_private`](super::is_private)). Always returns
    /// false for look-ups.
    ///
    /// ```
    /// use scape_proto::socks::Request;
    ///
    /// assert!(Request::connect("localhost:80")?.is_private());
    /// assert!(!Request::connect("example.com:80")?.is_private());
    /// assert!(!Request::resolve("localhost")?.is_private());
    /// # Ok::<(), scape_proto::socks::RequestError>(())
    /// ```
    pub fn is_private(&self) -> bool {
        match &self.host {
            _ if self.command != Command::Connect => false,
            Host::Ip(ip) => is_private_ip(*ip),
            Host::Name(name) => is_private_name(name),
        }
    }

    /// Returns the host's name, or `None` if the host is an IP address.
    pub fn host_name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Ip(_) => None,
        }
    }

    /// Returns true if this is a request to look up a name or an address.
    pub fn is_look_up(&self) -> bool {
        self.command != Command::Connect
    }

    pub(super) fn command(&self) -> Command {
        self.command
    }

    /// Encodes the request as it is sent (RFC 1928, section 4).
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0x05, self.command as u8, 0x00];
        match &self.host {
            Host::Ip(IpAddr::V4(ip)) => {
                bytes.push(0x01);
                bytes.extend_from_slice(&ip.octets());
            }
            Host::Ip(IpAddr::V6(ip)) => {
                bytes.push(0x04);
                bytes.extend_from_slice(&ip.octets());
            }
            Host::Name(name) => {
                // `Host::parse` has checked that the length fits into a byte.
                bytes.extend_from_slice(&[0x03, name.len() as u8]);
                bytes.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
            }
        }
        bytes.extend_from_slice(&self.port.to_be_bytes());
        bytes
    }
}

/// Converts the error for an invalid target to the error for a request to
/// connect to that target.
impl From<TargetError> for RequestError {
    fn from(error: TargetError) -> Self {
        let request = format!("{} {}", Command::Connect, error.target());
        RequestError::new(request.trim_end(), error.problem())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Connect => "CONNECT",
            Command::Resolve => "RESOLVE",
            Command::ResolvePtr => "RESOLVE_PTR",
        })
    }
}

/// Writes the request as `CONNECT example.com:80`, `RESOLVE example.com` or
/// `RESOLVE_PTR 192.0.2.1`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.command) {
            (Host::Ip(IpAddr::V6(ip)), Command::Connect) => {
                write!(f, "{} [{ip}]:{}", self.command, self.port)
            }
            (Host::Ip(ip), Command::Connect) => write!(f, "{} {ip}:{}", self.command, self.port),
            (Host::Name(name), Command::Connect) => {
                write!(f, "{} {name}:{}", self.command, self.port)
            }
            (Host::Ip(ip), _) => write!(f, "{} {ip}", self.command),
            (Host::Name(name), _) => write!(f, "{} {name}", self.command),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socks_requests_are_encoded() {
        let v6 = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
        let connect = |target: &str| Request::connect(target).unwrap();
        let cases = [
            (connect("Example.com:80"), [&b"\x05\x01\0\x03\x0bexample.com\0\x50"[..], b""]),
            (connect("192.0.2.1:443"), [b"\x05\x01\0\x01\xc0\0\x02\x01\x01\xbb", b""]),
            (connect("[2001:db8::1]:258"), [b"\x05\x01\0\x04", &[v6, &b"\x01\x02"[..]].concat()]),
            (
                Request::connect(("[2001:db8::1]", 1)).unwrap(),
                [b"\x05\x01\0\x04", &[v6, &b"\0\x01"[..]].concat()],
            ),
            (
                Request::connect(("192.0.2.1", 80)).unwrap(),
                [b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50", b""],
            ),
            (Request::resolve("a").unwrap(), [b"\x05\xf0\0\x03\x01a\0\0", b""]),
            (
                Request::resolve("::1").unwrap(),
                [b"\x05\xf0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0", b""],
            ),
            (
                Request::resolve_ptr([192, 0, 2, 1].into()),
                [b"\x05\xf1\0\x01\xc0\0\x02\x01\0\0", b""],
            ),
            (
                Request::resolve_ptr("2001:db8::1".parse().unwrap()),
                [b"\x05\xf1\0\x04", &[v6, &b"\0\0"[..]].concat()],
            ),
        ];
        for (request, wire) in cases {
            assert_eq!(request.encode(), wire.concat(), "{request}");
        }
    }

    #[test]
    fn invalid_socks_request_is_rejected() {
        let long = "a".repeat(256);
        for name in [
            "http://example.com",
            "example.com:80",
            "a@example.com",
            "127.1",
            "a.exit",
            "",
            " ",
            "a b",
            "a\0",
            "a\r\nb",
            "bücher.example",
            "a\u{7f}",
            &long,
        ] {
            for error in
                [Request::connect((name, 80)).unwrap_err(), Request::resolve(name).unwrap_err()]
            {
                assert!(error.to_string().ends_with("nothing was sent"), "{error}");
                assert!(!error.to_string().contains(['\0', '\r', '\n']), "{error}");
                assert!(error.to_string().ends_with("nothing was sent"), "{error}");
            }
        }
        let error = Request::resolve("bücher.example").unwrap_err().to_string();
        assert!(error.contains("'ü' (at byte 1)") && error.contains("xn--"), "{error}");
        for target in ["example.com", "example.com:", "example.com:65536", "example.com:0", ":80"] {
            assert!(Request::connect(target).is_err(), "{target}");
        }
        let longest = "a".repeat(255);
        assert_eq!(Request::resolve(&longest).unwrap().encode()[4], 255);
    }

    #[test]
    fn socks_requests_are_displayed() {
        let shown = |target: &str| Request::connect(target).unwrap().to_string();
        assert_eq!(shown("Example.com:80"), "CONNECT Example.com:80");
        assert_eq!(shown("[::1]:80"), "CONNECT [::1]:80");
        assert_eq!(Request::resolve("a.example").unwrap().to_string(), "RESOLVE a.example");
        assert_eq!(Request::resolve_ptr([1, 2, 3, 4].into()).to_string(), "RESOLVE_PTR 1.2.3.4");
    }
}
