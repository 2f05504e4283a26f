//! Documents with valid signatures and with lines that these signatures don't
//! cover, and documents whose keys and certificates are odd.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/rsa.rs"]
mod rsa;

use std::time::{Duration, SystemTime};

use curve25519_dalek::edwards::CompressedEdwardsY;
use data_encoding::{BASE64, BASE64_NOPAD, HEXUPPER};
use rsa::{TestKey, object};
use scape_proto::netdoc::{
    CertificateType, Consensus, DetachedSignatures, Ed25519Certificate, Ed25519SecretKey,
    ExtraInfo, KeyCertificate, ServerDescriptor, VerifyError, VerifyProblem, Vote,
};
use scape_proto::word::Fingerprint;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

const CONSENSUSES: [&[u8]; 2] = [
    include_bytes!("data/documents/consensus-ns"),
    include_bytes!("data/documents/consensus-microdesc"),
];
const VOTE: &[u8] = include_bytes!("data/documents/vote");
const CERTIFICATES: &[u8] = include_bytes!("data/documents/key-certificates");
const SERVER_DESCRIPTOR: &[u8] = include_bytes!("data/documents/server-descriptor");
const EXTRA_INFO: &[u8] = include_bytes!("data/documents/extra-info");
const DETACHED: &[u8] = include_bytes!("data/documents/detached-signatures");

/// A router status entry that no authority signed.
const ENTRY: &str = "r evil TTBhbJbc2mGbyQ4TMEK1VoxNW8I 2038-01-01 00:00:00 192.0.2.1 9001 0\n\
    s Exit Guard Running Valid\n";

type Found = Result<(), (&'static str, VerifyProblem)>;
type Verify<'a> = &'a dyn Fn(&str) -> Found;

fn found(result: Result<(), VerifyError>) -> Found {
    result.map_err(|error| (error.line(), error.problem()))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the text from the first line that begins with this keyword.
fn from_line<'a>(text: &'a str, keyword: &str) -> &'a str {
    text.split_at(text.find(&format!("\n{keyword} ")).unwrap() + 1).1
}

fn certificates() -> Vec<KeyCertificate<'static>> {
    KeyCertificate::parse_all(CERTIFICATES).collect()
}

fn authorities() -> Vec<Fingerprint> {
    certificates().iter().map(|certificate| certificate.fingerprint.unwrap()).collect()
}

fn verify_consensus(text: &str) -> Found {
    let at = Consensus::parse(CONSENSUSES[0]).unwrap().valid_after.unwrap();
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    found(consensus.verify(&certificates(), &authorities(), at))
}

#[test]
fn unsigned_lines_after_the_signatures_of_a_consensus_are_refused() {
    const UNSIGNED: Found = Err(("directory-signature", VerifyProblem::Unsigned));
    for original in CONSENSUSES.map(text) {
        let signatures = from_line(original, "directory-signature");
        // A parser reads the last footer.
        let footer = "directory-footer\nbandwidth-weights Wgg=1\n";
        let with_footer = format!("{original}{footer}{signatures}");
        let consensus = Consensus::parse(with_footer.as_bytes()).unwrap();
        assert_eq!(consensus.footer_lines().nth(1), Some(&b"bandwidth-weights Wgg=1"[..]));
        assert_eq!(verify_consensus(&with_footer), UNSIGNED);
        for added in [
            "bandwidth-weights Wgg=10000\n",
            "directory-footer\n",
            "params circwindow=1\n",
            "new-keyword\n",
            "@type server-descriptor 1.0\n",
            "-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n",
            "directory-signature\nnew-keyword\n",
            ENTRY,
            original,
        ] {
            assert_eq!(verify_consensus(&format!("{original}{added}")), UNSIGNED, "{added}");
            let between = original.replacen(signatures, &format!("{signatures}{added}"), 1);
            let first_end = "-----END SIGNATURE-----\n";
            let between = between.replacen(first_end, &format!("{first_end}{added}"), 1);
            assert_eq!(verify_consensus(&between), UNSIGNED, "{added}");
        }
        for added in ["", "\n\r\n", signatures] {
            assert_eq!(verify_consensus(&format!("{original}{added}")), Ok(()), "{added}");
        }
        let annotated = format!("@type network-status-consensus-3 1.0\n\n{original}");
        assert_eq!(verify_consensus(&annotated), Ok(()));
    }
}

