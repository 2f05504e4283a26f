//! Onion addresses and keys: rend-spec-v3, "Encoding onion addresses".

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};
use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

const CHECKSUM_PREFIX: &[u8] = b".onion checksum";
const VERSION: u8 = 3;
const KEY_TYPE: &str = "ED25519-V3";

/// The address of an onion service, version 3: its public key, with the checksum verified.
///
/// `Display` writes it with `.onion`, as people and SOCKS use it; [`service_id`](Self::service_id) is the form of
/// the control port, without.
///
/// ```
/// use scape::types::OnionAddress;
///
/// let text = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
/// let address: OnionAddress = text.parse()?;
/// assert_eq!(address.to_string(), text);
/// assert_eq!(address.service_id().len(), 56);
/// # Ok::<(), scape::types::ParseOnionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OnionAddress {
    public_key: [u8; 32],
}

impl OnionAddress {
    /// The address of the service with this ed25519 public key.
    pub const fn from_public_key(public_key: [u8; 32]) -> Self {
        OnionAddress { public_key }
    }

    /// The service's ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The 56 characters without `.onion`, as commands, replies and events have them.
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

    /// With or without `.onion`, in either case. Names before the address (`www.….onion`) are refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let id = upper.strip_suffix(".ONION").unwrap_or(&upper);
        if id.len() == 16 && id.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)) {
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
            Some(&VERSION) if bytes.get(32..34) == Some(&address.checksum()[..]) => Ok(address),
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

/// The secret key of an onion service, version 3, as tor stores it: the 64 bytes of an expanded ed25519 key.
/// Wiped from memory when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct OnionKey(Zeroizing<[u8; 64]>);

impl OnionKey {
    /// The key with these bytes: 32 of the scalar, 32 of the hash prefix.
    pub fn from_expanded(bytes: [u8; 64]) -> Self {
        OnionKey(Zeroizing::new(bytes))
    }

    /// Its bytes. Whoever calls this takes over the duty to keep them out of sight.
    pub fn expose(&self) -> &[u8; 64] {
        &self.0
    }

    /// The form of the control port, `ED25519-V3:` and base64. It is the secret itself.
    pub fn to_blob(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{KEY_TYPE}:{}", BASE64.encode(&self.0[..])))
    }
}

impl FromStr for OnionKey {
    type Err = ParseOnionError;

    /// `ED25519-V3:` and 64 bytes in base64, with or without padding, as ADD_ONION takes and gives them.
    fn from_str(blob: &str) -> Result<Self, Self::Err> {
        let base64 =
            blob.strip_prefix(KEY_TYPE).and_then(|b| b.strip_prefix(':')).ok_or(ParseOnionError::KeyType)?;
        let bytes = BASE64_NOPAD.decode(base64.trim_end_matches('=').as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| ParseOnionError::Key)?;
        <[u8; 64]>::try_from(bytes.as_slice()).map(OnionKey::from_expanded).map_err(|_| ParseOnionError::Key)
    }
}

impl fmt::Debug for OnionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnionKey([redacted])")
    }
}

/// A text that is no onion address, or no onion key. (Keys are not repeated.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseOnionError {
    /// It has the 16 characters of version 2, which no tor supports any more.
    #[error("this is an onion address of version 2, which tor no longer supports")]
    Version2,
    /// It has not 56 characters.
    #[error("an onion address has 56 characters before .onion, this has {length}")]
    Length {
        /// How many it has.
        length: usize,
    },
    /// It has characters other than a to z and 2 to 7.
    #[error("an onion address consists of the letters a to z and the digits 2 to 7")]
    Characters,
    /// Its checksum does not fit: it was mistyped.
    #[error("the onion address's checksum does not fit: it was mistyped or cut off")]
    Checksum,
    /// It is of a version that is not known.
    #[error("the onion address is of an unknown version")]
    UnknownVersion,
    /// The key does not begin with `ED25519-V3:`.
    #[error("an onion key begins with ED25519-V3: (no other type is supported)")]
    KeyType,
    /// The key is not 64 bytes in base64.
    #[error("an onion key is 64 bytes in base64 after ED25519-V3:")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DDG: &str = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad";

    #[test]
    fn an_address_goes_there_and_back() {
        let address: OnionAddress = format!("{DDG}.onion").parse().unwrap();
        assert_eq!(address.service_id(), DDG);
        assert_eq!(DDG.to_uppercase().parse(), Ok(address));
        assert_eq!(OnionAddress::from_public_key(*address.public_key()), address);
    }

    #[test]
    fn a_mistyped_address_is_refused() {
        let cases = [
            (DDG.replace("goog", "gooh").replace("duckduckgogg", "duckduckgogh"), ParseOnionError::Checksum),
            ("expyuzz4wqqyqhjn".to_string(), ParseOnionError::Version2),
            (format!("www.{DDG}"), ParseOnionError::Length { length: 60 }),
            (DDG.replace('d', "1"), ParseOnionError::Characters),
            (String::new(), ParseOnionError::Length { length: 0 }),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<OnionAddress>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_key_goes_there_and_back_and_is_not_shown() {
        let key = OnionKey::from_expanded([7; 64]);
        let blob = key.to_blob();
        assert_eq!(blob.parse::<OnionKey>().unwrap().expose(), key.expose());
        assert_eq!(blob.trim_end_matches('=').parse::<OnionKey>().unwrap().expose(), key.expose());
        assert_eq!(format!("{key:?}"), "OnionKey([redacted])");
        for bad in ["", "RSA1024:AAAA", "ED25519-V3:", "ED25519-V3:AAAA", "NEW:BEST"] {
            assert!(bad.parse::<OnionKey>().is_err(), "{bad:?}");
        }
    }
}
