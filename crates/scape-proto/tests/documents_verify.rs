//! Verifies the signatures of documents that a private network made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use scape_proto::netdoc::{
    Consensus, DetachedSignatures, ExtraInfo, KeyCertificate, ServerDescriptor, VerifyError,
    VerifyProblem, Vote,
};
use scape_proto::word::Fingerprint;

const SERVER_DESCRIPTOR: &[u8] = include_bytes!("data/documents/server-descriptor");

const CERTIFICATES: &[u8] = include_bytes!("data/documents/key-certificates");
const EXTRA_INFO: &[u8] = include_bytes!("data/documents/extra-info");

/// Changes one bit in each of the first `signed` bytes of `text`, one byte at a
/// time. Returns the positions at which `is_valid` accepts the changed text.
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

/// Changes fields of the parsed descriptor instead of the text. The RSA
/// signature covers the whole text, so a changed text would fail at that
/// signature and not reach the check to be tested.
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
        r.ntor_onion_key_crosscert.as_mut().unwrap().certificate = r.identity_ed25519.unwrap();
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
    // The line with the key is optional, because the certificate has the key.
    relay.master_key_ed25519 = None;
    assert_eq!(info.verify(&relay, at), Ok(()));
    let mut unsigned = info.clone();
    unsigned.router_sig_ed25519 = None;
    assert_eq!(problem(&unsigned, &relay), ("router-sig-ed25519", VerifyProblem::Missing));
    let certificate = relay.identity_ed25519;
    relay.identity_ed25519 = other.identity_ed25519;
    assert_eq!(problem(&info, &relay), ("identity-ed25519", VerifyProblem::Mismatch));
    relay.identity_ed25519 = relay.signing_key;
    assert_eq!(problem(&info, &relay), ("identity-ed25519", VerifyProblem::Certificate));
    relay.identity_ed25519 = None;
    assert_eq!(problem(&info, &relay), ("identity-ed25519", VerifyProblem::Mismatch));
    relay.identity_ed25519 = certificate;
    assert_eq!(info.verify(&relay, at), Ok(()));
}

fn certificates() -> Vec<KeyCertificate<'static>> {
    KeyCertificate::parse_all(CERTIFICATES).collect()
}

fn authorities() -> Vec<Fingerprint> {
    certificates().iter().map(|certificate| certificate.fingerprint.unwrap()).collect()
}

fn position(text: &[u8], line: &str) -> usize {
    memchr::memmem::find(text, line.as_bytes()).unwrap() + line.len()
}

#[test]
fn key_certificate_with_a_changed_byte_is_not_valid() {
    let certificate = certificates()[0].clone();
    let (text, at) = (certificate.text(), certificate.published.unwrap());
    assert_eq!(certificate.verify(at), Ok(()));
    let signed = position(text, "\ndir-key-certification\n");
    let is_valid =
        |text: &[u8]| KeyCertificate::parse(text).is_ok_and(|found| found.verify(at).is_ok());
    assert_eq!(accepted_changes(text, signed, is_valid), []);
}

#[test]
fn key_certificate_with_the_keys_of_another_authority_is_not_valid() {
    let [certificate, other, ..] = &certificates()[..] else { panic!("too few") };
    let at = certificate.published.unwrap();
    let problem = |change: &dyn Fn(&mut KeyCertificate<'static>)| {
        let mut changed = certificate.clone();
        change(&mut changed);
        let error = changed.verify(at).unwrap_err();
        (error.line(), error.problem())
    };
    let signature = VerifyProblem::Signature;
    let found = problem(&|c| c.identity_key = other.identity_key);
    assert_eq!(found, ("fingerprint", VerifyProblem::Mismatch));
    let found = problem(&|c| {
        (c.identity_key, c.fingerprint) = (other.identity_key, other.fingerprint);
    });
    assert_eq!(found, ("dir-key-certification", signature));
    assert_eq!(problem(&|c| c.signing_key = other.signing_key), ("dir-key-crosscert", signature));
    assert_eq!(problem(&|c| c.crosscert = other.crosscert), ("dir-key-crosscert", signature));
    let found = problem(&|c| c.certification = other.certification);
    assert_eq!(found, ("dir-key-certification", signature));
    let found = problem(&|c| c.crosscert = None);
    assert_eq!(found, ("dir-key-crosscert", VerifyProblem::Missing));
}

#[test]
fn consensus_with_a_changed_byte_is_not_valid() {
    let consensuses: [&[u8]; 2] = [
        include_bytes!("data/documents/consensus-ns"),
        include_bytes!("data/documents/consensus-microdesc"),
    ];
    // One authority is enough. More would take long, because the certificates
    // are checked for each change.
    let (certificates, authorities) = (&certificates()[..1], &authorities()[..1]);
    for text in consensuses {
        let at = Consensus::parse_strict(text).unwrap().valid_after.unwrap();
        let is_valid = |text: &[u8]| {
            let verify = |found: Consensus<'_>| found.verify(certificates, authorities, at);
            Consensus::parse(text).is_ok_and(|found| verify(found).is_ok())
        };
        assert!(is_valid(text));
        let signed = position(text, "\ndirectory-signature ");
        assert_eq!(accepted_changes(text, signed, is_valid), []);
    }
}

