//! Parses Ed25519 certificates, as bytes and as text.
#![no_main]

mod common;

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::Ed25519Certificate;

fuzz_target!(|data: &[u8]| {
    match Ed25519Certificate::parse(data) {
        Ok(certificate) => check(&certificate, data),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(Ok(certificate)) = std::str::from_utf8(data).map(str::parse::<Ed25519Certificate>) {
        check(&certificate, certificate.to_bytes());
    }
});

fn check(certificate: &Ed25519Certificate, bytes: &[u8]) {
    assert_eq!(certificate.to_bytes(), bytes);
    assert_eq!(certificate.to_string().parse().as_ref(), Ok(certificate));
    assert_eq!(certificate.signed_bytes().len() + certificate.signature().len(), bytes.len());
    common::show(certificate);
    let _ = (certificate.kind(), certificate.key_type(), certificate.certified_key());
    assert!(!certificate.is_expired(certificate.expires()));
    assert!(certificate.expires() >= SystemTime::UNIX_EPOCH);
    let has_key = certificate.extensions().iter().any(|extension| extension.kind == 4);
    assert_eq!(certificate.signing_key().is_some(), has_key);
}
