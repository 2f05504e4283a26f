//! The summary of an exit policy, which authorities write into the consensus.

use super::address_pattern::{AddressPattern, Family, private_networks};
use super::policy::ExitPolicy;
use super::port_range::PortRange;
use super::rule::{ExitAction, ExitRule};
use super::undecided::Undecided;
use crate::netdoc::PortPolicy;

/// The maximum length of a summary in bytes: tor's
/// `MAX_EXITPOLICY_SUMMARY_LEN`.
const LONGEST: usize = 1000;

impl ExitPolicy {
    /// Returns the summary of the policy for IPv4, in the same way as tor makes
    /// it for the lines `p` of the consensus and of microdescriptors. See
    /// dir-spec, "Exit policy summaries".
    ///
    /// The summary is a heuristic. A port is accepted if a rule accepts it for
    /// all addresses, and if the rules before that rule reject it for at most
    /// 2<sup>25</sup> addresses, which is two networks with a prefix of 8 bits.
    /// Rules that reject networks of `private` and rules that accept only some
    /// addresses don't count. A port for which no rule decides is rejected,
    /// although [`allows`](Self::allows) returns true for it.
    ///
    /// The summary lists accepted or rejected ports, whichever is shorter. If
    /// both lists are longer than 1000 bytes, the list of accepted ports is cut
    /// off.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy =
    ///     "reject private:*,reject 192.0.2.0/24:*,accept *:80,accept *:443,reject *:*".parse()?;
    /// assert_eq!(policy.summary_v4().to_string(), "accept 80,443");
    /// let policy: ExitPolicy = "accept *:443,reject *:400-500,accept *:*".parse()?;
    /// assert_eq!(policy.summary_v4().to_string(), "reject 400-442,444-500");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[doc(alias = "policy_summarize")]
    pub fn summary_v4(&self) -> PortPolicy {
        summarize(self.rules(), Family::V4)
    }

    /// Returns the summary of the policy for IPv6, in the same way as tor makes
    /// it for the line `ipv6-policy` of server descriptors and the line `p6` of
    /// microdescriptors.
    ///
    /// The rules are the same as for [IPv4](Self::summary_v4), but the limit is
    /// the number of addresses in one network with a prefix of 16 bits.
    /// Networks with a prefix of more than 64 bits don't count.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "accept6 *:443,accept *:80,reject *:*".parse()?;
    /// assert_eq!(policy.summary_v6().to_string(), "accept 80,443");
    /// assert_eq!(policy.summary_v4().to_string(), "accept 80");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[doc(alias = "policy_summarize")]
    pub fn summary_v6(&self) -> PortPolicy {
        summarize(self.rules(), Family::V6)
    }
}

/// Returns the summary for one family of addresses, like tor's
/// `policy_summarize`.
fn summarize(rules: &[ExitRule], family: Family) -> PortPolicy {
    let accepted = merged(accepted(rules, family));
    let rejected = complement(&accepted);
    if accepted.is_empty() {
        return PortPolicy::reject_all();
    }
    if rejected.is_empty() {
        return PortPolicy::accept_all();
    }
    let accepted = PortPolicy::from_parts(ExitAction::Accept, accepted);
    let rejected = PortPolicy::from_parts(ExitAction::Reject, rejected);
    let (accepted_length, rejected_length) =
        (accepted.to_string().len(), rejected.to_string().len());
    if accepted_length > LONGEST && rejected_length > LONGEST {
        cut_off(&accepted)
    } else if rejected_length < accepted_length {
        rejected
    } else {
        accepted
    }
}

/// Returns the ports that the summary accepts, in no particular order.
fn accepted(rules: &[ExitRule], family: Family) -> Vec<PortRange> {
    let mut accepted = Vec::new();
    let mut undecided = Undecided::new(rules.iter().map(|rule| rule.ports));
    for rule in rules {
        let patterns = rule.address.split().into_iter();
        for pattern in patterns.filter(|pattern| pattern.family() == Some(family)) {
            match (rule.action, pattern.prefix()) {
                (ExitAction::Accept, Some(0)) => undecided.take(rule.ports, &mut accepted),
                (ExitAction::Reject, Some(prefix)) if !is_private(pattern, family) => {
                    let (bits, limit) = most_rejected(family);
                    if let Some(free) = bits.checked_sub(prefix) {
                        undecided.reject(rule.ports, 1 << free, limit);
                    }
                }
                _ => {}
            }
        }
    }
    accepted
}

