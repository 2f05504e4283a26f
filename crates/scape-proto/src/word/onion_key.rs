//! Secret keys of onion services: rend-spec-v3, "Cryptographic building
//! blocks", and RFC 8032.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::EdwardsPoint;
use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

use super::secret::same_bytes;
use crate::word::{OnionAddress, ParseOnionError};

const KEY_TYPE: &str = "ED25519-V3";

/// The secret key of a version 3 onion service, as tor stores it: the 64 bytes
/// of an expanded ed25519 key. The key is wiped from memory when it is dropped,
/// and `Debug` never shows it.
///
/// The service's address can be computed from the key, without tor:
///
/// ```
/// use scape_proto::word::OnionKey;
///
/// let key = OnionKey::from_seed(&[7; 32]);
/// let again: OnionKey = key.to_blob().parse()?;
/// assert_eq!(again.address(), key.address());
/// assert_eq!(format!("{key:?}"), "OnionKey([redacted])");
/// # Ok::<(), scape_proto::word::ParseOnionError>(())
/// ```
#[derive(Clone)]
pub struct OnionKey(Zeroizing<[u8; 64]>);

impl OnionKey {
    /// Creates a new key in the same way as tor: by expanding a random seed.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::random();
    /// assert_ne!(key.address(), OnionKey::random().address());
    /// ```
    #[cfg(feature = "rand")]
    pub fn random() -> Self {
        let seed = Zeroizing::new(rand::random::<[u8; 32]>());
        OnionKey::from_seed(&seed)
    }

    /// Creates the key for a seed: the 32 bytes that RFC 8032 calls the private
    /// key. The key is the seed's SHA-512 hash with a clamped scalar (RFC 8032,
    /// 5.1.5).
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// assert_eq!(key.address(), OnionKey::from_seed(&[7; 32]).address());
    /// ```
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut hash = Sha512::digest(seed);
        let mut key = Zeroizing::new([0; 64]);
        key.copy_from_slice(&hash);
        hash.as_mut_slice().zeroize();
        key[0] &= 0b1111_1000;
        key[31] &= 0b0111_1111;
        key[31] |= 0b0100_0000;
        OnionKey(key)
    }

    /// Creates a key from its expanded form: 32 bytes of the scalar, then 32
    /// bytes of the hash prefix (RFC 8032, 5.1.5).
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// assert_eq!(OnionKey::from_expanded(*key.expose())?, key);
    /// assert!(OnionKey::from_expanded([0xff; 64]).is_err());
    /// # Ok::<(), scape_proto::word::ParseOnionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ParseOnionError::Scalar`] if the scalar isn't clamped. Every
    /// ed25519 key has a clamped scalar: five of its bits are fixed (RFC 8032,
    /// 5.1.5). tor 0.4.9 accepts almost any scalar unchanged. If the scalar
    /// isn't clamped, tor's address for the service differs from the address
    /// that other programs compute from the key.
    pub fn from_expanded(bytes: [u8; 64]) -> Result<Self, ParseOnionError> {
        let bytes = Zeroizing::new(bytes);
        let is_clamped = bytes[0] & 0b0000_0111 == 0 && bytes[31] & 0b1100_0000 == 0b0100_0000;
        if is_clamped { Ok(OnionKey(bytes)) } else { Err(ParseOnionError::Scalar) }
    }

    /// Returns the key's bytes. The caller is responsible for keeping them
    /// secret.
    pub fn expose(&self) -> &[u8; 64] {
        &self.0
    }

    /// Returns the service's ed25519 public key.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// assert_eq!(&key.public_key(), key.address().public_key());
    /// ```
    pub fn public_key(&self) -> [u8; 32] {
        *self.address().public_key()
    }

    /// Returns the address of the service with this key.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let address = OnionKey::from_seed(&[7; 32]).address();
    /// let text = "5jfgyy7ctrjavpxvkb5rglwf7gkuo5vox27hxescd3vgsfcg2iwfmxqd.onion";
    /// assert_eq!(address.to_string(), text);
    /// ```
    pub fn address(&self) -> OnionAddress {
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&self.0[..32]);
        OnionAddress::from_point(EdwardsPoint::mul_base_clamped(*scalar).compress())
    }

    /// Returns the key in the form that the control port uses: `ED25519-V3:`
    /// and base64. The text is as secret as the key, so store it only where
    /// nobody else can read it.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// let blob = key.to_blob();
    /// assert!(blob.starts_with("ED25519-V3:"));
    /// assert_eq!(blob.parse::<OnionKey>()?, key);
    /// # Ok::<(), scape_proto::word::ParseOnionError>(())
    /// ```
    pub fn to_blob(&self) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(String::with_capacity(KEY_TYPE.len() + 1 + 88));
        blob.push_str(KEY_TYPE);
        blob.push(':');
        BASE64.encode_append(&self.0[..], &mut blob);
        blob
    }
}

impl FromStr for OnionKey {
    type Err = ParseOnionError;