#[test]
fn consensus_needs_signatures_of_more_than_half_of_the_authorities() {
    let text = include_bytes!("data/documents/consensus-microdesc");
    let consensus = Consensus::parse(text).unwrap();
    let (certificates, authorities) = (certificates(), authorities());
    let at = consensus.valid_after.unwrap();
    let too_few = |valid, required| Err(VerifyProblem::TooFewSignatures { valid, required });
    let verify = |consensus: &Consensus<'_>, certificates: &[_], authorities: &[_]| {
        consensus
            .verify(certificates, authorities, at)
            .map_err(|error: VerifyError| error.problem())
    };
    assert_eq!(verify(&consensus, &certificates, &authorities), Ok(()));
    assert_eq!(verify(&consensus, &certificates[..2], &authorities), Ok(()));
    assert_eq!(verify(&consensus, &certificates[..1], &authorities), too_few(1, 2));
    // A repeated authority, certificate or signature counts once.
    let repeated = [&authorities[..], &authorities[..]].concat();
    assert_eq!(verify(&consensus, &certificates, &repeated), Ok(()));
    let same = vec![certificates[0].clone(); 3];
    assert_eq!(verify(&consensus, &same, &authorities), too_few(1, 2));
    let mut changed = consensus.clone();
    changed.signatures = vec![consensus.signatures[0]; 3];
    assert_eq!(verify(&changed, &certificates, &authorities), too_few(1, 2));
    // Signatures of others don't count.
    assert_eq!(verify(&consensus, &certificates, &[]), too_few(0, 1));
    let strangers: Vec<Fingerprint> = (1..=5).map(|n| Fingerprint::from_bytes([n; 20])).collect();
    let more = [&authorities[..], &strangers[..]].concat();
    assert_eq!(verify(&consensus, &certificates, &more), too_few(3, 5));
    // The signature of one authority isn't valid for another.
    let mut changed = consensus.clone();
    let first = changed.signatures[0].signature;
    changed.signatures.iter_mut().for_each(|signature| signature.signature = first);
    assert_eq!(verify(&changed, &certificates, &authorities), too_few(1, 2));
    let mut changed = consensus.clone();
    changed.signatures.iter_mut().for_each(|signature| signature.algorithm = "sha3");
    assert_eq!(verify(&changed, &certificates, &authorities), too_few(0, 2));
    // The consensus isn't valid at these times.
    for at in [consensus.valid_after.unwrap() - SECOND, consensus.valid_until.unwrap() + SECOND] {
        let error = consensus.verify(&certificates, &authorities, at).unwrap_err();
        assert_eq!(error.problem(), VerifyProblem::Expired);
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn vote_with_a_changed_byte_is_not_valid() {
    let text = include_bytes!("data/documents/vote");
    let vote = Vote::parse_strict(text).unwrap();
    let (at, authorities) = (vote.valid_after.unwrap(), authorities());
    let is_valid =
        |text: &[u8]| Vote::parse(text).is_ok_and(|vote| vote.verify(&authorities, at).is_ok());
    assert!(is_valid(text));
    let signed = position(text, "\ndirectory-signature ");
    assert_eq!(accepted_changes(text, signed, is_valid), []);

    let authority = vote.dir_source.as_ref().unwrap().identity;
    let others: Vec<_> = authorities.iter().copied().filter(|known| *known != authority).collect();
    let problem = |vote: &Vote<'_>, trusted: &[Fingerprint]| {
        let error = vote.verify(trusted, at).unwrap_err();
        (error.line(), error.problem())
    };
    assert_eq!(problem(&vote, &others), ("dir-source", VerifyProblem::Mismatch));
    let other = certificates().into_iter().find(|c| c.fingerprint != Some(authority));
    let mut changed = vote.clone();
    changed.certificate = other;
    assert_eq!(problem(&changed, &authorities), ("dir-source", VerifyProblem::Mismatch));
    let mut changed = vote.clone();
    changed.certificate = None;
    let found = problem(&changed, &authorities);
    assert_eq!(found, ("dir-key-certificate-version", VerifyProblem::Missing));
    let mut changed = vote.clone();
    changed.signatures[0].identity = others[0];
    assert_eq!(problem(&changed, &authorities), ("directory-signature", VerifyProblem::Mismatch));
}

#[test]
fn detached_signatures_of_another_digest_or_authority_are_not_valid() {
    let text = include_bytes!("data/documents/detached-signatures");
    let signatures = DetachedSignatures::parse_strict(text).unwrap();
    let (certificates, authorities) = (certificates(), authorities());
    let at = signatures.valid_after.unwrap();
    assert_eq!(signatures.verify(&certificates, &authorities, at), Ok(()));
    let problem = |signatures: &DetachedSignatures<'_>, authorities: &[Fingerprint]| {
        let error = signatures.verify(&certificates, authorities, at).unwrap_err();
        (error.line(), error.problem())
    };
    let signature = VerifyProblem::Signature;
    assert_eq!(problem(&signatures, &[]), ("directory-signature", signature));
    let mut changed = signatures.clone();
    changed.consensus_digest = Some([7; 20]);
    assert_eq!(problem(&changed, &authorities), ("directory-signature", signature));
    let mut changed = signatures.clone();
    changed.additional_digests[0].digest = vec![7; 32];
    assert_eq!(problem(&changed, &authorities), ("additional-signature", signature));
    let mut changed = signatures.clone();
    changed.signatures.clear();
    assert_eq!(problem(&changed, &authorities), ("directory-signature", VerifyProblem::Missing));
}
