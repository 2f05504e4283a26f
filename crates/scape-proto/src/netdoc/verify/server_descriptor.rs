//! Checking the signatures of server descriptors: dir-spec, "Server descriptor
//! format".

use std::time::SystemTime;

use memchr::memmem;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::error::{VerifyError, VerifyProblem};
use super::rsa_key::RsaKey;
use crate::netdoc::digest::signed_through;
use crate::netdoc::ed25519_signature::is_signed_by;
use crate::netdoc::{
    CertificateType, Ed25519Certificate, Object, ServerDescriptor, ed25519_from_curve25519,
};

/// The number of bits of a relay's RSA keys.
pub(super) const RELAY_BITS: &[u32] = &[1024];

impl ServerDescriptor<'_> {
    /// Checks all signatures and cross-certificates of the descriptor: the RSA
    /// signature, the Ed25519 certificate and signature, the certificates that
    /// the onion keys made, and those of families.
    ///
    /// Certificates must be valid at the time `at`. For the descriptor of a
    /// running relay, use the current time; for an old one, the time when it
    /// was [`published`](Self::published).
    ///
    /// Success means that the owner of the identity key made the descriptor. It
    /// doesn't mean that the relay is in the consensus. Old descriptors have no
    /// Ed25519 key, and then only the RSA signature is checked. The descriptor
    /// of a sanitized bridge can't be checked, because it has no signature.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// # let text = include_bytes!("../../../tests/data/documents/server-descriptor");
    /// let relay = ServerDescriptor::parse(text)?;
    /// let published = relay.published.expect("the time");
    /// assert_eq!(relay.verify(published), Ok(()));
    ///
    /// let changed = String::from_utf8_lossy(text).replacen("bandwidth ", "bandwidth 9", 1);
    /// let relay = ServerDescriptor::parse(changed.as_bytes())?;
    /// assert!(relay.verify(published).is_err());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a signature is missing or wrong, if a certificate is
    /// not valid at the given time, or if lines contradict each other.
    pub fn verify(&self, at: SystemTime) -> Result<(), VerifyError> {
        let identity = self.check_rsa_signature()?;
        let Some(master_key) = self.check_ed25519_signature(at)? else {
            return Ok(());
        };
        self.check_tap_key(&identity, &master_key)?;
        self.check_ntor_key(&master_key, at)?;
        self.check_families(&master_key, at)
    }

    fn check_rsa_signature(&self) -> Result<RsaKey, VerifyError> {
        let key = required("signing-key", self.signing_key)?;
        let key = RsaKey::decode(key, RELAY_BITS);
        let key = key.ok_or(VerifyError::new("signing-key", VerifyProblem::Key))?;
        if self.fingerprint.is_some_and(|fingerprint| fingerprint != key.fingerprint()) {
            return Err(VerifyError::new("fingerprint", VerifyProblem::Mismatch));
        }
        check_rsa(self.text(), &key, self.router_signature)?;
        Ok(key)
    }

    /// Returns the Ed25519 identity key, or `None` if the descriptor has none.
    fn check_ed25519_signature(&self, at: SystemTime) -> Result<Option<[u8; 32]>, VerifyError> {
        if self.identity_ed25519.is_none()
            && self.router_sig_ed25519.is_none()
            && self.master_key_ed25519.is_none()
        {
            return Ok(None);
        }
        let identity = check_ed25519(
            self.text(),
            self.identity_ed25519,
            self.router_sig_ed25519.as_ref(),
            at,
        )?;
        match self.master_key_ed25519 {
            Some(key) if key != identity => {
                Err(VerifyError::new("master-key-ed25519", VerifyProblem::Mismatch))
            }
            _ => Ok(Some(identity)),
        }
    }

    /// Checks that the owner of the TAP key knows the relay's identity keys.
    fn check_tap_key(&self, identity: &RsaKey, master_key: &[u8; 32]) -> Result<(), VerifyError> {
        const LINE: &str = "onion-key-crosscert";
        let Some(key) = self.onion_key else {
            return Ok(());
        };
        let key = RsaKey::decode(key, RELAY_BITS);
        let key = key.ok_or(VerifyError::new("onion-key", VerifyProblem::Key))?;
        let signed = key.recover(required(LINE, self.onion_key_crosscert)?);
        let expected = [&identity.fingerprint().as_bytes()[..], master_key].concat();
        // More bytes may follow: dir-spec.
        match signed {
            Some(signed) if signed.starts_with(&expected) => Ok(()),
            _ => Err(VerifyError::new(LINE, VerifyProblem::Signature)),
        }
    }

    /// Checks that the owner of the ntor key knows the relay's identity key.
    fn check_ntor_key(&self, master_key: &[u8; 32], at: SystemTime) -> Result<(), VerifyError> {
        const LINE: &str = "ntor-onion-key-crosscert";
        let key = required("ntor-onion-key", self.ntor_onion_key)?;
        let crosscert = required(LINE, self.ntor_onion_key_crosscert)?;
        let key = ed25519_from_curve25519(&key, crosscert.sign);
        let key = key.ok_or(VerifyError::new("ntor-onion-key", VerifyProblem::Key))?;
        let kind = CertificateType::NtorCross;
        let certificate = check_certificate(LINE, crosscert.certificate, kind, Some(&key), at)?;
        match certificate.certified_key() == master_key {
            true => Ok(()),
            false => Err(VerifyError::new(LINE, VerifyProblem::Mismatch)),
        }
    }

    /// Checks that the families' keys certified the relay's identity key.
    fn check_families(&self, master_key: &[u8; 32], at: SystemTime) -> Result<(), VerifyError> {
        const LINE: &str = "family-cert";
        for certificate in &self.family_certs {
            let kind = CertificateType::Family;
            let certificate = check_certificate(LINE, *certificate, kind, None, at)?;
            if certificate.certified_key() != master_key {
                return Err(VerifyError::new(LINE, VerifyProblem::Mismatch));
            }
        }
        Ok(())
    }
}

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
