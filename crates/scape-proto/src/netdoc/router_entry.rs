//! Owned entries of a consensus.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::SystemTime;

use super::RouterStatus;
use super::line::lossy;
use super::shared::Shared;
use crate::netdoc::{DescriptorDigest, PortPolicy, RouterFlags};
use crate::word::{Fingerprint, RelayName};

/// A relay's entry in a consensus: an owned, compact copy of a
/// [`RouterStatus`].
///
/// It has the fields that entries of `GETINFO ns/…`, NS and NEWCONSENSUS have.
/// Two entries are equal if all these fields are equal.
///
/// ```
/// use scape_proto::netdoc::{RouterEntry, RouterStatus};
///
/// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\nw Bandwidth=4000\n";
/// let entries: Vec<RouterEntry> =
///     RouterStatus::parse_all(text).map(|status| status.into()).collect();
/// assert_eq!((entries[0].nickname(), entries[0].bandwidth()), ("relay04", Some(4000)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RouterEntry {
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
}

/// Fields that hardly any entry has. They are boxed to keep entries small.
#[derive(Clone, Default, PartialEq, Eq)]
struct Rare {
    unknown_flags: Box<[Box<str>]>,
    /// All addresses in lines `a`, or empty if `ipv6` is the only one.
    other_addresses: Box<[SocketAddr]>,
}

/// A nickname: up to 19 letters and digits, padded with zeros.
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

impl RouterEntry {
    /// Copies an entry. Equal policies are shared through `policies`.
    pub(crate) fn new(status: &RouterStatus<'_>, policies: &mut Shared<PortPolicy>) -> Self {
        let policy =
            |text: &[u8]| policies.get(text, |text| PortPolicy::from_bytes(text).map(Arc::new));
        let unknown_flags: Box<[Box<str>]> = status.unknown_flags().map(lossy).collect();
        let ipv6 = status.ipv6();
        let mut other_addresses: Box<[SocketAddr]> = Box::default();
        if status.other_addresses().any(|address| ipv6.map(SocketAddr::V6) != Some(address)) {
            other_addresses = status.other_addresses().collect();
        }
        let rare = Rare { unknown_flags, other_addresses };
        RouterEntry {
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
        }
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

    /// Returns the fingerprint and the nickname together, as tor writes them.
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

    /// Returns the bandwidth weight in kilobytes (of 1000 bytes) per second.
    /// Returns `None` if the entry has none.
    pub fn bandwidth(&self) -> Option<u32> {
        self.bandwidth
    }

    /// Returns true if the bandwidth was measured, and false if the relay only
    /// claims it. Returns `None` if the entry doesn't tell these cases apart.
    /// See [`RouterStatus::is_measured`].
    pub fn is_measured(&self) -> Option<bool> {
        self.measured
    }

    /// Returns the IPv4 address with the port for relays and clients. The port
    /// is 0 if the relay has no such port.
    pub fn or_address(&self) -> SocketAddrV4 {
        self.or_address
    }

    /// Returns the first IPv6 address with its port, or `None` if the entry has
    /// no IPv6 address.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.ipv6.as_deref().copied()
    }

    /// Returns the additional addresses with their ports, in order: all lines
    /// `a`.
    pub fn other_addresses(&self) -> Vec<SocketAddr> {
        match &self.rare {
            Some(rare) if !rare.other_addresses.is_empty() => rare.other_addresses.to_vec(),
            _ => self.ipv6().map(SocketAddr::V6).into_iter().collect(),
        }
    }

    /// Returns the port for unencrypted directory requests, or 0 if the
    /// relay has no such port.
    pub fn dir_port(&self) -> u16 {
        self.dir_port
    }

    /// Returns the digest of the descriptor. See [`RouterStatus::digest`].
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

    /// Returns the ports to which the relay allows streams to exit over IPv4.
    /// Returns `None` if the entry contains no policy.
    ///
    /// Entries of a full consensus contain a policy, and entries of a
    /// microdescriptor consensus don't. In `GETINFO ns/…`, NS and NEWCONSENSUS,
    /// tor adds the policy only if it has the relay's server descriptor. Most
    /// clients have no server descriptors, so this returns `None` for their
    /// entries.
    pub fn policy(&self) -> Option<&PortPolicy> {
        self.policy.as_deref()
    }
}

impl From<&RouterStatus<'_>> for RouterEntry {
    fn from(status: &RouterStatus<'_>) -> Self {
        RouterEntry::new(status, &mut Shared::default())
    }
}

impl From<RouterStatus<'_>> for RouterEntry {
    fn from(status: RouterStatus<'_>) -> Self {
        RouterEntry::from(&status)
    }
}

impl fmt::Display for RouterEntry {
    /// Writes `$FINGERPRINT~nickname`, as tor names relays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}~{}", self.fingerprint, self.nickname())
    }
}

impl fmt::Debug for RouterEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterEntry")
            .field("name", &format_args!("{self}"))
            .field("flags", &self.flags)
            .field("bandwidth", &self.bandwidth)
            .field("or_address", &self.or_address)
            .field("ipv6", &self.ipv6)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: &str = "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 127.0.0.14 9004 0\n";

    fn entry(lines: &str) -> RouterEntry {
        let text = format!("{R}{lines}");
        RouterStatus::parse_all(text.as_bytes()).next().unwrap().into()
    }

    #[test]
    fn router_entry_is_small() {
        assert!(size_of::<RouterEntry>() <= 128, "{} bytes", size_of::<RouterEntry>());
    }

    #[test]
    fn router_entries_with_equal_fields_are_equal() {
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
    fn router_entry_copies_all_fields() {
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
}
