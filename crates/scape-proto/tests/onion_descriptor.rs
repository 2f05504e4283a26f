//! Tests building, parsing, decrypting and verifying onion service descriptors.
//! Some descriptors were made by tor in a private network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use scape_proto::netdoc::onion::{
    BlindedPublicKey, BlindedSecretKey, BuildDescriptorError, FlowControl, LinkSpecifier,
    NewIntroductionPoint, OnionDescriptor, OnionDescriptorBuilder, OpenDescriptorError,
    OpenLayerError, PowParams, TimePeriod, revision_counter,
};
use scape_proto::netdoc::{
    CertificateType, Ed25519Certificate, Ed25519SecretKey, VerifyProblem, ed25519_from_curve25519,
};
use scape_proto::word::{ClientKey, ClientPublicKey, OnionKey};

/// A descriptor that tor made for the service with the key
/// `OnionKey::from_seed(&[3; 32])`.
const BY_TOR: &[u8] = include_bytes!("data/documents/onion-descriptor");
/// A descriptor that tor made for the service with the key
/// `OnionKey::from_seed(&[2; 32])`. Only one client is authorized.
const WITH_CLIENT: &[u8] = include_bytes!("data/documents/onion-descriptor-client-auth");
/// The secret key of the only client that can decrypt [`WITH_CLIENT`].
const CLIENT: &str = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA";
/// The time period of [`BY_TOR`]. In the private network that made this
/// descriptor, a time period lasts 4 minutes.
const BY_TOR_PERIOD: TimePeriod = TimePeriod { number: 7_483_352, minutes: 4 };
const PERIOD: TimePeriod = TimePeriod { number: 20_700, minutes: 1440 };

fn expires() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000)
}

/// Returns a valid Curve25519 public key. Equal seeds give equal keys.
fn curve25519(seed: u8) -> [u8; 32] {
    *ClientKey::from_bytes([seed; 32]).public_key().as_bytes()
}

fn point(seed: u8) -> NewIntroductionPoint {
    NewIntroductionPoint {
        link_specifiers: vec![
            LinkSpecifier::Ipv4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, seed), 9001)),
            LinkSpecifier::Ed25519Id([seed; 32]),
        ],
        onion_key: curve25519(seed),
        auth_key: OnionKey::from_seed(&[seed; 32]).public_key(),
        enc_key: curve25519(seed.wrapping_add(1)),
    }
}

#[test]
fn descriptor_of_tor_is_opened_and_verified() {
    let key = OnionKey::from_seed(&[3; 32]);
    let descriptor = OnionDescriptor::parse_strict(BY_TOR).unwrap();
    let certificate = descriptor.signing_key_cert.as_ref().unwrap();
    // tor's certificates are valid for 54 hours.
    let at = certificate.expires() - Duration::from_secs(54 * 3600);
    let blinded = BlindedPublicKey::new(&key.address(), BY_TOR_PERIOD);
    assert_eq!(descriptor.verify(&blinded, at), Ok(()));
    assert_eq!(descriptor.lifetime, Some(Duration::from_secs(3 * 3600)));

    let opened = descriptor.open_strict(&key.address(), None).unwrap();
    assert_eq!(opened.first.clients.len(), 16);
    assert_eq!(opened.second.verify(descriptor.signing_key().unwrap(), at), Ok(()));
    assert_eq!(opened.second.flow_control, FlowControl::new("1-2", 31));
    assert!(matches!(opened.second.pow_params[..], [PowParams::V1 { suggested_effort: 0, .. }]));
    assert_eq!(opened.second.introduction_points.len(), 3);
    for point in &opened.second.introduction_points {
        assert_eq!(point.link_specifiers.len(), 3);
        let key = ed25519_from_curve25519(&point.enc_key.unwrap(), false).unwrap();
        assert_eq!(point.enc_key_cert.as_ref().unwrap().certified_key(), &key);
    }

    // The descriptor isn't valid for another service, in another period, or
    // after its expiry.
    let other = OnionKey::from_seed(&[4; 32]).address();
    let error = descriptor.open(&other, None).unwrap_err();
    assert_eq!(error, OpenDescriptorError::FirstLayer(OpenLayerError::Mac));
    let next = BlindedPublicKey::new(&key.address(), BY_TOR_PERIOD.next());
    assert_eq!(descriptor.verify(&next, at).unwrap_err().problem(), VerifyProblem::Mismatch);
    let late = certificate.expires() + Duration::from_secs(1);
    assert_eq!(descriptor.verify(&blinded, late).unwrap_err().problem(), VerifyProblem::Expired);
    let late = opened.second.verify(descriptor.signing_key().unwrap(), late).unwrap_err();
    assert_eq!((late.line(), late.problem()), ("auth-key", VerifyProblem::Expired));
    let other_key = opened.second.verify(&[7; 32], at).unwrap_err();
    assert_eq!(other_key.problem(), VerifyProblem::Mismatch);
}

