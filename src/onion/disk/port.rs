//! `HiddenServicePort`: a port of the onion address and the target of its
//! connections.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::control::OnionTarget;
use scape_proto::control::{c_string, unquote};

/// A `HiddenServicePort`: a port of the onion address and the target of its
/// connections.
///
/// ```
/// use scape::onion::disk::{DiskPort, DiskTarget};
///
/// let port: DiskPort = "80 127.0.0.1:8080".parse()?;
/// assert_eq!(port.target, DiskTarget::Tcp(([127, 0, 0, 1], 8080).into()));
/// let port: DiskPort = r#"80 unix:"/run/my site""#.parse()?;
/// assert_eq!(port.target, DiskTarget::Unix("/run/my site".into()));
/// assert_eq!(port.to_string(), r#"80 unix:"/run/my site""#);
/// # Ok::<(), scape::onion::disk::ParseDiskPortError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DiskPort {
    /// The port of the onion address, 1 to 65535.
    pub port: u16,
    /// The target of the port's connections.
    pub target: DiskTarget,
}

/// The target of a [`DiskPort`]'s connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskTarget {
    /// The port on 127.0.0.1 with the same number as the virtual port.
    SamePort,
    /// A TCP address.
    Tcp(SocketAddr),
    /// The absolute path of a Unix socket. Unlike with ADD_ONION, the path may
    /// contain any character except NUL.
    Unix(PathBuf),
    /// A host name and a port. tor resolves the name with the system's resolver
    /// when it reads its configuration.
    Host {
        /// The host name.
        name: String,
        /// The port, 1 to 65535.
        port: u16,
    },
    /// The text of a target that this library can't parse.
    Other(String),
}

impl DiskPort {
    /// Creates a port of the onion address whose connections go to `target`.
    ///
    /// ```
    /// use scape::onion::disk::{DiskPort, DiskTarget};
    ///
    /// assert_eq!(DiskPort::new(80, ([127, 0, 0, 1], 8080)).to_string(), "80 127.0.0.1:8080");
    /// assert_eq!(DiskPort::new(80, DiskTarget::SamePort).to_string(), "80");
    /// ```
    pub fn new(port: u16, target: impl Into<DiskTarget>) -> Self {
        DiskPort { port, target: target.into() }
    }

