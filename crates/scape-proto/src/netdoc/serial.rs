//! Serde serialization of directory documents and of the types in their fields.

use serde::{Serialize, Serializer};

use super::line::lossy;
use crate::netdoc::{
    AddressPattern, BandwidthWeights, DescriptorDigest, DocumentError, Ed25519Certificate,
    ExitAction, ExitPolicy, ExitRule, FamilyMember, Microdescriptor, Object, PortPolicy, PortRange,
    Protocols, Relay, RouterFlags, RouterStatus, ServerDescriptor,
};
use crate::word::serial::{Hex, Time, counts, table};

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
    vote_microdescriptors: status.vote_microdescriptors().collect::<Vec<_>>(),
    stats: Pairs(status.stats()),
} }

/// Functions for `serialize_with` that write the entries of a document as a
/// list.
pub(super) mod relays {
    use serde::Serializer;

    use crate::netdoc::entry_form::EntryForm;
    use crate::netdoc::status_parts::StatusParts;

    macro_rules! write_relays {
        ($($name:ident: $form:ident),*) => {
            $(pub(in crate::netdoc) fn $name<S: Serializer>(
                parts: &StatusParts<'_>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(parts.relays(EntryForm::$form))
            })*
        };
    }

    write_relays! { consensus: Consensus, vote: Vote, bridge: Bridge, v2: V2 }
}

struct Pairs<'a>(Vec<(&'a str, f64)>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        counts(&self.0, serializer)
    }
}

fields! { "Microdescriptor", |relay: Microdescriptor<'_>| {
    digest: Hex(relay.digest()),
    onion_key: relay.onion_key(),
    ntor_onion_key: relay.ntor_onion_key().map(Hex),
    ed25519: relay.ed25519().map(Hex),
    ipv6: relay.ipv6(),
    other_addresses: relay.other_addresses().collect::<Vec<_>>(),
    family: relay.family(),
    family_ids: relay.family_ids().collect::<Vec<_>>(),
    policy: relay.policy(),
    policy_v6: relay.policy_v6(),
    protocols: relay.protocols(),
} }

fields! { "ServerDescriptor", |relay: ServerDescriptor<'_>| {
    nickname: relay.nickname,
    address: relay.address,
    or_port: relay.or_port,
    socks_port: relay.socks_port,
    dir_port: relay.dir_port,
    or_addresses: relay.or_addresses,
    identity_ed25519: relay.identity_ed25519,
    master_key_ed25519: relay.master_key_ed25519.map(Hex),
    bandwidth: relay.bandwidth,
    platform: relay.platform,
    published: Time::new(relay.published),
    fingerprint: relay.fingerprint,
    is_hibernating: relay.is_hibernating,
    uptime: relay.uptime,
    onion_key: relay.onion_key,
    onion_key_crosscert: relay.onion_key_crosscert,
    ntor_onion_key: relay.ntor_onion_key.map(Hex),
    ntor_onion_key_crosscert: relay.ntor_onion_key_crosscert,
    signing_key: relay.signing_key,
    overload_general: relay.overload_general,
    contact: relay.contact,
    bridge_distribution_request: relay.bridge_distribution_request,
    family: relay.family(),
    family_certs: relay.family_certs,
    eventdns: relay.eventdns,
    caches_extra_info: relay.caches_extra_info,
    extra_info_digest: relay.extra_info_digest,
    extra_info_sha256: relay.extra_info_sha256.map(Hex),
    is_hidden_service_dir: relay.is_hidden_service_dir,
    allows_single_hop_exits: relay.allows_single_hop_exits,
    has_tunnelled_dir_server: relay.has_tunnelled_dir_server,
    protocols: relay.protocols(),
    exit_policy: relay.exit_policy().ok(),
    ipv6_policy: relay.ipv6_policy(),
    read_history: relay.read_history,
    write_history: relay.write_history,
    router_sig_ed25519: relay.router_sig_ed25519.map(Hex),
    router_signature: relay.router_signature,
    digest: relay.digest(),
    router_digest_sha256: relay.router_digest_sha256.map(Hex),
} }

impl Serialize for Object<'_> {
    /// Writes the base64 text without line ends.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines = self.base64().split(|b| b.is_ascii_whitespace());
        lossy(&lines.flatten().copied().collect::<Vec<_>>()).serialize(serializer)
    }
}

impl Serialize for DocumentError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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

fields! { "Ed25519Certificate", |certificate: Ed25519Certificate| {
    kind: certificate.kind().number(),
    expires: Time::new(certificate.expires()),
    key_type: certificate.key_type().number(),
    certified_key: Hex(*certificate.certified_key()),
    signing_key: certificate.signing_key().copied().map(Hex),
    signature: Hex(*certificate.signature()),
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