#[test]
fn revision_counter_of_tor_is_the_encrypted_time() {
    let key = BlindedSecretKey::new(&OnionKey::from_seed(&[3; 32]), BY_TOR_PERIOD);
    let counter = OnionDescriptor::parse(BY_TOR).unwrap().revision_counter.unwrap();
    // tor made the descriptor this long after the start of the run.
    let elapsed = Duration::from_secs(322);
    assert_eq!(revision_counter(&key, elapsed), counter);
    assert!(revision_counter(&key, elapsed + Duration::from_secs(1)) > counter);
}

#[test]
fn descriptor_of_tor_with_client_authorization_needs_the_key() {
    let address = OnionKey::from_seed(&[2; 32]).address();
    let descriptor = OnionDescriptor::parse_strict(WITH_CLIENT).unwrap();
    let client: ClientKey = CLIENT.parse().unwrap();
    let opened = descriptor.open_strict(&address, Some(&client)).unwrap();
    assert_eq!(opened.second.introduction_points.len(), 3);
    let error = descriptor.open(&address, None).unwrap_err();
    assert_eq!(error, OpenDescriptorError::NeedsClientKey);
    let error = descriptor.open(&address, Some(&ClientKey::from_bytes([7; 32]))).unwrap_err();
    assert_eq!(error, OpenDescriptorError::WrongClientKey);
}

#[test]
fn lines_of_a_descriptor_after_the_signature_are_not_signed() {
    let address = OnionKey::from_seed(&[3; 32]).address();
    let key = BlindedPublicKey::new(&address, BY_TOR_PERIOD);
    let at = SystemTime::UNIX_EPOCH;
    let verify = |text: &[u8]| {
        let result = OnionDescriptor::parse(text).unwrap().verify(&key, at);
        result.err().map(|error| (error.line(), error.problem()))
    };
    assert_eq!(verify(BY_TOR), None);
    assert_eq!(verify(BY_TOR.trim_ascii_end()), None);
    assert_eq!(verify(&[BY_TOR, b"\r\n\n"].concat()), None);
    let longer = [BY_TOR, b"x 1\n"].concat();
    assert_eq!(verify(&longer), Some(("signature", VerifyProblem::Unsigned)));
    let two = [BY_TOR, BY_TOR].concat();
    assert_eq!(verify(&two), Some(("signature", VerifyProblem::Unsigned)));
    let annotated = [b"@type hidden-service-descriptor-3 1.0\n", BY_TOR, b"@x\n"].concat();
    assert_eq!(verify(&annotated), None);
    assert_eq!(verify(&[b"opt ", BY_TOR].concat()), {
        Some(("hs-descriptor", VerifyProblem::Missing))
    });
    let inserted = [b"hs-descriptor 3\nx 1\n", BY_TOR.strip_prefix(b"hs-descriptor 3\n").unwrap()];
    assert_eq!(verify(&inserted.concat()), Some(("signature", VerifyProblem::Signature)));
}

