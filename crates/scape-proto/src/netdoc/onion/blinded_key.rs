//! Blinded public keys: rend-spec-v3, "Signature scheme with key blinding".

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::edwards::CompressedEdwardsY;
use data_encoding::BASE64_NOPAD;
use sha3::{Digest, Sha3_256};

use super::TimePeriod;
use crate::netdoc::base64;
use crate::word::OnionAddress;

/// The base point of the curve, in the form that is hashed for the blinding
/// factor.
const BASE_POINT: &[u8] =
    b"(15112221349535400772501151409588531511454012693041857206046113283949847762202, \
    46316835694926478169428394003475163141307993866256225615783033603165251855960)";

/// The public key of an onion service in one time period. Relays store the
/// service's descriptors under this key, and don't learn the service's address
/// from it.
///
/// `Display` writes base64 without padding, as the events HS_DESC do. A key can
/// be parsed from base64 with or without padding.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, TimePeriod};
/// use scape_proto::word::OnionAddress;
///
/// let address = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
/// let address: OnionAddress = address.parse()?;
/// let period = TimePeriod { number: 20_700, minutes: 1440 };
/// let key = BlindedPublicKey::new(&address, period);
/// assert_eq!(key.to_string(), "xgmdcVlzgvBottoIFKGS27bWcncvfdlW+WiuaFer6a0");
/// assert_ne!(key, BlindedPublicKey::new(&address, period.next()));
/// # Ok::<(), scape_proto::word::ParseOnionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlindedPublicKey([u8; 32]);

impl BlindedPublicKey {
    /// Computes the blinded key of the service with this address for a time
    /// period.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{BlindedPublicKey, TimePeriod};
    /// use scape_proto::word::OnionKey;
    ///
    /// let address = OnionKey::from_seed(&[7; 32]).address();
    /// let key = BlindedPublicKey::new(&address, TimePeriod { number: 20_700, minutes: 1440 });
    /// assert_eq!(key.as_bytes()[..2], [0xcc, 0xa4]);
    /// ```
    pub fn new(address: &OnionAddress, period: TimePeriod) -> Self {
        let public_key = address.public_key();
        BlindedPublicKey(blind(public_key, blinding_factor(public_key, period)))
    }

    /// Creates a key from its 32 bytes, without checking that they are a point
    /// of the curve.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::BlindedPublicKey;
    ///
    /// assert_eq!(BlindedPublicKey::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        BlindedPublicKey(bytes)
    }

    /// Returns the key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Returns the factor by which a service's key is multiplied in a time period.
/// The factor isn't clamped yet, because `blind` does that.
pub(super) fn blinding_factor(public_key: &[u8; 32], period: TimePeriod) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(b"Derive temporary signing key\0");
    hash.update(public_key);
    hash.update(BASE_POINT);
    hash.update(b"key-blind");
    hash.update(period.number.to_be_bytes());
    hash.update(u64::from(period.minutes).to_be_bytes());
    hash.finalize().into()
}

/// Multiplies a key by a factor. The factor is clamped first.
fn blind(public_key: &[u8; 32], factor: [u8; 32]) -> [u8; 32] {
    // The key of an address is always a point of the curve.
    let point = CompressedEdwardsY(*public_key).decompress().unwrap_or_default();
    point.mul_clamped(factor).compress().to_bytes()
}

impl FromStr for BlindedPublicKey {
    type Err = ParseBlindedKeyError;

    /// Reads 32 bytes in base64, with or without padding.
    ///
    /// # Errors
    ///
    /// Returns an error if the text has another form.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64::decode(text.as_bytes()).map(BlindedPublicKey).ok_or(ParseBlindedKeyError)
    }
}

impl fmt::Display for BlindedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE64_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for BlindedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlindedPublicKey({self})")
    }
}

/// The error for a text that isn't a [`BlindedPublicKey`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("a blinded key is 32 bytes in base64 (43 characters, or 44 with padding)")]
pub struct ParseBlindedKeyError;

error_debug!(ParseBlindedKeyError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex_digits: &str) -> [u8; 32] {
        hex::decode(hex_digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn blinded_public_key_matches_the_tests_of_tor() {
        // tor's src/test/test_hs_common.c, test_blinding_basics.
        let public_key = bytes("833990b085c1a688c1d4c8b1f6b56afaf5a2eca674449e1d704f83765ccb7bc6");
        let period = TimePeriod { number: 1234, minutes: 1440 };
        let factor = bytes("379e50db31fee6775abd0af6fb7c371e060308f4f847db09fe4cfe13af602287");
        assert_eq!(blinding_factor(&public_key, period), factor);
        let address = OnionAddress::from_public_key(public_key).unwrap();
        let blinded = bytes("3a50bf210e8f9ee955ae0014f7a6917fb65ebf098a86305abb508d1a7291b6d5");
        assert_eq!(BlindedPublicKey::new(&address, period).as_bytes(), &blinded);
    }

    #[test]
    fn blinding_matches_the_test_vectors_of_tor() {
        // The first, second and ninth keys in tor's
        // src/test/ed25519_vectors.inc.
        for (public_key, factor, blinded) in [
            (
                "c2247870536a192d142d056abefca68d6193158e7c1a59c1654c954eccaff894",
                "54a513898b471d1d448a2f3c55c1de2c0ef718c447b04497eeb999ed32027823",
                "1fc1fa4465bd9d4956fdbdc9d3acb3c7019bb8d5606b951c2e1dfe0b42eaeb41",
            ),
            (
                "1519a3b15816a1aafab0b213892026ebf5c0dc232c58b21088d88cb90e9b940d",
                "831e9b5325b5d31b7ae6197e9c7a7baf2ec361e08248bce055908971047a2347",
                "1cbbd4a88ce8f165447f159d9f628ada18674158c4f7c5ead44ce8eb0fa6eb7e",
            ),
            (
                "95126f14d86494020665face03f2d42ee2b312a85bc729903eb17522954a1c4a",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "312404d06a0a9de489904b18d5233e83a50b225977fa8734f2c897a73c067952",
            ),
        ] {
            assert_eq!(blind(&bytes(public_key), bytes(factor)), bytes(blinded), "{public_key}");
        }
    }

    #[test]
    fn malformed_blinded_key_is_rejected() {
        let text = BlindedPublicKey::from_bytes([7; 32]).to_string();
        assert!(format!("{text}=").parse::<BlindedPublicKey>().is_ok());
        for bad in ["", "AA", &text.replace("Bw", "!w"), &format!("{text}AA"), text.split_at(1).1] {
            assert_eq!(bad.parse::<BlindedPublicKey>(), Err(ParseBlindedKeyError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn blinded_key_round_trip(bytes: [u8; 32]) {
            let key = BlindedPublicKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }
    }
}
