//! Exit policies: dir-spec, "Exit policies"; tor's manual, ExitPolicy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What a relay lets streams connect to: rules in order, of which the first that fits decides. Where none fits, the
/// stream is allowed.
///
/// Read from the rules' text, with commas or line ends between them, and written with commas.
///
/// ```
/// use scape::types::ExitPolicy;
///
/// let policy: ExitPolicy = "reject private:*, accept *:80, accept6 [2001:db8::]/32:443, reject *:*".parse()?;
/// assert!(policy.allows("198.51.100.7".parse()?, 80));
/// assert!(!policy.allows("127.0.0.1".parse()?, 80));
/// assert!(policy.allows("2001:db8::1".parse()?, 443));
/// assert_eq!(policy.rules().len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ExitPolicy {
    rules: Vec<ExitRule>,
}

/// One rule of an exit policy, such as `accept *:80` or `reject 10.0.0.0/8:*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitRule {
    /// What happens to streams that it fits.
    pub action: ExitAction,
    /// The addresses that it fits.
    pub address: AddressPattern,
    /// The ports that it fits.
    pub ports: PortRange,
}

/// What happens to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitAction {
    /// It may go there.
    Accept,
    /// It may not.
    Reject,
}

/// The addresses that a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressPattern {
    /// Every address: `*`.
    Any,
    /// Every IPv4 address: `*4`.
    AnyV4,
    /// Every IPv6 address: `*6`.
    AnyV6,
    /// The networks that are nobody's on the Internet, loopback and link-local among them: `private`. (tor counts its
    /// own public addresses among them; these this pattern does not know.)
    Private,
    /// The IPv4 addresses that begin with the first `prefix` bits (at most 32) of `address`.
    V4 {
        /// An address of the network.
        address: Ipv4Addr,
        /// How many bits count.
        prefix: u8,
    },
    /// The IPv6 addresses that begin with the first `prefix` bits (at most 128) of `address`.
    V6 {
        /// An address of the network.
        address: Ipv6Addr,
        /// How many bits count.
        prefix: u8,
    },
}

/// The ports that a rule fits: a range with both its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    min: u16,
    max: u16,
}

const PRIVATE_V4: [(Ipv4Addr, u8); 6] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
];

const PRIVATE_V6: [(Ipv6Addr, u8); 6] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 127),
];

impl ExitPolicy {
    /// The rules, in order.
    pub fn rules(&self) -> &[ExitRule] {
        &self.rules
    }

    /// Whether a stream to this address and port may leave.
    pub fn allows(&self, ip: IpAddr, port: u16) -> bool {
        let first = self.rules.iter().find(|rule| rule.fits(ip, port));
        first.is_none_or(|rule| rule.action == ExitAction::Accept)
    }
}

impl ExitRule {
    /// Whether it is this rule's to decide about the address and port, unless an earlier one fits.
    pub fn fits(&self, ip: IpAddr, port: u16) -> bool {
        self.ports.contains(port) && self.address.contains(ip)
    }
}

impl AddressPattern {
    /// Whether the address is one of these.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (*self, ip) {
            (AddressPattern::Any, _)
            | (AddressPattern::AnyV4, IpAddr::V4(_))
            | (AddressPattern::AnyV6, IpAddr::V6(_)) => true,
            (AddressPattern::Private, IpAddr::V4(ip)) => {
                PRIVATE_V4.iter().any(|(network, prefix)| within_v4(*network, *prefix, ip))
            }
            (AddressPattern::Private, IpAddr::V6(ip)) => {
                PRIVATE_V6.iter().any(|(network, prefix)| within_v6(*network, *prefix, ip))
            }
            (AddressPattern::V4 { address, prefix }, IpAddr::V4(ip)) => within_v4(address, prefix, ip),
            (AddressPattern::V6 { address, prefix }, IpAddr::V6(ip)) => within_v6(address, prefix, ip),
            _ => false,
        }
    }
}

fn within_v4(network: Ipv4Addr, prefix: u8, ip: Ipv4Addr) -> bool {
    let differ = network.to_bits() ^ ip.to_bits();
    differ.leading_zeros() >= u32::from(prefix.min(32))
}

fn within_v6(network: Ipv6Addr, prefix: u8, ip: Ipv6Addr) -> bool {
    let differ = network.to_bits() ^ ip.to_bits();
    differ.leading_zeros() >= u32::from(prefix.min(128))
}

