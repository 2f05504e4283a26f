//! The rules that tor adds to the operator's rules of an exit policy.

use super::address_pattern::{AddressPattern, Family, private_networks};
use super::policy::ExitPolicy;
use super::port_range::PortRange;
use super::rule::{ExitAction, ExitRule};

/// tor's default rules, each with its action and its range of ports: tor's
/// manual, ExitPolicy.
const DEFAULT: [(ExitAction, (u16, u16)); 11] = [
    (ExitAction::Reject, (25, 25)),
    (ExitAction::Reject, (119, 119)),
    (ExitAction::Reject, (135, 139)),
    (ExitAction::Reject, (445, 445)),
    (ExitAction::Reject, (563, 563)),
    (ExitAction::Reject, (1214, 1214)),
    (ExitAction::Reject, (4661, 4666)),
    (ExitAction::Reject, (6346, 6429)),
    (ExitAction::Reject, (6699, 6699)),
    (ExitAction::Reject, (6881, 6999)),
    (ExitAction::Accept, (1, u16::MAX)),
];

impl ExitPolicy {
    /// Returns true if the policy has rules for `private`: the word itself, or
    /// the networks that tor writes instead. See
    /// [`strip_private`](Self::strip_private).
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// assert!("reject private:*,accept *:*".parse::<ExitPolicy>()?.has_private());
    /// assert!(!"reject 10.0.0.0/8:*,accept *:*".parse::<ExitPolicy>()?.has_private());
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    pub fn has_private(&self) -> bool {
        let rules = self.rules();
        (0..rules.len()).any(|i| rules.get(i..).is_some_and(|rules| private_length(rules) > 0))
    }

    /// Returns the policy without the rules for `private`. These rules are part
    /// of nearly every policy, because the option ExitPolicyRejectPrivate is on
    /// by default.
    ///
    /// In server descriptors, tor writes the networks of `private` instead of
    /// the word. They are recognized if all networks of a family are there in
    /// tor's order, with the same action and ports. Only `[::]/127` may be
    /// missing.
    ///
    /// tor adds rules that reject the relay's own addresses. So one rule for a
    /// single IPv4 address and one for a single IPv6 address are removed if
    /// they follow the networks and reject all ports. A relay with more
    /// addresses has more such rules. They are kept, because they can't be told
    /// from the operator's rules.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "reject 0.0.0.0/8:*,reject 169.254.0.0/16:*,\
    ///     reject 127.0.0.0/8:*,reject 192.168.0.0/16:*,reject 10.0.0.0/8:*,\
    ///     reject 172.16.0.0/12:*,reject 192.0.2.7:*,accept *:443,reject *:*".parse()?;
    /// assert_eq!(policy.strip_private().to_string(), "accept *:443,reject *:*");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[must_use]
    pub fn strip_private(&self) -> ExitPolicy {
        let mut kept = Vec::new();
        let mut rules = self.rules();
        while let [first, after_first @ ..] = rules {
            let length = private_length(rules);
            if length == 0 {
                kept.push(*first);
            }
            rules = rules.get(length.max(1)..).unwrap_or(after_first);
        }
        kept.into_iter().collect()
    }

    /// Returns true if the policy ends with tor's default rules: tor's manual,
    /// ExitPolicy. See [`strip_default`](Self::strip_default).
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "reject *:25,reject *:119,reject *:135-139,reject *:445,\
    ///     reject *:563,reject *:1214,reject *:4661-4666,reject *:6346-6429,reject *:6699,\
    ///     reject *:6881-6999,accept *:*".parse()?;
    /// assert!(policy.has_default());
    /// assert!(!"accept *:*".parse::<ExitPolicy>()?.has_default());
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    pub fn has_default(&self) -> bool {
        before_default(self.rules()).is_some()
    }

