//! Checking the signatures of extra-info documents: dir-spec, "Extra-info
//! document format".

use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::{check_ed25519, check_rsa, has_ed25519, required};
use super::rsa_key::{RELAY_BITS, RsaKey};
use crate::netdoc::{Ed25519Certificate, ExtraInfo, ServerDescriptor};

impl ExtraInfo<'_> {
    /// Checks the signatures of the document: the RSA signature, the Ed25519
    /// certificate and the Ed25519 signature.
    ///
    /// `relay` is the server descriptor of the same relay, because it has the
    /// RSA key, which the extra-info document lacks. Check the server
    /// descriptor with [`ServerDescriptor::verify`], because this method only
    /// takes keys from it. Certificates must be valid at the time `at`.
    ///
    /// Success means that the owner of the relay's keys made the document. It
    /// doesn't mean that `relay` refers to this document: see
    /// [`ServerDescriptor::extra_info_digest`].
    ///
    /// ```
    /// use scape_proto::netdoc::{ExtraInfo, ServerDescriptor};
    ///
    /// # let relay = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/server-descriptor"
    /// # ));
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/extra-info"
    /// # ));
    /// let relay = ServerDescriptor::parse(relay)?;
    /// let statistics = ExtraInfo::parse(text)?;
    /// let published = statistics.published.expect("the time");
    /// assert_eq!(relay.verify(published), Ok(()));
    /// assert_eq!(statistics.verify(&relay, published), Ok(()));
    /// assert_eq!(statistics.digest(), relay.extra_info_digest);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a signature is missing or wrong, if the certificate
    /// is not valid at the given time, if `relay` is another relay, or if lines
    /// follow the signature.
    pub fn verify(&self, relay: &ServerDescriptor<'_>, at: SystemTime) -> Result<(), VerifyError> {
        let key = RsaKey::decode(required("signing-key", relay.signing_key)?, RELAY_BITS);
        let key = key.ok_or(VerifyError::new("signing-key", VerifyProblem::Key))?;
        if required("extra-info", self.fingerprint)? != key.fingerprint() {
            return Err(VerifyError::new("extra-info", VerifyProblem::Mismatch));
        }
        check_rsa(self.text(), "extra-info", &key, self.router_signature)?;
        let expected = ed25519_identity(relay)?;
        if self.identity_ed25519.is_none()
            && self.router_sig_ed25519.is_none()
            && expected.is_none()
            && !has_ed25519(self.text())
        {
            return Ok(());
        }
        let identity = check_ed25519(
            self.text(),
            self.identity_ed25519,
            self.router_sig_ed25519.as_ref(),
            at,
        )?;
        match expected == Some(identity) {
            true => Ok(()),
            false => Err(VerifyError::new("identity-ed25519", VerifyProblem::Mismatch)),
        }
    }
}

/// Returns the Ed25519 identity key of a relay, or `None` if the relay has no
/// such key. The line `master-key-ed25519` is optional, so the key may have to
/// be taken from the certificate.
fn ed25519_identity(relay: &ServerDescriptor<'_>) -> Result<Option<[u8; 32]>, VerifyError> {
    const LINE: &str = "identity-ed25519";
    let Some(object) = relay.identity_ed25519.filter(|_| relay.master_key_ed25519.is_none()) else {
        return Ok(relay.master_key_ed25519);
    };
    let bytes = object.decode();
    let certificate = bytes.and_then(|bytes| Ed25519Certificate::parse(&bytes).ok());
    let certificate = certificate.ok_or(VerifyError::new(LINE, VerifyProblem::Certificate))?;
    required(LINE, certificate.signing_key()).map(|key| Some(*key))
}
