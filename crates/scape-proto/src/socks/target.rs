//! The target of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use crate::control::REDACTED;
use crate::word::{Host, OnionAddress};

/// The maximum number of characters of a target that an error shows.
const MOST_SHOWN: usize = 80;

/// The target of a connection: a host, which is an IP address or a valid name,
/// and a port from 1 to 65535. Names are never resolved on this machine.
///
/// Methods take anything that implements [`ToTarget`], so most programs don't
/// need this type.
///
/// ```
/// use scape_proto::socks::Target;
///
/// let target: Target = "example.com:80".parse()?;
/// assert_eq!(target, Target::new("example.com", 80)?);
/// assert_eq!(target.to_string(), "example.com:80");
/// # Ok::<(), scape_proto::socks::TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    host: Host,
    port: u16,
}

impl Target {
    /// Creates a target from a host name or the text of an IP address, and a
    /// port.
    ///
    /// ```
    /// use scape_proto::socks::Target;
    ///
    /// assert_eq!(Target::new("2001:db8::1", 80)?.to_string(), "[2001:db8::1]:80");
    /// assert!(Target::new("http://example.com", 80).is_err());
    /// assert!(Target::new("example.com", 0).is_err());
    /// # Ok::<(), scape_proto::socks::TargetError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the host isn't valid (see
    /// [`Request`](super::Request)), or if the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Target, TargetError> {
        let host = Host::parse(host)
            .map_err(|error| TargetError::new(host, format!("the host name {error}")))?;
        Target::at(host, port)
    }

    fn at(host: Host, port: u16) -> Result<Target, TargetError> {
        let target = Target { host, port };
        if port == 0 {
            let why = "the target has port 0, to which nothing can be connected";
            return Err(TargetError::new(&target.to_string(), why));
        }
        Ok(target)
    }

    /// Returns the target's host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the target's port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads `host:port`, such as `example.com:80` or `[2001:db8::1]:80`.
    ///
    /// # Errors
    ///
    /// Returns an error if the port isn't a number from 1 to 65535, or if the
    /// host isn't valid. An IPv6 address must have brackets.
    fn from_str(text: &str) -> Result<Target, TargetError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return address.to_target();
        }
        let malformed = |problem| {
            let why = format!(
                "the target is not of the form host:port ({problem}): write it as in \
                 \"example.com:80\", \"[2001:db8::1]:80\" or (\"example.com\", 80)"
            );
            TargetError::new(text, why)
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| malformed("it has no port"))?;
        if host.parse::<Ipv6Addr>().is_ok() {
            return Err(malformed("an IPv6 address needs brackets"));
        }
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number);
        let port = port.ok_or_else(|| malformed("the port isn't a number from 1 to 65535"))?;
        Target::new(host, port)
    }
}

/// Writes `example.com:80` or `[2001:db8::1]:80`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A value that names a target: a text such as `"example.com:80"`, a pair such
/// as `("example.com", 80)`, or a [`SocketAddr`].
///
/// ```
/// use scape_proto::socks::ToTarget;
/// use std::net::Ipv4Addr;
///
/// assert_eq!("192.0.2.1:80".to_target()?, (Ipv4Addr::new(192, 0, 2, 1), 80).to_target()?);
/// let error = "example.com".to_target().unwrap_err();
/// assert!(error.to_string().starts_with("example.com: the target is not of the form host:port"));
/// # Ok::<(), scape_proto::socks::TargetError>(())
/// ```
pub trait ToTarget {
    /// Converts the value to a target.
    ///
    /// # Errors
    ///
    /// Returns an error if the value isn't a valid host with a port from 1 to
    /// 65535.
    fn to_target(&self) -> Result<Target, TargetError>;
}

impl<T: ToTarget + ?Sized> ToTarget for &T {
    fn to_target(&self) -> Result<Target, TargetError> {
        (**self).to_target()
    }
}

impl ToTarget for Target {
    fn to_target(&self) -> Result<Target, TargetError> {
        Ok(self.clone())
    }
}

impl ToTarget for str {
    fn to_target(&self) -> Result<Target, TargetError> {
        self.parse()
    }
}

impl ToTarget for String {
    fn to_target(&self) -> Result<Target, TargetError> {
        self.parse()
    }
}

impl ToTarget for (&str, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::new(self.0, self.1)
    }
}

impl ToTarget for (String, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::new(&self.0, self.1)
    }
}

impl ToTarget for (&String, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::new(self.0, self.1)
    }
}

