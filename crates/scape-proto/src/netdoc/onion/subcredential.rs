//! Subcredentials: rend-spec-v3, "Deriving blinded keys and subcredentials".

use std::fmt;

use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

use super::BlindedPublicKey;
use crate::word::OnionAddress;
use crate::word::same_bytes;

/// The value that decrypts an onion service's descriptors in one time period.
/// Everyone who knows the service's address can compute it, and nobody else
/// can. The subcredential is wiped from memory when it is dropped, and `Debug`
/// never shows it.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, Subcredential, TimePeriod};
/// use scape_proto::word::OnionKey;
///
/// let address = OnionKey::from_seed(&[7; 32]).address();
/// let key = BlindedPublicKey::new(&address, TimePeriod { number: 20_700, minutes: 1440 });
/// assert_eq!(Subcredential::new(&address, &key).as_bytes()[..2], [0x0a, 0x28]);
/// ```
#[derive(Clone)]
pub struct Subcredential(Zeroizing<[u8; 32]>);

impl Subcredential {
    /// Returns the subcredential of the service with this address, in the time
    /// period of the blinded key.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{BlindedPublicKey, Subcredential};
    /// use scape_proto::word::OnionKey;
    ///
    /// let address = OnionKey::from_seed(&[7; 32]).address();
    /// let one = Subcredential::new(&address, &BlindedPublicKey::from_bytes([1; 32]));
    /// let two = Subcredential::new(&address, &BlindedPublicKey::from_bytes([2; 32]));
    /// assert_ne!(one, two);
    /// ```
    pub fn new(address: &OnionAddress, key: &BlindedPublicKey) -> Self {
        let mut hash = Sha3_256::new();
        hash.update(b"credential");
        hash.update(address.public_key());
        let credential = hash.finalize();
        let mut hash = Sha3_256::new();
        hash.update(b"subcredential");
        hash.update(credential);
        hash.update(key.as_bytes());
        Subcredential(Zeroizing::new(hash.finalize().into()))
    }

    /// Creates a subcredential from its 32 bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::Subcredential;
    ///
    /// assert_eq!(Subcredential::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Subcredential(Zeroizing::new(bytes))
    }

    /// Returns the subcredential's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Subcredential {
    /// Compares in constant time, so that the duration doesn't reveal how much
    /// of a guess is right.
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0[..], &other.0[..])
    }
}

impl Eq for Subcredential {}

impl fmt::Debug for Subcredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subcredential([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcredential_matches_the_tests_of_tor() {
        // tor's src/test/test_hs_common.c, test_blinding_basics.
        let bytes = |digits: &str| <[u8; 32]>::try_from(hex::decode(digits).unwrap()).unwrap();
        let public_key = bytes("833990b085c1a688c1d4c8b1f6b56afaf5a2eca674449e1d704f83765ccb7bc6");
        let address = OnionAddress::from_public_key(public_key).unwrap();
        let key = bytes("3a50bf210e8f9ee955ae0014f7a6917fb65ebf098a86305abb508d1a7291b6d5");
        let subcredential = Subcredential::new(&address, &BlindedPublicKey::from_bytes(key));
        let expected = bytes("635d55907816e8d76398a675a50b1c2f3e36b42a5ca77ba3a0441285161ae07d");
        assert_eq!(subcredential, Subcredential::from_bytes(expected));
        assert_eq!(format!("{subcredential:?}"), "Subcredential([redacted])");
    }
}