    /// Reads a key in the form that ADD_ONION accepts and returns:
    /// `ED25519-V3:` and 64 bytes in base64, with or without padding.
    /// Surrounding white space, such as the line end of a file, is ignored.
    ///
    /// # Errors
    ///
    /// Returns [`ParseOnionError::KeyType`] if the text doesn't begin with
    /// `ED25519-V3:`, [`Key`](ParseOnionError::Key) if the rest isn't 64 bytes
    /// in base64, and [`Scalar`](ParseOnionError::Scalar) if the scalar isn't
    /// clamped.
    fn from_str(blob: &str) -> Result<Self, Self::Err> {
        let base64 = blob
            .trim()
            .strip_prefix(KEY_TYPE)
            .and_then(|b| b.strip_prefix(':'))
            .ok_or(ParseOnionError::KeyType)?;
        let bytes =
            BASE64_NOPAD.decode(base64.trim_end_matches('=').as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| ParseOnionError::Key)?;
        <[u8; 64]>::try_from(bytes.as_slice())
            .map_err(|_| ParseOnionError::Key)
            .and_then(OnionKey::from_expanded)
    }
}

impl PartialEq for OnionKey {
    /// Compares in constant time, so that the duration doesn't reveal how much
    /// of a guess is right.
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0[..], &other.0[..])
    }
}

impl Eq for OnionKey {}

impl fmt::Debug for OnionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnionKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex_digits: &str) -> [u8; 32] {
        hex::decode(hex_digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn onion_public_key_matches_rfc_8032_test_vectors() {
        // RFC 8032, section 7.1: tests 1 to 3, and SHA(abc).
        for (seed, public_key) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            ),
            (
                "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
                "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            ),
        ] {
            assert_eq!(OnionKey::from_seed(&bytes(seed)).public_key(), bytes(public_key), "{seed}");
        }
    }

    #[test]
    fn onion_key_gives_the_address_that_tor_reports() {
        for transcript in [
            include_str!("../../tests/data/transcripts/50-add_onion-del_onion.txt"),
            include_str!("../../tests/data/transcripts/70-events-log-bug.txt"),
            include_str!("../../tests/data/transcripts/93-live-add_onion-publish.txt"),
        ] {
            let told = |name: &str| {
                transcript
                    .lines()
                    .find_map(|line| line.strip_prefix("< 250-")?.strip_prefix(name))
                    .unwrap()
            };
            let key: OnionKey = told("PrivateKey=").parse().unwrap();
            assert_eq!(key.address().service_id(), told("ServiceID="));
        }
    }

    #[test]
    fn unclamped_scalar_is_rejected() {
        let good = *OnionKey::from_seed(&[7; 32]).expose();
        let changes: [fn(&mut [u8; 64]); 5] =
            [|k| k[0] |= 1, |k| k[0] |= 4, |k| k[31] |= 0x80, |k| k[31] &= 0x3f, |k| *k = [0; 64]];
        for change in changes {
            let mut bad = good;
            change(&mut bad);
            assert_eq!(OnionKey::from_expanded(bad), Err(ParseOnionError::Scalar));
            let blob = format!("ED25519-V3:{}", BASE64.encode(&bad));
            assert_eq!(blob.parse::<OnionKey>(), Err(ParseOnionError::Scalar));
        }
        assert!(OnionKey::from_expanded(good).is_ok());
    }

    #[test]
    fn malformed_onion_key_is_rejected_without_being_repeated() {
        for (bad, error) in [
            ("", ParseOnionError::KeyType),
            ("RSA1024:AAAA", ParseOnionError::KeyType),
            ("NEW:BEST", ParseOnionError::KeyType),
            ("ED25519-V3:", ParseOnionError::Key),
            ("ED25519-V3:AAAA", ParseOnionError::Key),
            ("ED25519-V3:sesame!", ParseOnionError::Key),
        ] {
            assert_eq!(bad.parse::<OnionKey>(), Err(error.clone()), "{bad:?}");
            assert!(!error.to_string().contains("sesame"));
        }
    }

    #[test]
    #[cfg(feature = "rand")]
    fn random_onion_keys_differ_and_are_not_shown() {
        let (a, b) = (OnionKey::random(), OnionKey::random());
        assert!(a != b && a == a.clone());
        assert_eq!(format!("{a:?}"), "OnionKey([redacted])");
    }

    proptest! {
        #[test]
        fn onion_key_round_trip(seed in any::<[u8; 32]>()) {
            let key = OnionKey::from_seed(&seed);
            let blob = key.to_blob();
            prop_assert_eq!(blob.parse::<OnionKey>(), Ok(key.clone()));
            prop_assert_eq!(format!(" {}\r\n", *blob).parse::<OnionKey>(), Ok(key.clone()));
            prop_assert_eq!(blob.trim_end_matches('=').parse::<OnionKey>(), Ok(key.clone()));
            prop_assert_eq!(OnionKey::from_expanded(*key.expose()), Ok(key.clone()));
            // Every address that is computed from a key is valid for other
            // programs.
            prop_assert_eq!(key.address().to_string().parse(), Ok(key.address()));
            prop_assert_eq!(OnionAddress::from_public_key(key.public_key()), Ok(key.address()));
        }
    }
}
