//! Sets of relays, the values of `ExcludeNodes` and related options.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::routers::{identity, is_nickname, split_at_commas};
use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, holds_anything, only};
use crate::info::ConfigType;
use crate::netdoc::{ExitAction, ExitPolicy, ExitRule, Relay};
use crate::word::{CountryCode, Fingerprint};

const RUST: &str = "a RouterSet";

/// A set of relays: the value of `ExcludeNodes`, `ExitNodes`, `EntryNodes` and
/// other options of type `RouterList`. Each line of `NodeFamily` is such a set
/// too.
///
/// ```
/// use scape_proto::torrc::value::RouterSet;
/// use scape_proto::netdoc::Directory;
///
/// let consensus = b"network-status-version 3\nvote-status consensus\n\
///     r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 192.0.2.3 9003 0\n";
/// let directory = Directory::parse(consensus, b"")?;
/// let relay = &directory.relays()[0];
/// // The crate scape reads such a set from the options of a running tor.
/// let set: RouterSet = "relay07,{de},192.0.2.0/24".parse()?;
/// assert!(set.contains(relay, &|_| None)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouterSet {
    members: Vec<RouterPattern>,
    /// The address rules among the members. tor treats these rules like an exit
    /// policy: a relay is in the set if the policy rejects the relay's address.
    addresses: ExitPolicy,
}

/// A member of a [`RouterSet`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterPattern {
    /// The relay with this fingerprint.
    Fingerprint(Fingerprint),
    /// The relays with this nickname, ignoring case.
    Nickname(Box<str>),
    /// The relays in this country. `None` stands for `{??}`, the relays whose
    /// country is unknown.
    Country(Option<CountryCode>),
    /// The relays at these addresses and ports. A rule with the action `Accept`
    /// exempts its relays from the address rules after it.
    Address(ExitRule),
}

/// A way to look up the country of an IP address, such as a closure that takes
/// an address and returns an optional country.
pub trait CountryOf {
    /// The error of a lookup.
    type Error;

    /// Returns the country of an address, or `None` if it is unknown.
    ///
    /// ```
    /// use scape_proto::torrc::value::CountryOf;
    /// use scape_proto::word::CountryCode;
    /// use std::net::{IpAddr, Ipv4Addr};
    ///
    /// let germany: CountryCode = "de".parse()?;
    /// let countries = |ip: IpAddr| ip.is_ipv4().then_some(germany);
    /// assert_eq!(countries.country_of(Ipv4Addr::LOCALHOST.into()), Ok(Some(germany)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the address can't be looked up.
    fn country_of(&self, ip: IpAddr) -> Result<Option<CountryCode>, Self::Error>;
}

impl<F: Fn(IpAddr) -> Option<CountryCode>> CountryOf for F {
    type Error = Infallible;

    fn country_of(&self, ip: IpAddr) -> Result<Option<CountryCode>, Infallible> {
        Ok(self(ip))
    }
}

impl RouterSet {
    /// Returns the members in order.
    pub fn members(&self) -> &[RouterPattern] {
        &self.members
    }

    /// Returns true if the set has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns true if the relay belongs to the set. Like a tor client, this
    /// method compares the fingerprint, the nickname and the relay's IPv4
    /// address. The country is looked up only if the set contains countries and
    /// no other member matches.
    ///
    /// ```
    /// # use scape_proto::netdoc::Directory;
    /// # use scape_proto::torrc::value::RouterSet;
    /// # use scape_proto::word::CountryCode;
    /// # use std::net::IpAddr;
    /// # let consensus = b"network-status-version 3\nvote-status consensus\n\
    /// #     r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 192.0.2.3 9003 0\n";
    /// # let directory = Directory::parse(consensus, b"")?;
    /// let relay = &directory.relays()[0]; // relay03 at 192.0.2.3
    /// let germany: CountryCode = "de".parse()?;
    /// let countries = |ip: IpAddr| ip.is_ipv4().then_some(germany);
    /// let set: RouterSet = "relay07,{de}".parse()?;
    /// assert!(set.contains(relay, &countries)?);
    /// let set: RouterSet = "relay07,{us}".parse()?;
    /// assert!(!set.contains(relay, &countries)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of the country lookup.
    pub fn contains<C: CountryOf>(&self, relay: &Relay, countries: &C) -> Result<bool, C::Error> {
        let address = relay.or_address();
        let is_named = |member: &RouterPattern| match member {
            RouterPattern::Fingerprint(fingerprint) => *fingerprint == relay.fingerprint(),
            RouterPattern::Nickname(nickname) => nickname.eq_ignore_ascii_case(relay.nickname()),
            RouterPattern::Country(_) | RouterPattern::Address(_) => false,
        };
        let ip = IpAddr::V4(*address.ip());
        if self.members.iter().any(is_named) || !self.addresses.allows(ip, address.port()) {
            return Ok(true);
        }
        if !self.members.iter().any(|member| matches!(member, RouterPattern::Country(_))) {
            return Ok(false);
        }
        let country = countries.country_of(ip)?;
        Ok(self.members.contains(&RouterPattern::Country(country)))
    }
}

impl FromIterator<RouterPattern> for RouterSet {
    fn from_iter<I: IntoIterator<Item = RouterPattern>>(members: I) -> Self {
        let members: Vec<RouterPattern> = members.into_iter().collect();
        let address = |member: &RouterPattern| match member {
            RouterPattern::Address(rule) => Some(*rule),
            _ => None,
        };
        RouterSet { addresses: members.iter().filter_map(address).collect(), members }
    }
}

impl FromStr for RouterSet {
    type Err = ConfigValueProblem;