/// Returns true if the pattern is written like one of the networks of
/// `private`. Like tor, compares the whole address, including the bits after
/// the prefix.
fn is_private(pattern: AddressPattern, family: Family) -> bool {
    private_networks(family).any(|network| network == pattern)
}

/// Returns two numbers for a family: the bits of an address that tor looks at,
/// and the addresses that rules may reject before the port counts as rejected.
fn most_rejected(family: Family) -> (u8, u128) {
    match family {
        Family::V4 => (32, 1 << 25),
        // tor counts networks of 64 bits and ignores smaller ones.
        Family::V6 => (64, 1 << 48),
    }
}

/// Sorts ranges that don't overlap, and merges those without a gap between
/// them.
fn merged(mut ranges: Vec<PortRange>) -> Vec<PortRange> {
    ranges.sort_unstable_by_key(|range| range.min());
    let mut merged: Vec<PortRange> = Vec::new();
    for range in ranges {
        let joined = merged
            .last()
            .filter(|last| last.max().checked_add(1) == Some(range.min()))
            .and_then(|last| PortRange::new(last.min(), range.max()));
        if let Some(joined) = joined {
            merged.pop();
            merged.push(joined);
        } else {
            merged.push(range);
        }
    }
    merged
}

/// Returns the ports from 1 to 65535 that aren't in the ranges, which are in
/// order and don't overlap.
fn complement(ranges: &[PortRange]) -> Vec<PortRange> {
    let mut gaps = Vec::new();
    let mut next = Some(PortRange::ANY.min());
    for range in ranges {
        let before = range.min().checked_sub(1);
        gaps.extend(next.zip(before).and_then(|(low, high)| PortRange::new(low, high)));
        next = range.max().checked_add(1);
    }
    gaps.extend(next.and_then(|low| PortRange::new(low, PortRange::ANY.max())));
    gaps
}

