//! The authorities that signed a consensus or a vote.

use std::time::SystemTime;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::rsa_key::RsaKey;
use crate::netdoc::{DirectorySignature, KeyCertificate};
use crate::word::Fingerprint;

/// The digests of a document's signed part. `None` if a digest isn't known.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedDigests {
    pub(super) sha1: Option<[u8; 20]>,
    pub(super) sha256: Option<[u8; 32]>,
}

impl SignedDigests {
    /// The digest algorithms that signatures can have.
    const ALGORITHMS: [&str; 2] = ["sha1", "sha256"];

    /// Computes the digests of the signed part of a consensus or a vote.
    pub(super) fn of(signed: &[u8]) -> Self {
        let (sha1, sha256) = (Sha1::digest(signed).into(), Sha256::digest(signed).into());
        SignedDigests { sha1: Some(sha1), sha256: Some(sha256) }
    }

    /// Returns true if the owner of `key` made `signature` for one of these
    /// digests.
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
    /// Returns the signing keys in the certificates of `authorities`. A
    /// certificate that isn't valid at the time `at` is ignored.
    pub(super) fn new(
        certificates: &[KeyCertificate<'_>],
        authorities: &[Fingerprint],
        at: SystemTime,
    ) -> Self {
        let mut keys: Vec<(Fingerprint, RsaKey)> = Vec::new();
        for certificate in certificates {
            let known = certificate.fingerprint.filter(|known| authorities.contains(known));
            let Some(authority) = known else { continue };
            let Ok(key) = certificate.verified_signing_key(at) else { continue };
            // A key is tried once for each signature, even if its certificate
            // is repeated.
            let is_same = |(other, old): &(Fingerprint, RsaKey)| {
                *other == authority && old.fingerprint() == key.fingerprint()
            };
            if !keys.iter().any(is_same) {
                keys.push((authority, key));
            }
        }
        Signers { keys }
    }

    /// Returns true if the signature was made by an authority's signing key.
    pub(super) fn have_made(
        &self,
        signature: &DirectorySignature<'_>,
        digests: &SignedDigests,
    ) -> bool {
        self.key_of(signature).is_some_and(|key| digests.are_signed(key, signature))
    }

    /// Returns the key that the signature names. Returns `None` if no valid
    /// certificate of an authority has the key.
    fn key_of(&self, signature: &DirectorySignature<'_>) -> Option<&RsaKey> {
        let is_named = |(authority, key): &&(Fingerprint, RsaKey)| {
            *authority == signature.identity && key.fingerprint() == signature.signing_key
        };
        self.keys.iter().find(is_named).map(|(_, key)| key)
    }

    /// Returns the number of different authorities that made one of the
    /// signatures. Like tor, this checks only the first signature for each key
    /// and algorithm. So a document with thousands of wrong signatures takes no
    /// longer.
    pub(super) fn count(
        &self,
        signatures: &[DirectorySignature<'_>],
        digests: &SignedDigests,
    ) -> usize {
        let (mut checked, mut signed) = (Vec::new(), Vec::new());
        for signature in signatures {
            let Some(key) = self.key_of(signature) else { continue };
            let check = (signature.identity, signature.signing_key, signature.algorithm);
            if !SignedDigests::ALGORITHMS.contains(&signature.algorithm) || checked.contains(&check)
            {
                continue;
            }
            checked.push(check);
            if !signed.contains(&signature.identity) && digests.are_signed(key, signature) {
                signed.push(signature.identity);
            }
        }
        signed.len()
    }
}
