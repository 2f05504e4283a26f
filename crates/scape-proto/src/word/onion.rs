//! Onion addresses: rend-spec-v3, "Encoding onion addresses".

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity as _;
use data_encoding::BASE32_NOPAD;
use sha3::{Digest, Sha3_256};

const CHECKSUM_PREFIX: &[u8] = b".onion checksum";
const VERSION: u8 = 3;

/// The address of a version 3 onion service, with a verified checksum and
/// public key.
///
/// `Display` writes the address with `.onion`, as people and SOCKS use it.
/// [`service_id`](Self::service_id) returns it without the suffix, as the
/// control port uses it.
///
/// ```
/// use scape_proto::word::OnionAddress;
///
/// let text = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
/// let address: OnionAddress = text.parse()?;
/// assert_eq!(address.to_string(), text);
/// assert_eq!(address.service_id().len(), 56);
/// # Ok::<(), scape_proto::word::ParseOnionError>(())
/// ```
#[doc(alias = "is_valid_hidden_service_address")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OnionAddress {
    public_key: [u8; 32],
}

impl OnionAddress {
    /// Returns the address of the service with this ed25519 public key.
    ///
    /// ```
    /// use scape_proto::word::{OnionAddress, OnionKey};
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// assert_eq!(OnionAddress::from_public_key(key.public_key())?, key.address());
    /// assert!(OnionAddress::from_public_key([0; 32]).is_err());
    /// # Ok::<(), scape_proto::word::ParseOnionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ParseOnionError::PublicKey`] if no service can have this key.
    /// Either the bytes aren't a point on the curve, or the point has a
    /// component of small order. Such a component would give the same service
    /// another address (rend-spec-v3, "Encoding onion addresses"). tor rejects
    /// these keys too.
    pub fn from_public_key(public_key: [u8; 32]) -> Result<Self, ParseOnionError> {
        let point = CompressedEdwardsY(public_key).decompress();
        match point.filter(|point| point.is_torsion_free() && !point.is_identity()) {
            Some(_) => Ok(OnionAddress { public_key }),
            None => Err(ParseOnionError::PublicKey),
        }
    }

    /// Creates an address from a point that is the product of a clamped scalar
    /// and the base point. Such a point is always a valid key.
    pub(super) fn from_point(point: CompressedEdwardsY) -> Self {
        OnionAddress { public_key: point.to_bytes() }
    }

    /// Returns the service's ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Returns the 56 characters of the address without `.onion`, as in
    /// commands, replies and events.
    ///
    /// ```
    /// use scape_proto::word::OnionAddress;
    ///
    /// let id = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
    /// let address: OnionAddress = format!("{id}.onion").parse()?;
    /// assert_eq!(address.service_id(), id);
    /// # Ok::<(), scape_proto::word::ParseOnionError>(())
    /// ```
    pub fn service_id(&self) -> String {
        let mut bytes = [0; 35];
        bytes[..32].copy_from_slice(&self.public_key);
        bytes[32..34].copy_from_slice(&self.checksum());
        bytes[34] = VERSION;
        BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
    }

    fn checksum(&self) -> [u8; 2] {
        let mut hash = Sha3_256::new();
        hash.update(CHECKSUM_PREFIX);
        hash.update(self.public_key);
        hash.update([VERSION]);
        let hash = hash.finalize();
        [hash[0], hash[1]]
    }
}

impl FromStr for OnionAddress {
    type Err = ParseOnionError;

    /// Reads an address with or without `.onion`, in either case. Names before
    /// the address (`www.….onion`) are rejected.
    ///
    /// # Errors
    ///
    /// Returns an error if the length, the characters, the checksum, the
    /// version or the public key is invalid.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let id = upper.strip_suffix(".ONION").unwrap_or(&upper);
        if id.len() == 16
            && id.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
        {
            return Err(ParseOnionError::Version2);
        }
        if id.len() != 56 {
            return Err(ParseOnionError::Length { length: id.len() });
        }
        let bytes = BASE32_NOPAD.decode(id.as_bytes()).map_err(|_| ParseOnionError::Characters)?;
        let mut public_key = [0; 32];
        public_key.copy_from_slice(bytes.get(..32).ok_or(ParseOnionError::Characters)?);
        let address = OnionAddress { public_key };
        match bytes.get(34) {
            Some(&VERSION) if bytes.get(32..34) == Some(&address.checksum()[..]) => {
                OnionAddress::from_public_key(public_key)
            }
            Some(&VERSION) => Err(ParseOnionError::Checksum),
            _ => Err(ParseOnionError::UnknownVersion),
        }
    }
}

impl fmt::Display for OnionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.onion", self.service_id()))
    }
}

impl fmt::Debug for OnionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnionAddress({self})")
    }
}