/// Returns a descriptor with a changed certificate. The certificate is signed
/// after the change, so the signature is valid.
fn with_certificate(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let signing = Ed25519SecretKey::from_seed(&[4; 32]);
    let blinded = BlindedSecretKey::new(&OnionKey::from_seed(&[3; 32]), PERIOD);
    let kind = CertificateType::DescriptorSigning;
    let blinded = blinded.signing_key();
    let certificate =
        Ed25519Certificate::sign(kind, signing.public_key(), expires(), blinded, true);
    let mut bytes = certificate.signed_bytes().to_vec();
    change(&mut bytes);
    let signature = blinded.sign(&bytes);
    bytes.extend(signature);
    let base64 = data_encoding::BASE64.encode(&bytes);
    let text = format!(
        "hs-descriptor 3\ndescriptor-signing-key-cert\n-----BEGIN ED25519 CERT-----\n\
         {base64}\n-----END ED25519 CERT-----\n"
    );
    let signature = signing.sign(format!("Tor onion service descriptor sig v3{text}").as_bytes());
    format!("{text}signature {}\n", data_encoding::BASE64_NOPAD.encode(&signature))
}

#[test]
fn odd_certificates_of_a_descriptor_are_refused() {
    let address = OnionKey::from_seed(&[3; 32]).address();
    let verify = |text: String| {
        let key = BlindedPublicKey::new(&address, PERIOD);
        let result = OnionDescriptor::parse(text.as_bytes()).unwrap().verify(&key, expires());
        result.map_err(|error| error.problem())
    };
    assert_eq!(verify(with_certificate(|_| {})), Ok(()));
    for kind in [4, 5, 9, 10, 11, 0, 255] {
        let text = with_certificate(|bytes| bytes[1] = kind);
        assert_eq!(verify(text), Err(VerifyProblem::Certificate), "{kind}");
    }
    let digest = with_certificate(|bytes| bytes[6] = 3);
    assert_eq!(verify(digest), Err(VerifyProblem::Certificate));
    let without_signer = with_certificate(|bytes| {
        bytes[39] = 0;
        bytes.truncate(40);
    });
    assert_eq!(verify(without_signer), Err(VerifyProblem::Certificate));
    let other_signer = with_certificate(|bytes| bytes[50] ^= 1);
    assert_eq!(verify(other_signer), Err(VerifyProblem::Mismatch));
    let critical = with_certificate(|bytes| {
        bytes[39] = 2;
        bytes.extend([0, 0, 9, 1]);
    });
    assert_eq!(verify(critical), Err(VerifyProblem::Missing));
}

/// Descriptors that are made from the same seed must not share a key stream.
/// Otherwise, a relay could compute the difference of their texts.
#[test]
fn descriptors_of_one_seed_share_no_salt_and_no_key() {
    let key = OnionKey::from_seed(&[3; 32]);
    let blinded = BlindedSecretKey::new(&key, PERIOD);
    let client = |seed| ClientPublicKey::from_bytes(curve25519(seed));
    let new = OnionDescriptorBuilder::default;
    let builders = [
        new().introduction_point(point(1)),
        new().introduction_point(point(2)),
        new().introduction_point(point(1)).client(client(1)),
        new().introduction_point(point(1)).client(client(2)),
        new().introduction_point(point(1)).client(client(2)).client(client(1)),
        new().introduction_point(point(1)).single_onion_service(true),
    ];
    let (mut salts, mut ephemeral_keys) = (Vec::new(), Vec::new());
    let clients = [[1; 32], [2; 32]].map(ClientKey::from_bytes);
    for builder in &builders {
        let text = builder.build(&key.address(), &blinded, 42, expires(), &[9; 32]).unwrap();
        let descriptor = OnionDescriptor::parse_strict(text.as_bytes()).unwrap();
        let opened = |client| descriptor.open_strict(&key.address(), Some(client)).ok();
        let opened = clients.iter().find_map(opened).unwrap();
        let first = descriptor.superencrypted.unwrap().decode().unwrap();
        salts.push(first[..16].to_vec());
        salts.push(opened.first.encrypted.unwrap()[..16].to_vec());
        salts.extend(opened.first.clients.iter().map(|entry| entry.iv.to_vec()));
        ephemeral_keys.push(opened.first.ephemeral_key.unwrap());
    }
    let (all, count) = (salts.len(), builders.len());
    salts.sort_unstable();
    salts.dedup();
    ephemeral_keys.sort_unstable();
    ephemeral_keys.dedup();
    assert_eq!((all, salts.len(), ephemeral_keys.len()), (count * 18, count * 18, count));
}

