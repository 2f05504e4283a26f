//! The keys of client authorization: rend-spec-v3, "Client authorization", and
//! what tor's files say of them.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::MontgomeryPoint;
use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

use crate::word::OnionAddress;

const KEY_TYPE: &str = "x25519";
/// What comes before the key's type in the files of services (`.auth`) and
/// clients (`.auth_private`).
const IN_FILES: &str = "descriptor:";
/// The length of a key in base32, and in base64 without padding.
const BASE32_LENGTH: usize = 52;
const BASE64_LENGTH: usize = 43;

/// A client's secret key for onion services that let only certain clients in:
/// an x25519 private key. Wiped from memory when dropped, never shown by
/// `Debug`.
///
/// It is read from the form of the control port (`x25519:` and base64), from
/// base64 or base32 alone, and from the line of an `.auth_private` file
/// (`address:descriptor:x25519:` and base32; the address is not looked at).
///
/// ```
/// use scape::word::ClientKey;
///
/// let key: ClientKey = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=".parse()?;
/// let same = "descriptor:x25519:6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA".parse()?;
/// assert_eq!(key, same);
/// assert_eq!(format!("{key:?}"), "ClientKey([redacted])");
/// // What the service needs, to let this client in.
/// assert_eq!(key.public_key().to_string(), "2VTGLHGDACYDUJ5DNTTEGU6NDP7AAYD4S5FFD2G5Y42XLGWIUZQQ");
/// # Ok::<(), scape::word::ParseClientKeyError>(())
/// ```
#[derive(Clone)]
pub struct ClientKey(Zeroizing<[u8; 32]>);

impl ClientKey {
    /// A new key.
    pub fn random() -> Self {
        let mut key = Zeroizing::new(rand::random::<[u8; 32]>());
        // As tor keeps them: RFC 7748, 5. (Using a key does it, too.)
        key[0] &= 0b1111_1000;
        key[31] &= 0b0111_1111;
        key[31] |= 0b0100_0000;
        ClientKey(key)
    }

    /// The public key that belongs to it, which the service is told: RFC 7748,
    /// 6.1.
    pub fn public_key(&self) -> ClientPublicKey {
        ClientPublicKey(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        ClientKey(Zeroizing::new(bytes))
    }

    /// Its bytes. Whoever calls this takes over the duty to keep them out of
    /// sight.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The form of the control port, `x25519:` and base64. It is the secret
    /// itself.
    pub fn to_blob(&self) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(String::with_capacity(KEY_TYPE.len() + 1 + 44));
        blob.push_str(KEY_TYPE);
        blob.push(':');
        BASE64.encode_append(&self.0[..], &mut blob);
        blob
    }

    /// The form of `.auth_private` files, 52 characters of base32. It is the
    /// secret itself.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0[..]))
    }

    /// The line of an `.auth_private` file in a client's `ClientOnionAuthDir`,
    /// for the service with this address: `address:descriptor:x25519:` and
    /// base32, without a line end. It is the secret itself.
    pub fn auth_private_line(&self, address: &OnionAddress) -> Zeroizing<String> {
        let before = [&address.service_id(), ":", IN_FILES, KEY_TYPE, ":"];
        let mut line = Zeroizing::new(String::with_capacity(before.concat().len() + BASE32_LENGTH));
        line.extend(before);
        BASE32_NOPAD.encode_append(&self.0[..], &mut line);
        line
    }
}

/// The private key's public key.
impl From<&ClientKey> for ClientPublicKey {
    fn from(key: &ClientKey) -> Self {
        key.public_key()
    }
}

impl FromStr for ClientKey {
    type Err = ParseClientKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_key(text).map(ClientKey)
    }
}

impl PartialEq for ClientKey {
    /// Takes as long for a wrong guess as for an almost right one.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0.iter()).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
    }
}

impl Eq for ClientKey {}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey([redacted])")
    }
}

