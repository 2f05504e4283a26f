//! The values of port options, such as `SocksPort`: an address and flags.

mod address;
mod flag;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

pub use address::PortAddress;
pub use flag::{PortFlag, PortSwitch};

use super::value::{is_space, skip_spaces_and_comments};
use crate::control::unquote;
use crate::info::ListenerAddress;

/// A value of `SocksPort`, `ControlPort`, `ORPort` or another port option: an
/// address to listen on, and flags.
///
/// ```
/// use scape_proto::torrc::{PortAddress, PortFlag, PortLine, PortSwitch};
///
/// let line: PortLine = "unix:\"/run/my tor/socks\" WorldWritable isolatedestaddr".parse()?;
/// assert_eq!(line.address, PortAddress::Unix("/run/my tor/socks".into()));
/// assert_eq!(line.switched(PortSwitch::IsolateDestAddr), Some(true));
///
/// let line = PortLine::new(PortAddress::Auto)
///     .flag(PortSwitch::IsolateDestAddr)
///     .flag(PortSwitch::IPv4Traffic.off())
///     .flag(PortFlag::SessionGroup(7));
/// assert_eq!(line.to_string(), "auto IsolateDestAddr NoIPv4Traffic SessionGroup=7");
/// # Ok::<(), scape_proto::torrc::ParsePortLineError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PortLine {
    /// The address on which tor listens.
    pub address: PortAddress,
    /// The flags in order, as they are written: `IsolateDestAddr`,
    /// `ExtendedErrors`, `SessionGroup=7` and so on.
    /// [`typed_flags`](Self::typed_flags) and [`switched`](Self::switched)
    /// interpret them.
    pub flags: Vec<String>,
}

/// The error for a text that isn't the value of a port option: the text is
/// empty, a quote isn't closed, or the path of a Unix socket (`unix:…`) is
/// empty or contains a NUL.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address with flags, as in SocksPort and other port options")]
pub struct ParsePortLineError {
    text: String,
}

error_debug!(ParsePortLineError);

impl PortLine {
    /// Creates a line without flags.
    ///
    /// ```
    /// use scape_proto::torrc::{PortAddress, PortLine};
    ///
    /// assert_eq!(PortLine::new(PortAddress::Port(9050)).to_string(), "9050");
    /// ```
    pub fn new(address: PortAddress) -> Self {
        PortLine { address, flags: Vec::new() }
    }

    /// Replaces the flags of the line.
    ///
    /// ```
    /// use scape_proto::torrc::{PortAddress, PortLine};
    ///
    /// let line = PortLine::new(PortAddress::Auto).with_flags(["IsolateDestAddr", "PreferIPv6"]);
    /// assert_eq!(line.to_string(), "auto IsolateDestAddr PreferIPv6");
    /// ```
    #[must_use]
    pub fn with_flags(self, flags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        PortLine { flags: flags.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds a flag to the line: a text, a [`PortFlag`], or a [`PortSwitch`] to
    /// switch on. If two flags contradict each other, the last one counts for
    /// tor.
    ///
    /// ```
    /// use scape_proto::torrc::{PortAddress, PortLine, PortSwitch};
    ///
    /// let line = PortLine::new(PortAddress::Port(9052))
    ///     .flag(PortSwitch::IsolateDestAddr)
    ///     .flag("SessionGroup=7");
    /// assert_eq!(line.to_string(), "9052 IsolateDestAddr SessionGroup=7");
    /// ```
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Returns true if the line has this flag, ignoring case, and no later flag
    /// contradicts it. A flag that stands for several other flags counts as all
    /// of them. For example, a line with `OnionTrafficOnly` has the flag
    /// `NoIPv4Traffic`. tor's defaults don't count.
    ///
    /// ```
    /// use scape_proto::torrc::PortLine;
    ///
    /// let line: PortLine = "9050 isolatedestaddr".parse()?;
    /// assert!(line.has_flag("IsolateDestAddr") && !line.has_flag("PreferIPv6"));
    /// let line: PortLine = "9050 IsolateDestAddr NoIsolateDestAddr".parse()?;
    /// assert!(line.has_flag("NoIsolateDestAddr") && !line.has_flag("IsolateDestAddr"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn has_flag(&self, flag: &str) -> bool {
        match PortFlag::from(flag) {
            PortFlag::SessionGroup(group) => self.session_group() == Some(group),
            PortFlag::Other(_) => self.flags.iter().any(|own| own.eq_ignore_ascii_case(flag)),
            known => known.effects().all(|(switch, on)| self.switched(switch) == Some(on)),
        }
    }

    /// Returns the interpreted flags, in order.
    ///
    /// ```
    /// use scape_proto::torrc::{PortFlag, PortLine, PortSwitch};
    ///
    /// let line: PortLine = "9050 PreferIPv6 SessionGroup=7".parse()?;
    /// let flags: Vec<PortFlag> = line.typed_flags().collect();
    /// assert_eq!(flags, [PortFlag::On(PortSwitch::PreferIPv6), PortFlag::SessionGroup(7)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn typed_flags(&self) -> impl Iterator<Item = PortFlag> {
        self.flags.iter().map(|flag| PortFlag::from(flag.as_str()))
    }