    /// Parses comma-separated members. An empty text is an empty set.
    ///
    /// # Errors
    ///
    /// Returns an error if a member is malformed.
    fn from_str(text: &str) -> Result<Self, ConfigValueProblem> {
        let malformed = ConfigValueProblem::Malformed { ty: ConfigType::RouterList };
        split_at_commas(text).map(parse).collect::<Option<RouterSet>>().ok_or(malformed)
    }
}

fn parse(text: &str) -> Option<RouterPattern> {
    if let Some(fingerprint) = identity(text) {
        return Some(RouterPattern::Fingerprint(fingerprint));
    }
    if is_nickname(text) {
        return Some(RouterPattern::Nickname(text.into()));
    }
    if let Some(country) =
        text.strip_prefix('{').and_then(|text| text.split_once('}')).map(|(code, _)| code)
    {
        let code = if country == "??" { None } else { Some(country.parse().ok()?) };
        return Some(RouterPattern::Country(code));
    }
    let rule = text.parse().or_else(|_| format!("reject {text}").parse::<ExitRule>());
    rule.ok().map(RouterPattern::Address)
}

impl fmt::Display for RouterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, member) in self.members.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{member}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RouterPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouterPattern::Fingerprint(fingerprint) => write!(f, "${fingerprint}"),
            RouterPattern::Nickname(nickname) => f.write_str(nickname),
            RouterPattern::Country(Some(code)) => write!(f, "{{{code}}}"),
            RouterPattern::Country(None) => f.write_str("{??}"),
            RouterPattern::Address(rule) if rule.action == ExitAction::Accept => {
                write!(f, "{rule}")
            }
            RouterPattern::Address(rule) => write!(f, "{}:{}", rule.address, rule.ports),
        }
    }
}

/// Supports `RouterList` options, and lines of `NodeFamily`. An unset option is
/// an empty set.
impl FromConfigValue for RouterSet {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        if *ty != ConfigType::RouterList && !holds_anything(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST });
        }
        match only(lines) {
            Err(ConfigValueProblem::Unset) => Ok(RouterSet::default()),
            line => line?.parse().map_err(|_| ConfigValueProblem::Unreadable { rust: RUST }),
        }
    }
}

/// Supports `RouterList` options, and lines of `NodeFamily`. A set is rejected
/// if tor would read something else than the set holds. For example, tor would
/// read a nickname that contains a comma as two nicknames.
impl ToConfigValue for RouterSet {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if *ty != ConfigType::RouterList && !holds_anything(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST });
        }
        let line = self.to_string();
        match line.parse::<RouterSet>().is_ok_and(|read| read == *self) {
            true => line.to_config(ty),
            false => Err(ConfigValueProblem::Unwritable { rust: RUST }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::{AddressPattern, Directory, PortRange};

    const CONSENSUS: &str = "network-status-version 3\nvote-status consensus\n\
        r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 192.0.2.3 9003 0\n";

    fn set(text: &str) -> RouterSet {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn router_set_contains_relays_as_in_tor() {
        let directory = Directory::parse(CONSENSUS.as_bytes(), b"").unwrap();
        let relay = &directory.relays()[0];
        let fingerprint = relay.fingerprint();
        let germany = |_| "de".parse().ok();
        for (text, contained) in [
            ("", false),
            ("RELAY03", true),
            ("relay04", false),
            (&*format!("${fingerprint}~other"), true),
            ("{DE}", true),
            ("{de}x", true),
            ("{fr},{??}", false),
            ("192.0.2.0/24", true),
            ("192.0.2.3:9003", true),
            ("192.0.2.3:9004", false),
            ("*:9000-9010", true),
            ("accept 192.0.2.3,192.0.2.0/24", false),
            ("accept 192.0.2.4,192.0.2.0/24,a", true),
            ("[2001:db8::]/32", false),
        ] {
            assert_eq!(set(text).contains(relay, &germany).unwrap(), contained, "{text}");
        }
        assert!(set("{??}").contains(relay, &|_| None).unwrap());
        for bad in ["a-b", "{d}", "1.2.3", "$abc"] {
            assert!(bad.parse::<RouterSet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn router_set_that_would_change_is_rejected() {
        let nickname = |name: &str| RouterPattern::Nickname(name.into());
        let address = |address| {
            RouterPattern::Address(ExitRule {
                action: ExitAction::Reject,
                address,
                ports: PortRange::ANY,
            })
        };
        let (ip, ipv6) = ([192, 0, 2, 1].into(), std::net::Ipv6Addr::LOCALHOST);
        for member in [
            nickname(""),
            nickname("a,b"),
            nickname(" a"),
            nickname("a\nb"),
            nickname("{de}"),
            nickname("1.2.3.4"),
            nickname("twentycharactersnames"),
            address(AddressPattern::V4 { address: ip, prefix: 33 }),
            address(AddressPattern::V6 { address: ipv6, prefix: 129 }),
        ] {
            let problem = ConfigValueProblem::Unwritable { rust: "a RouterSet" };
            let set: RouterSet = [nickname("a"), member].into_iter().collect();
            assert_eq!(set.to_config(&ConfigType::RouterList), Err(problem), "{set}");
        }
    }

    #[test]
    fn router_set_round_trip() {
        let text = "$9695DFC35FFEB861329B9F1AB04C46397020CE31,moria1,{de},{??},192.0.2.0/24:*,accept [::1]:80";
        assert_eq!(set(text).to_string(), text);
        let ty = ConfigType::RouterList;
        let lines = set(text).to_config(&ty).unwrap();
        assert_eq!(RouterSet::from_config(&ty, &lines), Ok(set(text)));
        assert_eq!(RouterSet::from_config(&ty, &[]), Ok(RouterSet::default()));
        assert!(set("a").to_config(&ConfigType::Boolean).is_err());
    }
}