/// A client's public key: what a service needs to let that client in. An x25519
/// public key.
///
/// `Display` writes the form of ADD_ONION, 52 characters of base32. It is read
/// from that in either case, from base64, and from the line of a service's
/// `.auth` file (`descriptor:x25519:` and base32).
///
/// ```
/// use scape::word::ClientPublicKey;
///
/// let text = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
/// let key: ClientPublicKey = text.parse()?;
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), scape::word::ParseClientKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientPublicKey([u8; 32]);

impl ClientPublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        ClientPublicKey(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The line of an `.auth` file in a service's `authorized_clients`:
    /// `descriptor:x25519:` and base32, without a line end.
    pub fn auth_line(&self) -> String {
        format!("{IN_FILES}{KEY_TYPE}:{self}")
    }
}

impl FromStr for ClientPublicKey {
    type Err = ParseClientKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_key(text).map(|key| ClientPublicKey(*key))
    }
}

/// For [`AddOnion::client`](crate::AddOnion::client).
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

/// The 32 bytes of a key in any of its forms.
fn read_key(text: &str) -> Result<Zeroizing<[u8; 32]>, ParseClientKeyError> {
    let text = text.trim();
    let encoded = match text.rsplit_once(':') {
        None => text,
        Some((before, encoded)) => {
            let before = before.strip_suffix(KEY_TYPE).ok_or(ParseClientKeyError::KeyType)?;
            // Nothing, "descriptor:", or the client's "address:descriptor:".
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

/// A text that is no key of client authorization. (It is not repeated.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseClientKeyError {
    /// The key is of another type.
    #[error(
        "a client's key is of type x25519, and begins with x25519: or descriptor:x25519: if with anything"
    )]
    KeyType,
    /// It has not the length of 32 bytes in base32 or base64.
    #[error(
        "a client's key has 52 characters in base32, or 43 in base64 (44 with padding), this has {length}"
    )]
    Length {
        /// How many it has, padding not counted.
        length: usize,
    },
    /// It has characters that cannot be there, or is cut off in the middle.
    #[error(
        "a client's key is 32 bytes in base32 or base64: this has other characters, or was mistyped"
    )]
    Characters,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE64_KEY: &str = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA";
    const ADDRESS: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";

    #[test]
    fn every_form_of_a_private_key_is_read() {
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
    fn public_keys_are_those_of_rfc_7748() {
        // 6.1: Alice's and Bob's.
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
    fn random_keys_differ_and_are_as_tor_keeps_them() {
        let (a, b) = (ClientKey::random(), ClientKey::random());
        assert!(a != b && a.public_key() != b.public_key());
        for key in [a, b] {
            assert_eq!((key.expose()[0] & 7, key.expose()[31] & 0xc0), (0, 0x40));
        }
    }

    #[test]
    fn the_lines_of_files_are_those_of_tors_manual() {
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
    fn what_is_no_key_is_refused_and_not_repeated() {
        let cases = [
            ("", ParseClientKeyError::Length { length: 0 }),
            ("x25519:", ParseClientKeyError::Length { length: 0 }),
            ("x25519:aa", ParseClientKeyError::Length { length: 2 }),
            ("rsa:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA", ParseClientKeyError::KeyType),
            ("yx25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA", ParseClientKeyError::KeyType),
            ("8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUt!A", ParseClientKeyError::Characters),
            // The bits behind the last byte are not zero: a character is wrong.
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
        fn a_private_key_goes_there_and_back(bytes in any::<[u8; 32]>()) {
            let key = ClientKey::from_bytes(bytes);
            prop_assert_eq!(key.to_blob().parse(), Ok(key.clone()));
            prop_assert_eq!(key.to_blob().trim_end_matches('=').parse(), Ok(key.clone()));
            prop_assert_eq!(key.to_base32().parse(), Ok(key.clone()));
            prop_assert_eq!(key.expose(), &bytes);
        }

        #[test]
        fn a_public_key_goes_there_and_back(bytes in any::<[u8; 32]>()) {
            let key = ClientPublicKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(key.to_string().to_ascii_lowercase().parse(), Ok(key));
            prop_assert_eq!(key.as_bytes(), &bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(key) = text.parse::<ClientKey>() {
                prop_assert_eq!(key.to_blob().parse(), Ok(key));
            }
        }
    }
}
