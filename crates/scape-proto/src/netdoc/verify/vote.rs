//! Checking the signatures of votes: dir-spec, "Vote and consensus status
//! document formats".

use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::required;
use super::signed_part::check_all_signed;
use super::signers::SignedDigests;
use crate::netdoc::Vote;
use crate::word::Fingerprint;

impl Vote<'_> {
    /// Checks that one of the trusted authorities made the vote: the signature,
    /// and the certificate in the vote, which must be valid at the time `at`.
    ///
    /// `authorities` are the fingerprints of the identity keys of the
    /// authorities that you trust: the `v3ident` of tor's option
    /// `DirAuthority`.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/vote"
    /// # ));
    /// let vote = Vote::parse(text)?;
    /// let at = vote.valid_after.expect("the time");
    /// let authority = vote.dir_source.as_ref().expect("the authority").identity;
    /// assert_eq!(vote.verify(&[authority], at), Ok(()));
    /// assert!(vote.verify(&[], at).is_err());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if none of the authorities made the vote, if its
    /// certificate or its signature is missing or wrong, or if lines follow the
    /// certificate or the signature.
    pub fn verify(&self, authorities: &[Fingerprint], at: SystemTime) -> Result<(), VerifyError> {
        const SIGNATURE: &str = "directory-signature";
        let certificate = required("dir-key-certificate-version", self.certificate.as_ref())?;
        let key = certificate.verified_signing_key(at)?;
        let authority = required("dir-source", self.dir_source.as_ref())?.identity;
        if certificate.fingerprint != Some(authority) || !authorities.contains(&authority) {
            return Err(VerifyError::new("dir-source", VerifyProblem::Mismatch));
        }
        let signed = required(SIGNATURE, self.signed_text())?;
        check_all_signed(self.text(), signed, "network-status-version", SIGNATURE, 1)?;
        let signature = required(SIGNATURE, self.signatures.first())?;
        if signature.identity != authority || signature.signing_key != key.fingerprint() {
            return Err(VerifyError::new(SIGNATURE, VerifyProblem::Mismatch));
        }
        match SignedDigests::of(signed).are_signed(&key, signature) {
            true => Ok(()),
            false => Err(VerifyError::new(SIGNATURE, VerifyProblem::Signature)),
        }
    }
}
