//! The rules of an exit policy for one family of addresses.

use super::address_pattern::{AddressPattern, Family};
use super::policy::ExitPolicy;
use super::rule::ExitRule;

impl ExitPolicy {
    /// Returns the policy with each rule for `private` replaced by rules for
    /// its networks: six for IPv4, then six for IPv6.
    ///
    /// In server descriptors, tor leaves out the last network, `[::]/127`,
    /// because `[::]/8` covers it.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "reject private:*,accept *:*".parse()?;
    /// let expanded = policy.expand_private();
    /// assert_eq!(expanded.rules().len(), 13);
    /// assert!(expanded.to_string().starts_with("reject 0.0.0.0/8:*,reject 169.254.0.0/16:*,"));
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[must_use]
    pub fn expand_private(&self) -> ExitPolicy {
        self.replace(|address| match address {
            AddressPattern::Private => address.split(),
            address => vec![address],
        })
    }

    /// Returns the policy for IPv4 addresses: `*` becomes `*4`, `private`
    /// becomes its IPv4 networks, and rules for IPv6 are left out.
    ///
    /// `GETINFO exit-policy/ipv4` and server descriptors contain these rules,
    /// but with `*` instead of `*4`.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "accept6 *:443,accept *:80,reject *:*".parse()?;
    /// assert_eq!(policy.only_v4().to_string(), "accept *4:80,reject *4:*");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[must_use]
    pub fn only_v4(&self) -> ExitPolicy {
        self.only(Family::V4)
    }

    /// Returns the policy for IPv6 addresses: `*` becomes `*6`, `private`
    /// becomes its IPv6 networks, and rules for IPv4 are left out.
    ///
    /// `GETINFO exit-policy/ipv6` has these rules, written with `accept6` and
    /// `reject6`.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "accept6 *:443,accept *:80,reject *:*".parse()?;
    /// assert_eq!(policy.only_v6().to_string(), "accept *6:443,accept *6:80,reject *6:*");
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    #[must_use]
    pub fn only_v6(&self) -> ExitPolicy {
        self.only(Family::V6)
    }

    fn only(&self, family: Family) -> ExitPolicy {
        self.replace(|address| {
            let mut patterns = address.split();
            patterns.retain(|pattern| pattern.family() == Some(family));
            patterns
        })
    }

    /// Returns a policy in which each rule is replaced by one rule for each of
    /// the patterns that `patterns` returns for the rule's addresses. The
    /// action and the ports stay the same.
    fn replace(&self, patterns: impl Fn(AddressPattern) -> Vec<AddressPattern>) -> ExitPolicy {
        let mut rules = Vec::new();
        for rule in self.rules() {
            let addresses = patterns(rule.address).into_iter();
            rules.extend(addresses.map(|address| ExitRule { address, ..*rule }));
        }
        rules.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> ExitPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn private_expands_to_networks_as_in_tor() {
        // This is the value of `GETINFO exit-policy/reject-private/default`.
        let networks = "reject 0.0.0.0/8:*,reject 169.254.0.0/16:*,reject 127.0.0.0/8:*,\
            reject 192.168.0.0/16:*,reject 10.0.0.0/8:*,reject 172.16.0.0/12:*,\
            reject [::]/8:*,reject [fc00::]/7:*,reject [fe80::]/10:*,reject [fec0::]/10:*,\
            reject [ff00::]/8:*,reject [::]/127:*";
        assert_eq!(policy("reject private:*").expand_private(), policy(networks));
        let ports = policy("accept *:1,accept private:80-90,reject *:*").expand_private();
        assert_eq!(ports.rules().len(), 14);
        assert_eq!(ports.rules()[12].to_string(), "accept [::]/127:80-90");
        assert_eq!(policy("accept *:80").expand_private(), policy("accept *:80"));
    }

    #[test]
    fn policies_of_one_family() {
        let both = policy(
            "reject private:25,accept *4:1,accept *6:2,accept 192.0.2.0/24:3,\
             accept [2001:db8::]/32:4,reject *:*",
        );
        let v4 = both.only_v4().to_string();
        let v6 = both.only_v6().to_string();
        assert!(v4.starts_with("reject 0.0.0.0/8:25,"), "{v4}");
        assert!(v4.ends_with("/12:25,accept *4:1,accept 192.0.2.0/24:3,reject *4:*"), "{v4}");
        assert!(v6.starts_with("reject [::]/8:25,"), "{v6}");
        assert!(v6.ends_with("/127:25,accept *6:2,accept [2001:db8::]/32:4,reject *6:*"), "{v6}");
    }
}
