//! Parser for exit policies, which reads them in the same way as tor.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::address_pattern::AddressPattern;
use super::error::{ParseExitPolicyError, PolicyProblem};
use super::policy::ExitPolicy;
use super::port_range::PortRange;
use super::rule::{ExitAction, ExitRule};

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
        Ok(rules.into_iter().collect())
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
    let address = text.parse().ok().or_else(|| parse_v6_with_zeros(text).map(IpAddr::V6));
    match address.ok_or(PolicyProblem::Address)? {
        IpAddr::V4(address) => Ok(AddressPattern::V4 { address, prefix: bits(32)? }),
        IpAddr::V6(address) if prefix.is_some() && address.to_ipv4_mapped().is_some() => {
            // For an IPv4 address that is mapped into IPv6, tor counts the bits
            // of the IPv4 part.
            match bits(128)? {
                33..V4_MAPPED => Err(PolicyProblem::Prefix),
                bits => Ok(AddressPattern::V6 { address, prefix: V4_MAPPED + bits % 32 }),
            }
        }
        IpAddr::V6(address) => Ok(AddressPattern::V6 { address, prefix: bits(128)? }),
    }
}

/// Parses an address such as `::192.0.2.01`. Unlike Rust, tor accepts leading
/// zeros in the decimal numbers.
fn parse_v6_with_zeros(text: &str) -> Option<Ipv6Addr> {
    let (words, octets) = text.rsplit_once(':')?;
    let mut bytes = [0; 4];
    let mut octets = octets.split('.');
    for byte in &mut bytes {
        let is_number = |octet: &&str| octet.len() <= 3 && !octet.starts_with('+');
        *byte = octets.next().filter(is_number)?.parse().ok()?;
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
/// bits. Returns `None` if the text isn't an IPv4 address, or if 1 bits follow
/// a 0 bit.
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
            ("accept [::ffff:192.0.2.01]/24:80", "accept [::ffff:192.0.2.1]/120:80"),
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
            ("accept [::ffff:192.0.2.01]/64:80", PolicyProblem::Prefix),
            ("accept [::ffff:192.0.2.+1]:80", PolicyProblem::Address),
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
                ports: PortRange::new(a.min(b), a.max(b)).unwrap(),
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
