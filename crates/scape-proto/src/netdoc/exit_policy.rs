//! Parser for exit policies: dir-spec, "Exit policies"; tor's manual,
//! ExitPolicy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses and ports that a relay lets streams connect to.
///
/// A policy is a list of rules. The first rule that matches decides. If no rule
/// matches, the stream is allowed.
///
/// The text of a policy has commas or line ends between its rules, and is
/// parsed in the same way as tor parses it. `Display` writes commas.
///
/// ```
/// use scape_proto::netdoc::ExitPolicy;
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
#[doc(alias = "ExitPolicyRule")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitRule {
    /// The action for streams that match the address and the ports.
    pub action: ExitAction,
    /// The addresses that match.
    pub address: AddressPattern,
    /// The ports that match.
    pub ports: PortRange,
}

/// The action of a rule in an exit policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitAction {
    /// The stream is allowed.
    Accept,
    /// The stream is rejected.
    Reject,
}

/// The addresses that a rule of an exit policy matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressPattern {
    /// Every address: `*`.
    Any,
    /// Every IPv4 address: `*4`.
    AnyV4,
    /// Every IPv6 address: `*6`.
    AnyV6,
    /// The networks that aren't part of the public Internet, such as loopback
    /// and link-local addresses: `private`. For tor, a relay's own public
    /// addresses match too. They don't match here, because this pattern doesn't
    /// know the relay.
    Private,
    /// The IPv4 addresses that begin with the same `prefix` bits as `address`.
    V4 {
        /// An address in the network. Only the first `prefix` bits count.
        address: Ipv4Addr,
        /// The number of bits to compare, 0 to 32.
        prefix: u8,
    },
    /// The IPv6 addresses that begin with the same `prefix` bits as `address`.
    V6 {
        /// An address in the network. Only the first `prefix` bits count.
        address: Ipv6Addr,
        /// The number of bits to compare, 0 to 128.
        prefix: u8,
    },
}

/// The ports that a rule of an exit policy matches: a range that includes both
/// ends.
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
    /// Returns the rules, in order.
    pub fn rules(&self) -> &[ExitRule] {
        &self.rules
    }

    /// Returns true if the policy allows a stream to this address and port.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "accept *:443, reject *:*".parse()?;
    /// let target: IpAddr = "192.0.2.1".parse()?;
    /// assert!(policy.allows(target, 443));
    /// assert!(!policy.allows(target, 25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allows(&self, ip: IpAddr, port: u16) -> bool {
        let first = self.rules.iter().find(|rule| rule.fits(ip, port));
        first.is_none_or(|rule| rule.action == ExitAction::Accept)
    }
}

impl ExitRule {
    /// Returns true if the rule matches this address and port.
    ///
    /// In a policy, the first rule that matches decides.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitRule;
    ///
    /// let rule: ExitRule = "reject 10.0.0.0/8:25".parse()?;
    /// assert!(rule.fits("10.1.2.3".parse()?, 25));
    /// assert!(!rule.fits("10.1.2.3".parse()?, 80));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fits(&self, ip: IpAddr, port: u16) -> bool {
        self.ports.contains(port) && self.address.contains(ip)
    }
}

impl AddressPattern {
    /// Returns true if the pattern matches this address.
    ///
    /// ```
    /// use scape_proto::netdoc::AddressPattern;
    ///
    /// assert!(AddressPattern::Private.contains("192.168.1.1".parse()?));
    /// assert!(!AddressPattern::AnyV6.contains("192.168.1.1".parse()?));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
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
            (AddressPattern::V4 { address, prefix }, IpAddr::V4(ip)) => {
                within_v4(address, prefix, ip)
            }
            (AddressPattern::V6 { address, prefix }, IpAddr::V6(ip)) => {
                within_v6(address, prefix, ip)
            }
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
    /// All ports: `*`, which means 1 to 65535.
    pub const ANY: PortRange = PortRange { min: 1, max: u16::MAX };

    /// Creates the range of ports from `min` to `max`, both included. Returns
    /// `None` if `min` is greater than `max`.
    ///
    /// ```
    /// use scape_proto::netdoc::PortRange;
    ///
    /// assert!(PortRange::new(6660, 6669).is_some_and(|ports| ports.contains(6667)));
    /// assert_eq!(PortRange::new(90, 80), None);
    /// ```
    pub const fn new(min: u16, max: u16) -> Option<Self> {
        if min <= max { Some(PortRange { min, max }) } else { None }
    }