    /// Returns the reason why tor would refuse the port or misread its target.
    /// Returns `None` if tor would accept the port as it is meant.
    pub(super) fn problem(&self) -> Option<String> {
        match &self.target {
            _ if self.port == 0 => Some("is 0; ports are 1 to 65535".into()),
            DiskTarget::Host { name, port }
                if parse_host(0, &format!("{name}:{port}")).is_none() =>
            {
                Some(format!(
                    "{} goes to {name:?}, which is not a host name, or to port {port}",
                    self.port
                ))
            }
            DiskTarget::Tcp(address) if address.port() == 0 => {
                Some(format!("{} goes to port 0 of {}", self.port, address.ip()))
            }
            DiskTarget::Tcp(SocketAddr::V6(address)) if address.scope_id() != 0 => Some(format!(
                "{} goes to an address with a scope, which tor doesn't support",
                self.port
            )),
            DiskTarget::Unix(path) if !path.to_str().is_some_and(|path| path.starts_with('/')) => {
                Some(format!(
                    "{} goes to a Unix socket whose path is not absolute or not UTF-8",
                    self.port
                ))
            }
            DiskTarget::Unix(path) if path.to_string_lossy().contains('\0') => {
                Some(format!("{} goes to a Unix socket whose path contains a NUL", self.port))
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for DiskTarget {
    fn from(address: SocketAddr) -> Self {
        DiskTarget::Tcp(address)
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for DiskTarget {
    fn from(address: (I, u16)) -> Self {
        DiskTarget::Tcp(address.into())
    }
}

impl From<PathBuf> for DiskTarget {
    fn from(path: PathBuf) -> Self {
        DiskTarget::Unix(path)
    }
}

impl From<&Path> for DiskTarget {
    fn from(path: &Path) -> Self {
        DiskTarget::Unix(path.into())
    }
}

impl From<OnionTarget> for DiskTarget {
    fn from(target: OnionTarget) -> Self {
        match target {
            OnionTarget::Tcp(address) => DiskTarget::Tcp(address),
            #[cfg(unix)]
            OnionTarget::Unix(path) => DiskTarget::Unix(path),
        }
    }
}

impl FromStr for DiskPort {
    type Err = ParseDiskPortError;

    /// Parses a port like tor does. The text is a port of the onion address,
    /// optionally followed by a target. The target is a port, an address, an
    /// address and a port, a host name and a port, or `unix:` and a path. Any
    /// other target becomes [`DiskTarget::Other`]. Returns an error if the text
    /// doesn't begin with a port, 1 to 65535.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_matches([' ', '\t']);
        let (port, target) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = match port.parse() {
            Ok(port) if is_number && port != 0 => port,
            _ => return Err(ParseDiskPortError { text: text.into() }),
        };
        Ok(DiskPort { port, target: parse_target(port, target.trim_matches([' ', '\t'])) })
    }
}

fn parse_target(port: u16, text: &str) -> DiskTarget {
    if text.is_empty() {
        return DiskTarget::SamePort;
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let quoted = path.starts_with('"') && path.len() > 1 && path.ends_with('"');
        let path = if quoted {
            String::from_utf8(unquote(path.as_bytes())).ok()
        } else {
            Some(path.to_owned())
        };
        return match path {
            Some(path) if path.starts_with('/') => DiskTarget::Unix(path.into()),
            _ => DiskTarget::Other(text.to_owned()),
        };
    }
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let address = match text.parse() {
        Ok(number) if is_number && number != 0 => Some(local(number)),
        _ => text.parse().ok().or_else(|| {
            let ip = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
            Some(SocketAddr::new(ip.parse().ok()?, port))
        }),
    };
    match address {
        Some(address) => DiskTarget::Tcp(address),
        None => parse_host(port, text).unwrap_or_else(|| DiskTarget::Other(text.to_owned())),
    }
}

/// Parses a host name like tor does: with a port, or without a port if the name
/// contains a dot. Without a port, the port is `same_port`. Returns `None` if
/// the text is malformed.
fn parse_host(same_port: u16, text: &str) -> Option<DiskTarget> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => {
            let is_number = port.bytes().all(|b| b.is_ascii_digit());
            (name, port.parse().ok().filter(|port| is_number && *port != 0)?)
        }
        None => (text, same_port),
    };
    let is_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    // A name without letters can only be a malformed IP address.
    let has_letters = name.bytes().any(|b| b.is_ascii_alphabetic());
    let is_host = has_letters && name.bytes().all(is_name) && text.contains(['.', ':']);
    is_host.then(|| DiskTarget::Host { name: name.to_owned(), port })
}

/// Formats the port for a torrc.
impl fmt::Display for DiskPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            DiskTarget::SamePort => write!(f, "{}", self.port),
            target => write!(f, "{} {target}", self.port),
        }
    }
}

/// Formats the target for a torrc. [`SamePort`](DiskTarget::SamePort) gives an
/// empty text.
impl fmt::Display for DiskTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskTarget::SamePort => Ok(()),
            DiskTarget::Tcp(address) => write!(f, "{address}"),
            DiskTarget::Unix(path) => {
                let path = path.to_string_lossy();
                let is_plain =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
                if path.chars().all(is_plain) {
                    write!(f, "unix:{path}")
                } else {
                    write!(f, "unix:{}", c_string(&path))
                }
            }
            DiskTarget::Host { name, port } => write!(f, "{name}:{port}"),
            DiskTarget::Other(text) => f.write_str(text),
        }
    }
}