/// A consensus's signed part begins at the line `network-status-version`. The
/// parser ignores the word `opt` before a keyword, so a copy of this line with
/// `opt`, and other unsigned lines, can precede the signed part.
#[test]
fn unsigned_lines_before_a_consensus_are_refused() {
    for original in CONSENSUSES.map(text) {
        let (first, _) = original.split_once('\n').unwrap();
        let injected = format!("opt {first}\nvote-status consensus\nparams evil=1\n{original}");
        let consensus = Consensus::parse(injected.as_bytes()).unwrap();
        assert_eq!(consensus.param("evil"), Some(1));
        assert_eq!((consensus.signed_text(), consensus.digest_sha256()), (None, None));
        assert!(verify_consensus(&injected).is_err());
        let doubled = format!("{first}\nvote-status consensus\nparams evil=1\n{original}");
        assert!(verify_consensus(&doubled).is_err());
        assert!(verify_consensus(&format!("opt {original}")).is_err());
        // tor hashes up to the first line that begins like a signature.
        let footer = "directory-footer\n";
        for line in ["directory-signature-new x\n", "directory-signature\n"] {
            let other_end = original.replacen(footer, &format!("{footer}{line}"), 1);
            let consensus = Consensus::parse(other_end.as_bytes()).unwrap();
            assert_eq!(consensus.signed_text(), None, "{line}");
            assert!(verify_consensus(&other_end).is_err(), "{line}");
        }
    }
}

#[test]
fn first_signature_of_a_key_counts() {
    let consensus = Consensus::parse(CONSENSUSES[1]).unwrap();
    let at = consensus.valid_after.unwrap();
    let problem = |consensus: &Consensus<'_>| {
        consensus.verify(&certificates(), &authorities(), at).map_err(|error| error.problem())
    };
    let mut changed = consensus.clone();
    let mut wrong = changed.signatures[0];
    wrong.signature = changed.signatures[1].signature;
    changed.signatures.insert(0, wrong);
    assert_eq!(problem(&changed), Ok(()));
    // Signatures of one key with different digest algorithms are checked
    // separately.
    wrong.algorithm = "sha1";
    changed.signatures = vec![wrong, consensus.signatures[0], consensus.signatures[1]];
    assert_eq!(problem(&changed), Ok(()));
    wrong.algorithm = "sha256";
    changed.signatures = vec![wrong, consensus.signatures[0], consensus.signatures[1]];
    let too_few = VerifyProblem::TooFewSignatures { valid: 1, required: 2 };
    assert_eq!(problem(&changed), Err(too_few));
}

#[test]
fn unsigned_lines_of_a_vote_are_refused() {
    let original = text(VOTE);
    let at = Vote::parse(VOTE).unwrap().valid_after.unwrap();
    let verify =
        |text: &str| found(Vote::parse(text.as_bytes()).unwrap().verify(&authorities(), at));
    let signatures = from_line(original, "directory-signature");
    let relay = format!("{ENTRY}directory-footer\n{signatures}");
    for added in [&relay, ENTRY, signatures, original, "new-keyword\n", "flag-thresholds a=1\n"] {
        let unsigned = Err(("directory-signature", VerifyProblem::Unsigned));
        assert_eq!(verify(&format!("{original}{added}")), unsigned, "{added}");
    }
    assert_eq!(verify(&format!("{original}\n")), Ok(()));
    let injected =
        format!("opt network-status-version 3\nvote-status vote\nparams evil=1\n{original}");
    assert!(verify(&injected).is_err());
    // The vote signs this line, but its certificate doesn't.
    let line = "-----END SIGNATURE-----\nr ";
    let in_certificate = original.replacen(line, &line.replace("\nr", "\nnew-keyword\nr"), 1);
    assert_ne!(in_certificate, original);
    let unsigned = Err(("dir-key-certification", VerifyProblem::Unsigned));
    assert_eq!(verify(&in_certificate), unsigned);
}

