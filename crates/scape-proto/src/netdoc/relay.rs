//! Relays that own their data.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::SystemTime;

use super::line::lossy;
use super::shared::Shared;
use super::{FamilyMember, Microdescriptor, RouterStatus};
use crate::netdoc::{DescriptorDigest, PortPolicy, Protocols, RouterFlags};
use crate::word::{Fingerprint, RelayName, Version};

/// A relay: an owned, compact copy of its [entry](RouterStatus) in a consensus.
/// A relay in a [`Directory`](super::Directory) also has the fields of its
/// [microdescriptor](Microdescriptor), if the directory contains it.
///
/// Two relays are equal if all fields from the entries and the microdescriptors
/// are equal.
///
/// ```
/// use scape_proto::netdoc::{Relay, RouterStatus};
///
/// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\nw Bandwidth=4000\n";
/// let relays: Vec<Relay> = RouterStatus::parse_all(text).map(Relay::from).collect();
/// assert_eq!((relays[0].nickname(), relays[0].bandwidth()), ("relay04", Some(4000)));
/// ```
///
/// With a microdescriptor:
///
/// ```
/// use scape_proto::netdoc::Directory;
///
/// # let consensus = b"network-status-version 3 microdesc\nvote-status consensus\n\
/// #     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
/// #     m C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\ndirectory-footer\n";
/// # let microdescriptors = b"onion-key\np accept 80,443\n";
/// # let directory = Directory::parse(consensus, microdescriptors)?;
/// let relay = directory.relays().first().expect("one relay");
/// assert_eq!(relay.to_string(), "$256498816C85C6ABA4DF222205CF3FA091E63CCE~relay04");
/// assert_eq!(relay.or_address().to_string(), "127.0.0.14:9004"); // from the entry
/// assert!(relay.policy().is_some_and(|policy| policy.allows(443))); // from the microdescriptor
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "RouterStatusEntryV3")]
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    fingerprint: Fingerprint,
    nickname: Nickname,
    flags: RouterFlags,
    measured: Option<bool>,
    or_address: SocketAddrV4,
    dir_port: u16,
    bandwidth: Option<u32>,
    digest: Option<DescriptorDigest>,
    published: Option<SystemTime>,
    ipv6: Option<Box<SocketAddrV6>>,
    policy: Option<Arc<PortPolicy>>,
    rare: Option<Box<Rare>>,
    details: Option<Box<Details>>,
}

/// Fields that hardly any relay has. They are boxed to keep `Relay` small.
#[derive(Clone, Default, PartialEq, Eq)]
struct Rare {
    unknown_flags: Box<[Box<str>]>,
    /// All addresses in lines `a`. Empty if the only such address is the one in
    /// `ipv6`, or if there are no such addresses.
    other_addresses: Box<[SocketAddr]>,
}

/// A nickname: up to 19 letters and digits, padded with NUL bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Nickname([u8; 19]);

impl Nickname {
    fn new(text: &str) -> Self {
        let mut bytes = [0; 19];
        for (byte, letter) in bytes.iter_mut().zip(text.bytes()) {
            *byte = letter;
        }
        Nickname(bytes)
    }

    fn as_str(&self) -> &str {
        let end = memchr::memchr(0, &self.0).unwrap_or(self.0.len());
        self.0.get(..end).and_then(|letters| std::str::from_utf8(letters).ok()).unwrap_or_default()
    }
}

/// Fields that only relays from a whole consensus have, for example the relays
/// of a [`Directory`](super::Directory). Relays from `GETINFO ns/…` don't have
/// these fields.
#[derive(Clone, Default, PartialEq, Eq)]
struct Details {
    version: Option<Arc<Version>>,
    protocols: Option<Arc<Protocols>>,
    microdescriptor: Option<Kept>,
}

/// The fields that a [`Relay`] keeps of its microdescriptor.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    ed25519: Option<[u8; 32]>,
    ipv6: Option<Box<SocketAddrV6>>,
    policy: Arc<PortPolicy>,
    policy_v6: Arc<PortPolicy>,
    family: Option<Arc<[FamilyMember]>>,
    family_ids: Option<Arc<[Box<str>]>>,
}

