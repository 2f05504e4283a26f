//! Hosts that tor may be asked for. Every host name passes through
//! [`Host::parse`] before it is sent to tor.
//!
//! tor looks at the end of a name, in any case, to recognize onion addresses
//! (`.onion`) and the names that it refuses (`.exit`). So `example.onion.` with
//! a trailing dot is an ordinary name to tor, and an exit would be asked for
//! it. RFC 7686 forbids that. [`Host::parse`] normalizes such names, or refuses
//! them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that SOCKS can carry.
const MAX_LENGTH: usize = 255;

/// A host that tor may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A name of 1 to 255 letters, digits, hyphens, underscores and dots, in
    /// the case that it was given in. If it ends in `.onion`, there is nothing
    /// after that.
    Name(Box<str>),
}

/// Why a text is no host that tor may be asked for. `Display` completes the
/// sentence "the host name …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostError {
    Empty,
    TooLong { length: usize },
    Url,
    Port,
    Ipv6,
    UserName,
    Path,
    Percent,
    Character { character: char, position: usize },
    EmptyLabel,
    Number,
    BareOnion,
    Exit,
}

impl Host {
    /// Reads a host: an IP address, with or without the brackets of IPv6, or a
    /// name.
    ///
    /// One trailing dot is removed from onion addresses and IPv4 addresses.
    /// Other names keep it.
    pub(crate) fn parse(text: &str) -> Result<Host, HostError> {
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Ok(ip) = bracketed.unwrap_or(text).parse::<Ipv6Addr>() {
            return Ok(Host::Ip(ip.into()));
        }
        let bare = text.strip_suffix('.').unwrap_or(text);
        if let Ok(ip) = bare.parse::<Ipv4Addr>() {
            return Ok(Host::Ip(ip.into()));
        }
        let last = bare.rsplit('.').next().unwrap_or(bare);
        // Before the characters, because `.$FINGERPRINT.exit` has one that no
        // other name has.
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

/// The host as tor writes it, an IPv6 address in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// Returns true if `name` ends in `.onion`, in any case and with any number of
/// trailing dots.
pub(crate) fn is_onion_name(name: &str) -> bool {
    let bare = name.trim_end_matches('.');
    bare.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("onion"))
}

/// Returns true if `name` is an onion address with trailing dots, which tor
/// takes for an ordinary name. It would ask an exit for it.
pub(crate) fn is_disguised_onion(name: &str) -> bool {
    name.ends_with('.') && is_onion_name(name)
}

/// Checks that `text` has the length and the characters of a name, and says
/// what it seems to be otherwise.
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

/// Returns true if a name whose last label is `label` is a number to some
/// resolvers, as `127.1` and `0x7f000001` are. No top-level domain is one.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Empty => f.write_str("is empty"),
            HostError::TooLong { length } => write!(f, "has {length} bytes, but may have {MAX_LENGTH}"),
            HostError::Url => f.write_str("is a URL: give its host alone, such as example.com"),
            HostError::Port => f.write_str(
                "contains ':': give the port apart from the host, as in \"example.com:80\" or (\"example.com\", 80)",
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
                "ends in .exit, which tor refuses from clients: use a circuit with the exit of your choice (Tor::client_via)",
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
    fn onion_names_lose_their_trailing_dot() {
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
    fn disguised_onion_names_are_refused() {
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
    fn host_errors_say_what_the_text_seems_to_be() {
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
    fn addresses_and_names_stay_as_they_are() {
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
        /// tor compares the end of a name with `.onion`, after it has put the
        /// name in lower case.
        #[test]
        fn names_that_mean_an_onion_address_are_onion_names_to_tor(
            before in r"[a-z2-7.]{0,8}", onion in "[.。．%2Ee ]{0,3}[oO][nN][iI][oO][nN]", after in r"[. \x00:/%。．]{0,3}"
        ) {
            if let Ok(Host::Name(name)) = Host::parse(&format!("{before}{onion}{after}"))
                && is_onion_name(&name)
            {
                prop_assert!(name.to_ascii_lowercase().ends_with(".onion"), "{}", name);
            }
        }

        #[test]
        fn any_host_is_read_again_from_its_text(text in r"([a-z0-9._\-:\[\]]|\PC){0,12}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