#[test]
fn made_descriptor_hides_its_clients_and_its_length() {
    let key = OnionKey::from_seed(&[3; 32]);
    let blinded = BlindedSecretKey::new(&key, PERIOD);
    let make = |clients: u8, points: u8| {
        let mut builder = OnionDescriptorBuilder::default();
        for seed in 0..clients {
            builder = builder.client(ClientPublicKey::from_bytes(curve25519(seed)));
        }
        for seed in 0..points {
            builder = builder.introduction_point(point(seed));
        }
        builder.build(&key.address(), &blinded, 10_654_728, expires(), &[9; 32]).unwrap()
    };
    for (clients, points, entries, padded) in [
        (0, 3, 16, 10_000),
        (1, 3, 16, 10_000),
        (16, 3, 16, 10_000),
        (17, 3, 32, 10_000),
        (0, 10, 16, 20_000),
    ] {
        let text = make(clients, points);
        let descriptor = OnionDescriptor::parse_strict(text.as_bytes()).unwrap();
        let sealed = descriptor.superencrypted.unwrap().decode().unwrap();
        assert_eq!(sealed.len(), 16 + padded + 32, "{clients} {points}");
        let client = ClientKey::from_bytes([0; 32]);
        let opened = descriptor.open_strict(&key.address(), Some(&client)).unwrap();
        assert_eq!(opened.first.clients.len(), entries);
        assert!(opened.first.clients.is_sorted_by_key(|entry| entry.id));
        assert_eq!(opened.second.introduction_points.len(), usize::from(points));
    }
    // tor's descriptor has a revision counter of the same length.
    let lines = |text: &str| text.lines().map(str::len).collect::<Vec<_>>();
    assert_eq!(lines(&make(0, 3)), lines(&String::from_utf8_lossy(BY_TOR)));
}