/// Values that many relays share. Most relays have one of a few policies,
/// versions and families.
#[derive(Debug, Default)]
pub(super) struct InCommon {
    policies: Shared<PortPolicy>,
    protocols: Shared<Protocols>,
    versions: Shared<Version>,
    families: Shared<[FamilyMember]>,
    family_ids: Shared<[Box<str>]>,
    /// The policy that allows no port. All relays whose microdescriptor has no
    /// valid policy share this policy.
    reject_all: Option<Arc<PortPolicy>>,
}

impl InCommon {
    fn policy(&mut self, text: Option<&[u8]>) -> Arc<PortPolicy> {
        let read = |text: &[u8]| PortPolicy::from_line(text).map(Arc::new);
        let policy = text.and_then(|text| self.policies.get(text, read));
        let reject_all = || Arc::new(PortPolicy::reject_all());
        policy.unwrap_or_else(|| self.reject_all.get_or_insert_with(reject_all).clone())
    }

    fn keep(&mut self, relay: &Microdescriptor<'_>) -> Kept {
        let family = Some(relay.family_text()).filter(|text| !text.is_empty());
        let family_ids = Some(relay.family_ids_text()).filter(|text| !text.is_empty());
        Kept {
            ed25519: relay.ed25519(),
            ipv6: relay.ipv6().map(Box::new),
            policy: self.policy(relay.policy_text()),
            policy_v6: self.policy(relay.policy_v6_text()),
            family: family
                .and_then(|text| self.families.get(text, |_| Some(relay.family().into()))),
            family_ids: family_ids
                .and_then(|text| self.family_ids.get(text, |_| Some(relay.family_ids().collect()))),
        }
    }
}

impl Relay {
    /// Copies an entry and a microdescriptor. Equal values of different relays
    /// are shared through `common`.
    pub(super) fn new(
        status: &RouterStatus<'_>,
        microdescriptor: Option<&Microdescriptor<'_>>,
        common: &mut InCommon,
    ) -> Self {
        let version = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok().map(Arc::new);
        let protocols = |text: &[u8]| Protocols::from_bytes(text).map(Arc::new);
        let details = Details {
            version: status.version_text().and_then(|text| common.versions.get(text, version)),
            protocols: status
                .protocols_text()
                .and_then(|text| common.protocols.get(text, protocols)),
            microdescriptor: microdescriptor.map(|relay| common.keep(relay)),
        };
        let policies = &mut common.policies;
        let policy =
            |text: &[u8]| policies.get(text, |text| PortPolicy::from_line(text).map(Arc::new));
        let unknown_flags: Box<[Box<str>]> = status.unknown_flags().map(lossy).collect();
        let ipv6 = status.ipv6();
        let mut other_addresses: Box<[SocketAddr]> = Box::default();
        if !status.other_addresses().eq(ipv6.map(SocketAddr::V6)) {
            other_addresses = status.other_addresses().collect();
        }
        let rare = Rare { unknown_flags, other_addresses };
        Relay {
            fingerprint: status.fingerprint(),
            nickname: Nickname::new(status.nickname()),
            flags: status.flags(),
            measured: status.is_measured(),
            or_address: status.or_address(),
            dir_port: status.dir_port(),
            bandwidth: status.bandwidth(),
            digest: status.digest(),
            published: status.published(),
            ipv6: ipv6.map(Box::new),
            policy: status.policy_text().and_then(policy),
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
            details: (details != Details::default()).then(|| Box::new(details)),
        }
    }

    fn microdescriptor(&self) -> Option<&Kept> {
        self.details.as_ref()?.microdescriptor.as_ref()
    }

    /// Returns the relay's identity fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns the nickname that the relay's operator chose. Nicknames aren't
    /// unique.
    pub fn nickname(&self) -> &str {
        self.nickname.as_str()
    }

    /// Returns the fingerprint and the nickname together, in tor's form
    /// `$FINGERPRINT~nickname`.
    pub fn name(&self) -> RelayName {
        RelayName::from(&*self.to_string())
    }

