//! The signatures that server descriptors and extra-info documents have in
//! common.

use std::time::SystemTime;

use memchr::memmem;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::error::{VerifyError, VerifyProblem};
use super::rsa_key::RsaKey;
use crate::netdoc::digest::signed_through;
use crate::netdoc::ed25519_signature::is_signed_by;
use crate::netdoc::{CertificateType, Ed25519Certificate, Object};

/// Returns the value, or an error if it is missing.
pub(super) fn required<T>(line: &'static str, value: Option<T>) -> Result<T, VerifyError> {
    value.ok_or(VerifyError::new(line, VerifyProblem::Missing))
}

/// Checks the line `router-signature` of a server descriptor or an extra-info
/// document.
pub(super) fn check_rsa(
    text: &[u8],
    key: &RsaKey,
    signature: Option<Object<'_>>,
) -> Result<(), VerifyError> {
    const LINE: &str = "router-signature";
    let signature = required(LINE, signature)?;
    let signed = required(LINE, signed_through(text, b"\nrouter-signature\n"))?;
    match key.has_signed(&Sha1::digest(signed), signature) {
        true => Ok(()),
        false => Err(VerifyError::new(LINE, VerifyProblem::Signature)),
    }
}

/// Checks the lines `identity-ed25519` and `router-sig-ed25519` of a server
/// descriptor or an extra-info document. Returns the identity key.
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
    let certificate = check_certificate(CERTIFICATE, certificate, kind, None, at)?;
    let identity = required(CERTIFICATE, certificate.signing_key())?;
    let signature = required(SIGNATURE, signature)?;
    const SIGNED_THROUGH: &[u8] = b"\nrouter-sig-ed25519 ";
    let start = required(SIGNATURE, memmem::find(text, SIGNED_THROUGH))?;
    let signed = text.get(..start + SIGNED_THROUGH.len()).unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(b"Tor router descriptor signature v1");
    digest.update(signed);
    match is_signed_by(certificate.certified_key(), &digest.finalize(), signature) {
        true => Ok(*identity),
        false => Err(VerifyError::new(SIGNATURE, VerifyProblem::Signature)),
    }
}

/// Decodes a certificate and checks its type, its signature and its expiry.
pub(super) fn check_certificate(
    line: &'static str,
    object: Object<'_>,
    kind: CertificateType,
    signer: Option<&[u8; 32]>,
    at: SystemTime,
) -> Result<Ed25519Certificate, VerifyError> {
    let malformed = VerifyError::new(line, VerifyProblem::Certificate);
    let bytes = object.decode().ok_or(malformed)?;
    let certificate = Ed25519Certificate::parse(&bytes).map_err(|_| malformed)?;
    if certificate.kind() != kind {
        return Err(malformed);
    }
    if certificate.verify(signer).is_err() {
        return Err(VerifyError::new(line, VerifyProblem::Signature));
    }
    if certificate.is_expired(at) {
        return Err(VerifyError::new(line, VerifyProblem::Expired));
    }
    Ok(certificate)
}