impl ToTarget for (OnionAddress, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::new(&self.0.to_string(), self.1)
    }
}

impl ToTarget for (&OnionAddress, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::new(&self.0.to_string(), self.1)
    }
}

impl ToTarget for (IpAddr, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::at(Host::Ip(self.0), self.1)
    }
}

impl ToTarget for (Ipv4Addr, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::at(Host::Ip(self.0.into()), self.1)
    }
}

impl ToTarget for (Ipv6Addr, u16) {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::at(Host::Ip(self.0.into()), self.1)
    }
}

impl ToTarget for SocketAddr {
    fn to_target(&self) -> Result<Target, TargetError> {
        match self {
            SocketAddr::V4(address) => address.to_target(),
            SocketAddr::V6(address) => address.to_target(),
        }
    }
}

impl ToTarget for SocketAddrV4 {
    fn to_target(&self) -> Result<Target, TargetError> {
        Target::at(Host::Ip((*self.ip()).into()), self.port())
    }
}

/// Returns an error for an address with a zone (`%eth0`), because a zone has a
/// meaning on this machine only.
impl ToTarget for SocketAddrV6 {
    fn to_target(&self) -> Result<Target, TargetError> {
        if self.scope_id() != 0 {
            let why = "the target has a zone, which has a meaning on this machine only";
            return Err(TargetError::new(&self.to_string(), why));
        }
        Target::at(Host::Ip((*self.ip()).into()), self.port())
    }
}

/// Returns the text of a target or host in the form for errors: on one line,
/// without a user name and a password, and cut off if the text is long.
pub(super) fn shown(text: &str) -> String {
    let hidden = text.rsplit_once('@').map(|(_, host)| format!("{REDACTED}@{host}"));
    let text = hidden.as_deref().unwrap_or(text);
    let mut shown: String = text.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The error for a value that isn't a valid [`Target`].
#[derive(Clone, PartialEq, Eq)]
pub struct TargetError {
    target: Box<str>,
    why: Box<str>,
}

error_debug!(TargetError);

impl TargetError {
    fn new(target: &str, why: impl Into<Box<str>>) -> Self {
        TargetError { target: shown(target).into(), why: why.into() }
    }

    /// Returns the target as it was given, or only the host if the host isn't
    /// valid. Control characters are escaped, and a long text is cut off. A
    /// user name and a password before the host are hidden.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns a description of the problem with the target.
    pub fn problem(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.target.is_empty() {
            return f.write_str(&self.why);
        }
        write!(f, "{}: {}", self.target, self.why)
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_made_from_texts_pairs_and_addresses() {
        let ip: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let address = SocketAddr::from((ip, 80));
        let targets: [&dyn ToTarget; 8] = [
            &"[2001:db8::1]:80",
            &"[2001:db8::1]:80".to_owned(),
            &("2001:db8::1", 80),
            &("[2001:db8::1]".to_owned(), 80),
            &(ip, 80),
            &(IpAddr::from(ip), 80),
            &address,
            &&address,
        ];
        for target in targets {
            assert_eq!(target.to_target().unwrap().to_string(), "[2001:db8::1]:80");
        }
        assert_eq!("Example.com:80".to_target().unwrap().to_string(), "Example.com:80");
    }

    #[test]
    fn error_of_an_invalid_target_repeats_it() {
        for (target, start) in [
            ("example.com", "example.com: the target is not of the form host:port"),
            ("example.com:", "example.com:: the target is not of the form host:port"),
            ("example.com:65536", "example.com:65536: the target is not of the form host:port"),
            ("example.com:0", "example.com:0: the target has port 0"),
            (":80", "the host name "),
            ("a\r\nb", "a\\r\\nb: the target is not"),
            ("me:secret@example.com", "[redacted]@example.com: the target is not of the form"),
            ("http://me:secret@example.com/", "[redacted]@example.com/: the target is not of"),
            ("me:secret@example.com:80", "[redacted]@example.com: the host name"),
            ("2001:db8::a:80", "2001:db8::a:80: the target is not of the form host:port (an IPv6"),
            ("[fe80::1%5]:80", "[fe80::1%5]:80: the target has a zone"),
        ] {
            let error = target.to_target().unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
        let long = "a".repeat(300);
        let error = (long.as_str(), 80).to_target().unwrap_err();
        assert_eq!(error.target().chars().count(), MOST_SHOWN + 1);
        assert!((Ipv4Addr::LOCALHOST, 0).to_target().is_err());
    }
}
