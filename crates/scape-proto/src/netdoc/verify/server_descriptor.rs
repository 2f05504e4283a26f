//! Checking the signatures of server descriptors: dir-spec, "Server descriptor
//! format".

use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::{
    check_ed25519, check_rsa, decode_certificate, has_ed25519, required,
};
use super::rsa_key::{RELAY_BITS, RsaKey};
use crate::netdoc::{CertificateType, ServerDescriptor, ed25519_from_curve25519};

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
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/server-descriptor"
    /// # ));
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
    /// not valid at the given time, if lines contradict each other, or if lines
    /// follow the signature.
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
        check_rsa(self.text(), "router", &key, self.router_signature)?;
        Ok(key)
    }

    /// Checks the Ed25519 certificate and signature, and returns the identity
    /// key. Returns `None` if the descriptor has no lines for Ed25519.
    fn check_ed25519_signature(&self, at: SystemTime) -> Result<Option<[u8; 32]>, VerifyError> {
        if self.identity_ed25519.is_none()
            && self.router_sig_ed25519.is_none()
            && self.master_key_ed25519.is_none()
            && !has_ed25519(self.text())
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

    /// Checks that the TAP key has signed the relay's identity keys.
    fn check_tap_key(&self, identity: &RsaKey, master_key: &[u8; 32]) -> Result<(), VerifyError> {
        const LINE: &str = "onion-key-crosscert";
        if self.onion_key.is_none() && self.onion_key_crosscert.is_none() {
            return Ok(());
        }
        let key = required("onion-key", self.onion_key)?;
        let key = RsaKey::decode(key, RELAY_BITS);
        let key = key.ok_or(VerifyError::new("onion-key", VerifyProblem::Key))?;
        let signed = key.recover(required(LINE, self.onion_key_crosscert)?);
        let expected = [&identity.fingerprint().as_bytes()[..], master_key].concat();
        // dir-spec allows more bytes after these.
        match signed {
            Some(signed) if signed.starts_with(&expected) => Ok(()),
            _ => Err(VerifyError::new(LINE, VerifyProblem::Signature)),
        }
    }

    /// Checks that the ntor key has signed the relay's identity key.
    fn check_ntor_key(&self, master_key: &[u8; 32], at: SystemTime) -> Result<(), VerifyError> {
        const LINE: &str = "ntor-onion-key-crosscert";
        let key = required("ntor-onion-key", self.ntor_onion_key)?;
        let crosscert = required(LINE, self.ntor_onion_key_crosscert)?;
        let key = ed25519_from_curve25519(&key, crosscert.sign);
        let key = key.ok_or(VerifyError::new("ntor-onion-key", VerifyProblem::Key))?;
        let kind = CertificateType::NtorCross;
        let certificate = decode_certificate(LINE, crosscert.certificate, kind, Some(&key), at)?;
        match certificate.certified_key() == master_key {
            true => Ok(()),
            false => Err(VerifyError::new(LINE, VerifyProblem::Mismatch)),
        }
    }

    /// Checks that the families' keys have signed the relay's identity key.
    fn check_families(&self, master_key: &[u8; 32], at: SystemTime) -> Result<(), VerifyError> {
        const LINE: &str = "family-cert";
        for certificate in &self.family_certs {
            let kind = CertificateType::Family;
            let certificate = decode_certificate(LINE, *certificate, kind, None, at)?;
            if certificate.certified_key() != master_key {
                return Err(VerifyError::new(LINE, VerifyProblem::Mismatch));
            }
        }
        Ok(())
    }
}
