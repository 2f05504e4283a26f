//! Checks of single options, beyond those of their types.

use std::net::{IpAddr, Ipv6Addr};

use data_encoding::BASE64_NOPAD;

use super::routers::{may_be_routers, split_at_commas};
use super::{ConfigValueProblem, check, is_space, number, skip_spaces_and_comments};
use crate::control::{is_leaking_mapping, mapped_addresses};
use crate::info::ConfigType;
use crate::netdoc::{ExitRule, PolicyProblem};
use crate::torrc::{PortAddress, PortLine};

/// Checks a line of the option `name` more strictly than by the option's type
/// alone (see [`check()`]).
///
/// The stricter checks apply to ports, lists of ports, proxies, exit policies
/// and other address policies, and `OutboundBindAddress` and related options.
/// They also apply to `Log`, `Bridge`, `Nickname`, `NodeFamily`,
/// `HashedControlPassword`, `AccountingRule` and `MapAddress`. All other
/// options are left to tor. So is anything that depends on name resolution,
/// files, or other options.
///
/// This function rejects only values that tor rejects, with two exceptions for
/// `MapAddress`. One is a single word, which tor accepts but ignores. The other
/// is a new address such as `abc.onion.`, an onion address with a trailing dot.
/// tor would look it up at an exit, which RFC 7686 forbids.
///
/// ```
/// use scape_proto::torrc::value::check_option;
/// use scape_proto::info::ConfigType;
///
/// assert!(check_option("SocksPort", &ConfigType::Dependent, "9050 IsolateDestAddr").is_ok());
/// let problem = check_option("SocksPort", &ConfigType::Dependent, "99999").unwrap_err();
/// assert!(problem.to_string().starts_with("it takes 0, a port, auto, an address with a port"));
/// ```
///
/// # Errors
///
/// Returns the errors of [`check()`], and [`ConfigValueProblem::NotForOption`]
/// if the option takes other values.
pub fn check_option(name: &str, ty: &ConfigType, line: &str) -> Result<(), ConfigValueProblem> {
    check(ty, line)?;
    match Form::of(name) {
        Some(form) if !line.is_empty() && !form.fits(line) => {
            Err(ConfigValueProblem::NotForOption { takes: form.takes() })
        }
        _ => Ok(()),
    }
}

/// The form of an option's values. Several options may have the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    AccountingRule,
    Bridge,
    HashedPassword,
    HostPort,
    IpAddress,
    Log,
    MapAddress,
    Nickname,
    /// A policy whose rules may lack `accept` or `reject`.
    Patterns,
    Policy,
    Port,
    Ports,
    RouterSet,
}

const FORMS: &[(&str, Form)] = &[
    ("__ControlPort", Form::Port),
    ("__DirPort", Form::Port),
    ("__DNSPort", Form::Port),
    ("__ExtORPort", Form::Port),
    ("__HashedControlSessionPassword", Form::HashedPassword),
    ("__HTTPTunnelPort", Form::Port),
    ("__NATDPort", Form::Port),
    ("__ORPort", Form::Port),
    ("__SocksPort", Form::Port),
    ("__TransPort", Form::Port),
    ("AccountingRule", Form::AccountingRule),
    ("AuthDirBadExit", Form::Patterns),
    ("AuthDirInvalid", Form::Patterns),
    ("AuthDirMiddleOnly", Form::Patterns),
    ("AuthDirReject", Form::Patterns),
    ("Bridge", Form::Bridge),
    ("ControlPort", Form::Port),
    ("DirPolicy", Form::Policy),
    ("DirPort", Form::Port),
    ("DNSPort", Form::Port),
    ("ExitPolicy", Form::Policy),
    ("ExtORPort", Form::Port),
    ("FirewallPorts", Form::Ports),
    ("HashedControlPassword", Form::HashedPassword),
    ("HTTPProxy", Form::HostPort),
    ("HTTPSProxy", Form::HostPort),
    ("HTTPTunnelPort", Form::Port),
    ("Log", Form::Log),
    ("LongLivedPorts", Form::Ports),
    ("MapAddress", Form::MapAddress),
    ("MetricsPortPolicy", Form::Policy),
    ("NATDPort", Form::Port),
    ("Nickname", Form::Nickname),
    ("NodeFamily", Form::RouterSet),
    ("ORPort", Form::Port),
    ("OutboundBindAddress", Form::IpAddress),
    ("OutboundBindAddressExit", Form::IpAddress),
    ("OutboundBindAddressOR", Form::IpAddress),
    ("OutboundBindAddressPT", Form::IpAddress),
    ("ReachableAddresses", Form::Patterns),
    ("ReachableDirAddresses", Form::Patterns),
    ("ReachableORAddresses", Form::Patterns),
    ("RejectPlaintextPorts", Form::Ports),
    ("Socks4Proxy", Form::HostPort),
    ("Socks5Proxy", Form::HostPort),
    ("SocksPolicy", Form::Policy),
    ("SocksPort", Form::Port),
    ("TransPort", Form::Port),
    ("WarnPlaintextPorts", Form::Ports),
];

