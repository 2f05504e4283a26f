//! Verifies the signatures of documents. The first byte chooses the kind. The
//! document is followed, in the same text, by the certificates of authorities
//! or the relay's descriptor that contain the keys.
#![no_main]

mod common;

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::{BlindedPublicKey, OnionDescriptor, SecondLayer};
use scape_proto::netdoc::{
    Consensus, DetachedSignatures, Ed25519Certificate, ExtraInfo, KeyCertificate, ServerDescriptor,
    VerifyError, Vote,
};

fuzz_target!(|data: &[u8]| {
    let Some((choice, whole)) = data.split_first() else { return };
    let (text, rest) = match choice % 8 {
        1 => cut(whole, b"\nrouter "),
        3 | 5 => cut(whole, b"\ndir-key-certificate-version "),
        _ => (whole, whole),
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let certificates: Vec<_> = KeyCertificate::parse_all(rest).take(4).collect();
    let authorities: Vec<_> = certificates.iter().filter_map(|cert| cert.fingerprint).collect();
    let result = match choice % 8 {
        0 => ServerDescriptor::parse(text).map(|relay| relay.verify(at)),
        1 => ExtraInfo::parse(text).map(|info| match ServerDescriptor::parse_all(rest).next() {
            Some(relay) => info.verify(&relay, at),
            None => Ok(()),
        }),
        2 => KeyCertificate::parse(text).map(|certificate| certificate.verify(at)),
        3 => Consensus::parse(text)
            .map(|consensus| consensus.verify(&certificates, &authorities, at)),
        4 => Vote::parse(text).map(|vote| vote.verify(&authorities, at)),
        5 => DetachedSignatures::parse(text)
            .map(|signatures| signatures.verify(&certificates, &authorities, at)),
        6 => OnionDescriptor::parse(text).map(|service| {
            let key = service.blinded_key().unwrap_or(BlindedPublicKey::from_bytes([7; 32]));
            service.verify(&key, at)
        }),
        _ => SecondLayer::parse(text).map(|layer| layer.verify(&[7; 32], at)),
    };
    if let Ok(Err(error)) = result {
        let error: VerifyError = error;
        let _ = (error.to_string(), error.line(), error.problem());
    }
    if let Ok(certificate) = Ed25519Certificate::parse(text) {
        let _ = certificate.verify(None);
    }
});

/// Cuts a text in two at the first occurrence of `pattern`. The line end with
/// which `pattern` begins stays in the first part. If `pattern` doesn't occur,
/// the second part is empty.
fn cut<'a>(text: &'a [u8], pattern: &[u8]) -> (&'a [u8], &'a [u8]) {
    match text.windows(pattern.len()).position(|window| window == pattern) {
        Some(at) => text.split_at(at + 1),
        None => (text, &[]),
    }
}
