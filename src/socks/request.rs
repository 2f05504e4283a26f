//! What can be asked of a SOCKS port, checked before anything is sent.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{TargetAddr, ToTargetAddr, is_private, is_private_ip};
use crate::error::{SocksError, SocksProblem};

/// A request to tor's SOCKS port: to connect, or to look up a name or an address.
///
/// It can be sent as it is: its host is an address, or a name of 1 to 255 printable ASCII characters. Names go to tor
/// in lower case, which is what they mean, so that the spelling tells nobody anything; they are shown as they were given. An
/// internationalized name must be written in its ASCII form (`xn--…`). The text of an IP address, with or without the brackets of IPv6, counts as an address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Request {
    command: Command,
    host: Host,
    port: u16,
}

/// The commands' numbers: RFC 1928, and socks-extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Command {
    Connect = 0x01,
    Resolve = 0xF0,
    ResolvePtr = 0xF1,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr),
    Name(Box<str>),
}

impl Request {
    /// Connect to `target`.
    ///
    /// # Errors
    /// [`SocksProblem::Argument`] where the target has no host or port, its port is 0, or its name cannot be sent.
    pub fn connect(target: impl ToTargetAddr) -> Result<Self, SocksError> {
        let target = target.to_target_addr().map_err(|error| {
            SocksError::new("CONNECT", SocksProblem::Argument(format!("the target: {error}").into()))
        })?;
        let (host, port) = match target {
            TargetAddr::Ip(address) => (Host::Ip(address.ip()), address.port()),
            TargetAddr::Domain(name, port) => (Host::new(Command::Connect, &name)?, port),
        };
        let request = Request { command: Command::Connect, host, port };
        if port == 0 {
            let why = "nothing can be connected to at port 0";
            return Err(SocksError::new(request.to_string(), SocksProblem::Argument(why.into())));
        }
        Ok(request)
    }

    /// Find an address of the host `name` (`RESOLVE`, 0xF0).
    ///
    /// # Errors
    /// [`SocksProblem::Argument`] where the name cannot be sent.
    pub fn resolve(name: &str) -> Result<Self, SocksError> {
        Ok(Request { command: Command::Resolve, host: Host::new(Command::Resolve, name)?, port: 0 })
    }

    /// Find the name of the host with this address (`RESOLVE_PTR`, 0xF1).
    pub fn resolve_ptr(ip: IpAddr) -> Self {
        Request { command: Command::ResolvePtr, host: Host::Ip(ip), port: 0 }
    }

    /// Whether it is to connect to this machine or its local network: see [`is_private`]. Look-ups are not.
    pub fn is_private(&self) -> bool {
        match &self.host {
            _ if self.command != Command::Connect => false,
            Host::Ip(ip) => is_private_ip(*ip),
            Host::Name(name) => is_private(&TargetAddr::Domain(name.to_string(), self.port)),
        }
    }

    /// The host's name, where it is one.
    pub(crate) fn host_name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Ip(_) => None,
        }
    }

    /// Whether it is to look something up.
    pub(crate) fn is_look_up(&self) -> bool {
        self.command != Command::Connect
    }

    pub(super) fn command(&self) -> Command {
        self.command
    }

    /// As it is sent: RFC 1928, section 4.
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
                // `Host::new` has seen to it that the length is a byte.
                bytes.extend_from_slice(&[0x03, name.len() as u8]);
                bytes.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
            }
        }
        bytes.extend_from_slice(&self.port.to_be_bytes());
        bytes
    }
}

impl Host {
    fn new(command: Command, name: &str) -> Result<Self, SocksError> {
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        if let Some(ip) = bare.and_then(|n| n.parse::<Ipv6Addr>().ok()) {
            return Ok(Host::Ip(ip.into()));
        }
        if let Ok(ip) = name.parse() {
            return Ok(Host::Ip(ip));
        }
        check_name(name).map_err(|why| {
            let mut shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            if name.chars().nth(80).is_some() {
                shown.push('…');
            }
            SocksError::new(format!("{command} {shown}"), SocksProblem::Argument(why.into()))
        })?;
        Ok(Host::Name(name.into()))
    }
}

/// Whether `name` can be sent; otherwise why not.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the host name is empty".into());
    }
    if name.len() > 255 {
        return Err(format!("the host name has {} bytes, but may have 255", name.len()));
    }
    match name.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
        None => Ok(()),
        Some((at, c)) if c.is_ascii() => Err(format!("the host name may not contain {c:?} (at byte {at})")),
        Some((at, c)) => Err(format!(
            "the host name may not contain {c:?} (at byte {at}): write an internationalized name in its ASCII form, \
             xn--…"
        )),
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

/// As `CONNECT example.com:80`, `RESOLVE example.com` or `RESOLVE_PTR 192.0.2.1`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.command) {
            (Host::Ip(IpAddr::V6(ip)), Command::Connect) => {
                write!(f, "{} [{ip}]:{}", self.command, self.port)
            }
            (Host::Ip(ip), Command::Connect) => write!(f, "{} {ip}:{}", self.command, self.port),
            (Host::Name(name), Command::Connect) => write!(f, "{} {name}:{}", self.command, self.port),
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
    fn requests_on_the_wire() {
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
                Request::connect(TargetAddr::Domain("192.0.2.1".into(), 80)).unwrap(),
                [b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50", b""],
            ),
            (Request::resolve("a").unwrap(), [b"\x05\xf0\0\x03\x01a\0\0", b""]),
            (
                Request::resolve("::1").unwrap(),
                [b"\x05\xf0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0", b""],
            ),
            (Request::resolve_ptr([192, 0, 2, 1].into()), [b"\x05\xf1\0\x01\xc0\0\x02\x01\0\0", b""]),
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
    fn what_cannot_be_sent_is_refused() {
        let long = "a".repeat(256);
        for name in ["", " ", "a b", "a\0", "a\r\nb", "bücher.example", "a\u{7f}", &long] {
            for error in [Request::connect((name, 80)).unwrap_err(), Request::resolve(name).unwrap_err()] {
                assert!(matches!(error.problem(), SocksProblem::Argument(_)), "{error:?}");
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
    fn requests_are_shown() {
        let shown = |target: &str| Request::connect(target).unwrap().to_string();
        assert_eq!(shown("Example.com:80"), "CONNECT Example.com:80");
        assert_eq!(shown("[::1]:80"), "CONNECT [::1]:80");
        assert_eq!(Request::resolve("a.example").unwrap().to_string(), "RESOLVE a.example");
        assert_eq!(Request::resolve_ptr([1, 2, 3, 4].into()).to_string(), "RESOLVE_PTR 1.2.3.4");
    }
}