    /// Returns true if the flags switch `switch` on, and false if the flags
    /// switch it off. Returns `None` if no flag mentions `switch`; tor's
    /// default then applies. If several flags mention `switch`, the last one
    /// counts. The flags `OnionTrafficOnly`, `CacheDNS` and `UseDNSCache` also
    /// count as the switches that they stand for.
    ///
    /// ```
    /// use scape_proto::torrc::{PortLine, PortSwitch};
    ///
    /// let line: PortLine = "9050 OnionTrafficOnly".parse()?;
    /// assert_eq!(line.switched(PortSwitch::IPv4Traffic), Some(false));
    /// assert_eq!(line.switched(PortSwitch::IsolateSocksAuth), None);
    /// # Ok::<(), scape_proto::torrc::ParsePortLineError>(())
    /// ```
    pub fn switched(&self, switch: PortSwitch) -> Option<bool> {
        self.typed_flags().filter_map(|flag| flag.switches(switch)).last()
    }

    /// Returns the number in the first flag `SessionGroup=`, or `None` if there
    /// is no such flag. Streams from ports with the same number may share
    /// circuits.
    ///
    /// ```
    /// use scape_proto::torrc::PortLine;
    ///
    /// let line: PortLine = "9050 SessionGroup=7".parse()?;
    /// assert_eq!(line.session_group(), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_group(&self) -> Option<u32> {
        let mut flags = self.typed_flags();
        flags.find_map(
            |flag| if let PortFlag::SessionGroup(group) = flag { Some(group) } else { None },
        )
    }

    /// Returns true if `listener` certainly belongs to this line, which must be
    /// a line for a client port such as `SocksPort`.
    ///
    /// If the line has an address or a path, the listener must have the same
    /// address or path. If the line has only a port, the listener must have
    /// this port on 127.0.0.1. Returns false for `auto` and for host names,
    /// because they don't say where tor listens.
    ///
    /// ```
    /// use scape_proto::torrc::PortLine;
    ///
    /// let line: PortLine = "9050 IsolateDestAddr".parse()?;
    /// assert!(line.is_at(&"127.0.0.1:9050".parse()?));
    /// assert!(!line.is_at(&"unix:/run/tor/socks".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_at(&self, listener: &ListenerAddress) -> bool {
        match (&self.address, listener) {
            (PortAddress::Port(port), ListenerAddress::Ip(address)) => {
                *address == SocketAddr::from((Ipv4Addr::LOCALHOST, *port))
            }
            (PortAddress::Ip(own), ListenerAddress::Ip(address)) => own == address,
            (PortAddress::Unix(own), ListenerAddress::Unix(path)) => own == path,
            _ => false,
        }
    }
}

/// Returns the position after the closing quote of a quoted path, or `None` if
/// there is no closing quote. Escaped quotes are part of the path.
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

/// Splits a port line into its address and the text after it. Returns `None` if
/// the address is malformed.
fn split(text: &str) -> Option<(PortAddress, &str)> {
    let text = beginning(text);
    if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('"')) {
        let (path, rest) = path.split_at_checked(end_of_quotes(path)?)?;
        let path = String::from_utf8(unquote(path.as_bytes())).ok()?;
        return Some((PortAddress::unix(&path)?, rest));
    }
    let end = text.find([' ', '\t', '\n', '\r', '#']).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    Some((PortAddress::read(word)?, rest))
}

