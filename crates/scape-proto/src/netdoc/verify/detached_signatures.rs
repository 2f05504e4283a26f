//! Checking detached signatures: dir-spec, "Downloading and computing
//! signatures".

use std::collections::HashSet;
use std::time::SystemTime;

use super::error::{VerifyError, VerifyProblem};
use super::router_signature::required;
use super::signers::{SignedDigests, Signers};
use crate::netdoc::{ConsensusFlavor, DetachedSignatures, KeyCertificate};
use crate::word::Fingerprint;

impl DetachedSignatures<'_> {
    /// Checks every signature of the document against the digests in it. A
    /// trusted authority must have made each signature.
    ///
    /// `authorities` are the fingerprints of the identity keys of the
    /// authorities that you trust. `certificates` are their certificates, which
    /// must be valid at the time `at`.
    ///
    /// Success means that the authorities signed the digests in the document.
    /// Nothing else is signed: neither the times, nor the flavor and algorithm
    /// in front of an additional digest. Compare the digests with those of the
    /// consensuses, and take the times from there.
    ///
    /// ```
    /// use scape_proto::netdoc::{DetachedSignatures, KeyCertificate};
    ///
    /// # let text = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/detached-signatures"
    /// # ));
    /// # let certificates = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/key-certificates"
    /// # ));
    /// let certificates: Vec<_> = KeyCertificate::parse_all(certificates).collect();
    /// let authorities: Vec<_> =
    ///     certificates.iter().filter_map(|certificate| certificate.fingerprint).collect();
    /// let signatures = DetachedSignatures::parse(text)?;
    /// let at = signatures.valid_after.expect("the time");
    /// assert_eq!(signatures.verify(&certificates, &authorities, at), Ok(()));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the document has no signature, if a signature is
    /// wrong, or if none of the authorities made it. Also returns an error if a
    /// digest is missing or repeated, or if a digest has no signature.
    pub fn verify(
        &self,
        certificates: &[KeyCertificate<'_>],
        authorities: &[Fingerprint],
        at: SystemTime,
    ) -> Result<(), VerifyError> {
        const SIGNATURE: &str = "directory-signature";
        const ADDITIONAL: &str = "additional-signature";
        let signers = Signers::new(certificates, authorities, at);
        let digests = self.digests(&ConsensusFlavor::Ns);
        required(SIGNATURE, self.signatures.first())?;
        required("consensus-digest", self.consensus_digest)?;
        // Without this check, a signature for another flavor could stand here,
        // together with an additional digest. Then nobody would have signed
        // this digest.
        if !self.signatures.iter().any(|signature| signature.algorithm == "sha1") {
            return Err(VerifyError::new("consensus-digest", VerifyProblem::Unsigned));
        }
        if !self.signatures.iter().all(|signature| signers.have_made(signature, &digests)) {
            return Err(VerifyError::new(SIGNATURE, VerifyProblem::Signature));
        }
        self.check_digests()?;
        for additional in &self.additional_signatures {
            let digests = self.digests(&additional.flavor);
            if !signers.have_made(&additional.signature, &digests) {
                return Err(VerifyError::new(ADDITIONAL, VerifyProblem::Signature));
            }
        }
        Ok(())
    }

    /// Checks that each additional digest is unique and has a signature.
    fn check_digests(&self) -> Result<(), VerifyError> {
        const DIGEST: &str = "additional-digest";
        // The line `consensus-digest` has this one.
        let mut seen = HashSet::from([(&ConsensusFlavor::Ns, "sha1")]);
        let mut signed: HashSet<_> = self
            .additional_signatures
            .iter()
            .map(|additional| (&additional.flavor, additional.signature.algorithm))
            .collect();
        signed.extend(self.signatures.iter().map(|one| (&ConsensusFlavor::Ns, one.algorithm)));
        for digest in &self.additional_digests {
            let name = (&digest.flavor, digest.algorithm);
            if !seen.insert(name) {
                return Err(VerifyError::new(DIGEST, VerifyProblem::Mismatch));
            }
            if !signed.contains(&name) {
                return Err(VerifyError::new(DIGEST, VerifyProblem::Unsigned));
            }
        }
        Ok(())
    }

    /// Returns the digests that the document gives for the consensus of this
    /// flavor.
    fn digests(&self, flavor: &ConsensusFlavor) -> SignedDigests {
        let additional = |algorithm: &str| {
            let mut digests = self.additional_digests.iter();
            let digest = digests.find(|d| d.flavor == *flavor && d.algorithm == algorithm);
            digest.map(|digest| &*digest.digest)
        };
        let sha1 = additional("sha1").and_then(|digest| digest.try_into().ok());
        SignedDigests {
            sha1: if *flavor == ConsensusFlavor::Ns { self.consensus_digest } else { sha1 },
            sha256: additional("sha256").and_then(|digest| digest.try_into().ok()),
        }
    }
}