    /// Returns the flags that this version of the library knows.
    pub fn flags(&self) -> RouterFlags {
        self.flags
    }

    /// Returns the flags that this version of the library doesn't know.
    pub fn unknown_flags(&self) -> impl Iterator<Item = &str> {
        self.rare.iter().flat_map(|rare| rare.unknown_flags.iter().map(|flag| &**flag))
    }

    /// Returns the relay's bandwidth weight in kilobytes per second, where a
    /// kilobyte is 1000 bytes. Returns `None` if the entry contains no weight.
    pub fn bandwidth(&self) -> Option<u32> {
        self.bandwidth
    }

    /// Returns true if the bandwidth was measured, and false if the relay only
    /// claims it. Returns `None` if the entry doesn't say which. See
    /// [`RouterStatus::is_measured`].
    pub fn is_measured(&self) -> Option<bool> {
        self.measured
    }

    /// Returns the IPv4 address with the port for relays and clients. The port
    /// is 0 if the relay has no such port.
    #[doc(alias = "address")]
    #[doc(alias = "or_port")]
    pub fn or_address(&self) -> SocketAddrV4 {
        self.or_address
    }

    /// Returns the IPv6 address with its port, from the consensus or else from
    /// the microdescriptor. Returns `None` if neither contains an IPv6 address.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        let other = || self.microdescriptor()?.ipv6.as_deref().copied();
        self.ipv6.as_deref().copied().or_else(other)
    }

    /// Returns the relay's additional addresses with their ports, in order: all
    /// lines `a` of the entry.
    pub fn other_addresses(&self) -> Vec<SocketAddr> {
        match &self.rare {
            Some(rare) if !rare.other_addresses.is_empty() => rare.other_addresses.to_vec(),
            _ => self.ipv6.as_deref().copied().map(SocketAddr::V6).into_iter().collect(),
        }
    }

    /// Returns the port for unencrypted directory requests, or 0 if the
    /// relay has no such port.
    pub fn dir_port(&self) -> u16 {
        self.dir_port
    }

    /// Returns the digest of the relay's server descriptor, if the entry
    /// contains one. See [`RouterStatus::digest`].
    pub fn digest(&self) -> Option<DescriptorDigest> {
        self.digest
    }

    /// Returns the time when the descriptor was published, in whole seconds.
    /// Returns `None` if the time is malformed.
    ///
    /// Almost always the time is in the year 2038 and has no meaning, because
    /// the authorities no longer publish the real time. Only entries of
    /// `GETINFO ns/purpose/…` have the real time.
    pub fn published(&self) -> Option<SystemTime> {
        self.published
    }

    /// Returns the ports to which the relay allows streams to exit over IPv4,
    /// from the microdescriptor or else from the entry. Returns `None` if
    /// neither contains them.
    ///
    /// Entries of a full consensus contain a policy, and entries of a
    /// microdescriptor consensus don't. In `GETINFO ns/…`, NS and NEWCONSENSUS,
    /// an entry contains a policy only if tor has the relay's server
    /// descriptor. Most clients have no server descriptors, so the result is
    /// `None` for relays from these three sources.
    pub fn policy(&self) -> Option<&PortPolicy> {
        match self.microdescriptor() {
            Some(kept) => Some(&kept.policy),
            None => self.policy.as_deref(),
        }
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6.
    /// Returns `None` if the microdescriptor isn't known.
    pub fn policy_v6(&self) -> Option<&PortPolicy> {
        self.microdescriptor().map(|kept| &*kept.policy_v6)
    }

    /// Returns the relays that this relay lists as its family. The list is
    /// empty if the microdescriptor isn't known.
    ///
    /// Two relays are in the same family if each of them lists the other, or if
    /// they share a family id.
    pub fn family(&self) -> &[FamilyMember] {
        self.microdescriptor().and_then(|kept| kept.family.as_deref()).unwrap_or_default()
    }

    /// Returns the ids of the relay's families, such as `ed25519:…`. The relay
    /// has proved that it belongs to these families. The list is empty if the
    /// microdescriptor isn't known.
    ///
    /// Relays that share a family id are in the same family.
    pub fn family_ids(&self) -> &[Box<str>] {
        self.microdescriptor().and_then(|kept| kept.family_ids.as_deref()).unwrap_or_default()
    }

    /// Returns the relay's Ed25519 identity key. Returns `None` if the relay
    /// has no such key or its microdescriptor isn't known.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        self.microdescriptor().and_then(|kept| kept.ed25519)
    }

    /// Returns the subprotocol versions that the relay supports. Returns `None`
    /// if the entry in the consensus has no valid list of them.
    pub fn protocols(&self) -> Option<&Protocols> {
        self.details.as_ref()?.protocols.as_deref()
    }

    /// Returns the version of tor that the relay claims to run. Returns `None`
    /// if the entry in the consensus has no valid version.
    pub fn version(&self) -> Option<&Version> {
        self.details.as_ref()?.version.as_deref()
    }

    /// Returns true if the relay's microdescriptor is known. tor builds no
    /// circuits through relays without a microdescriptor.
    pub fn has_microdescriptor(&self) -> bool {
        self.microdescriptor().is_some()
    }
}