    /// Returns the lowest port.
    pub const fn min(self) -> u16 {
        self.min
    }

    /// Returns the highest port.
    pub const fn max(self) -> u16 {
        self.max
    }

    /// Returns true if the range contains this port.
    ///
    /// ```
    /// use scape_proto::netdoc::PortRange;
    ///
    /// let ports = PortRange::new(6660, 6669).expect("the first port is the lower one");
    /// assert!(ports.contains(6660) && ports.contains(6669));
    /// assert!(!ports.contains(6670));
    /// ```
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

    /// Parses rules with commas or line ends between them. An empty text is a
    /// policy without rules.
    ///
    /// Rules with `accept6` or `reject6` and an IPv4 address are left out,
    /// because tor ignores them too.
    ///
    /// # Errors
    ///
    /// Returns an error if any other rule is malformed. tor rejects a whole
    /// policy that has such a rule.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rules = Vec::new();
        let mut position = 0;
        for part in text.split([',', '\n']) {
            let rule = part.trim();
            let before = part.len() - part.trim_start().len();
            match parse_rule(rule) {
                _ if rule.is_empty() => {}
                Ok(rule) => rules.push(rule),
                // tor ignores such a rule too.
                Err(PolicyProblem::Family) => {}
                Err(problem) => {
                    let position = position + before;
                    return Err(ParseExitPolicyError { rule: rule.into(), position, problem });
                }
            }
            position += part.len() + 1;
        }
        Ok(ExitPolicy { rules })
    }
}

impl FromStr for ExitRule {
    type Err = ParseExitPolicyError;

    /// Parses `accept` or `reject`, white space, an address pattern, and
    /// optionally `:` and ports. With `accept6` and `reject6`, `*` means IPv6
    /// only.
    ///
    /// # Errors
    ///
    /// Returns an error if the rule is malformed, or if `accept6` or `reject6`
    /// has an IPv4 address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_rule(text.trim()).map_err(|problem| ParseExitPolicyError {
            rule: text.into(),
            position: 0,
            problem,
        })
    }
}

/// Parses a rule in the same way as tor's
/// `router_parse_addr_policy_item_from_string`.
fn parse_rule(rule: &str) -> Result<ExitRule, PolicyProblem> {
    let (word, rest) = rule.split_once([' ', '\t']).ok_or(PolicyProblem::Action)?;
    let (action, v6_only) = match word.to_ascii_lowercase().as_str() {
        "accept" => (ExitAction::Accept, false),
        "reject" => (ExitAction::Reject, false),
        "accept6" => (ExitAction::Accept, true),
        "reject6" => (ExitAction::Reject, true),
        _ => return Err(PolicyProblem::Action),
    };
    let (address, ports) = parse_pattern(rest.trim())?;
    let address = match address {
        AddressPattern::Any if v6_only => AddressPattern::AnyV6,
        AddressPattern::V4 { .. } | AddressPattern::AnyV4 if v6_only => {
            return Err(PolicyProblem::Family);
        }
        address => address,
    };
    Ok(ExitRule { action, address, ports })
}

/// Parses an address pattern, optionally with ports. Without ports, all ports
/// match.
///
/// The text is split like in tor's `tor_addr_parse_mask_ports`. For an address
/// in brackets, only the text after the closing bracket is searched for `/` and
/// `:`. If there is a `/`, the ports begin at the first `:` after it. So an
/// IPv6 address with a prefix needs no brackets: `2001:db8::/32`.
fn parse_pattern(text: &str) -> Result<(AddressPattern, PortRange), PolicyProblem> {
    let (address, rest) = match text.strip_prefix('[') {
        Some(inside) => inside.split_once(']').ok_or(PolicyProblem::Address)?,
        None => text.split_at(text.find(['/', ':']).unwrap_or(text.len())),
    };
    // Without brackets, everything before a later `/` is the address.
    let (address, rest) = match text.split_once('/') {
        Some((address, _)) if !text.starts_with('[') => (address, text.split_at(address.len()).1),
        _ => (address, rest),
    };
    let (prefix, ports) = match rest.split_once('/') {
        Some((_, rest)) => match rest.split_once(':') {
            Some((prefix, ports)) => (Some(prefix), Some(ports)),
            None => (Some(rest), None),
        },
        None => (None, rest.split_once(':').map(|(_, ports)| ports)),
    };
    Ok((parse_address(address, prefix)?, parse_ports(ports.unwrap_or("*"))?))
}

