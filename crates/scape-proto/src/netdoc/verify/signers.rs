//! The authorities that signed a consensus or a vote.

use std::time::SystemTime;

use super::rsa_key::RsaKey;
use crate::netdoc::{DirectorySignature, KeyCertificate};
use crate::word::Fingerprint;

/// The digests of a document's signed part.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedDigests {
    pub(super) sha1: Option<[u8; 20]>,
    pub(super) sha256: Option<[u8; 32]>,
}

impl SignedDigests {
    /// Returns true if the owner of the key made this signature.
    pub(super) fn are_signed(&self, key: &RsaKey, signature: &DirectorySignature<'_>) -> bool {
        let has_signed = |digest: &[u8]| key.has_signed(digest, signature.signature);
        match signature.algorithm {
            "sha1" => self.sha1.is_some_and(|digest| has_signed(&digest)),
            "sha256" => self.sha256.is_some_and(|digest| has_signed(&digest)),
            _ => false,
        }
    }
}

/// The signing keys of trusted authorities, from certificates that are valid.
pub(super) struct Signers {
    keys: Vec<(Fingerprint, RsaKey)>,
}

impl Signers {
    /// Checks certificates. Those that are not valid at the time `at` or that
    /// belong to nobody in `authorities` are left out.
    pub(super) fn new(
        certificates: &[KeyCertificate<'_>],
        authorities: &[Fingerprint],
        at: SystemTime,
    ) -> Self {
        let key = |certificate: &KeyCertificate<'_>| {
            let authority = certificate.fingerprint.filter(|known| authorities.contains(known))?;
            Some((authority, certificate.verified_signing_key(at).ok()?))
        };
        Signers { keys: certificates.iter().filter_map(key).collect() }
    }

    /// Returns true if the signature was made by an authority's signing key.
    pub(super) fn have_made(
        &self,
        signature: &DirectorySignature<'_>,
        digests: &SignedDigests,
    ) -> bool {
        self.keys.iter().any(|(authority, key)| {
            *authority == signature.identity
                && key.fingerprint() == signature.signing_key
                && digests.are_signed(key, signature)
        })
    }

    /// Returns the number of different authorities that made one of the
    /// signatures.
    pub(super) fn count(
        &self,
        signatures: &[DirectorySignature<'_>],
        digests: &SignedDigests,
    ) -> usize {
        let mut signed: Vec<Fingerprint> = Vec::new();
        for signature in signatures {
            if !signed.contains(&signature.identity) && self.have_made(signature, digests) {
                signed.push(signature.identity);
            }
        }
        signed.len()
    }
}
