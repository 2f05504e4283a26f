//! Checking the signatures of key certificates: dir-spec, "Creating key
//! certificates".

use std::time::SystemTime;

use sha1::{Digest, Sha1};

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::required;
use super::rsa_key::{AUTHORITY_BITS, RsaKey};
use super::signed_part::check_all_signed;
use crate::netdoc::{KeyCertificate, Object};

impl KeyCertificate<'_> {
    /// Checks the certificate: both keys, the signature by the identity key,
    /// the signature by the signing key, and the expiry at the time `at`.
    ///
    /// Success means that the owner of the identity key made the certificate.
    /// It doesn't mean that the owner is an authority: compare
    /// [`fingerprint`](Self::fingerprint) with the authorities that you trust.
    ///
    /// ```
    /// use scape_proto::netdoc::{KeyCertificate, VerifyProblem};
    /// use std::time::Duration;
    ///
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/key-certificates"
    /// # ));
    /// let certificate = KeyCertificate::parse_all(text).next().expect("a certificate");
    /// let expires = certificate.expires.expect("the time");
    /// assert_eq!(certificate.verify(expires), Ok(()));
    /// let error = certificate.verify(expires + Duration::from_secs(1)).expect_err("expired");
    /// assert_eq!(error.problem(), VerifyProblem::Expired);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error in these cases:
    ///
    /// * A key, a signature, the fingerprint or the expiry time is missing or
    ///   malformed.
    /// * A signature doesn't match, or the fingerprint isn't that of the
    ///   identity key.
    /// * The certificate has expired at the time `at`.
    /// * The text has lines before or after the certificate.
    ///
    /// Certificates from before 2009 have no signature by the signing key, so
    /// they fail.
    pub fn verify(&self, at: SystemTime) -> Result<(), VerifyError> {
        self.verified_signing_key(at).map(|_| ())
    }

    /// Checks the certificate like [`verify`](Self::verify), and returns the
    /// signing key.
    pub(super) fn verified_signing_key(&self, at: SystemTime) -> Result<RsaKey, VerifyError> {
        let identity = authority_key("dir-identity-key", self.identity_key)?;
        if required("fingerprint", self.fingerprint)? != identity.fingerprint() {
            return Err(VerifyError::new("fingerprint", VerifyProblem::Mismatch));
        }

        const CERTIFICATION: &str = "dir-key-certification";
        let signed = required(CERTIFICATION, self.signed_text())?;
        check_all_signed(self.text(), signed, "dir-key-certificate-version", CERTIFICATION, 1)?;
        let digest = Sha1::digest(signed);
        if !identity.has_signed(&digest, required(CERTIFICATION, self.certification)?) {
            return Err(VerifyError::new(CERTIFICATION, VerifyProblem::Signature));
        }

        const CROSSCERT: &str = "dir-key-crosscert";
        let signing = authority_key("dir-signing-key", self.signing_key)?;
        let fingerprint = identity.fingerprint();
        if !signing.has_signed(fingerprint.as_bytes(), required(CROSSCERT, self.crosscert)?) {
            return Err(VerifyError::new(CROSSCERT, VerifyProblem::Signature));
        }

        match at <= required("dir-key-expires", self.expires)? {
            true => Ok(signing),
            false => Err(VerifyError::new("dir-key-expires", VerifyProblem::Expired)),
        }
    }
}

fn authority_key(line: &'static str, object: Option<Object<'_>>) -> Result<RsaKey, VerifyError> {
    let key = RsaKey::decode(required(line, object)?, AUTHORITY_BITS);
    key.ok_or(VerifyError::new(line, VerifyProblem::Key))
}
