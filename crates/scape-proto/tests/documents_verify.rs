//! Signatures of documents that a private network made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use scape_proto::netdoc::{ExtraInfo, ServerDescriptor, VerifyProblem};

const SERVER_DESCRIPTOR: &[u8] = include_bytes!("data/documents/server-descriptor");

const EXTRA_INFO: &[u8] = include_bytes!("data/documents/extra-info");

/// Calls `is_valid` with each text that differs from `text` in one bit of one
/// of the first `signed` bytes. Returns the positions at which it returns true.
fn accepted_changes(text: &[u8], signed: usize, is_valid: impl Fn(&[u8]) -> bool) -> Vec<usize> {
    let mut changed = text.to_vec();
    let mut accepted = Vec::new();
    for position in 0..signed {
        changed[position] ^= 1 << (position % 7);
        if is_valid(&changed) {
            accepted.push(position);
        }
        changed[position] = text[position];
    }
    accepted
}

fn is_valid_descriptor(text: &[u8], at: SystemTime) -> bool {
    ServerDescriptor::parse(text).is_ok_and(|relay| relay.verify(at).is_ok())
}

#[test]
fn server_descriptor_is_valid_until_its_certificates_expire() {
    let relay = ServerDescriptor::parse_strict(SERVER_DESCRIPTOR).unwrap();
    let published = relay.published.unwrap();
    assert_eq!(relay.verify(published), Ok(()));
    let error = relay.verify(published + Duration::from_secs(100 * 86_400)).unwrap_err();
    assert_eq!(error.problem(), VerifyProblem::Expired);
}

#[test]
fn server_descriptor_with_a_changed_byte_is_not_valid() {
    let relay = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap();
    let published = relay.published.unwrap();
    let end = b"\nrouter-signature\n";
    let signed = memchr::memmem::find(SERVER_DESCRIPTOR, end).unwrap() + end.len();
    let is_valid = |text: &[u8]| is_valid_descriptor(text, published);
    assert_eq!(accepted_changes(SERVER_DESCRIPTOR, signed, is_valid), []);
}

#[test]
fn server_descriptor_without_a_signature_or_with_another_ones_is_not_valid() {
    let text = String::from_utf8(SERVER_DESCRIPTOR.to_vec()).unwrap();
    let at = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap().published.unwrap();
    for (line, keyword, problem) in [
        ("signing-key\n", "signing-key", VerifyProblem::Missing),
        ("router-signature\n", "router-signature", VerifyProblem::Missing),
    ] {
        let changed = text.replacen(line, "x\n", 1);
        let relay = ServerDescriptor::parse(changed.as_bytes()).unwrap();
        let error = relay.verify(at).unwrap_err();
        assert_eq!((error.line(), error.problem()), (keyword, problem));
    }
}