impl PortRange {
    /// Every port: `*`, which is 1 to 65535.
    pub const ANY: PortRange = PortRange { min: 1, max: u16::MAX };

    /// The ports from `min` to `max`; `None` where there is none.
    pub const fn new(min: u16, max: u16) -> Option<Self> {
        if min <= max { Some(PortRange { min, max }) } else { None }
    }

    /// The lowest port.
    pub const fn min(self) -> u16 {
        self.min
    }

    /// The highest port.
    pub const fn max(self) -> u16 {
        self.max
    }

    /// Whether the port is one of these.
    pub const fn contains(self, port: u16) -> bool {
        self.min <= port && port <= self.max
    }
}

impl FromIterator<ExitRule> for ExitPolicy {
    fn from_iter<I: IntoIterator<Item = ExitRule>>(rules: I) -> Self {
        ExitPolicy { rules: rules.into_iter().collect() }
    }
}

impl FromStr for ExitPolicy {
    type Err = ParseExitPolicyError;

    /// Rules with commas or line ends between them; none in an empty text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rules = Vec::new();
        let mut position = 0;
        for part in text.split([',', '\n']) {
            let rule = part.trim();
            if !rule.is_empty() {
                let before = part.len() - part.trim_start().len();
                rules.push(parse_rule(rule).map_err(|problem| ParseExitPolicyError {
                    rule: rule.into(),
                    position: position + before,
                    problem,
                })?);
            }
            position += part.len() + 1;
        }
        Ok(ExitPolicy { rules })
    }
}

impl FromStr for ExitRule {
    type Err = ParseExitPolicyError;

    /// `accept` or `reject`, then an address pattern, perhaps with `:` and ports. With `accept6` and `reject6`, `*` means
    /// IPv6 only.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_rule(text.trim()).map_err(|problem| ParseExitPolicyError {
            rule: text.into(),
            position: 0,
            problem,
        })
    }
}

fn parse_rule(rule: &str) -> Result<ExitRule, PolicyProblem> {
    let (word, rest) = rule.split_once([' ', '\t']).ok_or(PolicyProblem::Action)?;
    let (action, v6_only) = match word.to_ascii_lowercase().as_str() {
        "accept" => (ExitAction::Accept, false),
        "reject" => (ExitAction::Reject, false),
        "accept6" => (ExitAction::Accept, true),
        "reject6" => (ExitAction::Reject, true),
        _ => return Err(PolicyProblem::Action),
    };
    let (address, ports) = split_ports(rest.trim());
    let address = match parse_address(address)? {
        AddressPattern::Any if v6_only => AddressPattern::AnyV6,
        AddressPattern::V4 { .. } | AddressPattern::AnyV4 if v6_only => return Err(PolicyProblem::Address),
        address => address,
    };
    Ok(ExitRule { action, address, ports: parse_ports(ports)? })
}

/// At the last colon that is not within brackets. Without ports, every port is meant.
fn split_ports(text: &str) -> (&str, &str) {
    match text.rsplit_once(':') {
        Some((address, ports)) if !ports.contains(']') => (address, ports),
        _ => (text, "*"),
    }
}

fn parse_address(text: &str) -> Result<AddressPattern, PolicyProblem> {
    match text.to_ascii_lowercase().as_str() {
        "*" => return Ok(AddressPattern::Any),
        "*4" => return Ok(AddressPattern::AnyV4),
        "*6" => return Ok(AddressPattern::AnyV6),
        "private" => return Ok(AddressPattern::Private),
        _ => {}
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    if let Some(v6) = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')) {
        let address = v6.parse().map_err(|_| PolicyProblem::Address)?;
        let prefix = prefix.map_or(Some(128), |bits| parse_bits(bits, 128)).ok_or(PolicyProblem::Prefix)?;
        return Ok(AddressPattern::V6 { address, prefix });
    }
    let address = address.parse().map_err(|_| PolicyProblem::Address)?;
    let bits = |text: &str| parse_bits(text, 32).or_else(|| parse_mask(text));
    let prefix = prefix.map_or(Some(32), bits).ok_or(PolicyProblem::Prefix)?;
    Ok(AddressPattern::V4 { address, prefix })
}

fn parse_bits(text: &str, most: u8) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|bits| digits && *bits <= most)
}

