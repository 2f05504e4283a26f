//! Serde serialization of directory documents and of the types in their fields.

use serde::{Serialize, Serializer};

use super::line::lossy;
use crate::netdoc::{
    AddressPattern, BandwidthWeights, DescriptorDigest, ExitAction, ExitPolicy, ExitRule,
    FamilyMember, Microdescriptor, PortPolicy, PortRange, Protocols, Relay, RouterFlags,
    RouterStatus,
};
use crate::word::serial::{Hex, Time, table};

as_text! { DescriptorDigest, ExitPolicy, ExitRule, PortPolicy, Protocols }

write_as_text! { AddressPattern, ExitAction, FamilyMember, PortRange }

impl Serialize for RouterFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

fields! { "RouterStatus", |status: RouterStatus<'_>| {
    fingerprint: status.fingerprint(),
    nickname: status.nickname(),
    digest: status.digest(),
    microdescriptor_digest: status.microdescriptor_digest().map(Hex),
    published: Time::new(status.published()),
    or_address: status.or_address(),
    dir_port: status.dir_port(),
    ipv6: status.ipv6(),
    other_addresses: status.other_addresses().collect::<Vec<_>>(),
    flags: status.flags(),
    unknown_flags: status.unknown_flags().map(lossy).collect::<Vec<_>>(),
    bandwidth: status.bandwidth(),
    is_measured: status.is_measured(),
    measured: status.measured(),
    version: status.version(),
    protocols: status.protocols(),
    policy: status.policy(),
    ed25519: status.ed25519().map(Hex),
} }

fields! { "Microdescriptor", |relay: Microdescriptor<'_>| {
    digest: Hex(relay.digest()),
    ntor_onion_key: relay.ntor_onion_key().map(Hex),
    ed25519: relay.ed25519().map(Hex),
    ipv6: relay.ipv6(),
    other_addresses: relay.other_addresses().collect::<Vec<_>>(),
    family: relay.family(),
    family_ids: relay.family_ids().collect::<Vec<_>>(),
    policy: relay.policy(),
    policy_v6: relay.policy_v6(),
} }

fields! { "Relay", |relay: Relay| {
    fingerprint: relay.fingerprint(),
    nickname: relay.nickname(),
    digest: relay.digest(),
    published: Time::new(relay.published()),
    or_address: relay.or_address(),
    dir_port: relay.dir_port(),
    ipv6: relay.ipv6(),
    other_addresses: relay.other_addresses(),
    flags: relay.flags(),
    unknown_flags: relay.unknown_flags().collect::<Vec<_>>(),
    bandwidth: relay.bandwidth(),
    is_measured: relay.is_measured(),
    version: relay.version(),
    protocols: relay.protocols(),
    policy: relay.policy(),
    policy_v6: relay.policy_v6(),
    family: relay.family(),
    family_ids: relay.family_ids(),
    ed25519: relay.ed25519().map(Hex),
    has_microdescriptor: relay.has_microdescriptor(),
} }

fields! { "BandwidthWeights", |weights: BandwidthWeights| {
    scale: weights.scale(),
    weights: Weights(weights),
} }

struct Weights<'a>(&'a BandwidthWeights);

impl Serialize for Weights<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        table(self.0.iter(), serializer)
    }
}

/// Serializes an optional value of 32 bytes, such as the shared random value,
/// as hexadecimal digits.
pub(super) fn random<S: Serializer>(
    value: &Option<[u8; 32]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.map(Hex).serialize(serializer)
}
