//! Checking the signatures of consensuses: dir-spec, "Consensus status
//! documents".

use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::required;
use super::signed_part::check_all_signed;
use super::signers::{SignedDigests, Signers};
use crate::netdoc::{Consensus, KeyCertificate};
use crate::word::Fingerprint;

impl Consensus<'_> {
    /// Checks that more than half of the trusted authorities signed the
    /// consensus, and that it is valid at the time `at`.
    ///
    /// `authorities` are the fingerprints of the identity keys of all
    /// authorities that you trust: the `v3ident` of tor's option
    /// `DirAuthority`. `certificates` are their certificates, such as those in
    /// tor's file `cached-certs`. Each certificate is checked, too.
    /// Certificates and signatures of other authorities are ignored.
    ///
    /// To check an old consensus, use the time
    /// [`valid_after`](Self::valid_after).
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, KeyCertificate};
    /// use scape_proto::word::Fingerprint;
    ///
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/consensus-microdesc"
    /// # ));
    /// # let certificates = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/key-certificates"
    /// # ));
    /// let certificates: Vec<_> = KeyCertificate::parse_all(certificates).collect();
    /// let authorities: Vec<Fingerprint> =
    ///     certificates.iter().filter_map(|certificate| certificate.fingerprint).collect();
    /// let consensus = Consensus::parse(text)?;
    /// let at = consensus.valid_after.expect("the time");
    /// assert_eq!(consensus.verify(&certificates, &authorities, at), Ok(()));
    /// // One of three certificates isn't enough.
    /// assert!(consensus.verify(&certificates[..1], &authorities, at).is_err());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with [`VerifyProblem::TooFewSignatures`] if too few
    /// authorities signed, with [`VerifyProblem::Expired`] if the consensus
    /// isn't valid at the given time, and with [`VerifyProblem::Unsigned`] if
    /// lines other than signatures follow the first signature.
    pub fn verify(
        &self,
        certificates: &[KeyCertificate<'_>],
        authorities: &[Fingerprint],
        at: SystemTime,
    ) -> Result<(), VerifyError> {
        if at < required("valid-after", self.valid_after)? {
            return Err(VerifyError::new("valid-after", VerifyProblem::Expired));
        }
        if at > required("valid-until", self.valid_until)? {
            return Err(VerifyError::new("valid-until", VerifyProblem::Expired));
        }
        let signers = Signers::new(certificates, authorities, at);
        let valid = match self.signed_text() {
            Some(signed) => {
                let (first, last) = ("network-status-version", "directory-signature");
                check_all_signed(self.text(), signed, first, last, usize::MAX)?;
                signers.count(&self.signatures, &SignedDigests::of(signed))
            }
            None => 0,
        };
        let mut trusted = authorities.to_vec();
        trusted.sort_unstable();
        trusted.dedup();
        let required = trusted.len() / 2 + 1;
        match valid >= required {
            true => Ok(()),
            false => {
                let problem = VerifyProblem::TooFewSignatures { valid, required };
                Err(VerifyError::new("directory-signature", problem))
            }
        }
    }
}
