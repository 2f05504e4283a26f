//! Serde serialization of onion service descriptors.

use super::BlindedPublicKey;
use super::OnionDescriptor;
use crate::word::serial::Hex;

as_text! { BlindedPublicKey }

fields! { "OnionDescriptor", |descriptor: OnionDescriptor<'_>| {
    version: descriptor.version,
    lifetime: descriptor.lifetime.map(|lifetime| lifetime.as_secs_f64()),
    blinded_key: descriptor.blinded_key(),
    signing_key_cert: descriptor.signing_key_cert,
    revision_counter: descriptor.revision_counter,
    superencrypted: descriptor.superencrypted,
    signature: descriptor.signature.map(Hex),
} }

#[cfg(feature = "onion-descriptor")]
mod layers {
    use std::net::{SocketAddrV4, SocketAddrV6};
    use std::time::SystemTime;

    use data_encoding::HEXUPPER;
    use serde::{Serialize, Serializer};

    use crate::netdoc::onion::{
        AuthorizedClient, FirstLayer, IntroductionPoint, LinkSpecifier, OpenedDescriptor,
        PowParams, SecondLayer,
    };
    use crate::word::Fingerprint;
    use crate::word::serial::Hex;

    fields! { "OpenedDescriptor", |descriptor: OpenedDescriptor| {
        first: descriptor.first,
        second: descriptor.second,
    } }

    fields! { "FirstLayer", |layer: FirstLayer| {
        auth_type: layer.auth_type,
        ephemeral_key: layer.ephemeral_key.map(Hex),
        clients: layer.clients,
        encrypted: layer.encrypted.as_deref().map(|bytes| HEXUPPER.encode(bytes)),
    } }

    fields! { "AuthorizedClient", |client: AuthorizedClient| {
        id: Hex(client.id),
        iv: Hex(client.iv),
        encrypted_cookie: Hex(client.encrypted_cookie),
    } }

    fields! { "SecondLayer", |layer: SecondLayer| {
        create2_formats: layer.create2_formats,
        intro_auth_required: layer.intro_auth_required,
        is_single_onion_service: layer.is_single_onion_service,
        flow_control: layer.flow_control,
        pow_params: layer.pow_params,
        introduction_points: layer.introduction_points,
    } }

    fields! { "IntroductionPoint", |point: IntroductionPoint| {
        link_specifiers: point.link_specifiers,
        onion_key: point.onion_key.map(Hex),
        auth_key_cert: point.auth_key_cert,
        enc_key: point.enc_key.map(Hex),
        enc_key_cert: point.enc_key_cert,
        legacy_key: point.legacy_key.as_deref().map(|bytes| HEXUPPER.encode(bytes)),
        legacy_key_cert: point.legacy_key_cert.as_deref().map(|bytes| HEXUPPER.encode(bytes)),
    } }

    impl Serialize for LinkSpecifier {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            #[derive(Serialize)]
            #[serde(tag = "type", rename_all = "snake_case")]
            enum Fields<'a> {
                Ipv4 { address: &'a SocketAddrV4 },
                Ipv6 { address: &'a SocketAddrV6 },
                LegacyId { fingerprint: &'a Fingerprint },
                Ed25519Id { key: Hex<32> },
                Other { kind: u8, data: String },
            }
            let fields = match self {
                LinkSpecifier::Ipv4(address) => Fields::Ipv4 { address },
                LinkSpecifier::Ipv6(address) => Fields::Ipv6 { address },
                LinkSpecifier::LegacyId(fingerprint) => Fields::LegacyId { fingerprint },
                LinkSpecifier::Ed25519Id(key) => Fields::Ed25519Id { key: Hex(*key) },
                LinkSpecifier::Other { kind, data } => {
                    Fields::Other { kind: *kind, data: HEXUPPER.encode(data) }
                }
            };
            fields.serialize(serializer)
        }
    }

    impl Serialize for PowParams {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            #[derive(Serialize)]
            #[serde(tag = "type", rename_all = "snake_case")]
            enum Fields<'a> {
                V1 {
                    seed: Hex<32>,
                    suggested_effort: u32,
                    #[serde(serialize_with = "crate::word::serial::time")]
                    expires: SystemTime,
                },
                Other {
                    line: &'a str,
                },
            }
            let fields = match self {
                PowParams::V1 { seed, suggested_effort, expires } => Fields::V1 {
                    seed: Hex(*seed),
                    suggested_effort: *suggested_effort,
                    expires: *expires,
                },
                PowParams::Other(line) => Fields::Other { line },
            };
            fields.serialize(serializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onion_descriptor_is_an_object() {
        let text = b"hs-descriptor 3\ndescriptor-lifetime 180\nrevision-counter 42\n";
        let value = serde_json::to_value(OnionDescriptor::parse(text).unwrap()).unwrap();
        assert_eq!(value["lifetime"], 10_800.0);
        assert_eq!(value["revision_counter"], 42);
        assert!(value["signature"].is_null());
    }

    #[test]
    #[cfg(feature = "onion-descriptor")]
    fn layers_of_an_onion_descriptor_are_objects() {
        use super::super::{FirstLayer, SecondLayer};

        let text = b"create2-formats 2\n\
            pow-params v1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE 7 2026-11-21T03:16:05\n\
            introduction-point AgAGwAACASMpCQEB\n";
        let value = serde_json::to_value(SecondLayer::parse(text).unwrap()).unwrap();
        assert_eq!(value["pow_params"][0]["type"], "v1");
        assert_eq!(value["pow_params"][0]["expires"], "2026-11-21T03:16:05Z");
        let specifiers = &value["introduction_points"][0]["link_specifiers"];
        let expected = serde_json::json!([
            {"type": "ipv4", "address": "192.0.2.1:9001"},
            {"type": "other", "kind": 9, "data": "01"},
        ]);
        assert_eq!(specifiers, &expected);

        let text = b"desc-auth-type x25519\n\
            auth-client AQEBAQEBAQE AgICAgICAgICAgICAgICAg AwMDAwMDAwMDAwMDAwMDAw\n";
        let value = serde_json::to_value(FirstLayer::parse(text).unwrap()).unwrap();
        assert_eq!(value["clients"][0]["id"], "0101010101010101");
    }
}