/// The error for a text that isn't a `HiddenServicePort`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a HiddenServicePort (such as 80, 80 8080, 80 127.0.0.1:8080, 80 unix:/run/site)"
)]
pub struct ParseDiskPortError {
    text: String,
}

impl fmt::Debug for ParseDiskPortError {
    /// Writes the text of the error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ports_that_tor_accepts_are_parsed() {
        let tcp = |text: &str| DiskTarget::Tcp(text.parse().unwrap());
        for (text, port, target) in [
            ("80", 80, DiskTarget::SamePort),
            ("  80   8080 ", 80, tcp("127.0.0.1:8080")),
            ("080 90", 80, tcp("127.0.0.1:90")),
            ("80 127.0.0.1", 80, tcp("127.0.0.1:80")),
            ("80 192.0.2.1:90", 80, tcp("192.0.2.1:90")),
            ("80 ::1", 80, tcp("[::1]:80")),
            ("80 [::1]", 80, tcp("[::1]:80")),
            ("80 [::1]:90", 80, tcp("[::1]:90")),
            ("80 unix:/a/b", 80, DiskTarget::Unix("/a/b".into())),
            ("80 unix:\"/a \\\"b\\\\ \\303\\251\"", 80, DiskTarget::Unix("/a \"b\\ é".into())),
            ("80 localhost:90", 80, DiskTarget::Host { name: "localhost".into(), port: 90 }),
            ("80 web.lan", 80, DiskTarget::Host { name: "web.lan".into(), port: 80 }),
            ("80 localhost", 80, DiskTarget::Other("localhost".into())),
            ("80 localhost:0", 80, DiskTarget::Other("localhost:0".into())),
            ("80 1.2.3:90", 80, DiskTarget::Other("1.2.3:90".into())),
            ("80 unix:relative", 80, DiskTarget::Other("unix:relative".into())),
            ("80 unix:\"\"", 80, DiskTarget::Other("unix:\"\"".into())),
            ("80 99999", 80, DiskTarget::Other("99999".into())),
        ] {
            assert_eq!(text.parse(), Ok(DiskPort { port, target }), "{text}");
        }
        for bad in ["", " ", "0", "0 80", "65536", "+80", "-1", "x", "80:80", "unix:/a"] {
            assert!(bad.parse::<DiskPort>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ports_that_tor_would_not_accept_are_detected() {
        let scoped: SocketAddr = "[fe80::1%3]:80".parse().unwrap();
        for bad in [
            DiskPort::new(0, ([127, 0, 0, 1], 80)),
            DiskPort::new(80, ([127, 0, 0, 1], 0)),
            DiskPort::new(80, scoped),
            DiskPort::new(80, Path::new("a/b")),
            DiskPort::new(80, Path::new("/a\0b")),
        ] {
            assert!(bad.problem().is_some(), "{bad:?}");
        }
        assert_eq!(DiskPort::new(80, Path::new("/a b")).problem(), None);
    }

    fn target() -> impl Strategy<Value = DiskTarget> {
        prop_oneof![
            Just(DiskTarget::SamePort),
            (any::<IpAddr>(), 1..=u16::MAX)
                .prop_map(|(ip, port)| DiskTarget::Tcp(SocketAddr::new(ip, port))),
            "/[^\0]{0,30}".prop_map(|path| DiskTarget::Unix(path.into())),
        ]
    }

    proptest! {
        #[test]
        fn formatted_port_is_parsed_back(port in 1..=u16::MAX, target in target()) {
            let port = DiskPort { port, target };
            prop_assert_eq!(port.problem(), None);
            prop_assert_eq!(port.to_string().parse(), Ok(port));
        }

        #[test]
        fn port_of_any_text_is_parsed_back_or_refused(text in any::<String>()) {
            if let Ok(port) = text.parse::<DiskPort>() {
                prop_assert_eq!(port.to_string().parse(), Ok(port));
            }
        }
    }
}