/// Returns the policy with as many ports from its beginning as fit into
/// [`LONGEST`] bytes.
fn cut_off(policy: &PortPolicy) -> PortPolicy {
    let mut length = policy.action().to_string().len();
    let fits = policy.ports().iter().take_while(|range| {
        // Each range has a space or a comma before it, and PortRange writes
        // only all ports in another form.
        length += 1 + range.to_string().len();
        length <= LONGEST
    });
    PortPolicy::from_parts(policy.action(), fits.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn summaries(text: &str) -> (String, String) {
        let policy: ExitPolicy = text.parse().unwrap_or_else(|e| panic!("{e}"));
        (policy.summary_v4().to_string(), policy.summary_v6().to_string())
    }

    #[test]
    fn summaries_are_the_same_as_those_of_tor() {
        for (text, summary) in [
            // Private networks don't count.
            (
                "reject 192.168.0.0/16:*,reject 0.0.0.0/8:*,reject 10.0.0.0/8:*,accept *:10-30,\
                 accept *:90,reject *:*",
                "accept 10-30,90",
            ),
            ("reject private:*,accept *:80,reject *:*", "accept 80"),
            ("accept private:*,accept *:80,reject *:*", "accept 80"),
            // Few rejected addresses don't count.
            (
                "reject 11.0.0.0/9:80,reject 12.0.0.0/9:80,reject 13.0.0.0/9:80,\
                 reject 14.0.0.0/9:80,reject 15.0.0.0:81,accept *:*",
                "accept 1-65535",
            ),
            ("reject 148.0.0.0/7,reject6 2600::/16,accept *:80,reject *:*", "accept 80"),
            (
                "reject 149.56.0.0/16,reject6 2607:5300::/32,reject6 2608:5300::/64,\
                 reject6 2609:5300::/96,accept *:80,accept *:443,reject *:*",
                "accept 80,443",
            ),
            // Many rejected addresses count.
            ("reject 148.0.0.0/6,reject6 2600::/15,accept *:80,reject *:*", "reject 1-65535"),
            ("reject 148.0.0.0/6:1-100,reject6 2600::/15:1-100,accept *:*", "reject 1-100"),
            // Accepted addresses don't count if they are only some.
            ("accept 11.0.0.0/9:80,reject *:*", "reject 1-65535"),
            ("accept 0.0.0.0/0:80,accept [::]/0:80,reject *:*", "accept 80"),
            // Ranges are merged.
            (
                "accept *:80,accept *:81,accept *:100-110,accept *:111,reject *:*",
                "accept 80-81,100-111",
            ),
            ("accept *:1,accept *:3,accept *:65535,reject *:*", "accept 1,3,65535"),
            ("accept *:1,accept *:3,accept *:5,accept *:7,reject *:*", "accept 1,3,5,7"),
            ("reject *:1,reject *:3,reject *:5,reject *:7,accept *:*", "reject 1,3,5,7"),
            ("reject *:80-65535,accept *:1-65533,reject *:*", "accept 1-79"),
            ("accept *:443,reject *:400-500,accept *:*", "reject 400-442,444-500"),
            // If both lists are equally long, the list of accepted ports is
            // used.
            ("accept *:443,reject *:1-1024,accept *:*", "accept 443,1025-65535"),
            ("accept *:*,reject *:*", "accept 1-65535"),
            ("reject *:*,accept *:*", "reject 1-65535"),
            ("accept *:0,accept *:0-5,reject *:*", "accept 1-5"),
            // A port for which no rule decides is rejected.
            ("", "reject 1-65535"),
            ("reject *:25", "reject 1-65535"),
            ("accept *:25", "accept 25"),
        ] {
            assert_eq!(summaries(text), (summary.into(), summary.into()), "{text}");
        }
        for (text, v4, v6) in [
            (
                "reject 11.0.0.0/9:80,reject 12.0.0.0/9:80,reject 13.0.0.0/9:80,\
                 reject 14.0.0.0/9:80,reject 15.0.0.0:80,accept *:*",
                "reject 80",
                "accept 1-65535",
            ),
            ("reject6 *:*,accept *:*", "accept 1-65535", "reject 1-65535"),
            ("reject6 2000::/16:80,reject6 2600::/64:80,accept *:*", "accept 1-65535", "reject 80"),
            (
                "reject6 2000::/16:80,reject6 2600::/65:80,accept *:*",
                "accept 1-65535",
                "accept 1-65535",
            ),
            // Only the exact address of a private network is private.
            ("reject 10.1.0.0/6:80,accept *:*", "reject 80", "accept 1-65535"),
            (
                "reject 172.16.0.0/12:80,reject 10.0.0.0/7:80,reject 172.16.0.1/12:80,accept *:*",
                "reject 80",
                "accept 1-65535",
            ),
        ] {
            assert_eq!(summaries(text), (v4.into(), v6.into()), "{text}");
        }
    }

    /// Summarizes a policy that alternates rules for single ports with rules
    /// for all ports. With a plain list of port ranges, each rule for all ports
    /// would have to change every range.
    #[test]
    fn overlapping_rules_take_little_time() {
        let rules = |port: u32| format!("reject 1.2.3.4:{port},reject 1.2.3.4:*,");
        let text: String = (1..30_000).map(|n| rules(2 * n)).collect();
        assert_eq!(summaries(&(text.clone() + "accept *:*")).0, "accept 1-65535");
        assert_eq!(summaries(&(text + "reject 0.0.0.0/1:25,accept *:*")).0, "reject 25");
    }

    #[test]
    fn long_summaries_are_cut_off() {
        let odd = |count: u32, action: &str| -> String {
            (0..count).map(|i| format!("{action} *:{},", 2 * i + 1)).collect()
        };
        let ports = |first: u32, last: u32| -> String {
            let ports: Vec<String> =
                (first..=last).step_by(2).map(|port| port.to_string()).collect();
            format!("accept {}", ports.join(","))
        };
        for (text, summary) in [
            (format!("{}reject *:*", odd(265, "accept")), ports(1, 523)),
            (format!("{}accept *:*", odd(1000, "reject")), ports(2, 522)),
            // One of the lists is short enough.
            (
                format!("{}accept *:*", odd(262, "reject")),
                ports(1, 523).replace("accept", "reject"),
            ),
        ] {
            assert!(summary.len() <= LONGEST && summary.len() > LONGEST - 8, "{}", summary.len());
            assert_eq!(summaries(&text), (summary.clone(), summary), "{text}");
        }
    }

    /// Generates rules for all addresses or for private ones, so that all
    /// public addresses have the same ports.
    fn rule() -> impl Strategy<Value = ExitRule> {
        let address = prop_oneof![
            Just(AddressPattern::Any),
            Just(AddressPattern::AnyV4),
            Just(AddressPattern::AnyV6),
            Just(AddressPattern::V4 { address: 0.into(), prefix: 0 }),
            Just(AddressPattern::Private),
        ];
        let ports = prop_oneof![1u16..20, 65_530..=u16::MAX, any::<u16>()];
        (any::<bool>(), address, ports.clone(), ports).prop_map(|(accepts, address, a, b)| {
            ExitRule {
                action: if accepts { ExitAction::Accept } else { ExitAction::Reject },
                address,
                ports: PortRange::new(a.min(b), a.max(b)).unwrap(),
            }
        })
    }

    /// Returns true if the summary of the policy accepts the port. This version
    /// is slow, but follows tor more closely, because it looks at a single
    /// port.
    fn slow_summary(policy: &ExitPolicy, port: u16) -> bool {
        let mut rejected = 0u64;
        for rule in policy.only_v4().rules().iter().filter(|rule| rule.ports.contains(port)) {
            let prefix = rule.address.prefix().unwrap();
            match rule.action {
                ExitAction::Accept if prefix == 0 && rejected <= 1 << 25 => return true,
                ExitAction::Reject if !is_private(rule.address, Family::V4) => {
                    rejected += 1 << (32 - prefix);
                }
                _ => {}
            }
        }
        false
    }

    proptest! {
        #[test]
        fn summaries_agree_with_policies_for_public_addresses(
            rules in prop::collection::vec(rule(), 0..12),
            last: bool,
            v4 in any::<u32>(),
            v6 in any::<u128>(),
            ports in prop::collection::vec(
                prop_oneof![1u16..25, 65_520..=u16::MAX, 1..=u16::MAX],
                20,
            ),
        ) {
            let catch_all = if last { "accept *:*" } else { "reject *:*" };
            let rules = rules.into_iter().chain([catch_all.parse().unwrap()]);
            let policy: ExitPolicy = rules.collect();
            let (v4, v6) = (IpAddr::V4(v4.into()), IpAddr::V6(v6.into()));
            for port in ports {
                if !AddressPattern::Private.contains(v4) {
                    prop_assert_eq!(policy.summary_v4().allows(port), policy.allows(v4, port));
                }
                if !AddressPattern::Private.contains(v6) {
                    prop_assert_eq!(policy.summary_v6().allows(port), policy.allows(v6, port));
                }
            }
        }

        #[test]
        fn summaries_count_rejected_addresses(
            rules in prop::collection::vec(
                (any::<bool>(), 0u8..3, any::<u32>(), 5u8..12, 1u16..9, 0u16..9),
                0..20,
            ),
        ) {
            let rules = rules.into_iter().map(|(accepts, kind, address, prefix, min, more)| {
                let address = match kind {
                    0 if accepts => AddressPattern::Any,
                    1 => AddressPattern::V4 { address: (10 << 24).into(), prefix: 8 },
                    _ => AddressPattern::V4 { address: address.into(), prefix },
                };
                let action = if accepts { ExitAction::Accept } else { ExitAction::Reject };
                ExitRule { action, address, ports: PortRange::new(min, min + more).unwrap() }
            });
            let policy: ExitPolicy = rules.collect();
            let summary = policy.summary_v4();
            for port in 1..20 {
                prop_assert_eq!(summary.allows(port), slow_summary(&policy, port), "{} {}", policy, port);
            }
            prop_assert_eq!(summary.to_string().parse(), Ok(summary));
        }
    }
}
