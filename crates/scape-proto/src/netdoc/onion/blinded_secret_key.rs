//! Blinded secret keys: rend-spec-v3, "Signature scheme with key blinding".

use std::fmt;

use curve25519_dalek::Scalar;
use curve25519_dalek::scalar::clamp_integer;
use sha2::{Digest as _, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

use super::blinded_key::blinding_factor;
use super::{BlindedPublicKey, TimePeriod};
use crate::netdoc::Ed25519SecretKey;
use crate::word::OnionKey;

/// The secret key of an onion service in one time period, which signs the keys
/// that sign descriptors. The key is wiped from memory when it is dropped, and
/// `Debug` never shows it.
///
/// A program that has only the blinded key can publish descriptors in that time
/// period, but it can't compute the keys for other periods.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, BlindedSecretKey, TimePeriod};
/// use scape_proto::word::OnionKey;
///
/// let key = OnionKey::from_seed(&[7; 32]);
/// let period = TimePeriod { number: 20_700, minutes: 1440 };
/// let blinded = BlindedSecretKey::new(&key, period);
/// assert_eq!(blinded.public_key(), BlindedPublicKey::new(&key.address(), period));
/// ```
#[derive(Clone)]
pub struct BlindedSecretKey(Ed25519SecretKey);

impl BlindedSecretKey {
    /// Computes the secret key of a service for a time period.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{BlindedSecretKey, TimePeriod};
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// let period = TimePeriod { number: 20_700, minutes: 1440 };
    /// let today = BlindedSecretKey::new(&key, period);
    /// assert_ne!(today.public_key(), BlindedSecretKey::new(&key, period.next()).public_key());
    /// ```
    pub fn new(key: &OnionKey, period: TimePeriod) -> Self {
        BlindedSecretKey::blind(key, blinding_factor(&key.public_key(), period))
    }

    /// Multiplies a key by a factor. The factor is clamped first.
    fn blind(key: &OnionKey, factor: [u8; 32]) -> Self {
        let (scalar, hash_prefix) = key.expose().split_at(32);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(scalar);
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(*bytes));
        let factor = Zeroizing::new(Scalar::from_bytes_mod_order(clamp_integer(factor)));
        let blinded = Zeroizing::new(*scalar * *factor);

        let mut hash = Sha512::new();
        hash.update(b"Derive temporary signing key hash input");
        hash.update(hash_prefix);
        let mut hash = hash.finalize();
        let mut blinded_prefix = Zeroizing::new([0; 32]);
        blinded_prefix.copy_from_slice(&hash[..32]);
        hash.as_mut_slice().zeroize();

        let blinded = Zeroizing::new(blinded.to_bytes());
        BlindedSecretKey(Ed25519SecretKey::from_parts(blinded, blinded_prefix))
    }

    /// Returns the blinded public key that belongs to this secret key.
    pub fn public_key(&self) -> BlindedPublicKey {
        BlindedPublicKey::from_bytes(*self.0.public_key())
    }

    /// Returns the key as an [`Ed25519SecretKey`], which can sign.
    pub fn signing_key(&self) -> &Ed25519SecretKey {
        &self.0
    }
}

impl fmt::Debug for BlindedSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindedSecretKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::ed25519_signature::is_signed_by;
    use proptest::prelude::*;

    fn key(expanded: &str) -> OnionKey {
        OnionKey::from_expanded(hex::decode(expanded).unwrap().try_into().unwrap()).unwrap()
    }

    #[test]
    fn blinded_secret_key_matches_the_tests_of_tor() {
        // tor's src/test/test_hs_common.c, test_blinding_basics.
        let key = key(
            "d8c7ff0e31295b66540d789af3e3df992038a9592eea01d8b7cba06d6e66d1594d6167696320576f7264733a20737065697373636f62616c742062697669756d",
        );
        let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 1234, minutes: 1440 });
        assert_eq!(
            hex::encode(*blinded.signing_key().expose()),
            "a958dc83ac885f6814c67035de817a2c604d5d2f715282079448f789b656350b4540fe1f80aa3f7e91306b7bf7a8e367293352b14a29fdcc8c19f3558075524b",
        );
        assert_eq!(
            hex::encode(blinded.public_key().as_bytes()),
            "3a50bf210e8f9ee955ae0014f7a6917fb65ebf098a86305abb508d1a7291b6d5",
        );
        assert_eq!(format!("{blinded:?}"), "BlindedSecretKey([redacted])");
    }

    #[test]
    fn blinding_of_secret_keys_matches_the_test_vectors_of_tor() {
        // The first and the ninth key in tor's src/test/ed25519_vectors.inc.
        for (expanded, factor, blinded) in [
            (
                "c0a4de23cc64392d85aa1da82b3defddbea946d13bb053bf8489fa9296281f495022f1f7ec0dcf52f07d4c7965c4eaed121d5d88d0a8ff546b06116a20e97755",
                "54a513898b471d1d448a2f3c55c1de2c0ef718c447b04497eeb999ed32027823",
                "293c3acff4e902f6f63ddc5d5caa2a57e771db4f24de65d4c28df3232f47fa01171d43f24e3f53e70ec7ac280044ac77d4942dee5d6807118a59bdf3ee647e89",
            ),
            (
                "b003077c1e52a62308eef7950b2d532e1d4a7eea50ad22d8ac11b892851f1c40ffb9c9ff8dcd0c6c233f665a2e176324d92416bfcfcd1f787424c0c667452d86",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "e5cd03eb4cc456e11bc36724b558873df0045729b22d8b748360067a7770ac02053d9c00c81e1331c06ab50087be8cfc7dc11691b132614474f1aa9c2503cccd",
            ),
        ] {
            let factor = hex::decode(factor).unwrap().try_into().unwrap();
            let key = BlindedSecretKey::blind(&key(expanded), factor);
            assert_eq!(hex::encode(*key.signing_key().expose()), blinded);
        }
    }

    proptest! {
        #[test]
        fn blinded_secret_key_signs_for_the_blinded_public_key(seed: [u8; 32], number: u64) {
            let key = OnionKey::from_seed(&seed);
            let period = TimePeriod { number, minutes: 1440 };
            let blinded = BlindedSecretKey::new(&key, period);
            let public_key = BlindedPublicKey::new(&key.address(), period);
            prop_assert_eq!(blinded.public_key(), public_key);
            let signature = blinded.signing_key().sign(b"message");
            prop_assert!(is_signed_by(public_key.as_bytes(), b"message", &signature));
        }
    }
}
