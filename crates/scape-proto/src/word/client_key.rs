//! Keys for the client authorization of onion services: rend-spec-v3, "Client
//! authorization", and the files in which tor keeps these keys.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::MontgomeryPoint;
use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

use super::secret::same_bytes;
use crate::word::OnionAddress;

const KEY_TYPE: &str = "x25519";
/// The text before the key type in the files of services (`.auth`) and clients
/// (`.auth_private`).
const IN_FILES: &str = "descriptor:";
/// The number of characters of a key in base32, without padding.
const BASE32_LENGTH: usize = 52;
const BASE64_LENGTH: usize = 43;

/// A client's secret key for onion services with client authorization, which
/// admit only certain clients. It is an x25519 private key. The key is wiped
/// from memory when it is dropped, and `Debug` never shows it.
///
/// A key can be parsed from these forms:
///
/// - the form of the control port: `x25519:` and base64;
/// - base64 or base32 alone;
/// - the line of an `.auth_private` file: `address:descriptor:x25519:` and
///   base32. The address is ignored.
///
/// ```
/// use scape_proto::word::ClientKey;
///
/// let key: ClientKey = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let same = "descriptor:x25519:6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA".parse()?;
/// assert_eq!(key, same);
/// assert_eq!(format!("{key:?}"), "ClientKey([redacted])");
/// // The service needs the public key to let this client in.
/// let public = "2VTGLHGDACYDUJ5DNTTEGU6NDP7AAYD4S5FFD2G5Y42XLGWIUZQQ";
/// assert_eq!(key.public_key().to_string(), public);
/// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
/// ```
#[derive(Clone)]
pub struct ClientKey(Zeroizing<[u8; 32]>);

impl ClientKey {
    /// Creates a random key.
    ///
    /// ```
    /// use scape_proto::word::ClientKey;
    ///
    /// let key = ClientKey::random();
    /// assert_ne!(key, ClientKey::random());
    /// ```
    #[cfg(feature = "rand")]
    pub fn random() -> Self {
        let mut key = Zeroizing::new(rand::random::<[u8; 32]>());
        // Clamp the key as tor does (RFC 7748, section 5). Using the key clamps
        // it anyway.
        key[0] &= 0b1111_1000;
        key[31] &= 0b0111_1111;
        key[31] |= 0b0100_0000;
        ClientKey(key)
    }

    /// Returns the public key for this key (RFC 7748, section 6.1). The service
    /// needs the public key to let this client in.
    ///
    /// ```
    /// use scape_proto::word::ClientKey;
    ///
    /// let key: ClientKey = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA".parse()?;
    /// let public = "2VTGLHGDACYDUJ5DNTTEGU6NDP7AAYD4S5FFD2G5Y42XLGWIUZQQ";
    /// assert_eq!(key.public_key().to_string(), public);
    /// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
    /// ```
    pub fn public_key(&self) -> ClientPublicKey {
        ClientPublicKey(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    /// Creates a key from its 32 bytes.
    ///
    /// ```
    /// use scape_proto::word::ClientKey;
    ///
    /// let key = ClientKey::from_bytes([7; 32]);
    /// assert_eq!(key.expose(), &[7; 32]);
    /// ```
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        ClientKey(Zeroizing::new(bytes))
    }

    /// Returns the key's bytes. The caller is responsible for keeping them
    /// secret.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the key in the form of the control port: `x25519:` and base64.
    /// The text is as secret as the key.
    ///
    /// ```
    /// use scape_proto::word::ClientKey;
    ///
    /// let key: ClientKey = "6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA".parse()?;
    /// assert_eq!(*key.to_blob(), "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=");
    /// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
    /// ```
    pub fn to_blob(&self) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(String::with_capacity(KEY_TYPE.len() + 1 + 44));
        blob.push_str(KEY_TYPE);
        blob.push(':');
        BASE64.encode_append(&self.0[..], &mut blob);
        blob
    }

    /// Returns the key in the form of `.auth_private` files: 52 characters of
    /// base32. The text is as secret as the key.
    ///
    /// ```
    /// use scape_proto::word::ClientKey;
    ///
    /// let key: ClientKey = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA".parse()?;
    /// assert_eq!(*key.to_base32(), "6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA");
    /// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
    /// ```
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0[..]))
    }

    /// Returns the line of an `.auth_private` file for the service with this
    /// address: `address:descriptor:x25519:` and base32, without a line end. A
    /// client keeps such files in its `ClientOnionAuthDir`. The line is as
    /// secret as the key.
    ///
    /// ```
    /// use scape_proto::word::{ClientKey, OnionAddress};
    ///
    /// let key: ClientKey = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA".parse()?;
    /// let address = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    /// let line = key.auth_private_line(&address.parse::<OnionAddress>()?);
    /// let end = ":descriptor:x25519:6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA";
    /// assert_eq!(*line, address.replace(".onion", end));
    /// assert_eq!(line.parse::<ClientKey>()?, key);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn auth_private_line(&self, address: &OnionAddress) -> Zeroizing<String> {
        let before = [&address.service_id(), ":", IN_FILES, KEY_TYPE, ":"];
        let mut line = Zeroizing::new(String::with_capacity(before.concat().len() + BASE32_LENGTH));
        line.extend(before);
        BASE32_NOPAD.encode_append(&self.0[..], &mut line);
        line
    }
}

