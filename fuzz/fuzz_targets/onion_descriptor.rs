//! Parses onion service descriptors: the input itself, and a descriptor that
//! contains the input as its two layers, encrypted with the right keys. In that
//! case, the input is `first layer NUL second layer`.
#![no_main]

mod common;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::{
    BlindedPublicKey, BlindedSecretKey, Layer, LayerSecrets, OnionDescriptor, OpenDescriptorError,
    Subcredential, TimePeriod, seal_layer,
};
use scape_proto::netdoc::{CertificateType, Ed25519Certificate};
use scape_proto::word::{ClientKey, OnionAddress, OnionKey};

struct Service {
    address: OnionAddress,
    key: BlindedPublicKey,
    subcredential: Subcredential,
    certificate: String,
    client: ClientKey,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let key = OnionKey::from_seed(&[3; 32]);
    let period = TimePeriod { number: 20_700, minutes: 1440 };
    let blinded = BlindedSecretKey::new(&key, period);
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
    let kind = CertificateType::DescriptorSigning;
    let certificate =
        Ed25519Certificate::sign(kind, &[7; 32], expires, blinded.signing_key(), true);
    let address = key.address();
    let subcredential = Subcredential::new(&address, &blinded.public_key());
    let client = ClientKey::from_bytes([9; 32]);
    let certificate = certificate.to_string();
    Service { address, key: blinded.public_key(), subcredential, certificate, client }
});

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (OnionDescriptor::parse(data), OnionDescriptor::parse_strict(data));
    let is_complete = common::begins_with(data, "hs-descriptor");
    common::check(data, is_complete, &lenient, &strict, |service| service.skipped().to_vec());
    let service = &*SERVICE;
    if let Ok(descriptor) = &lenient {
        common::use_items(descriptor.unknown_items());
        let _ = (descriptor.blinded_key(), descriptor.signing_key(), descriptor.text());
        let _ = descriptor.open(&service.address, Some(&service.client));
    }
    let all = OnionDescriptor::parse_all(data).count();
    assert_eq!(all, OnionDescriptor::parse_all(data).strict().count());

    let (first, second) = common::split_at_byte(data, 0);
    let sealed = seal(Layer::Second { cookie: None }, second);
    let first = [
        first,
        b"\nencrypted\n-----BEGIN MESSAGE-----\n",
        sealed.as_bytes(),
        b"-----END MESSAGE-----\n",
    ]
    .concat();
    let sealed = seal(Layer::First, &first);
    let text = format!(
        "hs-descriptor 3\ndescriptor-lifetime 180\ndescriptor-signing-key-cert\n{}\n\
         revision-counter 7\nsuperencrypted\n-----BEGIN MESSAGE-----\n{sealed}\
         -----END MESSAGE-----\n",
        service.certificate
    );
    let descriptor = OnionDescriptor::parse(text.as_bytes()).expect("a descriptor");
    let opened = descriptor.open(&service.address, None);
    match &opened {
        Ok(opened) => {
            common::show(opened);
            common::check_errors(&first, opened.first.skipped());
            common::check_errors(second, opened.second.skipped());
        }
        Err(OpenDescriptorError::Document(error)) => {
            common::check_errors(&[&first, data].concat(), [error])
        }
        // The fuzzed part of the first layer may hide the second layer.
        Err(error) => assert!(!matches!(error, OpenDescriptorError::FirstLayer(_)), "{error}"),
    }
    if descriptor.open_strict(&service.address, None).is_ok() {
        assert!(opened.is_ok_and(|opened| opened.second.skipped().is_empty()));
    }
    let _ = descriptor.open(&service.address, Some(&service.client));
});

/// Encrypts a layer and encodes it in base64. An empty text becomes one byte,
/// because a layer has at least one byte.
fn seal(layer: Layer<'_>, text: &[u8]) -> String {
    let service = &*SERVICE;
    let secrets = LayerSecrets {
        key: &service.key,
        subcredential: &service.subcredential,
        revision_counter: 7,
    };
    let text = if text.is_empty() { b"\n" } else { text };
    base64(&seal_layer(layer, secrets, &[5; 16], text))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (i, chunk) in bytes.chunks(3).enumerate() {
        let number = chunk.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let bits = number >> (18 - 6 * digit) & 63;
            text.push(if digit > chunk.len() { '=' } else { DIGITS[bits as usize].into() });
        }
        if i % 16 == 15 {
            text.push('\n');
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
