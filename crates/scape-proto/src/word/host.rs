//! Hosts that a client may ask tor for. Every host name passes through
//! [`Host::parse`] before it is sent to tor.
//!
//! tor recognizes onion addresses (`.onion`) and the names that it refuses
//! (`.exit`) by the end of a name, ignoring case. A trailing dot defeats this
//! check: `example.onion.` is an ordinary name to tor, so tor would ask an exit
//! for it. RFC 7686 forbids such a request. [`Host::parse`] normalizes such
//! names or rejects them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The maximum length in bytes of a name that SOCKS can carry.
const MAX_LENGTH: usize = 255;

/// A host that a client may ask tor for: an IP address or a valid name.
///
/// ```
/// use scape_proto::word::{Host, HostError};
///
/// assert_eq!(Host::parse("example.com"), Ok(Host::Name("example.com".into())));
/// assert_eq!(Host::parse("[2001:db8::1]")?.to_string(), "[2001:db8::1]");
/// assert_eq!(Host::parse("example.com:80"), Err(HostError::Port));
/// # Ok::<(), HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A name of 1 to 255 letters, digits, hyphens, underscores and dots, in
    /// the case in which it was given. A name that ends in `.onion` has no
    /// trailing dot.
    Name(Box<str>),
}

/// The reason why a text isn't a valid [`Host`]. `Display` completes the
/// sentence "the host name …".
#[derive(Clone, PartialEq, Eq)]
pub enum HostError {
    /// The name is empty.
    Empty,
    /// The name is longer than 255 bytes, the most that SOCKS can carry.
    TooLong {
        /// The length of the name in bytes.
        length: usize,
    },
    /// The text is a URL.
    Url,
    /// A port follows the name.
    Port,
    /// The text looks like an IPv6 address, but isn't one.
    Ipv6,
    /// A user name precedes the host.
    UserName,
    /// A path follows the host.
    Path,
    /// The text contains `%`, as percent-encoded texts do.
    Percent,
    /// The text contains a character that isn't allowed in host names.
    Character {
        /// The first such character.
        character: char,
        /// The position of the character in bytes from the start of the text.
        position: usize,
    },
    /// The name begins with a dot, or contains two dots in a row.
    EmptyLabel,
    /// The part after the last dot is a number, but the name isn't an IPv4
    /// address.
    Number,
    /// The name is just `onion`.
    BareOnion,
    /// The name ends in `.exit`.
    Exit,
}

impl fmt::Debug for HostError {
    /// Writes the text as a whole sentence, because `Display` begins in the
    /// middle of one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host name {self}")
    }
}

impl Host {
    /// Parses a host: a name or an IP address. IPv6 addresses may be in
    /// brackets.
    ///
    /// One trailing dot is removed from onion addresses and IPv4 addresses.
    /// Other names keep their trailing dot.
    ///
    /// ```
    /// use scape_proto::word::{Host, HostError};
    ///
    /// assert_eq!(Host::parse("192.0.2.1")?, Host::Ip([192, 0, 2, 1].into()));
    /// assert_eq!(Host::parse("example.onion.")?.to_string(), "example.onion");
    /// assert_eq!(Host::parse("http://example.com"), Err(HostError::Url));
    /// # Ok::<(), HostError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text is neither a valid name nor an IP address.
    /// The error says what the text seems to be, such as a URL or a host with a
    /// port.
    pub fn parse(text: &str) -> Result<Host, HostError> {
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Ok(ip) = bracketed.unwrap_or(text).parse::<Ipv6Addr>() {
            return Ok(Host::Ip(ip.into()));
        }
        let bare = text.strip_suffix('.').unwrap_or(text);
        if let Ok(ip) = bare.parse::<Ipv4Addr>() {
            return Ok(Host::Ip(ip.into()));
        }
        let last = bare.rsplit('.').next().unwrap_or(bare);
        // This check comes before `check_characters`, because
        // `.$FINGERPRINT.exit` contains a `$`, which no valid name does.
        if last.eq_ignore_ascii_case("exit") && last.len() < bare.len() {
            return Err(HostError::Exit);
        }
        check_characters(text)?;
        if bare.split('.').any(str::is_empty) {
            return Err(HostError::EmptyLabel);
        }
        if is_number(last) {
            return Err(HostError::Number);
        }
        let is_onion = last.eq_ignore_ascii_case("onion");
        if is_onion && last.len() == bare.len() {
            return Err(HostError::BareOnion);
        }
        Ok(Host::Name(if is_onion { bare } else { text }.into()))
    }
}