/// Converts a private key to its public key.
impl From<&ClientKey> for ClientPublicKey {
    fn from(key: &ClientKey) -> Self {
        key.public_key()
    }
}

impl FromStr for ClientKey {
    type Err = ParseClientKeyError;

    /// Reads a key in any of the forms that [`ClientKey`] lists. Surrounding
    /// white space is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the key is of another type, has another length, or
    /// isn't valid base32 or base64.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_key(text).map(ClientKey)
    }
}

impl PartialEq for ClientKey {
    /// Compares in constant time, so that the duration doesn't reveal how much
    /// of a guess is right.
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0[..], &other.0[..])
    }
}

impl Eq for ClientKey {}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey([redacted])")
    }
}

/// A client's public key, which a service with client authorization needs to
/// let that client in. It is an x25519 public key.
///
/// `Display` writes 52 characters of base32, the form of ADD_ONION. A key can
/// be parsed from base32 in either case, from base64, and from the line of a
/// service's `.auth` file (`descriptor:x25519:` and base32).
///
/// ```
/// use scape_proto::word::ClientPublicKey;
///
/// let text = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
/// let key: ClientPublicKey = text.parse()?;
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientPublicKey([u8; 32]);

impl ClientPublicKey {
    /// Creates a key from its 32 bytes.
    ///
    /// ```
    /// use scape_proto::word::ClientPublicKey;
    ///
    /// let key = ClientPublicKey::from_bytes([7; 32]);
    /// assert_eq!(key.as_bytes(), &[7; 32]);
    /// ```
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        ClientPublicKey(bytes)
    }

    /// Returns the key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the line of an `.auth` file for this client:
    /// `descriptor:x25519:` and base32, without a line end. A service keeps
    /// such files in its `authorized_clients` directory.
    ///
    /// ```
    /// use scape_proto::word::ClientPublicKey;
    ///
    /// let text = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
    /// let key: ClientPublicKey = text.parse()?;
    /// assert_eq!(key.auth_line(), format!("descriptor:x25519:{text}"));
    /// # Ok::<(), scape_proto::word::ParseClientKeyError>(())
    /// ```
    pub fn auth_line(&self) -> String {
        format!("{IN_FILES}{KEY_TYPE}:{self}")
    }
}

impl FromStr for ClientPublicKey {
    type Err = ParseClientKeyError;

    /// Reads a key in any of the forms that [`ClientPublicKey`] lists.
    /// Surrounding white space is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the key is of another type, has another length, or
    /// isn't valid base32 or base64.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_key(text).map(|key| ClientPublicKey(*key))
    }
}

/// Converts a key to base32, the form that ADD_ONION takes.
impl From<ClientPublicKey> for String {
    fn from(key: ClientPublicKey) -> String {
        key.to_string()
    }
}

impl fmt::Display for ClientPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for ClientPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientPublicKey({self})")
    }
}

/// Decodes the 32 bytes of a key from any of its forms.
fn read_key(text: &str) -> Result<Zeroizing<[u8; 32]>, ParseClientKeyError> {
    let text = text.trim();
    let encoded = match text.rsplit_once(':') {
        None => text,
        Some((before, encoded)) => {
            let before = before.strip_suffix(KEY_TYPE).ok_or(ParseClientKeyError::KeyType)?;
            // The key type may follow nothing, "descriptor:", or
            // "address:descriptor:" in a client's file.
            let is_file =
                before.strip_suffix(IN_FILES).is_some_and(|a| a.is_empty() || a.ends_with(':'));
            if !before.is_empty() && !is_file {
                return Err(ParseClientKeyError::KeyType);
            }
            encoded
        }
    };
    let unpadded = encoded.trim_end_matches('=');
    let bytes = match unpadded.len() {
        BASE32_LENGTH => {
            let upper = Zeroizing::new(unpadded.to_ascii_uppercase());
            BASE32_NOPAD.decode(upper.as_bytes())
        }
        BASE64_LENGTH => BASE64_NOPAD.decode(unpadded.as_bytes()),
        _ => return Err(ParseClientKeyError::Length { length: unpadded.len() }),
    };
    let bytes = bytes.map(Zeroizing::new).map_err(|_| ParseClientKeyError::Characters)?;
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(ParseClientKeyError::Characters);
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// The error for a text that isn't a key for client authorization. The text
/// isn't repeated in messages, because it may be a secret key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseClientKeyError {
    /// The text names a key type other than `x25519`.
    #[error(
        "this key is of another type: a client key is an x25519 key, optionally after x25519: or descriptor:x25519:"
    )]
    KeyType,
    /// The length isn't that of 32 bytes in base32 or base64.
    #[error(
        "a client key has 52 characters in base32, or 43 in base64 (44 with padding): this one has {length}"
    )]
    Length {
        /// The number of characters, without padding.
        length: usize,
    },
    /// The key has the right length, but contains a wrong character.
    #[error(
        "a client key is 32 bytes in base32 or base64: this one has other characters, or was mistyped"
    )]
    Characters,
}