#[test]
fn invalid_values_of_a_new_descriptor_are_rejected() {
    let key = OnionKey::from_seed(&[3; 32]);
    let blinded = BlindedSecretKey::new(&key, PERIOD);
    let build = |builder: OnionDescriptorBuilder| {
        builder.build(&key.address(), &blinded, 42, expires(), &[9; 32]).unwrap_err()
    };
    let new = OnionDescriptorBuilder::default;
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(build(new().lifetime(minutes(29))), BuildDescriptorError::Lifetime);
    assert_eq!(build(new().lifetime(minutes(721))), BuildDescriptorError::Lifetime);
    let many = (0..21).fold(new(), |builder, seed| builder.introduction_point(point(seed)));
    assert_eq!(build(many), BuildDescriptorError::IntroductionPoints { count: 21 });
    assert_eq!(build(new().create2_formats([3])), BuildDescriptorError::Create2Formats);
    for bad in ["", "a b", "a\nb", "\u{e9}"] {
        assert_eq!(build(new().intro_auth_required(bad)), BuildDescriptorError::Line, "{bad:?}");
    }
    for bad in ["", "v9\nintroduction-point AA==", "v9\0", " v9", "v9 ", "v9\r", "v1 AA 1 soon"] {
        let params = PowParams::Other(bad.into());
        assert_eq!(build(new().pow_params(params)), BuildDescriptorError::Line, "{bad:?}");
    }
    for versions in ["", "1-2 7", " 1", "2-1", "1\nsingle-onion-service"] {
        assert_eq!(FlowControl::new(versions, 31), None, "{versions:?}");
        let mut flow_control = FlowControl::new("1-2", 31).unwrap();
        flow_control.versions = versions.into();
        let built = build(new().flow_control(flow_control));
        assert_eq!(built, BuildDescriptorError::Line, "{versions:?}");
    }
    let year_10000 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let pow_params = |expires| PowParams::V1 { seed: [7; 32], suggested_effort: 1, expires };
    for expires in [SystemTime::UNIX_EPOCH - Duration::from_secs(1), year_10000] {
        assert_eq!(build(new().pow_params(pow_params(expires))), BuildDescriptorError::Line);
    }
    // The line has whole seconds.
    let fraction = pow_params(year_10000 - Duration::from_millis(1));
    let built = new().pow_params(fraction);
    assert!(built.build(&key.address(), &blinded, 42, expires(), &[9; 32]).is_ok());
    let empty = NewIntroductionPoint { link_specifiers: Vec::new(), ..point(1) };
    assert_eq!(build(new().introduction_point(empty)), BuildDescriptorError::LinkSpecifiers);
    let mut two = [0; 32];
    two[0] = 2;
    let bad = NewIntroductionPoint { enc_key: two, ..point(1) };
    assert_eq!(build(new().introduction_point(bad)), BuildDescriptorError::EncryptionKey);
    // These keys have a small order: 0, 1, another encoding of 0, and a point
    // of order 8.
    let other_zero = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    let order_eight = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let bytes = |digits| <[u8; 32]>::try_from(hex::decode(digits).unwrap()).unwrap();
    let mut one = [0; 32];
    one[0] = 1;
    for weak in [[0; 32], one, bytes(other_zero), bytes(order_eight)] {
        let bad = NewIntroductionPoint { enc_key: weak, ..point(1) };
        assert_eq!(build(new().introduction_point(bad)), BuildDescriptorError::EncryptionKey);
        let client = ClientPublicKey::from_bytes(weak);
        assert!(matches!(build(new().client(client)), BuildDescriptorError::Client(_)));
    }
    let weak = ClientPublicKey::from_bytes([0; 32]);
    assert!(matches!(build(new().client(weak)), BuildDescriptorError::Client(_)));
    let long = PowParams::Other("x".repeat(40_000).into());
    assert!(matches!(build(new().pow_params(long)), BuildDescriptorError::TooLong { .. }));
}

fn specifier() -> impl Strategy<Value = LinkSpecifier> {
    prop_oneof![
        any::<([u8; 4], u16)>()
            .prop_map(|(ip, port)| LinkSpecifier::Ipv4(SocketAddrV4::new(ip.into(), port))),
        any::<[u8; 32]>().prop_map(LinkSpecifier::Ed25519Id),
        (4u8.., prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(kind, data)| LinkSpecifier::Other { kind, data: data.into() }),
    ]
}

