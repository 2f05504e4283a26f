//! RSA public keys and the signatures that Tor's documents have.

use std::ops::RangeInclusive;

use crypto_bigint::modular::BoxedMontyForm;
use rsa::pkcs1::{DecodeRsaPublicKey, EncodeRsaPublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PublicKey};
use sha1::{Digest, Sha1};

use crate::netdoc::Object;
use crate::word::Fingerprint;

/// The exponent of every RSA key in Tor.
const EXPONENT: u64 = 65537;

/// The numbers of bits that a relay's RSA keys may have.
pub(super) const RELAY_BITS: RangeInclusive<u32> = 1024..=1024;

/// The numbers of bits that an authority's RSA keys may have. Identity keys
/// have 3072 today, and signing keys 2048.
pub(super) const AUTHORITY_BITS: RangeInclusive<u32> = 1024..=4096;

/// An RSA public key.
pub(super) struct RsaKey {
    key: PublicKey,
    fingerprint: Fingerprint,
}

impl RsaKey {
    /// Decodes a key with one of these numbers of bits. Returns `None` for any
    /// other key.
    pub(super) fn decode(object: Object<'_>, bits: RangeInclusive<u32>) -> Option<Self> {
        let der = object.decode()?;
        let key = PublicKey::from_pkcs1_der(&der).ok()?;
        let has_size = bits.contains(&key.n().bit_width());
        if !has_size || *key.e() != BoxedUint::from(EXPONENT) {
            return None;
        }
        // The fingerprint covers the canonical form.
        let canonical = key.to_pkcs1_der().ok()?;
        let fingerprint = Fingerprint::from_bytes(Sha1::digest(canonical.as_bytes()).into());
        (canonical.as_bytes() == der).then_some(RsaKey { key, fingerprint })
    }

    /// Returns the SHA-1 digest of the key, which identifies its owner.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns true if the key's owner signed exactly these bytes. Tor signs
    /// digests without naming the digest's algorithm.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: Object<'_>) -> bool {
        self.recover(signature).is_some_and(|signed| signed == bytes)
    }

    /// Returns the bytes that the key's owner signed: dir-spec, "Signing
    /// documents"; PKCS#1 v1.5.
    pub(super) fn recover(&self, signature: Object<'_>) -> Option<Vec<u8>> {
        let signature = signature.decode()?;
        if signature.len() != self.key.size() {
            return None;
        }
        let number = BoxedUint::from_be_slice(&signature, self.key.n().bits_precision()).ok()?;
        if number >= *self.key.n().as_ref() {
            return None;
        }
        let message = self.power(number).to_be_bytes();
        let message = message.get(message.len().checked_sub(self.key.size())?..)?;
        let padded = message.strip_prefix(&[0, 1])?;
        let padding = padded.iter().take_while(|byte| **byte == 0xff).count();
        // PKCS#1 demands at least eight bytes of padding.
        let (_, rest) = padded.split_at_checked(padding).filter(|_| padding >= 8)?;
        rest.strip_prefix(&[0]).map(<[u8]>::to_vec)
    }

    /// Raises a number to the power of the key's exponent, modulo the key. The
    /// exponent is 2 to the power of 16, plus 1, so 16 squarings and a
    /// multiplication are enough. The general functions of the crate `rsa` make
    /// tables first and take twice as long.
    fn power(&self, number: BoxedUint) -> BoxedUint {
        let number = BoxedMontyForm::new(number, self.key.n_params());
        let mut power = number.clone();
        for _ in 0..EXPONENT.ilog2() {
            power = power.square();
        }
        power.mul(&number).retrieve()
    }
}