impl Form {
    fn of(name: &str) -> Option<Form> {
        FORMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, form)| *form)
    }

    fn fits(self, line: &str) -> bool {
        match self {
            Form::AccountingRule => matches!(line, "sum" | "max" | "in" | "out"),
            Form::Bridge => is_bridge(line),
            Form::HashedPassword => is_hashed_password(line),
            Form::HostPort => is_host_port(skip_spaces_and_comments(line)),
            Form::IpAddress => is_ip(line),
            Form::Log => log_target(line).is_some_and(is_log_target),
            Form::MapAddress => is_mapping(line),
            Form::Nickname => line.len() <= 19 && line.bytes().all(|b| b.is_ascii_alphanumeric()),
            Form::Patterns => split_at_commas(line).all(|rule| is_rule(rule, true)),
            Form::Policy => split_at_commas(line).all(|rule| is_rule(rule, false)),
            Form::Port => is_port_line(line),
            Form::Ports => split_at_commas(line).all(is_port_at_start),
            Form::RouterSet => split_at_commas(line).all(may_be_routers),
        }
    }

    /// Describes the form, in words that complete "it takes …".
    fn takes(self) -> &'static str {
        match self {
            Form::AccountingRule => "sum, max, in or out",
            Form::Bridge => {
                "an address with a port, perhaps after the name of a transport, and then perhaps a fingerprint \
                 and arguments key=value"
            }
            Form::HashedPassword => "a hash, as HashedPassword and tor --hash-password make it",
            Form::HostPort => "an address or host name, perhaps with a port from 1 to 65535",
            Form::IpAddress => "an IP address",
            Form::Log => {
                "a severity (debug, info, notice, warn or err) and stdout, stderr, syslog or file PATH"
            }
            Form::MapAddress => {
                "two addresses: the one to map, and its new one, which may not be an onion address with a \
                 trailing dot, because tor would look that up at an exit"
            }
            Form::Nickname => "1 to 19 letters and digits",
            Form::Patterns => {
                "address patterns such as 192.0.2.0/24:80, perhaps after accept or reject"
            }
            Form::Policy => "rules such as accept *:80 or reject 192.0.2.0/24:*",
            Form::Port => {
                "0, a port, auto, an address with a port or with :auto, or unix:PATH, and then flags"
            }
            Form::Ports => "ports from 1 to 65535",
            Form::RouterSet => "relays: fingerprints, nicknames, countries such as {de}, addresses",
        }
    }
}