/// A mask such as `255.255.0.0`, as the number of its bits.
fn parse_mask(text: &str) -> Option<u8> {
    let mask = text.parse::<Ipv4Addr>().ok()?.to_bits();
    let bits = mask.leading_ones();
    (mask.count_ones() == bits).then(|| u8::try_from(bits).ok())?
}

fn parse_ports(text: &str) -> Result<PortRange, PolicyProblem> {
    if text == "*" {
        return Ok(PortRange::ANY);
    }
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_: &u16| digits).ok_or(PolicyProblem::Ports)
    };
    let (min, max) = match text.split_once('-') {
        Some((min, max)) => (port(min)?, port(max)?),
        None => (port(text)?, port(text)?),
    };
    PortRange::new(min, max).ok_or(PolicyProblem::Ports)
}

impl fmt::Display for ExitPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rule) in self.rules.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{rule}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ExitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.action, self.address, self.ports)
    }
}

impl fmt::Display for ExitAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ExitAction::Accept => "accept",
            ExitAction::Reject => "reject",
        })
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressPattern::Any => f.write_str("*"),
            AddressPattern::AnyV4 => f.write_str("*4"),
            AddressPattern::AnyV6 => f.write_str("*6"),
            AddressPattern::Private => f.write_str("private"),
            AddressPattern::V4 { address, prefix: 32 } => write!(f, "{address}"),
            AddressPattern::V4 { address, prefix } => write!(f, "{address}/{prefix}"),
            AddressPattern::V6 { address, prefix: 128 } => write!(f, "[{address}]"),
            AddressPattern::V6 { address, prefix } => write!(f, "[{address}]/{prefix}"),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PortRange::ANY => f.write_str("*"),
            PortRange { min, max } if min == max => write!(f, "{min}"),
            PortRange { min, max } => write!(f, "{min}-{max}"),
        }
    }
}

/// A text that is no exit policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?} (at byte {position}) is no rule of an exit policy: {problem}")]
pub struct ParseExitPolicyError {
    rule: String,
    position: usize,
    problem: PolicyProblem,
}

impl ParseExitPolicyError {
    /// The rule that is none.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Where it stands, in bytes from the text's start.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong with it.
    pub fn problem(&self) -> PolicyProblem {
        self.problem
    }
}