/// The RSA signature covers all lines, so each other check is tested with a
/// field that differs from the text.
#[test]
fn server_descriptor_with_the_keys_of_another_relay_is_not_valid() {
    let other = include_bytes!("data/documents/server-descriptor-2");
    let other = ServerDescriptor::parse(other).unwrap();
    let at = other.published.unwrap();
    assert_eq!(other.verify(at), Ok(()));
    let check = |change: &dyn Fn(&mut ServerDescriptor<'_>)| {
        let mut relay = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap();
        change(&mut relay);
        let error = relay.verify(at).unwrap_err();
        (error.line(), error.problem())
    };
    let signature = VerifyProblem::Signature;
    assert_eq!(
        check(&|r| r.signing_key = other.signing_key),
        ("fingerprint", VerifyProblem::Mismatch)
    );
    let changed = check(&|r| (r.signing_key, r.fingerprint) = (other.signing_key, None));
    assert_eq!(changed, ("router-signature", signature));
    assert_eq!(
        check(&|r| r.router_signature = other.router_signature),
        ("router-signature", signature)
    );
    assert_eq!(
        check(&|r| r.identity_ed25519 = other.identity_ed25519),
        ("router-sig-ed25519", signature)
    );
    assert_eq!(
        check(&|r| r.master_key_ed25519 = other.master_key_ed25519),
        ("master-key-ed25519", VerifyProblem::Mismatch)
    );
    assert_eq!(
        check(&|r| r.router_sig_ed25519 = other.router_sig_ed25519),
        ("router-sig-ed25519", signature)
    );
    assert_eq!(check(&|r| r.identity_ed25519 = None), ("identity-ed25519", VerifyProblem::Missing));
    assert_eq!(
        check(&|r| r.router_sig_ed25519 = None),
        ("router-sig-ed25519", VerifyProblem::Missing)
    );
    assert_eq!(check(&|r| r.onion_key = other.onion_key), ("onion-key-crosscert", signature));
    assert_eq!(
        check(&|r| r.onion_key_crosscert = other.onion_key_crosscert),
        ("onion-key-crosscert", signature)
    );
    assert_eq!(
        check(&|r| r.onion_key_crosscert = None),
        ("onion-key-crosscert", VerifyProblem::Missing)
    );
    assert_eq!(
        check(&|r| r.ntor_onion_key = other.ntor_onion_key),
        ("ntor-onion-key-crosscert", signature)
    );
    let changed = check(&|r| {
        r.ntor_onion_key = other.ntor_onion_key;
        r.ntor_onion_key_crosscert = other.ntor_onion_key_crosscert;
    });
    assert_eq!(changed, ("ntor-onion-key-crosscert", VerifyProblem::Mismatch));
    let changed = check(&|r| {
        r.ntor_onion_key_crosscert.as_mut().unwrap().certificate = r.identity_ed25519.unwrap()
    });
    assert_eq!(changed, ("ntor-onion-key-crosscert", VerifyProblem::Certificate));
    assert_eq!(
        check(&|r| r.family_certs.extend(r.identity_ed25519)),
        ("family-cert", VerifyProblem::Certificate)
    );
    assert_eq!(check(&|r| r.signing_key = r.router_signature), ("signing-key", VerifyProblem::Key));
}

#[test]
fn extra_info_with_a_changed_byte_is_not_valid() {
    let relay = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap();
    let at = relay.published.unwrap();
    let end = b"\nrouter-signature\n";
    let signed = memchr::memmem::find(EXTRA_INFO, end).unwrap() + end.len();
    let is_valid =
        |text: &[u8]| ExtraInfo::parse(text).is_ok_and(|info| info.verify(&relay, at).is_ok());
    assert!(is_valid(EXTRA_INFO));
    assert_eq!(accepted_changes(EXTRA_INFO, signed, is_valid), []);
}

#[test]
fn extra_info_of_another_relay_is_not_valid() {
    let other = include_bytes!("data/documents/server-descriptor-2");
    let other = ServerDescriptor::parse(other).unwrap();
    let mut relay = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap();
    let info = ExtraInfo::parse_strict(EXTRA_INFO).unwrap();
    let at = info.published.unwrap();
    assert_eq!(info.verify(&relay, at), Ok(()));
    assert_eq!(info.digest(), relay.extra_info_digest);
    assert_eq!(info.digest_sha256(), relay.extra_info_sha256);
    let problem = |info: &ExtraInfo<'_>, relay: &ServerDescriptor<'_>| {
        let error = info.verify(relay, at).unwrap_err();
        (error.line(), error.problem())
    };
    assert_eq!(problem(&info, &other), ("extra-info", VerifyProblem::Mismatch));
    relay.master_key_ed25519 = other.master_key_ed25519;
    assert_eq!(problem(&info, &relay), ("identity-ed25519", VerifyProblem::Mismatch));
    relay.master_key_ed25519 = None;
    assert_eq!(problem(&info, &relay), ("identity-ed25519", VerifyProblem::Mismatch));
    let mut unsigned = info.clone();
    unsigned.router_sig_ed25519 = None;
    assert_eq!(problem(&unsigned, &relay), ("router-sig-ed25519", VerifyProblem::Missing));
}