fn parse_address(text: &str, prefix: Option<&str>) -> Result<AddressPattern, PolicyProblem> {
    const V4_MAPPED: u8 = 96;
    let named = match text.to_ascii_lowercase().as_str() {
        "*" => Some(AddressPattern::Any),
        "*4" => Some(AddressPattern::AnyV4),
        "*6" => Some(AddressPattern::AnyV6),
        "private" => Some(AddressPattern::Private),
        _ => None,
    };
    if let Some(named) = named {
        return if prefix.is_some() { Err(PolicyProblem::Prefix) } else { Ok(named) };
    }
    let bits = |most: u8| match prefix {
        None => Ok(most),
        Some(text) => {
            parse_bits(text, most).or_else(|| parse_mask(text)).ok_or(PolicyProblem::Prefix)
        }
    };
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(AddressPattern::V4 { address, prefix: bits(32)? }),
        Ok(IpAddr::V6(address)) if prefix.is_some() && address.to_ipv4_mapped().is_some() => {
            // For an IPv4 address that is mapped into IPv6, tor counts the bits
            // of the IPv4 part.
            match bits(128)? {
                33..V4_MAPPED => Err(PolicyProblem::Prefix),
                bits => Ok(AddressPattern::V6 { address, prefix: V4_MAPPED + bits % 32 }),
            }
        }
        Ok(IpAddr::V6(address)) => Ok(AddressPattern::V6 { address, prefix: bits(128)? }),
        Err(_) => match parse_v6_with_zeros(text) {
            Some(address) => Ok(AddressPattern::V6 { address, prefix: bits(128)? }),
            None => Err(PolicyProblem::Address),
        },
    }
}

/// Parses an address such as `::192.0.2.01`. Unlike Rust, tor accepts leading
/// zeros in the decimal numbers.
fn parse_v6_with_zeros(text: &str) -> Option<Ipv6Addr> {
    let (words, octets) = text.rsplit_once(':')?;
    let mut bytes = [0; 4];
    let mut octets = octets.split('.');
    for byte in &mut bytes {
        *byte = octets.next().filter(|octet| octet.len() <= 3)?.parse().ok()?;
    }
    let tail = Ipv4Addr::from(bytes);
    octets.next().is_none().then(|| format!("{words}:{tail}").parse().ok())?
}

/// Parses a text as a decimal integer. Like C's `strtol`, this accepts a sign,
/// `+` or `-`. Returns `None` if the text isn't a number or doesn't fit into an
/// `i64`.
fn parse_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn parse_bits(text: &str, most: u8) -> Option<u8> {
    // tor reads an empty number as 0, and uses only the lowest 32 bits.
    let bits = if text.is_empty() { 0 } else { parse_integer(text)? };
    u8::try_from(bits & 0xffff_ffff).ok().filter(|bits| *bits <= most)
}

/// Parses a mask such as `255.255.0.0`, and returns the number of its leading 1
/// bits. Returns `None` if 1 bits follow a 0 bit.
fn parse_mask(text: &str) -> Option<u8> {
    let mask = text.parse::<Ipv4Addr>().ok()?.to_bits();
    let bits = mask.leading_ones();
    (mask.count_ones() == bits).then(|| u8::try_from(bits).ok())?
}