/// Returns true if the line is valid for `MapAddress`: it has two addresses,
/// and the mapping doesn't make tor look up an onion address at an exit. A
/// mapping of an address to itself is valid, because MAPADDRESS allows this
/// too.
fn is_mapping(line: &str) -> bool {
    mapped_addresses(line).is_some_and(|(from, to)| !is_leaking_mapping(from, to))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// Returns true if tor accepts the text as a port. tor also accepts `+80` and
/// `080`.
fn is_port(text: &str) -> bool {
    number::integer(text).is_some_and(|port| (1..=65535).contains(&port))
}

/// Returns true if tor accepts this element of a list of ports. tor reads only
/// the digits at the beginning of the element.
fn is_port_at_start(text: &str) -> bool {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).is_some_and(is_port)
}

/// Returns true if tor accepts the text as an IP address. tor accepts IPv6
/// addresses with and without brackets.
fn is_ip(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().is_ok() || is_ipv6(bare)
}

/// Returns true if the text is an IPv6 address. Unlike Rust, tor accepts
/// leading zeros in the decimal numbers of `::192.0.2.01`.
fn is_ipv6(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let Some((words, octets)) = text.rsplit_once(':') else { return false };
    // `parse` would allow the sign `+`.
    let is_number = |octet: &str| octet.len() <= 3 && !octet.starts_with('+');
    let octets: Option<Vec<u8>> =
        octets.split('.').map(|octet| octet.parse().ok().filter(|_| is_number(octet))).collect();
    octets.is_some_and(|octets| octets.len() == 4)
        && format!("{words}:0.0.0.0").parse::<Ipv6Addr>().is_ok()
}

/// Returns true if the text may be an address or host name, optionally with a
/// port.
fn is_host_port(text: &str) -> bool {
    if is_ip(text) {
        return true;
    }
    match text.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && is_port(port),
        None => true,
    }
}

fn is_port_line(line: &str) -> bool {
    match line.parse::<PortLine>() {
        Ok(line) => is_port_address(&line.address),
        // A quoted path may contain escapes that tor accepts and this library
        // doesn't, so a line with a backslash is left to tor.
        Err(_) => line.contains('\\'),
    }
}

fn is_port_address(address: &PortAddress) -> bool {
    match address {
        PortAddress::Ip(address) => address.port() != 0,
        PortAddress::Host { port, .. } => *port != Some(0),
        PortAddress::Other(word) => {
            let number = number::integer(word);
            if let Some(port) = number {
                return (0..=65535).contains(&port);
            }
            match word.rsplit_once(':') {
                Some((host, port)) if port.eq_ignore_ascii_case("auto") => !host.is_empty(),
                Some((host, port)) => !host.is_empty() && is_port(port) && !is_ip(word),
                None => false,
            }
        }
        _ => true,
    }
}

/// Returns true if tor accepts the text as a rule of a policy. If
/// `may_lack_action` is true, the text may also be a rule without `accept` or
/// `reject` that begins like an address. tor adds the action to such a rule.
fn is_rule(rule: &str, may_lack_action: bool) -> bool {
    let rule = rule.strip_prefix("opt ").map_or(rule, str::trim_start);
    // tor allows comments within rules.
    let rule = rule.split_once('#').map_or(rule, |(rule, _)| rule.trim_end());
    let is_bare = rule.starts_with(|c: char| c == '*' || c == '[' || c.is_ascii_digit());
    let parsed = match is_bare && may_lack_action {
        // tor ignores a rule that is too long for its buffer.
        true if "accept ".len() + rule.len() >= 128 => return true,
        true => format!("accept {rule}").parse::<ExitRule>(),
        false => rule.parse::<ExitRule>(),
    };
    match parsed {
        Ok(_) => true,
        // tor ignores a rule with this problem and keeps the other rules.
        Err(error) => error.problem() == PolicyProblem::Family,
    }
}

