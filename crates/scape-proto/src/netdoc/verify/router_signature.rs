//! The signatures that server descriptors and extra-info documents have in
//! common.

use std::time::SystemTime;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::error::{VerifyError, VerifyProblem};
use super::rsa_key::RsaKey;
use super::signed_part::check_all_signed;
use crate::netdoc::digest::signed_through;
use crate::netdoc::ed25519_signature::is_signed_by;
use crate::netdoc::{CertificateType, CertifiedKeyType, Ed25519Certificate, Item, Object};

/// Returns the value of a line, or an error with the line's keyword if the
/// value is missing.
pub(super) fn required<T>(line: &'static str, value: Option<T>) -> Result<T, VerifyError> {
    value.ok_or(VerifyError::new(line, VerifyProblem::Missing))
}

/// Checks the line `router-signature` of a server descriptor or an extra-info
/// document, and that the signature covers all lines. `first` is the keyword of
/// the document's first line.
pub(super) fn check_rsa(
    text: &[u8],
    first: &'static str,
    key: &RsaKey,
    signature: Option<Object<'_>>,
) -> Result<(), VerifyError> {
    const LINE: &str = "router-signature";
    let signature = required(LINE, signature)?;
    let signed = required(LINE, signed_through(text, b"\nrouter-signature\n"))?;
    check_all_signed(text, signed, first, LINE, 1)?;
    match key.has_signed(&Sha1::digest(signed), signature) {
        true => Ok(()),
        false => Err(VerifyError::new(LINE, VerifyProblem::Signature)),
    }
}

/// Returns true if the text has a line that only documents with an Ed25519
/// signature have, even if the line is malformed. The caller then requires the
/// signature. Otherwise, the check could be avoided by making the lines
/// malformed.
pub(super) fn has_ed25519(text: &[u8]) -> bool {
    const KEYWORDS: [&[u8]; 6] = [
        b"identity-ed25519",
        b"master-key-ed25519",
        b"onion-key-crosscert",
        b"ntor-onion-key-crosscert",
        b"family-cert",
        b"router-sig-ed25519",
    ];
    Item::parse_all(text).any(|item| KEYWORDS.contains(&item.keyword()))
}

/// Checks the lines `identity-ed25519` and `router-sig-ed25519` of a server
/// descriptor or an extra-info document. Returns the identity key.
///
/// The signature covers all lines before it. [`check_rsa`] checks that nothing
/// follows `router-signature`.
pub(super) fn check_ed25519(
    text: &[u8],
    certificate: Option<Object<'_>>,
    signature: Option<&[u8; 64]>,
    at: SystemTime,
) -> Result<[u8; 32], VerifyError> {
    const CERTIFICATE: &str = "identity-ed25519";
    const SIGNATURE: &str = "router-sig-ed25519";
    let certificate = required(CERTIFICATE, certificate)?;
    let kind = CertificateType::Signing;
    let certificate = decode_certificate(CERTIFICATE, certificate, kind, None, at)?;
    let identity = required(CERTIFICATE, certificate.signing_key())?;
    let signature = required(SIGNATURE, signature)?;
    let signed = signed_through(text, b"\nrouter-sig-ed25519 ");
    let signed = required(SIGNATURE, signed)?;
    // Only the RSA signature may follow, because tor demands it, too.
    let start = signed.len().saturating_sub(SIGNATURE.len() + 1);
    let mut items = Item::parse_all(text.get(start..).unwrap_or_default()).skip(1);
    if items.next().is_some_and(|item| item.keyword() != b"router-signature") {
        return Err(VerifyError::new(SIGNATURE, VerifyProblem::Unsigned));
    }
    let mut digest = Sha256::new();
    digest.update(b"Tor router descriptor signature v1");
    digest.update(signed);
    match is_signed_by(certificate.certified_key(), &digest.finalize(), signature) {
        true => Ok(*identity),
        false => Err(VerifyError::new(SIGNATURE, VerifyProblem::Signature)),
    }
}

/// Decodes a certificate and checks it. See [`check_certificate`].
pub(super) fn decode_certificate(
    line: &'static str,
    object: Object<'_>,
    kind: CertificateType,
    signer: Option<&[u8; 32]>,
    at: SystemTime,
) -> Result<Ed25519Certificate, VerifyError> {
    let bytes = object.decode();
    let certificate = bytes.and_then(|bytes| Ed25519Certificate::parse(&bytes).ok());
    let certificate = certificate.ok_or(VerifyError::new(line, VerifyProblem::Certificate))?;
    check_certificate(line, &certificate, kind, signer, at)?;
    Ok(certificate)
}

/// Checks the type of a certificate and of the key in it, the signature and the
/// expiry. If `signer` is `None`, the certificate must contain the key that
/// signed it.
pub(super) fn check_certificate(
    line: &'static str,
    certificate: &Ed25519Certificate,
    kind: CertificateType,
    signer: Option<&[u8; 32]>,
    at: SystemTime,
) -> Result<(), VerifyError> {
    if certificate.kind() != kind || certificate.key_type() != CertifiedKeyType::Ed25519 {
        return Err(VerifyError::new(line, VerifyProblem::Certificate));
    }
    if certificate.verify(signer).is_err() {
        return Err(VerifyError::new(line, VerifyProblem::Signature));
    }
    match certificate.is_expired(at) {
        true => Err(VerifyError::new(line, VerifyProblem::Expired)),
        false => Ok(()),
    }
}