error_debug!(ParseClientKeyError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE64_KEY: &str = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA";
    const ADDRESS: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";

    #[test]
    fn client_key_in_every_form() {
        let key: ClientKey = format!("x25519:{BASE64_KEY}=").parse().unwrap();
        let base32 = key.to_base32();
        assert_eq!(base32.len(), BASE32_LENGTH);
        for text in [
            format!("x25519:{BASE64_KEY}"),
            format!("{BASE64_KEY}="),
            BASE64_KEY.to_owned(),
            base32.to_string(),
            base32.to_ascii_lowercase(),
            format!("{ADDRESS}:descriptor:x25519:{}\n", *base32),
            format!("descriptor:x25519:{}", *base32),
        ] {
            assert_eq!(text.parse(), Ok(key.clone()), "{text}");
        }
        assert_eq!(*key.to_blob(), format!("x25519:{BASE64_KEY}="));
        assert_ne!(key, ClientKey::from_bytes([7; 32]));
        assert_eq!(format!("{key:?}"), "ClientKey([redacted])");
    }

    #[test]
    fn client_public_key_matches_rfc_7748_test_vectors() {
        // RFC 7748, section 6.1: the keys of Alice and Bob.
        for (private, public) in [
            (
                "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            ),
            (
                "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            ),
        ] {
            let bytes = |digits: &str| hex::decode(digits).unwrap().try_into().unwrap();
            let public = ClientPublicKey::from_bytes(bytes(public));
            assert_eq!(ClientKey::from_bytes(bytes(private)).public_key(), public);
        }
    }

    #[test]
    #[cfg(feature = "rand")]
    fn random_client_keys_differ_and_are_clamped() {
        let (a, b) = (ClientKey::random(), ClientKey::random());
        assert!(a != b && a.public_key() != b.public_key());
        for key in [a, b] {
            assert_eq!((key.expose()[0] & 7, key.expose()[31] & 0xc0), (0, 0x40));
        }
    }

    #[test]
    fn client_key_file_lines_match_the_manual() {
        let address = ADDRESS.parse().unwrap();
        let key: ClientKey = BASE64_KEY.parse().unwrap();
        let line = key.auth_private_line(&address);
        assert_eq!(*line, format!("{ADDRESS}:descriptor:x25519:{}", *key.to_base32()));
        assert_eq!(line.parse(), Ok(key.clone()));
        let public = key.public_key();
        assert_eq!(public.auth_line(), format!("descriptor:x25519:{public}"));
        assert_eq!(public.auth_line().parse(), Ok(public));
    }

    #[test]
    fn malformed_client_key_is_rejected_without_being_repeated() {
        let cases = [
            ("", ParseClientKeyError::Length { length: 0 }),
            ("x25519:", ParseClientKeyError::Length { length: 0 }),
            ("x25519:aa", ParseClientKeyError::Length { length: 2 }),
            ("rsa:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA", ParseClientKeyError::KeyType),
            ("yx25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA", ParseClientKeyError::KeyType),
            ("8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUt!A", ParseClientKeyError::Characters),
            // The unused bits after the last byte aren't zero, so a character
            // is wrong.
            ("8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHB", ParseClientKeyError::Characters),
            (
                "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPO1",
                ParseClientKeyError::Characters,
            ),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<ClientKey>(), Err(error.clone()), "{text}");
            assert_eq!(text.parse::<ClientPublicKey>(), Err(error.clone()), "{text}");
            assert!(!error.to_string().contains("8Fq"));
        }
    }

    proptest! {
        #[test]
        fn client_key_round_trip(bytes in any::<[u8; 32]>()) {
            let key = ClientKey::from_bytes(bytes);
            prop_assert_eq!(key.to_blob().parse(), Ok(key.clone()));
            prop_assert_eq!(key.to_blob().trim_end_matches('=').parse(), Ok(key.clone()));
            prop_assert_eq!(key.to_base32().parse(), Ok(key.clone()));
            prop_assert_eq!(key.expose(), &bytes);
        }

        #[test]
        fn client_public_key_round_trip(bytes in any::<[u8; 32]>()) {
            let key = ClientPublicKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(key.to_string().to_ascii_lowercase().parse(), Ok(key));
            prop_assert_eq!(key.as_bytes(), &bytes);
        }

        #[test]
        fn parsed_client_key_round_trip(text in any::<String>()) {
            if let Ok(key) = text.parse::<ClientKey>() {
                prop_assert_eq!(key.to_blob().parse(), Ok(key));
            }
        }
    }
}