impl From<&RouterStatus<'_>> for Relay {
    fn from(status: &RouterStatus<'_>) -> Self {
        Relay::new(status, None, &mut InCommon::default())
    }
}

impl From<RouterStatus<'_>> for Relay {
    fn from(status: RouterStatus<'_>) -> Self {
        Relay::from(&status)
    }
}

impl fmt::Display for Relay {
    /// Writes `$FINGERPRINT~nickname`, as tor names relays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}~{}", self.fingerprint, self.nickname())
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("name", &format_args!("{self}"))
            .field("flags", &self.flags)
            .field("bandwidth", &self.bandwidth)
            .field("or_address", &self.or_address)
            .field("ipv6", &self.ipv6())
            .field("has_microdescriptor", &self.has_microdescriptor())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: &str = "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 127.0.0.14 9004 0\n";

    fn entry(lines: &str) -> Relay {
        let text = format!("{R}{lines}");
        RouterStatus::parse_all(text.as_bytes()).next().unwrap().into()
    }

    #[test]
    fn relay_is_small() {
        assert!(size_of::<Relay>() <= 136, "{} bytes", size_of::<Relay>());
    }

    #[test]
    fn relays_with_equal_fields_are_equal() {
        let lines = "a [::1]:9104\ns Exit Fast Odd\nw Bandwidth=7 Unmeasured=1\np accept 80\n";
        assert_eq!(entry(lines), entry(lines));
        for other in [
            lines.replace("Fast", "Guard"),
            lines.replace("Odd", "Even"),
            lines.replace("80", "81"),
        ] {
            assert_ne!(entry(lines), entry(&other), "{other}");
        }
    }

    #[test]
    fn relay_copies_all_fields_of_the_entry() {
        let entry = entry(
            "a 127.0.0.1:1\na [::1]:9104\na [::2]:2\ns Exit Odd Odder\nw Bandwidth=7 Unmeasured=1\np accept 80\n",
        );
        assert_eq!(entry.to_string(), "$256498816C85C6ABA4DF222205CF3FA091E63CCE~relay04");
        assert_eq!(entry.name().nickname(), Some("relay04"));
        assert_eq!(entry.unknown_flags().collect::<Vec<_>>(), ["Odd", "Odder"]);
        assert_eq!(entry.ipv6().unwrap().to_string(), "[::1]:9104");
        assert_eq!(entry.other_addresses().len(), 3);
        assert_eq!((entry.bandwidth(), entry.is_measured()), (Some(7), Some(false)));
        assert!(entry.policy().unwrap().allows(80) && !entry.policy().unwrap().allows(81));
        assert!(entry.digest().is_some() && entry.published().is_some());
        assert!(format!("{entry:?}").contains("relay04"));
    }

    #[test]
    fn relay_keeps_repeated_addresses() {
        for (lines, count) in [("", 0), ("a [::1]:1\n", 1), ("a [::1]:1\na [::1]:1\n", 2)] {
            assert_eq!(entry(lines).other_addresses().len(), count, "{lines:?}");
        }
    }
}