fn new_point() -> impl Strategy<Value = NewIntroductionPoint> {
    let specifiers = prop::collection::vec(specifier(), 1..4);
    (specifiers, any::<u8>(), any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(
        |(link_specifiers, seed, onion_key, auth_key)| NewIntroductionPoint {
            link_specifiers,
            onion_key,
            auth_key,
            enc_key: curve25519(seed),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn made_descriptor_round_trip(
        seeds: [[u8; 32]; 2],
        revision_counter: u64,
        minutes in 30u64..=720,
        points in prop::collection::vec(new_point(), 0..4),
        clients in prop::collection::vec(any::<[u8; 32]>(), 0..3),
        formats in prop::collection::vec(any::<u16>(), 0..3),
        auth in prop::collection::vec("[a-z0-9]{1,9}", 0..3),
        is_single_onion_service: bool,
        increment: Option<u8>,
        effort: Option<u32>,
    ) {
        let key = OnionKey::from_seed(&seeds[0]);
        let address = key.address();
        let blinded = BlindedSecretKey::new(&key, PERIOD);
        let clients: Vec<ClientKey> = clients.into_iter().map(ClientKey::from_bytes).collect();
        let formats = [formats, vec![2]].concat();
        let lifetime = Duration::from_secs(minutes * 60);
        let mut builder = OnionDescriptorBuilder::default()
            .lifetime(lifetime)
            .create2_formats(formats.clone())
            .single_onion_service(is_single_onion_service);
        for kind in &auth {
            builder = builder.intro_auth_required(kind);
        }
        let flow_control = increment.and_then(|increment| FlowControl::new("1-2", increment));
        if let Some(flow_control) = &flow_control {
            builder = builder.flow_control(flow_control.clone());
        }
        let pow_params = effort.map(|suggested_effort| {
            PowParams::V1 { seed: seeds[1], suggested_effort, expires: expires() }
        });
        if let Some(pow_params) = &pow_params {
            builder = builder.pow_params(pow_params.clone());
        }
        for point in &points {
            builder = builder.introduction_point(point.clone());
        }
        for client in &clients {
            builder = builder.client(client.public_key());
        }
        let text = builder.build(&address, &blinded, revision_counter, expires(), &seeds[1]);
        let text = text.unwrap();

        let descriptor = OnionDescriptor::parse_strict(text.as_bytes()).unwrap();
        prop_assert_eq!(descriptor.verify(&blinded.public_key(), expires()), Ok(()));
        prop_assert_eq!(descriptor.revision_counter, Some(revision_counter));
        prop_assert_eq!(descriptor.lifetime, Some(lifetime));
        let keys = if clients.is_empty() { vec![None] } else { clients.iter().map(Some).collect() };
        for client in keys {
            let opened = descriptor.open_strict(&address, client).unwrap();
            let second = opened.second;
            let signer = descriptor.signing_key().unwrap();
            prop_assert_eq!(second.verify(signer, expires()), Ok(()));
            let copies: Vec<_> =
                second.introduction_points.iter().filter_map(NewIntroductionPoint::copy).collect();
            prop_assert_eq!(&copies, &points);
            prop_assert_eq!(&second.create2_formats, &formats);
            let found: Vec<String> =
                second.intro_auth_required.iter().map(ToString::to_string).collect();
            prop_assert_eq!(&found, &auth);
            prop_assert_eq!(second.is_single_onion_service, is_single_onion_service);
            prop_assert_eq!(&second.flow_control, &flow_control);
            prop_assert_eq!(second.pow_params.first(), pow_params.as_ref());
        }
        let stranger = descriptor.open(&address, None);
        prop_assert_eq!(stranger.is_err(), !clients.is_empty());
    }

    /// Checks that a descriptor with one changed bit can't be parsed or has no
    /// valid signature.
    #[test]
    fn descriptor_with_a_changed_byte_is_not_valid(position: prop::sample::Index, bit in 0u8..8) {
        let address = OnionKey::from_seed(&[3; 32]).address();
        let key = BlindedPublicKey::new(&address, BY_TOR_PERIOD);
        let mut text = BY_TOR.to_vec();
        // The last character of the signature has unused bits, which tor
        // ignores, too.
        let position = position.index(text.len() - 2);
        text[position] ^= 1 << bit;
        let verified = OnionDescriptor::parse(&text)
            .is_ok_and(|descriptor| descriptor.verify(&key, SystemTime::UNIX_EPOCH).is_ok());
        prop_assert!(!verified, "byte {position}: {:?}", char::from(text[position]));
    }

    #[test]
    fn changed_descriptors_never_make_open_panic(
        position: prop::sample::Index,
        bytes in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let address = OnionKey::from_seed(&[3; 32]).address();
        let mut text = BY_TOR.to_vec();
        let position = position.index(text.len());
        text.splice(position..(position + 3).min(BY_TOR.len()), bytes);
        if let Ok(descriptor) = OnionDescriptor::parse(&text) {
            let _ = descriptor.open(&address, Some(&ClientKey::from_bytes([7; 32])));
            let _ = descriptor.open_strict(&address, None);
        }
    }
}
