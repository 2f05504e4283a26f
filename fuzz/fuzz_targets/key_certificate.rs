//! Parses key certificates of authorities, both as a single document and as a
//! sequence.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::KeyCertificate;

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (KeyCertificate::parse(data), KeyCertificate::parse_strict(data));
    let is_complete = common::begins_with(data, "dir-key-certificate-version");
    common::check(data, is_complete, &lenient, &strict, |cert| cert.skipped().to_vec());
    if let Ok(certificate) = &lenient {
        common::use_items(certificate.unknown_items());
        let _ = (certificate.identity_key_fingerprint(), certificate.signing_key_fingerprint());
        assert_eq!(certificate.digest_sha1().is_some(), certificate.signed_text().is_some());
    }
    let all = KeyCertificate::parse_all(data).count();
    assert_eq!(all, KeyCertificate::parse_all(data).strict().count());
});