/// What is wrong with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// It does not begin with `accept`, `reject`, `accept6` or `reject6` and a space.
    #[error("it must begin with accept or reject")]
    Action,
    /// Its addresses are none, or not of the kind that `accept6` and `reject6` are for.
    #[error("its address must be *, *4, *6, private, an IPv4 address or an IPv6 address in brackets")]
    Address,
    /// What follows the `/` is no number of bits, nor a mask.
    #[error("after / there must be a number of bits that fits the address")]
    Prefix,
    /// Its ports are none.
    #[error("its ports must be *, a port or a range of ports")]
    Ports,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> ExitPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn every_form_of_a_rule() {
        for (text, written) in [
            ("accept *:*", "accept *:*"),
            ("ACCEPT  *", "accept *:*"),
            ("reject *4:25", "reject *4:25"),
            ("accept6 *:80-90", "accept *6:80-90"),
            ("reject6 [2001:db8::]/32:*", "reject [2001:db8::]/32:*"),
            ("reject private:*", "reject private:*"),
            ("accept 192.0.2.1", "accept 192.0.2.1:*"),
            ("accept 192.0.2.0/24:443", "accept 192.0.2.0/24:443"),
            ("reject 192.168.0.0/255.255.0.0:1-65535", "reject 192.168.0.0/16:*"),
            ("accept [::1]", "accept [::1]:*"),
            ("accept [::1]/128:5-5", "accept [::1]:5"),
            ("accept *:0", "accept *:0"),
        ] {
            let rule: ExitRule = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(rule.to_string(), written);
        }
        assert_eq!(policy("accept *:80,\n reject *:*\n").to_string(), "accept *:80,reject *:*");
        assert!(policy("").rules().is_empty());
    }

    #[test]
    fn what_is_wrong_and_where() {
        for (rule, problem) in [
            ("accept", PolicyProblem::Action),
            ("allow *:*", PolicyProblem::Action),
            ("accept :80", PolicyProblem::Address),
            ("accept ::1:80", PolicyProblem::Address),
            ("accept example.com:80", PolicyProblem::Address),
            ("accept6 192.0.2.1:80", PolicyProblem::Address),
            ("accept 192.0.2.1/33:80", PolicyProblem::Prefix),
            ("accept 192.0.2.1/255.0.255.0:80", PolicyProblem::Prefix),
            ("accept [::]/129:80", PolicyProblem::Prefix),
            ("accept 192.0.2.1/+8:80", PolicyProblem::Prefix),
            ("accept *:", PolicyProblem::Ports),
            ("accept *:65536", PolicyProblem::Ports),
            ("accept *:90-80", PolicyProblem::Ports),
            ("accept *:80-", PolicyProblem::Ports),
            ("accept *:+80", PolicyProblem::Ports),
        ] {
            let error = format!("reject *:25, {rule},accept *:*").parse::<ExitPolicy>().unwrap_err();
            assert_eq!((error.problem(), error.position(), error.rule()), (problem, 13, rule), "{error}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy =
            policy("reject 192.0.2.0/25:*,accept *4:80-81,accept [2001:db8::]/33:80,reject *:1-1000");
        for (ip, port, allowed) in [
            ("192.0.2.127", 80, false),
            ("192.0.2.128", 80, true),
            ("192.0.2.128", 82, false),
            ("2001:db8:7fff::1", 80, true),
            ("2001:db8:8000::1", 80, false),
            ("2001:db8::1", 81, false),
            // No rule fits.
            ("192.0.2.128", 1001, true),
        ] {
            assert_eq!(policy.allows(ip.parse().unwrap(), port), allowed, "{ip} {port}");
        }
        assert!(ExitPolicy::default().allows("::1".parse().unwrap(), 80));
    }

    #[test]
    fn private_is_what_tor_means_by_it() {
        let default = policy(
            "reject 0.0.0.0/8:*,reject 169.254.0.0/16:*,reject 127.0.0.0/8:*,reject 192.168.0.0/16:*,\
             reject 10.0.0.0/8:*,reject 172.16.0.0/12:*,reject [::]/8:*,reject [fc00::]/7:*,reject [fe80::]/10:*,\
             reject [fec0::]/10:*,reject [ff00::]/8:*,reject [::]/127:*",
        );
        let private = policy("reject private:*");
        for ip in [
            "10.1.2.3",
            "127.0.0.1",
            "172.31.255.255",
            "172.32.0.0",
            "8.8.8.8",
            "::1",
            "fe80::1",
            "fdff::1",
            "2001:db8::1",
            "100::1",
            "ff02::1",
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(private.allows(ip, 80), default.allows(ip, 80), "{ip}");
        }
    }

    fn pattern() -> impl Strategy<Value = AddressPattern> {
        prop_oneof![
            Just(AddressPattern::Any),
            Just(AddressPattern::AnyV4),
            Just(AddressPattern::AnyV6),
            Just(AddressPattern::Private),
            (any::<Ipv4Addr>(), 0u8..=32)
                .prop_map(|(address, prefix)| AddressPattern::V4 { address, prefix }),
            (any::<Ipv6Addr>(), 0u8..=128)
                .prop_map(|(address, prefix)| AddressPattern::V6 { address, prefix }),
        ]
    }

    fn rule() -> impl Strategy<Value = ExitRule> {
        (any::<bool>(), pattern(), any::<(u16, u16)>()).prop_map(|(accept, address, (a, b))| ExitRule {
            action: if accept { ExitAction::Accept } else { ExitAction::Reject },
            address,
            ports: PortRange { min: a.min(b), max: a.max(b) },
        })
    }

    proptest! {
        #[test]
        fn a_policy_goes_there_and_back(rules in proptest::collection::vec(rule(), 0..12)) {
            let policy: ExitPolicy = rules.into_iter().collect();
            prop_assert_eq!(policy.to_string().parse(), Ok(policy.clone()));
            prop_assert_eq!(policy.to_string().replace(',', "\n").parse(), Ok(policy));
        }

        #[test]
        fn nothing_makes_it_fail(text in "[ -~\n]{0,60}", ip: IpAddr, port: u16) {
            if let Ok(policy) = text.parse::<ExitPolicy>() {
                policy.allows(ip, port);
            }
        }

        #[test]
        fn whatever_decides_is_the_first_that_fits(
            rules in proptest::collection::vec(rule(), 0..8), ip: IpAddr, port: u16
        ) {
            let policy: ExitPolicy = rules.iter().copied().collect();
            let first = rules.iter().find(|rule| rule.fits(ip, port));
            prop_assert_eq!(policy.allows(ip, port), first.is_none_or(|r| r.action == ExitAction::Accept));
        }
    }
}
