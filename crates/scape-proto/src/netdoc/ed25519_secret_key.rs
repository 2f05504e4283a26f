//! Secret keys for Ed25519 signatures: RFC 8032.

use std::fmt;

use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

use crate::word::OnionKey;

/// A secret key that signs certificates and documents. The key is wiped from
/// memory when it is dropped, and `Debug` never shows it.
///
/// ```
/// use scape_proto::netdoc::Ed25519SecretKey;
///
/// let key = Ed25519SecretKey::from_seed(&[7; 32]);
/// let signature = key.sign(b"message");
/// assert_eq!(signature, Ed25519SecretKey::from_seed(&[7; 32]).sign(b"message"));
/// assert_eq!(format!("{key:?}"), "Ed25519SecretKey([redacted])");
/// ```
#[derive(Clone)]
pub struct Ed25519SecretKey {
    scalar: Zeroizing<[u8; 32]>,
    hash_prefix: Zeroizing<[u8; 32]>,
    public_key: [u8; 32],
}

impl Ed25519SecretKey {
    /// Creates a random key.
    ///
    /// ```
    /// use scape_proto::netdoc::Ed25519SecretKey;
    ///
    /// let key = Ed25519SecretKey::random();
    /// assert_ne!(key.public_key(), Ed25519SecretKey::random().public_key());
    /// ```
    #[cfg(feature = "rand")]
    pub fn random() -> Self {
        let seed = Zeroizing::new(rand::random::<[u8; 32]>());
        Ed25519SecretKey::from_seed(&seed)
    }

    /// Creates the key for a seed: the 32 bytes that RFC 8032 calls the private
    /// key. The scalar and the hash prefix are the two halves of the seed's
    /// SHA-512 hash.
    ///
    /// ```
    /// use scape_proto::netdoc::Ed25519SecretKey;
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = Ed25519SecretKey::from_seed(&[7; 32]);
    /// assert_eq!(key.public_key(), &OnionKey::from_seed(&[7; 32]).public_key());
    /// ```
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut hash = Sha512::digest(seed);
        let mut scalar = Zeroizing::new([0; 32]);
        let mut hash_prefix = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&hash[..32]);
        hash_prefix.copy_from_slice(&hash[32..]);
        hash.as_mut_slice().zeroize();
        scalar[0] &= 0b1111_1000;
        scalar[31] &= 0b0111_1111;
        scalar[31] |= 0b0100_0000;
        Ed25519SecretKey::from_parts(scalar, hash_prefix)
    }

    /// Creates a key from the parts of its expanded form. The scalar needn't be
    /// clamped, because the scalar of a blinded key isn't.
    pub(super) fn from_parts(
        scalar: Zeroizing<[u8; 32]>,
        hash_prefix: Zeroizing<[u8; 32]>,
    ) -> Self {
        let reduced = Zeroizing::new(Scalar::from_bytes_mod_order(*scalar));
        let public_key = EdwardsPoint::mul_base(&reduced).compress().to_bytes();
        Ed25519SecretKey { scalar, hash_prefix, public_key }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Signs a message. The same key and message always result in the same
    /// signature.
    ///
    /// ```
    /// use scape_proto::netdoc::Ed25519SecretKey;
    ///
    /// // RFC 8032, section 7.1: test 1.
    /// let seed = [
    ///     0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
    ///     0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
    ///     0x1c, 0xae, 0x7f, 0x60,
    /// ];
    /// let signature = Ed25519SecretKey::from_seed(&seed).sign(b"");
    /// assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
    /// ```
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let key = ExpandedSecretKey {
            scalar: Scalar::from_bytes_mod_order(*self.scalar),
            hash_prefix: *self.hash_prefix,
        };
        raw_sign::<Sha512>(&key, message, &VerifyingKey::from(&key)).to_bytes()
    }

    /// Returns the key in the form in which tor stores it: the scalar and then
    /// the hash prefix, 32 bytes each. The caller is responsible for keeping
    /// the bytes secret.
    pub fn expose(&self) -> Zeroizing<[u8; 64]> {
        let mut expanded = Zeroizing::new([0; 64]);
        expanded[..32].copy_from_slice(&self.scalar[..]);
        expanded[32..].copy_from_slice(&self.hash_prefix[..]);
        expanded
    }
}

/// Converts the secret key of an onion service to a key that signs.
impl From<&OnionKey> for Ed25519SecretKey {
    fn from(key: &OnionKey) -> Self {
        let mut scalar = Zeroizing::new([0; 32]);
        let mut hash_prefix = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&key.expose()[..32]);
        hash_prefix.copy_from_slice(&key.expose()[32..]);
        Ed25519SecretKey::from_parts(scalar, hash_prefix)
    }
}

impl fmt::Debug for Ed25519SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519SecretKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes<const N: usize>(hex_digits: &str) -> [u8; N] {
        hex::decode(hex_digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn ed25519_signatures_match_rfc_8032_test_vectors() {
        // These are the tests 1 to 3 of RFC 8032, section 7.1.
        for (seed, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let key = Ed25519SecretKey::from_seed(&bytes(seed));
            assert_eq!(key.sign(&hex::decode(message).unwrap()), bytes(signature), "{seed}");
        }
    }

    proptest! {
        #[test]
        fn ed25519_secret_key_equals_the_onion_key(seed: [u8; 32], message: Vec<u8>) {
            let onion = OnionKey::from_seed(&seed);
            let (key, same) = (Ed25519SecretKey::from_seed(&seed), Ed25519SecretKey::from(&onion));
            prop_assert_eq!(key.public_key(), &onion.public_key());
            prop_assert_eq!(same.public_key(), &onion.public_key());
            prop_assert_eq!(&*key.expose(), onion.expose());
            prop_assert_eq!(key.sign(&message), same.sign(&message));
        }
    }
}