fn parse_ports(text: &str) -> Result<PortRange, PolicyProblem> {
    // tor reads a colon with no text after it as all ports.
    if text == "*" || text.is_empty() {
        return Ok(PortRange::ANY);
    }
    if text.contains([' ', '\t']) {
        return Err(PolicyProblem::Ports);
    }
    let port = |text: &str| {
        parse_integer(text).and_then(|port| u16::try_from(port).ok()).ok_or(PolicyProblem::Ports)
    };
    let (min, max) = match text.split_once('-') {
        Some((min, max)) if !min.is_empty() => {
            // tor ignores the text after the second number.
            let sign = usize::from(max.starts_with(['+', '-']));
            let digits = max.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
            (port(min)?, port(max.get(..sign + digits).unwrap_or_default())?)
        }
        _ => (port(text)?, port(text)?),
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

/// The error for a text that isn't an exit policy.
///
/// ```
/// use scape_proto::netdoc::{ExitPolicy, PolicyProblem};
///
/// let policy = "accept *:80, reject *:http".parse::<ExitPolicy>();
/// let error = policy.expect_err("http isn't a port");
/// assert_eq!((error.rule(), error.position()), ("reject *:http", 13));
/// assert_eq!(error.problem(), PolicyProblem::Ports);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?} (at byte {position}) is not an exit policy rule: {problem}")]
pub struct ParseExitPolicyError {
    rule: String,
    position: usize,
    problem: PolicyProblem,
}

impl ParseExitPolicyError {
    /// Returns the malformed rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the rule's position, in bytes from the start of the policy. The
    /// position is 0 if a single [`ExitRule`] was parsed.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the problem with the rule.
    pub fn problem(&self) -> PolicyProblem {
        self.problem
    }
}

/// The reason why a rule of an exit policy is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// The rule doesn't begin with `accept`, `reject`, `accept6` or `reject6`
    /// and white space.
    #[error("it must begin with accept or reject")]
    Action,
    /// The address is malformed.
    #[error(
        "the address must be *, *4, *6, private, an IPv4 address, or an IPv6 address in brackets or with a prefix"
    )]
    Address,
    /// The text after `/` is neither a number of bits nor a mask, or the
    /// address can't have a prefix.
    #[error("the text after / must be a number of bits that fits the address")]
    Prefix,
    /// The ports are malformed.
    #[error("the ports must be *, a port or a range of ports")]
    Ports,
    /// The rule has `accept6` or `reject6` and an IPv4 address. tor ignores
    /// such a rule and uses the rest of the policy.
    #[error("accept6 and reject6 are for IPv6 addresses; use accept or reject for IPv4")]
    Family,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> ExitPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn exit_policy_rules_in_every_form() {
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
            ("reject6 2607:5300::/32", "reject [2607:5300::]/32:*"),
            ("reject6 2607:5300::/32:80", "reject [2607:5300::]/32:80"),
            ("accept ::/0:443", "accept [::]/0:443"),
            ("accept [192.0.2.1]:80", "accept 192.0.2.1:80"),
            ("accept [2001:db8::]/255.0.0.0:80", "accept [2001:db8::]/8:80"),
            ("accept *:", "accept *:*"),
            ("accept *:+80", "accept *:80"),
            ("accept *:80-+90x", "accept *:80-90"),
            ("accept 192.0.2.1/+8:80", "accept 192.0.2.1/8:80"),
            ("accept 192.0.2.1/:80", "accept 192.0.2.1/0:80"),
            ("accept [::ffff:192.0.2.1]/24:80", "accept [::ffff:192.0.2.1]/120:80"),
            ("accept ::192.0.2.01/128:80", "accept [::c000:201]:80"),
            ("reject6 private:*", "reject private:*"),
        ] {
            let rule: ExitRule = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(rule.to_string(), written);
        }
        assert_eq!(policy("accept *:80,\n reject *:*\n").to_string(), "accept *:80,reject *:*");
        assert!(policy("").rules().is_empty());
    }

    #[test]
    fn malformed_exit_policy_rules_are_located() {
        for (rule, problem) in [
            ("accept", PolicyProblem::Action),
            ("allow *:*", PolicyProblem::Action),
            ("accept :80", PolicyProblem::Address),
            ("accept ::1:80", PolicyProblem::Address),
            ("accept example.com:80", PolicyProblem::Address),
            ("accept ::1", PolicyProblem::Address),
            ("accept 2001:db8::1", PolicyProblem::Address),
            ("accept [::1", PolicyProblem::Address),
            ("accept */8:80", PolicyProblem::Prefix),
            ("accept 192.0.2.1/33:80", PolicyProblem::Prefix),
            ("accept 192.0.2.1/255.0.255.0:80", PolicyProblem::Prefix),
            ("accept [::]/129:80", PolicyProblem::Prefix),
            ("accept 192.0.2.1/8x:80", PolicyProblem::Prefix),
            ("accept [::ffff:192.0.2.1]/64:80", PolicyProblem::Prefix),
            ("accept *:65536", PolicyProblem::Ports),
            ("accept *:90-80", PolicyProblem::Ports),
            ("accept *:80-90 x", PolicyProblem::Ports),
            ("accept *:80-", PolicyProblem::Ports),
            ("accept *:-80", PolicyProblem::Ports),
        ] {
            let error =
                format!("reject *:25, {rule},accept *:*").parse::<ExitPolicy>().unwrap_err();
            assert_eq!(
                (error.problem(), error.position(), error.rule()),
                (problem, 13, rule),
                "{error}"
            );
        }
    }

    #[test]
    fn exit_policy_rules_of_the_wrong_family_are_left_out() {
        for (text, rest) in [
            ("accept6 *4:80,accept *:*", "accept *:*"),
            ("reject6 1.2.3.4", ""),
            ("accept *:80,reject6 1.2.3.0/24:25,reject *:*", "accept *:80,reject *:*"),
        ] {
            assert_eq!(policy(text).to_string(), rest, "{text}");
        }
        let error = "reject6 1.2.3.4:80".parse::<ExitRule>().unwrap_err();
        assert_eq!(error.problem(), PolicyProblem::Family);
        assert!("accept6 *4:80,accept x".parse::<ExitPolicy>().is_err());
    }

    #[test]
    fn first_matching_exit_policy_rule_decides() {
        let policy = policy(
            "reject 192.0.2.0/25:*,accept *4:80-81,accept [2001:db8::]/33:80,reject *:1-1000",
        );
        for (ip, port, allowed) in [
            ("192.0.2.127", 80, false),
            ("192.0.2.128", 80, true),
            ("192.0.2.128", 82, false),
            ("2001:db8:7fff::1", 80, true),
            ("2001:db8:8000::1", 80, false),
            ("2001:db8::1", 81, false),
            // No rule matches.
            ("192.0.2.128", 1001, true),
        ] {
            assert_eq!(policy.allows(ip.parse().unwrap(), port), allowed, "{ip} {port}");
        }
        assert!(ExitPolicy::default().allows("::1".parse().unwrap(), 80));
    }

    #[test]
    fn private_pattern_matches_same_networks_as_tor() {
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

    /// Generates any IPv6 address. Addresses that contain an IPv4 address are
    /// frequent, because tor parses them specially.
    fn v6() -> impl Strategy<Value = Ipv6Addr> {
        prop_oneof![
            any::<Ipv6Addr>(),
            any::<Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped()),
            any::<Ipv4Addr>().prop_map(|address| Ipv6Addr::from(u128::from(address.to_bits()))),
        ]
    }

    fn pattern() -> impl Strategy<Value = AddressPattern> {
        prop_oneof![
            Just(AddressPattern::Any),
            Just(AddressPattern::AnyV4),
            Just(AddressPattern::AnyV6),
            Just(AddressPattern::Private),
            (any::<Ipv4Addr>(), 0u8..=32)
                .prop_map(|(address, prefix)| AddressPattern::V4 { address, prefix }),
            (v6(), 0u8..=128).prop_map(|(address, prefix)| {
                // For a mapped address, tor counts the bits of its IPv4 part.
                let is_mapped = address.to_ipv4_mapped().is_some();
                let prefix = if is_mapped && prefix < 128 { 96 + prefix % 32 } else { prefix };
                AddressPattern::V6 { address, prefix }
            }),
        ]
    }

    fn rule() -> impl Strategy<Value = ExitRule> {
        (any::<bool>(), pattern(), any::<(u16, u16)>()).prop_map(|(accept, address, (a, b))| {
            ExitRule {
                action: if accept { ExitAction::Accept } else { ExitAction::Reject },
                address,
                ports: PortRange { min: a.min(b), max: a.max(b) },
            }
        })
    }

    proptest! {
        #[test]
        fn exit_policies_round_trip(rules in proptest::collection::vec(rule(), 0..12)) {
            let policy: ExitPolicy = rules.into_iter().collect();
            prop_assert_eq!(policy.to_string().parse(), Ok(policy.clone()));
            prop_assert_eq!(policy.to_string().replace(',', "\n").parse(), Ok(policy));
        }

        #[test]
        fn parsing_exit_policies_never_panics(text in "[ -~\n]{0,60}", ip: IpAddr, port: u16) {
            if let Ok(policy) = text.parse::<ExitPolicy>() {
                policy.allows(ip, port);
            }
        }

        #[test]
        fn exit_policy_allows_as_first_matching_rule(
            rules in proptest::collection::vec(rule(), 0..8), ip: IpAddr, port: u16
        ) {
            let policy: ExitPolicy = rules.iter().copied().collect();
            let first = rules.iter().find(|rule| rule.fits(ip, port));
            prop_assert_eq!(
                policy.allows(ip, port),
                first.is_none_or(|r| r.action == ExitAction::Accept)
            );
        }
    }
}
