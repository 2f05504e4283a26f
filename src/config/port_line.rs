//! The value of `SocksPort` and its like.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::protocol::{c_string, unquote};
use crate::types::ListenerAddress;

/// The value of an option that opens a port: `SocksPort`, `ControlPort`, `ORPort`, `DNSPort` and the like. tor's manual,
/// `SocksPort`: an address, and flags after it.
///
/// ```
/// use scape::config::{PortAddress, PortLine};
///
/// let line: PortLine = "9050 IsolateDestAddr SessionGroup=7".parse()?;
/// assert_eq!(line.address, PortAddress::Port(9050));
/// assert!(line.has_flag("isolatedestaddr"));
/// assert_eq!(line.to_string(), "9050 IsolateDestAddr SessionGroup=7");
/// # Ok::<(), scape::config::ParsePortLineError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PortLine {
    /// Where tor listens.
    pub address: PortAddress,
    /// What it does there, in order and as written: `IsolateDestAddr`, `ExtendedErrors`, `SessionGroup=7` and so on.
    pub flags: Vec<String>,
}

/// Where tor is told to listen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortAddress {
    /// `0`: nowhere.
    Off,
    /// A port of tor's usual address: 127.0.0.1, for clients' ports.
    Port(u16),
    /// `auto`: a port of tor's choice.
    Auto,
    /// An address and a port.
    Ip(SocketAddr),
    /// `unix:` and a path.
    Unix(PathBuf),
    /// Anything else, such as a name, or an address with `auto`.
    Other(String),
}

/// A text that is no value of a port option: it is empty, or a quote has no end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address with flags, as SocksPort and the like have it")]
pub struct ParsePortLineError {
    text: String,
}

impl PortLine {
    /// A line without flags.
    pub fn new(address: PortAddress) -> Self {
        PortLine { address, flags: Vec::new() }
    }

    /// The same line with one more flag.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Whether it has this flag, in whatever case.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own.eq_ignore_ascii_case(flag))
    }

    /// Whether this listener is certainly this line's: its port, address or path is the same.
    pub fn is_at(&self, listener: &ListenerAddress) -> bool {
        match (&self.address, listener) {
            (PortAddress::Port(port), ListenerAddress::Ip(address)) => {
                address.port() == *port && address.ip().is_loopback()
            }
            (PortAddress::Ip(own), ListenerAddress::Ip(address)) => own == address,
            (PortAddress::Unix(own), ListenerAddress::Unix(path)) => own == path,
            _ => false,
        }
    }
}

/// Where a path in quotes ends: behind the quote that no backslash stands before.
fn end_of_quotes(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

impl FromStr for PortLine {
    type Err = ParsePortLineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePortLineError { text: text.to_owned() };
        let trimmed = text.trim();
        let quoted = trimmed.strip_prefix("unix:").filter(|path| path.starts_with('"'));
        let (address, rest) = match quoted {
            Some(path) => {
                let end = end_of_quotes(path).ok_or_else(error)?;
                let (path, rest) = path.split_at_checked(end).ok_or_else(error)?;
                let path = String::from_utf8(unquote(path.as_bytes())).map_err(|_| error())?;
                if path.is_empty() {
                    return Err(error());
                }
                (PortAddress::Unix(path.into()), rest)
            }
            None => {
                let (word, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
                (PortAddress::read(word).ok_or_else(error)?, rest)
            }
        };
        Ok(PortLine { address, flags: rest.split_whitespace().map(str::to_owned).collect() })
    }
}

impl PortAddress {
    /// Reads what has no quotes.
    fn read(word: &str) -> Option<Self> {
        if let Some(path) = word.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| PortAddress::Unix(path.into()));
        }
        if word.is_empty() {
            return None;
        }
        if word.eq_ignore_ascii_case("auto") {
            return Some(PortAddress::Auto);
        }
        let port = Some(word).filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        Some(match (port.and_then(|port| port.parse().ok()), word.parse()) {
            (Some(0), _) => PortAddress::Off,
            (Some(port), _) => PortAddress::Port(port),
            (None, Ok(address)) => PortAddress::Ip(address),
            _ => PortAddress::Other(word.to_owned()),
        })
    }
}

impl fmt::Display for PortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortAddress::Off => f.write_str("0"),
            PortAddress::Port(port) => write!(f, "{port}"),
            PortAddress::Auto => f.write_str("auto"),
            PortAddress::Ip(address) => write!(f, "{address}"),
            PortAddress::Unix(path) => {
                let path = path.to_string_lossy();
                let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\\' | '#');
                match path.chars().all(plain) {
                    true => write!(f, "unix:{path}"),
                    false => write!(f, "unix:{}", c_string(&path)),
                }
            }
            PortAddress::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for PortLine {
    /// As in a torrc.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        self.flags.iter().try_for_each(|flag| write!(f, " {flag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> PortLine {
        text.parse().unwrap()
    }

    #[test]
    fn every_kind_of_address() {
        let cases = [
            ("0", PortAddress::Off),
            ("00", PortAddress::Off),
            ("+80", PortAddress::Other("+80".into())),
            ("99999", PortAddress::Other("99999".into())),
            ("9050", PortAddress::Port(9050)),
            ("auto", PortAddress::Auto),
            ("127.0.0.1:9050", PortAddress::Ip("127.0.0.1:9050".parse().unwrap())),
            ("[::1]:9050", PortAddress::Ip("[::1]:9050".parse().unwrap())),
            ("unix:/run/tor/socks", PortAddress::Unix("/run/tor/socks".into())),
            ("unix:\"/a b/\\\"c\\\\\"", PortAddress::Unix("/a b/\"c\\".into())),
            ("127.0.0.1:auto", PortAddress::Other("127.0.0.1:auto".into())),
            ("localhost:9050", PortAddress::Other("localhost:9050".into())),
        ];
        for (text, address) in cases {
            assert_eq!(parse(text), PortLine::new(address.clone()), "{text}");
            let with_flags = parse(&format!(" {text}   GroupWritable  WorldWritable "));
            assert_eq!(
                with_flags,
                PortLine::new(address).flag("GroupWritable").flag("WorldWritable"),
                "{text}"
            );
            assert_eq!(parse(&with_flags.to_string()), with_flags, "{text}");
        }
        for bad in ["", "  ", "unix:", "unix:\"\"", "unix:\"/a", "unix:\"/a\\\""] {
            assert!(bad.parse::<PortLine>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_listener_is_known_again() {
        let at = |line: &str, listener: &str| parse(line).is_at(&listener.parse().unwrap());
        assert!(at("9050 IPv6Traffic", "127.0.0.1:9050"));
        assert!(!at("9050", "192.0.2.1:9050"));
        assert!(at("192.0.2.1:9050", "192.0.2.1:9050"));
        assert!(at("unix:/run/tor/socks", "unix:/run/tor/socks"));
        assert!(!at("auto", "127.0.0.1:9050"));
    }

    proptest! {
        #[test]
        fn a_path_goes_there_and_back(path in "/[^\0]{1,40}", flags in proptest::collection::vec("[A-Za-z0-9=]{1,12}", 0..4)) {
            let line = PortLine { address: PortAddress::Unix(path.into()), flags };
            prop_assert_eq!(line.to_string().parse(), Ok(line));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(line) = text.parse::<PortLine>() {
                prop_assert_eq!(line.to_string().parse(), Ok(line));
            }
        }
    }
}