#[test]
fn unsigned_lines_of_a_key_certificate_are_refused() {
    let certificate = certificates()[0].clone();
    let (original, at) = (text(certificate.text()), certificate.published.unwrap());
    let verify = |text: &str| found(KeyCertificate::parse(text.as_bytes()).unwrap().verify(at));
    assert_eq!(verify(&format!("@type dir-key-certificate-3 1.0\n{original}\n")), Ok(()));
    for added in ["dir-address 192.0.2.1:80\n", "new-keyword\n", original] {
        let unsigned = Err(("dir-key-certification", VerifyProblem::Unsigned));
        assert_eq!(verify(&format!("{original}{added}")), unsigned, "{added}");
    }
    assert!(verify(&format!("opt {original}")).is_err());
}

#[test]
fn unsigned_lines_of_a_recorded_descriptor_are_refused() {
    let relay = ServerDescriptor::parse(SERVER_DESCRIPTOR).unwrap();
    let at = relay.published.unwrap();
    let descriptor =
        |text: &str| found(ServerDescriptor::parse(text.as_bytes()).unwrap().verify(at));
    let extra_info =
        |text: &str| found(ExtraInfo::parse(text.as_bytes()).unwrap().verify(&relay, at));
    let other = include_str!("data/documents/server-descriptor-2");
    let digest = "router-digest 80B33F89F899A1FAAD047727404A817574705DB4\n";
    let all: [(&[u8], Verify<'_>); 2] =
        [(SERVER_DESCRIPTOR, &descriptor), (EXTRA_INFO, &extra_info)];
    for (original, verify) in all {
        let original = text(original);
        for added in [
            digest,
            "accept *:*\n",
            "or-address 192.0.2.1:9001\n",
            "dirreq-v3-ips us=8\n",
            "new-keyword\n",
            "-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n",
            from_line(&format!("\n{original}"), original.split(' ').next().unwrap()),
            other,
            "@type server-descriptor 1.0\nrouter x\n",
        ] {
            let unsigned = Err(("router-signature", VerifyProblem::Unsigned));
            assert_eq!(verify(&format!("{original}{added}")), unsigned, "{added}");
        }
        for added in ["", "\n\n", "@type server-descriptor 1.0\n"] {
            assert_eq!(verify(&format!("@downloaded-at x\n{original}{added}")), Ok(()), "{added}");
        }
        assert!(verify(&format!("opt {original}")).is_err());
    }
    // A digest that the text claims isn't used.
    let with_digest = format!("{}{digest}", text(SERVER_DESCRIPTOR));
    let with_digest = ServerDescriptor::parse(with_digest.as_bytes()).unwrap();
    assert_eq!(with_digest.digest(), relay.digest());
    assert!(!with_digest.is_sanitized());
    let info = ExtraInfo::parse(EXTRA_INFO).unwrap();
    let sha256 = BASE64_NOPAD.encode(&[7; 32]);
    let with_digest = format!("{}{digest}router-digest-sha256 {sha256}\n", text(EXTRA_INFO));
    let with_digest = ExtraInfo::parse(with_digest.as_bytes()).unwrap();
    assert!(with_digest.router_digest.is_some() && with_digest.router_digest_sha256.is_some());
    assert_eq!(with_digest.digest(), info.digest());
    assert_eq!(with_digest.digest_sha256(), info.digest_sha256());
    assert!(!with_digest.is_sanitized());
    // Some answers of GETINFO lack the last line end.
    let without_end = ExtraInfo::parse(EXTRA_INFO.trim_ascii_end()).unwrap();
    assert_eq!(without_end.digest_sha256(), info.digest_sha256());
}

#[test]
fn unsigned_digests_of_detached_signatures_are_refused() {
    let original = text(DETACHED);
    let signatures = DetachedSignatures::parse(DETACHED).unwrap();
    let at = signatures.valid_after.unwrap();
    let verify = |text: &str| {
        let signatures = DetachedSignatures::parse(text.as_bytes()).unwrap();
        found(signatures.verify(&certificates(), &authorities(), at))
    };
    assert_eq!(verify(original), Ok(()));
    let digest = "additional-digest microdesc sha256";
    for (added, problem) in [
        (format!("{digest} {}\n", "AB".repeat(32)), VerifyProblem::Mismatch),
        (
            format!("additional-digest microdesc sha1 {}\n", "AB".repeat(20)),
            VerifyProblem::Unsigned,
        ),
        (format!("additional-digest ns sha256 {}\n", "AB".repeat(32)), VerifyProblem::Unsigned),
        (format!("additional-digest ns sha1 {}\n", "AB".repeat(20)), VerifyProblem::Mismatch),
        ("additional-digest new new AB\n".to_owned(), VerifyProblem::Unsigned),
    ] {
        let expected = Err(("additional-digest", problem));
        assert_eq!(verify(&format!("{original}{added}")), expected, "{added}");
    }
    // The signature is genuine, but for the digest of the other flavor.
    let forged = with_signature_of_microdesc(original);
    assert_eq!(verify(&forged), Err(("consensus-digest", VerifyProblem::Unsigned)));
    // This digest is covered by a wrong signature only.
    let added = from_line(original, "additional-signature").split_once("-----\ndirectory").unwrap();
    let added = added.0.replace("microdesc", "new");
    let digest = format!("additional-digest new sha256 {}\n", "AB".repeat(32));
    let expected = Err(("additional-signature", VerifyProblem::Signature));
    assert_eq!(verify(&format!("{original}{digest}{added}-----\n")), expected);
}

/// Returns forged detached signatures. The only signature is the one that
/// `original` has for the microdesc consensus. It replaces the signatures that
/// cover the line `consensus-digest`.
fn with_signature_of_microdesc(original: &str) -> String {
    let line = |start: &str| {
        let line = original.lines().find(|line| line.starts_with(start)).unwrap();
        line.strip_prefix(start).unwrap().trim_start().to_owned()
    };
    let head = original.split("additional-digest").next().unwrap();
    let head = head.replace(&line("consensus-digest"), &"AB".repeat(20));
    let digest = line("additional-digest microdesc sha256");
    let signature = from_line(original, "additional-signature microdesc");
    let (signature, _) = signature.split_once("-----END SIGNATURE-----\n").unwrap();
    let signature = signature.replace("additional-signature microdesc", "directory-signature");
    format!("{head}additional-digest ns sha256 {digest}\n{signature}-----END SIGNATURE-----\n")
}

/// The parts from which `make` builds a server descriptor with valid
/// signatures.
struct Parts {
    first: String,
    certificate: Vec<u8>,
    before_ed25519: String,
    between: String,
    after: String,
    sign: bool,
    has_ed25519: bool,
}

fn identity() -> Ed25519SecretKey {
    Ed25519SecretKey::from_seed(&[1; 32])
}

fn signing() -> Ed25519SecretKey {
    Ed25519SecretKey::from_seed(&[2; 32])
}

/// Returns the certificate in which the identity key certifies the signing key.
fn certificate() -> Vec<u8> {
    let (kind, key) = (CertificateType::Signing, signing());
    let certificate = Ed25519Certificate::sign(kind, key.public_key(), at(), &identity(), true);
    certificate.to_bytes().to_vec()
}

/// Returns a signing key certificate with bytes changed by `change`, and with a
/// valid signature of the changed bytes.
fn changed_certificate(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = certificate();
    bytes.truncate(bytes.len() - 64);
    change(&mut bytes);
    let signature = identity().sign(&bytes);
    bytes.extend(signature);
    bytes
}

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(500_000 * 3600)
}

impl Parts {
    fn new() -> Self {
        Parts {
            first: "router".to_owned(),
            certificate: certificate(),
            before_ed25519: String::new(),
            between: String::new(),
            after: String::new(),
            sign: ntor().1,
            has_ed25519: true,
        }
    }

    fn make(&self) -> String {
        let rsa = TestKey::new(0);
        let mut text = format!("{} relay 192.0.2.1 9001 0 0\n", self.first);
        if self.has_ed25519 {
            text += "identity-ed25519\n";
            text += &object("ED25519 CERT", &self.certificate);
            let key = BASE64_NOPAD.encode(identity().public_key());
            text += &format!("master-key-ed25519 {key}\n");
        }
        text += "published 2026-11-30 02:21:21\nbandwidth 1 1 1\nsigning-key\n";
        text += &object("RSA PUBLIC KEY", &rsa.der);
        if self.has_ed25519 {
            let (key, _, certificate) = ntor();
            text += &format!("ntor-onion-key {}\n", BASE64.encode(&key));
            text += &format!("ntor-onion-key-crosscert {}\n", u8::from(self.sign));
            text += &object("ED25519 CERT", &certificate);
        }
        text += "reject *:*\n";
        text += &self.before_ed25519;
        if self.has_ed25519 {
            text += "router-sig-ed25519 ";
            let digest = Sha256::new()
                .chain_update(b"Tor router descriptor signature v1")
                .chain_update(&text)
                .finalize();
            text += &BASE64_NOPAD.encode(&signing().sign(&digest));
            text += "\n";
        }
        text += &self.between;
        text += "router-signature\n";
        let signature = rsa.sign(&Sha1::digest(&text));
        text += &object("SIGNATURE", &signature);
        text + &self.after
    }

    fn verify(&self) -> Found {
        found(ServerDescriptor::parse(self.make().as_bytes()).unwrap().verify(at()))
    }
}

/// Returns an ntor key, the sign bit of the corresponding Ed25519 key, and the
/// certificate that this Ed25519 key has signed.
fn ntor() -> ([u8; 32], bool, Vec<u8>) {
    let secret = Ed25519SecretKey::from_seed(&[3; 32]);
    let point = CompressedEdwardsY(*secret.public_key()).decompress().unwrap();
    let sign = secret.public_key()[31] & 0x80 != 0;
    let kind = CertificateType::NtorCross;
    let certificate = Ed25519Certificate::sign(kind, identity().public_key(), at(), &secret, false);
    (point.to_montgomery().to_bytes(), sign, certificate.to_bytes().to_vec())
}

#[test]
fn signed_descriptor_with_lines_at_odd_places_is_refused() {
    assert_eq!(Parts::new().verify(), Ok(()));
    assert_eq!(Parts { has_ed25519: false, ..Parts::new() }.verify(), Ok(()));
    assert_eq!(Parts { sign: !ntor().1, ..Parts::new() }.verify(), {
        Err(("ntor-onion-key-crosscert", VerifyProblem::Signature))
    });

    // The Ed25519 signature doesn't cover what follows it.
    for between in ["accept *:*\n", "new-keyword\n", "router-sig-ed25519 AA\n"] {
        let parts = Parts { between: between.to_owned(), ..Parts::new() };
        let unsigned = Err(("router-sig-ed25519", VerifyProblem::Unsigned));
        assert_eq!(parts.verify(), unsigned, "{between}");
    }
    // tor hashes up to the first line that begins like this.
    for line in ["router-signature-new\n", "router-signature new\n"] {
        let parts = Parts { before_ed25519: line.to_owned(), ..Parts::new() };
        let text = parts.make();
        assert_eq!(ServerDescriptor::parse(text.as_bytes()).unwrap().digest(), None, "{line}");
        assert_eq!(parts.verify(), Err(("router-signature", VerifyProblem::Missing)), "{line}");
    }
    let parts = Parts { before_ed25519: "router-sig-ed25519-new x\n".to_owned(), ..Parts::new() };
    assert_eq!(parts.verify(), Err(("router-sig-ed25519", VerifyProblem::Missing)));
    let parts = Parts { first: "opt router".to_owned(), ..Parts::new() };
    assert_eq!(parts.verify(), Err(("router", VerifyProblem::Missing)));

    // A malformed line doesn't switch the Ed25519 signature off.
    for line in [
        "identity-ed25519\n",
        "master-key-ed25519 x\n",
        "router-sig-ed25519 x\n",
        "onion-key-crosscert\n",
        "ntor-onion-key-crosscert 2\n",
        "family-cert\n-----BEGIN FAMILY CERT-----\nAAAA\n-----END FAMILY CERT-----\n",
        "opt identity-ed25519\n-----BEGIN X-----\nAAAA\n-----END X-----\n",
    ] {
        let parts = Parts { has_ed25519: false, between: line.to_owned(), ..Parts::new() };
        assert_eq!(parts.verify(), Err(("identity-ed25519", VerifyProblem::Missing)), "{line}");
    }

    let crosscert = format!("onion-key-crosscert\n{}", object("CROSSCERT", &[7; 128]));
    let parts = Parts { before_ed25519: crosscert, ..Parts::new() };
    assert_eq!(parts.verify(), Err(("onion-key", VerifyProblem::Missing)));

    // A relay can claim any digest, so the line doesn't count.
    let claim = "router-digest 80B33F89F899A1FAAD047727404A817574705DB4\n";
    let text = Parts { before_ed25519: claim.to_owned(), ..Parts::new() }.make();
    let relay = ServerDescriptor::parse(text.as_bytes()).unwrap();
    let (signed, _) = text.split_once("-----BEGIN SIGNATURE").unwrap();
    let digest = HEXUPPER.encode(&Sha1::digest(signed));
    assert_eq!(relay.digest().unwrap().to_string(), digest);
}

#[test]
fn odd_ed25519_certificates_of_a_descriptor_are_refused() {
    const CERTIFICATE: Found = Err(("identity-ed25519", VerifyProblem::Certificate));
    const SIGNATURE: Found = Err(("identity-ed25519", VerifyProblem::Signature));
    let verify = |certificate| Parts { certificate, ..Parts::new() }.verify();
    assert_eq!(verify(changed_certificate(|_| {})), Ok(()));
    for kind in (0..=255).filter(|kind| *kind != 4) {
        assert_eq!(verify(changed_certificate(|bytes| bytes[1] = kind)), CERTIFICATE, "{kind}");
    }
    for kind in [0, 2, 3, 255] {
        // Byte 6 is the type of the certified key. Only type 1 is an Ed25519
        // key. Types 2 and 3 are digests of keys.
        assert_eq!(verify(changed_certificate(|bytes| bytes[6] = kind)), CERTIFICATE, "{kind}");
    }
    let extend = |extension: &[u8]| {
        changed_certificate(|bytes| {
            bytes[39] += 1;
            bytes.extend(extension);
        })
    };
    assert_eq!(verify(extend(&[0, 1, 9, 0, 7])), Ok(()));
    assert_eq!(verify(extend(&[0, 1, 9, 1, 7])), CERTIFICATE);
    assert_eq!(verify(extend(&[0, 2, 9, 0, 7])), CERTIFICATE);
    let other_key = [&[0, 32, 4, 0][..], signing().public_key()].concat();
    assert_eq!(verify(extend(&other_key)), CERTIFICATE);
    // The certificate names another signer, and then no signer.
    let changed =
        changed_certificate(|bytes| bytes[44..76].copy_from_slice(signing().public_key()));
    assert_eq!(verify(changed), SIGNATURE);
    let changed = changed_certificate(|bytes| {
        bytes[39] = 0;
        bytes.truncate(40);
    });
    assert_eq!(verify(changed), SIGNATURE);
    // The last valid hour is over.
    let late = changed_certificate(|bytes| bytes[2..6].copy_from_slice(&499_999u32.to_be_bytes()));
    assert_eq!(verify(late), Err(("identity-ed25519", VerifyProblem::Expired)));
    let never = changed_certificate(|bytes| bytes[2..6].fill(0xff));
    assert_eq!(verify(never), Ok(()));
    // A relay whose identity differs from the identity in its other lines.
    let stranger = Ed25519SecretKey::from_seed(&[9; 32]);
    let (kind, key) = (CertificateType::Signing, signing());
    let other = Ed25519Certificate::sign(kind, key.public_key(), at(), &stranger, true);
    let mismatch = Err(("master-key-ed25519", VerifyProblem::Mismatch));
    assert_eq!(verify(other.to_bytes().to_vec()), mismatch);

    // Anyone can sign for an identity of small order: R is the base point, and
    // S is 1.
    let mut small = certificate();
    small.truncate(small.len() - 64);
    small[44..76].fill(0);
    small[44] = 1;
    small.push(0x58);
    small.extend([0x66; 31]);
    small.push(1);
    small.extend([0; 31]);
    assert_eq!(verify(small), SIGNATURE);
}

#[test]
fn extra_info_with_malformed_ed25519_lines_is_refused() {
    let rsa = TestKey::new(0);
    let rsa_only = Parts { has_ed25519: false, ..Parts::new() }.make();
    let relay = ServerDescriptor::parse(rsa_only.as_bytes()).unwrap();
    let verify_with = |line: &str, relay: &ServerDescriptor<'_>| {
        let fingerprint = HEXUPPER.encode(&rsa.fingerprint());
        let text = format!("extra-info relay {fingerprint}\n{line}router-signature\n");
        let text = format!("{text}{}", object("SIGNATURE", &rsa.sign(&Sha1::digest(&text))));
        found(ExtraInfo::parse(text.as_bytes()).unwrap().verify(relay, at()))
    };
    let verify = |line: &str| verify_with(line, &relay);
    assert_eq!(verify(""), Ok(()));
    let missing = Err(("identity-ed25519", VerifyProblem::Missing));
    assert_eq!(verify("router-sig-ed25519 x\n"), missing);
    assert_eq!(verify("identity-ed25519\n"), missing);
    // The relay's key is in its certificate alone.
    let relay = Parts::new().make().replace("master-key-ed25519", "x");
    let relay = ServerDescriptor::parse(relay.as_bytes()).unwrap();
    assert!(relay.master_key_ed25519.is_none() && relay.identity_ed25519.is_some());
    assert_eq!(verify_with("", &relay), missing);
}