    /// Returns the policy without tor's default rules at its end. tor appends
    /// these rules to the rules of an exit's operator. They reject port 25 and
    /// some ports of file sharing programs, and accept everything else.
    ///
    /// A default rule may have the address `*`, `*4` or `*6`, or may be written
    /// as one rule for each family. If a default rule is missing, nothing is
    /// removed. tor leaves out default rules that have no effect after the
    /// operator's rules.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "reject 192.0.2.0/24:*,reject *:25,reject *:119,\
    ///     reject *:135-139,reject *:445,reject *:563,reject *:1214,reject *:4661-4666,\
    ///     reject *:6346-6429,reject *:6699,reject *:6881-6999,accept *:*".parse()?;
    /// assert_eq!(policy.strip_default().to_string(), "reject 192.0.2.0/24:*");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[must_use]
    pub fn strip_default(&self) -> ExitPolicy {
        let rules = before_default(self.rules()).unwrap_or(self.rules());
        rules.iter().copied().collect()
    }
}

/// Returns the number of rules at the beginning that tor wrote for one rule for
/// `private`. Returns 0 if the first rule isn't such a rule.
fn private_length(rules: &[ExitRule]) -> usize {
    let Some(first) = rules.first() else { return 0 };
    if first.address == AddressPattern::Private {
        return 1;
    }
    let is_sibling = |rule: &ExitRule| rule.action == first.action && rule.ports == first.ports;
    let mut length = 0;
    for (family, least) in [(Family::V4, 6), (Family::V6, 5)] {
        let rest = rules.get(length..).unwrap_or_default();
        let networks = rest.iter().zip(private_networks(family));
        let found = networks
            .take_while(|(rule, network)| {
                is_sibling(rule) && rule.address.is_same_network(*network)
            })
            .count();
        length += if found >= least { found } else { 0 };
    }
    if length == 0 || first.action == ExitAction::Accept || first.ports != PortRange::ANY {
        return length;
    }
    // The relay's own addresses follow.
    for single in [32, 128] {
        let own = rules.get(length).filter(|rule| is_sibling(rule)).map(|rule| rule.address);
        let is_own = match own {
            Some(AddressPattern::V4 { prefix, .. }) => prefix == 32 && single == 32,
            Some(AddressPattern::V6 { prefix, .. }) => prefix == 128 && single == 128,
            _ => false,
        };
        length += usize::from(is_own);
    }
    length
}