/// Writes the host as tor does, with brackets around an IPv6 address.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// Returns true if `name` ends in `.onion`, ignoring case and any number of
/// trailing dots.
///
/// ```
/// use scape_proto::word::is_onion_name;
///
/// assert!(is_onion_name("www.example.Onion."));
/// assert!(!is_onion_name("onion.example"));
/// ```
pub fn is_onion_name(name: &str) -> bool {
    let bare = name.trim_end_matches('.');
    bare.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("onion"))
}

/// Returns true if `name` is an onion address with trailing dots. tor takes
/// such a name for an ordinary name and would ask an exit for it.
///
/// ```
/// use scape_proto::word::is_disguised_onion;
///
/// assert!(is_disguised_onion("example.onion."));
/// assert!(!is_disguised_onion("example.onion"));
/// ```
pub fn is_disguised_onion(name: &str) -> bool {
    name.ends_with('.') && is_onion_name(name)
}

/// Checks the length and the characters of a name. If the text isn't a name,
/// the error says what it seems to be.
fn check_characters(text: &str) -> Result<(), HostError> {
    if text.is_empty() {
        return Err(HostError::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(HostError::TooLong { length: text.len() });
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let Some((position, character)) = text.char_indices().find(|(_, c)| !is_allowed(*c)) else {
        return Ok(());
    };
    Err(match character {
        _ if text.contains("://") => HostError::Url,
        _ if text.contains('@') => HostError::UserName,
        '/' | '?' | '#' | '\\' => HostError::Path,
        '%' => HostError::Percent,
        ':' if text.matches(':').count() > 1 => HostError::Ipv6,
        ':' => HostError::Port,
        _ => HostError::Character { character, position },
    })
}

/// Returns true if `label`, the last part of a name, is a number. Some
/// resolvers read a name with such a last part as an IP address, for example
/// `127.1` or `0x7f000001`. No top-level domain is a number.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

impl std::error::Error for HostError {}

impl FromStr for Host {
    type Err = HostError;

    /// Parses a host in the same way as [`Host::parse`].
    ///
    /// # Errors
    ///
    /// Same errors as [`Host::parse`], most often [`HostError::Port`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Host::parse(text)
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Empty => f.write_str("is empty"),
            HostError::TooLong { length } => write!(f, "has {length} bytes, but may have at most {MAX_LENGTH}"),
            HostError::Url => f.write_str("is a URL: give only its host, such as example.com"),
            HostError::Port => f.write_str(
                "contains ':': give the port separately, as in \"example.com:80\" or (\"example.com\", 80)",
            ),
            HostError::Ipv6 => f.write_str(
                "contains ':', but is not an IPv6 address: such an address is written as in [2001:db8::1], without a zone",
            ),
            HostError::UserName => f.write_str("contains '@': give the host alone, without a user name"),
            HostError::Path => f.write_str("contains a path: give the host alone, such as example.com"),
            HostError::Percent => f.write_str("contains '%': write it without percent escapes"),
            HostError::Character { character, position } => {
                write!(f, "may not contain {character:?} (at byte {position})")?;
                match character {
                    '\u{3002}' | '\u{FF0E}' | '\u{FF61}' | '\u{2024}' => {
                        f.write_str(": separate its parts with ASCII dots")
                    }
                    c if !c.is_ascii() => {
                        f.write_str(": write an internationalized name in its ASCII form, xn--…")
                    }
                    _ => Ok(()),
                }
            }
            HostError::EmptyLabel => f.write_str("has an empty part: a dot at its start, or two in a row"),
            HostError::Number => f.write_str(
                "ends in a number, but is not an IP address: an IPv4 address is four decimal numbers, as in 192.0.2.1",
            ),
            HostError::BareOnion => {
                f.write_str("is the domain of onion services: an address has 56 characters before .onion")
            }
            HostError::Exit => f.write_str(
                "ends in .exit, which tor refuses from clients: use a circuit with the exit of your choice",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

    fn name(text: &str) -> Host {
        Host::Name(text.into())
    }

    #[test]
    fn onion_name_loses_its_trailing_dot() {
        for text in [ONION, "www.abc.onion", "expyuzz4wqqyqhjn.onion", "a.ONION", "xn--abc.oNiOn"] {
            assert_eq!(Host::parse(text), Ok(name(text)));
            assert_eq!(Host::parse(&format!("{text}.")), Ok(name(text)));
            assert_eq!(Host::parse(&format!("{text}..")), Err(HostError::EmptyLabel));
            assert!(is_onion_name(text) && is_onion_name(&format!("{text}...")));
        }
        for text in ["onion.example", "xonion", "a.onionx", "a.onion.example.", "onion", "", "."] {
            assert!(!is_onion_name(text), "{text}");
        }
    }

    #[test]
    fn disguised_onion_name_is_rejected() {
        for text in [
            "abc%2Eonion",
            "abc%2eonion.",
            "abc.%6fnion",
            "abc\u{3002}onion",
            "abc\u{FF0E}onion",
            "abc\u{FF61}onion",
            "abc.ｏnion",
            "abc.оnion", // a Cyrillic letter
            "abc.onion\u{200B}",
            "abc.onion\0",
            "abc.onion\0.example",
            "abc.onion ",
            " abc.onion",
            "abc.onion\t",
            "abc.onion:80",
            "abc.onion.:80",
            "abc.onion/",
            "http://abc.onion/",
            "a@abc.onion",
            "[abc.onion]",
            "\"abc.onion\"",
            "abc.onion..",
            "abc..onion",
            ".onion",
            "onion",
            "onion.",
            "ONION",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn host_error_describes_malformed_text() {
        let cases = [
            ("http://example.com", HostError::Url),
            ("tcp:127.0.0.1:9051", HostError::Ipv6),
            ("example.com:80", HostError::Port),
            ("192.0.2.1:80", HostError::Port),
            ("[2001:db8::1]:80", HostError::Character { character: '[', position: 0 }),
            ("fe80::1%3", HostError::Ipv6),
            ("a@example.com", HostError::UserName),
            ("example.com/index", HostError::Path),
            ("a%20b", HostError::Percent),
            ("a b", HostError::Character { character: ' ', position: 1 }),
            ("", HostError::Empty),
            (".", HostError::EmptyLabel),
            ("a..b", HostError::EmptyLabel),
            ("127.1", HostError::Number),
            ("2130706433", HostError::Number),
            ("0x7f000001", HostError::Number),
            ("256.0.0.1.", HostError::Number),
            ("www.example.com.$A958.exit", HostError::Exit),
            ("www.example.com.relay.exit", HostError::Exit),
            ("relay.EXIT.", HostError::Exit),
        ];
        for (text, error) in cases {
            assert_eq!(Host::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Host::parse(&"a".repeat(256)), Err(HostError::TooLong { length: 256 }));
    }

    #[test]
    fn valid_host_is_unchanged() {
        for text in ["192.0.2.1", "192.0.2.1.", "2001:db8::1", "[2001:db8::1]"] {
            let bare = text.trim_end_matches('.').trim_matches(['[', ']']);
            assert_eq!(Host::parse(text), Ok(Host::Ip(bare.parse().unwrap())), "{text}");
        }
        for text in [
            "example.com",
            "Example.COM.",
            "localhost",
            "my_host",
            "exit",
            "a.0x1g",
            "1.example",
            "0xn",
        ] {
            assert_eq!(Host::parse(text), Ok(name(text)));
        }
    }

    proptest! {
        /// Checks parsed names as tor does: tor converts a name to lower case
        /// and compares the end of the name with `.onion`.
        #[test]
        fn parsed_onion_name_is_an_onion_address_to_tor(
            before in r"[a-z2-7.]{0,8}", onion in "[.。．%2Ee ]{0,3}[oO][nN][iI][oO][nN]", after in r"[. \x00:/%。．]{0,3}"
        ) {
            if let Ok(Host::Name(name)) = Host::parse(&format!("{before}{onion}{after}"))
                && is_onion_name(&name)
            {
                prop_assert!(name.to_ascii_lowercase().ends_with(".onion"), "{}", name);
            }
        }

        #[test]
        fn host_round_trip(text in r"([a-z0-9._\-:\[\]]|\PC){0,12}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
