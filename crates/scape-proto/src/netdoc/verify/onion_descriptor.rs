//! Checking the signatures of onion service descriptors: rend-spec-v3, "Hidden
//! service descriptors: outer wrapper".

use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::{check_certificate, required};
use super::signed_part::check_all_signed;
use crate::netdoc::digest::signed_through;
use crate::netdoc::ed25519_signature::is_signed_by;
use crate::netdoc::onion::{BlindedPublicKey, OnionDescriptor};
use crate::netdoc::{CertificateType, Ed25519Certificate};

/// The text that precedes a descriptor's bytes when they are signed.
const PREFIX: &[u8] = b"Tor onion service descriptor sig v3";

impl OnionDescriptor<'_> {
    /// Checks that the owner of a blinded key made the descriptor: the
    /// certificate and the signature.
    ///
    /// Compute `key` with [`BlindedPublicKey::new`] from the service's address
    /// and the time period. Don't use the key in the descriptor, because anyone
    /// can make a descriptor with another key. The certificate must be valid at
    /// the time `at`.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::netdoc::VerifyProblem;
    /// use scape_proto::netdoc::onion::{BlindedPublicKey, OnionDescriptor};
    ///
    /// let descriptor = OnionDescriptor::parse(b"hs-descriptor 3\n")?;
    /// let key = BlindedPublicKey::from_bytes([7; 32]);
    /// let error = descriptor.verify(&key, SystemTime::UNIX_EPOCH).expect_err("nothing is signed");
    /// assert_eq!(error.line(), "descriptor-signing-key-cert");
    /// assert_eq!(error.problem(), VerifyProblem::Missing);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the certificate or the signature is missing, wrong
    /// or made by another key, if lines follow the signature, or if the
    /// certificate isn't valid at the given time.
    pub fn verify(&self, key: &BlindedPublicKey, at: SystemTime) -> Result<(), VerifyError> {
        const CERTIFICATE: &str = "descriptor-signing-key-cert";
        const SIGNATURE: &str = "signature";
        let certificate = required(CERTIFICATE, self.signing_key_cert.as_ref())?;
        let kind = CertificateType::DescriptorSigning;
        check_signed_by(CERTIFICATE, certificate, kind, key.as_bytes(), at)?;

        let signature = required(SIGNATURE, self.signature.as_ref())?;
        // tor finds the signature in the same way.
        let signed = signed_through(self.text(), b"\nsignature ");
        let signed = required(SIGNATURE, signed)?;
        check_all_signed(self.text(), signed, "hs-descriptor", SIGNATURE, 1)?;
        let signed = signed.strip_suffix(b"signature ").unwrap_or_default();
        let signed = [PREFIX, signed].concat();
        match is_signed_by(certificate.certified_key(), &signed, signature) {
            true => Ok(()),
            false => Err(VerifyError::new(SIGNATURE, VerifyProblem::Signature)),
        }
    }
}

#[cfg(feature = "onion-descriptor")]
impl crate::netdoc::onion::SecondLayer {
    /// Checks the certificates of all introduction points. Each must be signed
    /// by `signing_key`, the [key](OnionDescriptor::signing_key) that signs the
    /// descriptor, and must be valid at the time `at`.
    ///
    /// The layer is part of a signed descriptor. So after
    /// [`OnionDescriptor::verify`], this check finds only mistakes of the
    /// service. tor checks the certificates, too, and ignores introduction
    /// points that fail. The obsolete certificates of legacy keys aren't
    /// checked.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use scape_proto::netdoc::onion::SecondLayer;
    ///
    /// let layer = SecondLayer::parse(b"create2-formats 2\nintroduction-point AQAGwAACASMp\n")?;
    /// let error = layer.verify(&[7; 32], SystemTime::UNIX_EPOCH).expect_err("nothing is signed");
    /// assert_eq!(error.line(), "auth-key");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a certificate is missing, has the wrong type, was
    /// signed by another key, or isn't valid at the given time.
    pub fn verify(&self, signing_key: &[u8; 32], at: SystemTime) -> Result<(), VerifyError> {
        for point in &self.introduction_points {
            let certificate = required("auth-key", point.auth_key_cert.as_ref())?;
            let kind = CertificateType::IntroductionAuthentication;
            check_signed_by("auth-key", certificate, kind, signing_key, at)?;
            // Like tor, don't compare the certified key with the line enc-key:
            // some services certify the Curve25519 key itself.
            let certificate = required("enc-key-cert", point.enc_key_cert.as_ref())?;
            let kind = CertificateType::IntroductionEncryption;
            check_signed_by("enc-key-cert", certificate, kind, signing_key, at)?;
        }
        Ok(())
    }
}

/// Checks that `signer` signed a certificate, and that the certificate contains
/// `signer`.
fn check_signed_by(
    line: &'static str,
    certificate: &Ed25519Certificate,
    kind: CertificateType,
    signer: &[u8; 32],
    at: SystemTime,
) -> Result<(), VerifyError> {
    match certificate.signing_key() {
        None => Err(VerifyError::new(line, VerifyProblem::Certificate)),
        Some(key) if key != signer => Err(VerifyError::new(line, VerifyProblem::Mismatch)),
        Some(_) => check_certificate(line, certificate, kind, Some(signer), at),
    }
}