/// The error for invalid onion addresses and for invalid keys of onion
/// services. Messages don't repeat the invalid text, because it may be a secret
/// key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseOnionError {
    /// The address has 16 characters, so it is of version 2. tor no longer
    /// supports version 2.
    #[error("this is an onion address of version 2, which tor no longer supports")]
    Version2,
    /// The address doesn't have 56 characters.
    #[error("an onion address has 56 characters before .onion, this has {length}")]
    Length {
        /// The number of characters that the address has before `.onion`.
        length: usize,
    },
    /// The address contains characters other than a to z and 2 to 7.
    #[error("an onion address consists of the letters a to z and the digits 2 to 7")]
    Characters,
    /// The checksum is wrong, so the address was mistyped or cut off.
    #[error("the checksum of the onion address is wrong: it was mistyped or cut off")]
    Checksum,
    /// The address is of an unknown version.
    #[error("the onion address is of an unknown version")]
    UnknownVersion,
    /// The address is well-formed, but no service can have its key.
    #[error(
        "the public key of the onion address is not a valid ed25519 key: no service can have this address"
    )]
    PublicKey,
    /// The text of a secret key doesn't begin with `ED25519-V3:`.
    #[error(
        "an onion key begins with ED25519-V3: (tor no longer supports RSA1024, the keys of version 2)"
    )]
    KeyType,
    /// The text of a secret key isn't 64 bytes in base64 after `ED25519-V3:`.
    #[error("an onion key is 64 bytes in base64 (88 characters) after ED25519-V3:")]
    Key,
    /// The secret key has 64 bytes, but its scalar isn't clamped (RFC 8032,
    /// 5.1.5), so it isn't an expanded ed25519 key.
    #[error(
        "these 64 bytes are not an expanded ed25519 key (the scalar is not clamped): mistyped, or another format"
    )]
    Scalar,
}

error_debug!(ParseOnionError);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DDG: &str = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad";

    #[test]
    fn onion_address_round_trip() {
        let address: OnionAddress = format!("{DDG}.onion").parse().unwrap();
        assert_eq!(address.service_id(), DDG);
        assert_eq!(DDG.to_uppercase().parse(), Ok(address));
        assert_eq!(OnionAddress::from_public_key(*address.public_key()), Ok(address));
    }

    /// `Debug` must be readable, because a `main` that returns the error prints
    /// the error with `Debug`.
    #[test]
    fn error_is_readable_in_debug_output() {
        let error = "abc.onion".parse::<OnionAddress>().unwrap_err();
        assert_eq!(format!("{error:?}"), error.to_string());
    }

    #[test]
    fn mistyped_onion_address_is_rejected() {
        let cases = [
            (
                DDG.replace("goog", "gooh").replace("duckduckgogg", "duckduckgogh"),
                ParseOnionError::Checksum,
            ),
            ("expyuzz4wqqyqhjn".to_string(), ParseOnionError::Version2),
            (format!("www.{DDG}"), ParseOnionError::Length { length: 60 }),
            (DDG.replace('d', "1"), ParseOnionError::Characters),
            (String::new(), ParseOnionError::Length { length: 0 }),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<OnionAddress>(), Err(error), "{text}");
        }
    }

    /// Returns a well-formed address for any key, even an invalid one.
    fn text(public_key: [u8; 32]) -> String {
        OnionAddress { public_key }.service_id()
    }

    #[test]
    fn onion_address_with_invalid_key_is_rejected() {
        // Only multiples of the base point are valid keys. The keys below are
        // points of small order, a sum with such a point, and bytes that aren't
        // points.
        let base = "5866666666666666666666666666666666666666666666666666666666666666";
        let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
        let both = {
            let point = |hex_digits: &str| {
                CompressedEdwardsY(hex::decode(hex_digits).unwrap().try_into().unwrap())
                    .decompress()
                    .unwrap()
            };
            (point(base) + point(order_8)).compress().to_bytes()
        };
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let mut no_point = [0; 32];
        no_point[0] = 2;
        let order_8 = hex::decode(order_8).unwrap().try_into().unwrap();
        for bad in [[0; 32], [0xff; 32], identity, minus_one, no_point, order_8, both] {
            assert_eq!(
                OnionAddress::from_public_key(bad),
                Err(ParseOnionError::PublicKey),
                "{bad:?}"
            );
            assert_eq!(
                text(bad).parse::<OnionAddress>(),
                Err(ParseOnionError::PublicKey),
                "{bad:?}"
            );
        }
        let base = hex::decode(base).unwrap().try_into().unwrap();
        assert!(text(base).parse::<OnionAddress>().is_ok());
    }

    proptest! {
        #[test]
        fn onion_address_parser_agrees_with_from_public_key(public_key in any::<[u8; 32]>()) {
            let address = OnionAddress::from_public_key(public_key);
            prop_assert_eq!(text(public_key).parse::<OnionAddress>(), address.clone());
            if let Ok(address) = address {
                prop_assert_eq!(address.public_key(), &public_key);
            }
        }

        #[test]
        fn parsed_onion_address_round_trip(text in "[a-z2-7]{50,58}(.onion)?") {
            if let Ok(address) = text.parse::<OnionAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