/// Returns the text after the white space and comments at its beginning. tor
/// looks for comments only before and after the address.
fn beginning(text: &str) -> &str {
    let mut text = text;
    loop {
        let rest = skip_spaces_and_comments(text.trim_start_matches(is_space));
        if rest.len() == text.len() {
            return rest;
        }
        text = rest;
    }
}

impl FromStr for PortLine {
    type Err = ParsePortLineError;

    /// Parses an address and flags, as in a torrc.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty, a quote isn't closed, or the path
    /// is empty or contains a NUL.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, rest) =
            split(text).ok_or_else(|| ParsePortLineError { text: text.to_owned() })?;
        let words = beginning(rest).split([' ', '\t']).map(|word| word.trim_matches(is_space));
        Ok(PortLine {
            address,
            flags: words.filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for PortLine {
    /// Writes the line as in a torrc.
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
    fn port_address_of_every_kind() {
        let host = |name: &str, port| PortAddress::Host { name: name.into(), port };
        let cases = [
            ("0", PortAddress::Off),
            ("00", PortAddress::Off),
            ("+80", PortAddress::Other("+80".into())),
            ("99999", PortAddress::Other("99999".into())),
            ("9050", PortAddress::Port(9050)),
            ("auto", PortAddress::Auto),
            ("AUTO", PortAddress::Auto),
            ("127.0.0.1:9050", PortAddress::Ip("127.0.0.1:9050".parse().unwrap())),
            ("[::1]:9050", PortAddress::Ip("[::1]:9050".parse().unwrap())),
            ("127.0.0.1:auto", PortAddress::IpAuto("127.0.0.1".parse().unwrap())),
            ("[::1]:Auto", PortAddress::IpAuto("::1".parse().unwrap())),
            ("localhost:9050", host("localhost", Some(9050))),
            ("localhost:auto", host("localhost", None)),
            ("localhost:99999", PortAddress::Other("localhost:99999".into())),
            ("::1:9050", PortAddress::Other("::1:9050".into())),
            (":9050", PortAddress::Other(":9050".into())),
            ("127.0.0.1", PortAddress::Other("127.0.0.1".into())),
            ("/run/tor/control", PortAddress::Other("/run/tor/control".into())),
            ("unix:/run/tor/socks", PortAddress::Unix("/run/tor/socks".into())),
            ("unix:\"/a b\"", PortAddress::Unix("/a b".into())),
            ("unix:\"/a b/\\\"c\\\\\"", PortAddress::Unix("/a b/\"c\\".into())),
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
        for bad in [
            "",
            "  ",
            "# 9050",
            "unix:",
            "unix:\"\"",
            "unix:\"/a",
            "unix:\"/a\\\"",
            "unix:\"/a\\000\"",
        ] {
            assert!(bad.parse::<PortLine>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn comments_in_port_lines() {
        for text in ["9050#x", "9050 # IsolateDestAddr", "#x\n 9050", "9050 \x0b#x"] {
            assert_eq!(parse(text), PortLine::new(PortAddress::Port(9050)), "{text:?}");
        }
        assert_eq!(parse("9050 A #B").flags, ["A", "#B"]);
        assert_eq!(parse("9050 #B\nA").flags, ["A"]);
        // tor doesn't take a Unicode space for white space.
        assert_eq!(parse("9050 A\u{a0}B").flags, ["A\u{a0}B"]);
    }

    #[test]
    fn last_port_flag_counts() {
        let line = parse(
            "9050 IsolateDestAddr noisolatedestaddrs CacheDNS NoCacheIPv6DNS Odd SessionGroup=7",
        );
        assert_eq!(line.switched(PortSwitch::IsolateDestAddr), Some(false));
        assert_eq!(line.switched(PortSwitch::CacheIPv4Dns), Some(true));
        assert_eq!(line.switched(PortSwitch::CacheIPv6Dns), Some(false));
        assert_eq!(line.switched(PortSwitch::ExtendedErrors), None);
        assert_eq!(line.session_group(), Some(7));
        assert_eq!(
            line.typed_flags().filter(|flag| *flag == PortFlag::Other("Odd".into())).count(),
            1
        );
        assert_eq!(parse(&line.to_string()), line);
        let line = parse("9050 OnionTrafficOnly IPv6Traffic");
        assert_eq!(line.switched(PortSwitch::DnsRequest), Some(false));
        assert_eq!(line.switched(PortSwitch::IPv6Traffic), Some(true));
        assert_eq!(line.switched(PortSwitch::OnionTraffic), None);
    }

    #[test]
    fn port_flag_counts_unless_a_later_one_contradicts_it() {
        let has = |line: &str, flag: &str| parse(line).has_flag(flag);
        assert!(has("9050 isolatedestaddrs", "IsolateDestAddr"));
        assert!(!has("9050 IsolateDestAddr NoIsolateDestAddr", "IsolateDestAddr"));
        assert!(has("9050 IsolateDestAddr NoIsolateDestAddr", "noisolatedestaddr"));
        assert!(has("9050 OnionTrafficOnly", "NoIPv4Traffic"));
        assert!(has("9050 NoIPv4Traffic NoIPv6Traffic NoDNSRequest", "OnionTrafficOnly"));
        assert!(!has("9050 OnionTrafficOnly IPv4Traffic", "OnionTrafficOnly"));
        assert!(has("9050 CacheIPv6DNS CacheIPv4DNS", "CacheDNS"));
        assert!(has("9050 sessiongroup=7", "SessionGroup=7"));
        assert!(!has("9050 SessionGroup=7", "SessionGroup=8"));
        assert!(has("9050 Odd", "odd") && !has("9050 Odd", "NoOdd") && !has("9050", ""));
        // Defaults don't count.
        assert!(!has("9050", "IPv4Traffic") && !has("9050", "IsolateSOCKSAuth"));
    }

    #[test]
    fn listener_matches_its_port_line() {
        let at = |line: &str, listener: &str| parse(line).is_at(&listener.parse().unwrap());
        assert!(at("9050 IPv6Traffic", "127.0.0.1:9050"));
        assert!(!at("9050", "192.0.2.1:9050"));
        // For a port alone, tor listens on 127.0.0.1 only.
        assert!(!at("9050", "127.0.0.2:9050") && !at("9050", "[::1]:9050"));
        assert!(at("192.0.2.1:9050", "192.0.2.1:9050"));
        assert!(at("unix:/run/tor/socks", "unix:/run/tor/socks"));
        assert!(!at("auto", "127.0.0.1:9050"));
        assert!(!at("127.0.0.1:auto", "127.0.0.1:9050"));
    }

    fn address() -> impl Strategy<Value = PortAddress> {
        let host = ("[a-z][a-z0-9-]{0,9}(\\.[a-z]{2,5})?", proptest::option::of(any::<u16>()));
        prop_oneof![
            Just(PortAddress::Off),
            Just(PortAddress::Auto),
            (1..=u16::MAX).prop_map(PortAddress::Port),
            any::<(Ipv4Addr, u16)>().prop_map(|address| PortAddress::Ip(address.into())),
            any::<(std::net::Ipv6Addr, u16)>().prop_map(|address| PortAddress::Ip(address.into())),
            any::<std::net::IpAddr>().prop_map(PortAddress::IpAuto),
            host.prop_map(|(name, port)| PortAddress::Host { name, port }),
            "/[^\0]{1,40}".prop_map(|path| PortAddress::Unix(path.into())),
        ]
    }

    proptest! {
        #[test]
        fn port_line_round_trip(address in address(), flags in proptest::collection::vec("[A-Za-z0-9=]{1,12}", 0..4)) {
            let line = PortLine { address, flags };
            prop_assert_eq!(line.to_string().parse(), Ok(line));
        }

        #[test]
        fn parsed_port_line_round_trip(text in any::<String>(), near in "(unix:)?\"?[a-z0-9:/\\[\\]\\\\]{0,8}\"?[ #\t\n\x0bA-C]{0,8}") {
            for text in [&text, &near] {
                if let Ok(line) = text.parse::<PortLine>() {
                    prop_assert_eq!(line.to_string().parse(), Ok(line));
                }
            }
        }
    }
}
