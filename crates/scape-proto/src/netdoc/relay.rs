//! Relays with everything that path selection needs.

use std::fmt;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use super::shared::Shared;
use super::{FamilyMember, Microdescriptor, RouterEntry, RouterStatus};
use crate::netdoc::{PortPolicy, Protocols, RouterFlags};
use crate::word::{Fingerprint, RelayName, Version};

/// A relay of a [`Directory`](super::Directory): its entry in the consensus and
/// its microdescriptor, if there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    entry: RouterEntry,
    version: Option<Arc<Version>>,
    protocols: Option<Arc<Protocols>>,
    microdescriptor: Option<Kept>,
}

/// The fields of a microdescriptor that a [`Relay`] keeps.
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
#[derive(Debug)]
pub(super) struct InCommon {
    policies: Shared<PortPolicy>,
    protocols: Shared<Protocols>,
    versions: Shared<Version>,
    families: Shared<[FamilyMember]>,
    family_ids: Shared<[Box<str>]>,
    reject_all: Arc<PortPolicy>,
}

impl Default for InCommon {
    fn default() -> Self {
        InCommon {
            policies: Shared::default(),
            protocols: Shared::default(),
            versions: Shared::default(),
            families: Shared::default(),
            family_ids: Shared::default(),
            reject_all: Arc::new(PortPolicy::reject_all()),
        }
    }
}

impl InCommon {
    fn policy(&mut self, text: Option<&[u8]>) -> Arc<PortPolicy> {
        let read = |text: &[u8]| PortPolicy::from_bytes(text).map(Arc::new);
        let policy = text.and_then(|text| self.policies.get(text, read));
        policy.unwrap_or_else(|| self.reject_all.clone())
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
    pub(super) fn new(
        status: &RouterStatus<'_>,
        microdescriptor: Option<&Microdescriptor<'_>>,
        common: &mut InCommon,
    ) -> Self {
        let version = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok().map(Arc::new);
        let protocols = |text: &[u8]| Protocols::from_bytes(text).map(Arc::new);
        Relay {
            entry: RouterEntry::new(status, &mut common.policies),
            version: status.version_text().and_then(|text| common.versions.get(text, version)),
            protocols: status
                .protocols_text()
                .and_then(|text| common.protocols.get(text, protocols)),
            microdescriptor: microdescriptor.map(|relay| common.keep(relay)),
        }
    }

    /// Returns the relay's entry in the consensus.
    pub fn entry(&self) -> &RouterEntry {
        &self.entry
    }

    /// Returns the relay's identity fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.entry.fingerprint()
    }

    /// Returns the nickname that the relay's operator chose. Nicknames aren't
    /// unique.
    pub fn nickname(&self) -> &str {
        self.entry.nickname()
    }

    /// Returns the fingerprint and the nickname together, as tor writes them.
    pub fn name(&self) -> RelayName {
        self.entry.name()
    }

    /// Returns the flags that this version of the library knows.
    pub fn flags(&self) -> RouterFlags {
        self.entry.flags()
    }

    /// Returns the bandwidth weight in kilobytes (of 1000 bytes) per second, or
    /// 0 if the consensus has none.
    pub fn bandwidth(&self) -> u32 {
        self.entry.bandwidth().unwrap_or(0)
    }

    /// Returns true if the bandwidth was measured, and false if the relay only
    /// claims it. Returns `None` if the entry doesn't tell these cases apart.
    /// See [`RouterStatus::is_measured`].
    pub fn is_measured(&self) -> Option<bool> {
        self.entry.is_measured()
    }

    /// Returns the IPv4 address with the port for relays and clients.
    pub fn or_address(&self) -> SocketAddrV4 {
        self.entry.or_address()
    }

    /// Returns the IPv6 address with its port, from the consensus or else from
    /// the microdescriptor. Returns `None` if neither contains an IPv6 address.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        let other = || self.microdescriptor.as_ref()?.ipv6.as_deref().copied();
        self.entry.ipv6().or_else(other)
    }

    /// Returns the port for unencrypted directory requests, or 0 if the
    /// relay has no such port.
    pub fn dir_port(&self) -> u16 {
        self.entry.dir_port()
    }

    /// Returns the ports to which the relay allows streams to exit over IPv4.
    /// Returns `None` if the microdescriptor isn't known and the entry in the
    /// consensus contains no policy.
    pub fn policy(&self) -> Option<&PortPolicy> {
        match &self.microdescriptor {
            Some(kept) => Some(&kept.policy),
            None => self.entry.policy(),
        }
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6.
    /// Returns `None` if the microdescriptor isn't known.
    pub fn policy_v6(&self) -> Option<&PortPolicy> {
        self.microdescriptor.as_ref().map(|kept| &*kept.policy_v6)
    }

    /// Returns the relays that this relay lists as its family. The list is
    /// empty if the microdescriptor isn't known.
    ///
    /// Two relays are in the same family only if each of them lists the other.
    pub fn family(&self) -> &[FamilyMember] {
        self.microdescriptor.as_ref().and_then(|kept| kept.family.as_deref()).unwrap_or_default()
    }

    /// Returns the families that the relay has proved to belong to. The list is
    /// empty if the microdescriptor isn't known.
    ///
    /// Relays that share a family id are in the same family.
    pub fn family_ids(&self) -> &[Box<str>] {
        self.microdescriptor
            .as_ref()
            .and_then(|kept| kept.family_ids.as_deref())
            .unwrap_or_default()
    }

    /// Returns the Ed25519 identity. Returns `None` if the relay has no such
    /// identity or its microdescriptor isn't known.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        self.microdescriptor.as_ref().and_then(|kept| kept.ed25519)
    }

    /// Returns the subprotocol versions that the relay supports. Returns `None`
    /// if the entry in the consensus has no valid list of them.
    pub fn protocols(&self) -> Option<&Protocols> {
        self.protocols.as_deref()
    }

    /// Returns the version of tor that the relay claims to run. Returns `None`
    /// if the entry in the consensus has no valid version.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_deref()
    }

    /// Returns true if the microdescriptor is known. tor builds no circuits
    /// through relays without one.
    pub fn has_microdescriptor(&self) -> bool {
        self.microdescriptor.is_some()
    }
}

impl fmt::Display for Relay {
    /// Writes `$FINGERPRINT~nickname`, as tor names relays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.entry)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("entry", &self.entry)
            .field("version", &self.version)
            .field("policy", &self.policy())
            .field("has_microdescriptor", &self.has_microdescriptor())
            .finish_non_exhaustive()
    }
}