/// Returns the rules before tor's default rules, or `None` if the rules don't
/// end with the default rules.
fn before_default(rules: &[ExitRule]) -> Option<&[ExitRule]> {
    let mut rules = rules;
    for (action, (min, max)) in DEFAULT.iter().rev() {
        let ports = PortRange::new(*min, *max);
        let is_default = |rule: &ExitRule| rule.action == *action && Some(rule.ports) == ports;
        let without_v6 = rules.split_last().filter(|(rule, _)| {
            is_default(rule)
                && rule.address.prefix() == Some(0)
                && rule.address.family() == Some(Family::V6)
        });
        let after_v6 = without_v6.map_or(rules, |(_, rest)| rest);
        let without_v4 = after_v6.split_last().filter(|(rule, _)| {
            is_default(rule)
                && rule.address.prefix() == Some(0)
                && rule.address.family() != Some(Family::V6)
        });
        rules = without_v4.or(without_v6)?.1;
    }
    Some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT_RULES: &str = "reject *:25,reject *:119,reject *:135-139,reject *:445,\
        reject *:563,reject *:1214,reject *:4661-4666,reject *:6346-6429,reject *:6699,\
        reject *:6881-6999,accept *:*";

    const PRIVATE_V4: &str = "reject 0.0.0.0/8:*,reject 169.254.0.0/16:*,reject 127.0.0.0/8:*,\
        reject 192.168.0.0/16:*,reject 10.0.0.0/8:*,reject 172.16.0.0/12:*";

    const PRIVATE_V6: &str = "reject6 [::]/8:*,reject6 [fc00::]/7:*,reject6 [fe80::]/10:*,\
        reject6 [fec0::]/10:*,reject6 [ff00::]/8:*";

    fn policy(text: &str) -> ExitPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn private_rules_are_stripped() {
        let own = "reject 192.0.2.7:*";
        let own_v6 = "reject6 [2001:db8::7]:*";
        for (text, rest) in [
            ("", ""),
            ("reject private:*", ""),
            (
                "reject private:*,accept *:80,reject private:1-9,reject *:*",
                "accept *:80,reject *:*",
            ),
            // The operator wrote the rule after `private`, so it stays.
            (&format!("reject private:*,{own}"), own),
            (&format!("{PRIVATE_V4},accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V6},accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V6},reject6 [::]/127:*,accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V4},{PRIVATE_V6},reject [::]/127:*,accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V4},{own},accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V4},{PRIVATE_V6},{own},{own_v6},accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V6},{own_v6},accept *:*"), "accept *:*"),
            (&format!("{PRIVATE_V4},{own},{own},accept *:*"), &format!("{own},accept *:*")),
            (&format!("accept *:1,{PRIVATE_V4},accept *:*"), "accept *:1,accept *:*"),
            (&PRIVATE_V4.replace('*', "80"), ""),
            (&PRIVATE_V4.replace("reject", "accept"), ""),
            (&PRIVATE_V4.replace("10.0.0.0", "10.1.2.3"), ""),
        ] {
            let policy = policy(text);
            assert_eq!(policy.strip_private().to_string(), rest, "{text}");
            assert_eq!(policy.has_private(), policy.to_string() != rest, "{text}");
        }
    }

    #[test]
    fn similar_rules_are_not_private() {
        let replaced = |from: &str, to: &str| PRIVATE_V4.replacen(from, to, 1);
        for text in [
            &replaced("/16", "/17"),
            &replaced("/12:*", "/12:80"),
            &replaced("reject 10", "accept 10"),
            &replaced("127", "128"),
            &replaced("reject 10.0.0.0/8:*,", ""),
            "reject [fc00::]/7:*,reject [fe80::]/10:*",
            "reject 10.0.0.0/8:*",
            "reject *:80-65535,accept *:1-65533,reject *:*",
        ] {
            let policy = policy(text);
            assert!(!policy.has_private(), "{text}");
            assert_eq!(policy.strip_private(), policy, "{text}");
        }
        // These ports and networks aren't the ones that tor rejects for a
        // relay's own addresses.
        let ports = PRIVATE_V4.replace('*', "80");
        for kept in ["reject 192.0.2.7:80", "reject 192.0.2.0/24:80"] {
            assert_eq!(policy(&format!("{ports},{kept}")).strip_private(), policy(kept));
        }
        for kept in ["reject 192.0.2.0/24:*", "accept 192.0.2.7:*", "reject 192.0.2.7:1"] {
            assert_eq!(policy(&format!("{PRIVATE_V4},{kept}")).strip_private(), policy(kept));
        }
    }

    #[test]
    fn default_rules_are_stripped() {
        let families: Vec<String> = DEFAULT_RULES
            .split(',')
            .map(|rule| format!("{rule},{}", rule.replacen(' ', "6 ", 1)))
            .collect();
        let in_v6 = DEFAULT_RULES.replace(" *", "6 *");
        for text in [
            DEFAULT_RULES,
            &DEFAULT_RULES.replace('*', "*4").replace(":*4", ":*"),
            &in_v6,
            &families.join(","),
        ] {
            assert!(policy(text).has_default(), "{text}");
            assert_eq!(policy(text).strip_default(), ExitPolicy::default(), "{text}");
            let own = "accept *:80,accept 127.0.0.1:1-65533";
            assert_eq!(policy(&format!("{own},{text}")).strip_default(), policy(own), "{text}");
        }
    }

    #[test]
    fn similar_rules_are_not_default() {
        for text in [
            "",
            "accept *:*",
            &DEFAULT_RULES.replace("reject *:119,", ""),
            &DEFAULT_RULES.replace("accept *:*", "reject *:*"),
            &DEFAULT_RULES.replace("139", "140"),
            &DEFAULT_RULES.replace("reject *:25,", "reject 192.0.2.1:25,"),
            &format!("{DEFAULT_RULES},reject *:*"),
        ] {
            let policy = policy(text);
            assert!(!policy.has_default(), "{text}");
            assert_eq!(policy.strip_default(), policy, "{text}");
        }
    }
}
