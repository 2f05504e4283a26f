//! A relay, with all that choosing a path needs.

use std::fmt;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use super::shared::Shared;
use super::{FamilyMember, Microdescriptor, RouterEntry, RouterStatus};
use crate::descriptor::{PortPolicy, Protocols, RouterFlags};
use crate::word::{Fingerprint, RelayName, Version};

/// A relay of a [`Directory`](super::Directory): its entry in the consensus,
/// and its microdescriptor, where that is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    entry: RouterEntry,
    version: Option<Arc<Version>>,
    protocols: Option<Arc<Protocols>>,
    microdescriptor: Option<Kept>,
}

/// What is kept of a microdescriptor.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    ed25519: Option<[u8; 32]>,
    ipv6: Option<Box<SocketAddrV6>>,
    policy: Arc<PortPolicy>,
    policy_v6: Arc<PortPolicy>,
    family: Option<Arc<[FamilyMember]>>,
    family_ids: Option<Arc<[Box<str>]>>,
}

/// What relays have in common: most have one of a few policies, versions and
/// families.
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

    /// Its entry in the consensus.
    pub fn entry(&self) -> &RouterEntry {
        &self.entry
    }

    /// The name by which tor knows it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.entry.fingerprint()
    }

    /// The name that its operator chose. Many relays may have the same.
    pub fn nickname(&self) -> &str {
        self.entry.nickname()
    }

    /// Both names, as tor writes them.
    pub fn name(&self) -> RelayName {
        self.entry.name()
    }

    /// The flags that this version of the library knows.
    pub fn flags(&self) -> RouterFlags {
        self.entry.flags()
    }

    /// Its weight, in kilobytes (of 1000 bytes) a second; 0 where the consensus
    /// has none.
    pub fn bandwidth(&self) -> u32 {
        self.entry.bandwidth().unwrap_or(0)
    }

    /// Returns whether the bandwidth was measured, if that is known. See
    /// [`RouterStatus::is_measured`].
    pub fn is_measured(&self) -> Option<bool> {
        self.entry.is_measured()
    }

    /// Its IPv4 address and the port for relays and clients.
    pub fn or_address(&self) -> SocketAddrV4 {
        self.entry.or_address()
    }

    /// Its IPv6 address, with the port: the consensus', or else the
    /// microdescriptor's.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        let other = || self.microdescriptor.as_ref()?.ipv6.as_deref().copied();
        self.entry.ipv6().or_else(other)
    }

    /// The port for directory requests in the clear; 0 where it has none.
    pub fn dir_port(&self) -> u16 {
        self.entry.dir_port()
    }

    /// The ports to which it lets streams leave over IPv4; `None` where it is
    /// not known, as neither the consensus nor a microdescriptor tells.
    pub fn policy(&self) -> Option<&PortPolicy> {
        match &self.microdescriptor {
            Some(kept) => Some(&kept.policy),
            None => self.entry.policy(),
        }
    }

    /// The ports to which it lets streams leave over IPv6; `None` where it is
    /// not known, without a microdescriptor.
    pub fn policy_v6(&self) -> Option<&PortPolicy> {
        self.microdescriptor.as_ref().map(|kept| &*kept.policy_v6)
    }

    /// The relays that it says are of its family; none without a
    /// microdescriptor. It counts only if they say so, too.
    pub fn family(&self) -> &[FamilyMember] {
        self.microdescriptor.as_ref().and_then(|kept| kept.family.as_deref()).unwrap_or_default()
    }

    /// The families that it has proved to belong to; none without a
    /// microdescriptor. Relays with one of them in common are of one family.
    pub fn family_ids(&self) -> &[Box<str>] {
        self.microdescriptor
            .as_ref()
            .and_then(|kept| kept.family_ids.as_deref())
            .unwrap_or_default()
    }

    /// Its Ed25519 identity; `None` also without a microdescriptor.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        self.microdescriptor.as_ref().and_then(|kept| kept.ed25519)
    }

    /// The subprotocols that it speaks.
    pub fn protocols(&self) -> Option<&Protocols> {
        self.protocols.as_deref()
    }

    /// The version of tor that it says it runs.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_deref()
    }

    /// Whether its microdescriptor is there. tor makes no circuits over relays
    /// without.
    pub fn has_microdescriptor(&self) -> bool {
        self.microdescriptor.is_some()
    }
}

impl fmt::Display for Relay {
    /// As tor names relays: `$FINGERPRINT~nickname`.
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