/// Returns an authority's key certificate, signed by `identity`. The line
/// `fingerprint` in it names the key in the argument `fingerprint`.
fn key_certificate(identity: &TestKey, signing: &TestKey, fingerprint: &TestKey) -> String {
    let crosscert = signing.sign(&identity.fingerprint());
    let text = format!(
        "dir-key-certificate-version 3\nfingerprint {}\n\
         dir-key-published 2026-11-30 02:21:21\ndir-key-expires 2027-11-30 02:21:21\n\
         dir-identity-key\n{}dir-signing-key\n{}dir-key-crosscert\n{}dir-key-certification\n",
        HEXUPPER.encode(&fingerprint.fingerprint()),
        object("RSA PUBLIC KEY", &identity.der),
        object("RSA PUBLIC KEY", &signing.der),
        object("ID SIGNATURE", &crosscert),
    );
    let signature = identity.sign(&Sha1::digest(&text));
    text + &object("SIGNATURE", &signature)
}

#[test]
fn key_certificate_of_another_identity_gives_no_vote() {
    let (one, two) = (TestKey::new(0), TestKey::new(1));
    let (identity, stranger) =
        (Fingerprint::from_bytes(one.fingerprint()), Fingerprint::from_bytes(two.fingerprint()));
    let good = key_certificate(&one, &two, &one);
    // The stranger signs, but names the authority.
    let forged = key_certificate(&two, &two, &one);
    let parse = |text: &'static str| KeyCertificate::parse(text.as_bytes()).unwrap();
    let (good, forged) = (parse(good.leak()), parse(forged.leak()));
    let at = good.published.unwrap();
    assert_eq!(good.verify(at), Ok(()));
    assert_eq!(found(forged.verify(at)), Err(("fingerprint", VerifyProblem::Mismatch)));

    let consensus = |identity: Fingerprint, algorithm: &str| {
        let text = "network-status-version 3\nvote-status consensus\n\
            valid-after 2026-11-30 02:21:21\nvalid-until 2026-11-30 03:21:21\n\
            directory-footer\ndirectory-signature ";
        let signature = match algorithm {
            "sha1" => two.sign(&Sha1::digest(text)),
            _ => two.sign(&Sha256::digest(text)),
        };
        let name = if algorithm == "sha1" { "" } else { algorithm };
        let signature = object("SIGNATURE", &signature);
        format!("{text}{name} {identity} {stranger}\n{signature}")
    };
    let verify = |text: &str, certificates: &[KeyCertificate<'_>], authorities: &[Fingerprint]| {
        let consensus = Consensus::parse(text.as_bytes()).unwrap();
        consensus.verify(certificates, authorities, at).map_err(|error| error.problem())
    };
    let too_few = |required| Err(VerifyProblem::TooFewSignatures { valid: 0, required });
    let text = consensus(identity, "sha256");
    assert_eq!(verify(&text, std::slice::from_ref(&good), &[identity]), Ok(()));
    assert_eq!(verify(&consensus(identity, "sha1"), &[good.clone(), good.clone()], &[identity]), {
        Ok(())
    });
    assert_eq!(verify(&text, &[forged], &[identity]), too_few(1));
    assert_eq!(verify(&text, std::slice::from_ref(&good), &[stranger]), too_few(1));
    assert_eq!(verify(&text, std::slice::from_ref(&good), &[]), too_few(1));
    // The same signature stands under another identity.
    let text = consensus(stranger, "sha256");
    assert_eq!(verify(&text, std::slice::from_ref(&good), &[identity, stranger]), too_few(2));
    // This is a signature of the wrong digest.
    let text = consensus(identity, "sha1").replacen(
        "directory-signature ",
        "directory-signature sha256",
        1,
    );
    assert_eq!(verify(&text, &[good], &[identity]), too_few(1));
}