/// Returns the target of a `Log` line, or `None` if its severities can't be
/// parsed.
fn log_target(line: &str) -> Option<&str> {
    const TARGETS: [&str; 4] = ["file", "stderr", "stdout", "syslog"];
    let mut rest = skip_spaces_and_comments(line);
    let (mut severities, mut plain) = (0, 0);
    while !rest.is_empty() {
        match rest.strip_prefix('[') {
            // The available domains depend on the version of tor, so they
            // aren't checked.
            Some(domains) => rest = skip_spaces_and_comments(domains.split_once(']')?.1),
            None => plain += 1,
        }
        let is_target = |target: &&str| {
            rest.get(..target.len()).is_some_and(|r| r.eq_ignore_ascii_case(target))
        };
        if TARGETS.iter().any(is_target) {
            break;
        }
        let end = rest.find([' ', '\t', '\r', '\n', '#']).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        let (low, high) = word.split_once('-').unwrap_or((word, "err"));
        if plain > 1 || !is_severity(low) || !is_severity(high) {
            return None;
        }
        severities += 1;
        rest = skip_spaces_and_comments(after);
    }
    (severities > 0).then_some(rest)
}

fn is_severity(word: &str) -> bool {
    ["debug", "info", "notice", "warn", "err"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_log_target(text: &str) -> bool {
    let mut words = words(text);
    match (words.next(), words.next()) {
        (None, _) => true,
        (Some(word), None) => ["stdout", "stderr", "syslog", "android"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word)),
        (Some(word), Some(_)) => word.eq_ignore_ascii_case("file"),
    }
}

fn is_bridge(line: &str) -> bool {
    let mut words = words(line).peekable();
    let is_name = |word: &&str| {
        word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !word.starts_with(|c: char| c.is_ascii_digit())
    };
    let is_argument = |word: &str| word.find('=').is_some_and(|at| at > 0);
    let transport = words.next_if(is_name);
    let is_address = |text: &str| {
        let with_port =
            || text.rsplit_once(':').is_some_and(|(host, port)| is_ip(host) && is_port(port));
        is_ip(text) || with_port()
    };
    if !words.next().is_some_and(is_address) {
        return false;
    }
    if transport.is_none() {
        let fingerprint: String = words.collect();
        return fingerprint.is_empty() || is_fingerprint(&fingerprint);
    }
    words.next_if(|word| is_fingerprint(word));
    words.all(is_argument)
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns true if the text is a hashed password: 29 bytes, in hexadecimal
/// after `16:` or in base64.
fn is_hashed_password(text: &str) -> bool {
    match text.strip_prefix("16:") {
        Some(digits) => digits.len() == 58 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => {
            // tor skips white space, and ignores the unused bits at the end.
            let text: String = text.chars().filter(|c| !is_space(*c)).collect();
            let digits = text.trim_end_matches('=');
            digits.len() == 39
                && digits
                    .bytes()
                    .all(|b| BASE64_NOPAD.specification().symbols.contains(char::from(b)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_numbers_have_no_sign() {
        let check = |line| check_option("OutboundBindAddress", &ConfigType::LineList, line);
        for line in ["::192.0.2.1", "::192.0.2.01", "[::192.0.2.001]", "192.0.2.1"] {
            assert!(check(line).is_ok(), "{line}");
        }
        for line in ["::192.0.2.+1", "::+192.0.2.1", "192.0.2.+1", "::192.0.2.0001", "::192.0.2."] {
            assert!(check(line).is_err(), "{line}");
        }
    }

    #[test]
    fn map_address_to_onion_name_with_trailing_dot_is_rejected() {
        let check = |line| check_option("mapaddress", &ConfigType::LineList, line);
        for line in [
            "a abc.onion.",
            "a.test  www.abc.ONION.",
            "*.a.test *.abc.onion.. x",
            "abc.onion abc.onion.",
        ] {
            let problem = check(line).unwrap_err().to_string();
            assert!(problem.contains("trailing dot"), "{line}: {problem}");
        }
        for line in [
            "a abc.onion",
            "a b.test.",
            "abc.onion. abc.onion",
            "abc.onion. abc.onion.",
            "a onion.",
            "a b x.onion.",
        ] {
            assert!(check(line).is_ok(), "{line}");
        }
        assert!(check("a").is_err());
    }
}
