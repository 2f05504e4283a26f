//! Parsers for the line in an `.auth` or `.auth_private` file.

use std::fmt;

use scape_proto::word::{
    ClientKey, ClientPublicKey, OnionAddress, ParseClientKeyError, ParseOnionError,
};

/// The number of characters of a key in base32. In these files, tor accepts
/// keys in no other form.
const BASE32_LENGTH: usize = 52;

/// Parses the content of a service's `.auth` file like tor does. The content is
/// `descriptor:x25519:` and the client's public key in base32.
/// [`ClientPublicKey::auth_line`] returns such a text.
///
/// ```
/// use scape::onion::client_auth::parse_auth_line;
///
/// let line = "descriptor:x25519:FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
/// let key = parse_auth_line(line)?;
/// assert_eq!(key.auth_line(), line);
/// # Ok::<(), scape::onion::client_auth::ParseAuthLineError>(())
/// ```
///
/// # Errors
///
/// Returns an error if the text is malformed or the key is invalid. The error
/// doesn't repeat the text.
pub fn parse_auth_line(text: &str) -> Result<ClientPublicKey, ParseAuthLineError> {
    let [auth_type, key_type, key] = fields(text)?;
    Ok(check_types(auth_type, key_type, key)?.parse()?)
}

/// Parses the content of a client's `.auth_private` file like tor does. The
/// content is the service's address without `.onion`, `:descriptor:x25519:` and
/// the client's private key in base32. [`ClientKey::auth_private_line`] returns
/// such a text.
///
/// ```
/// use scape::onion::client_auth::parse_auth_private_line;
/// use scape::word::ClientKey;
///
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse()?;
/// let key = ClientKey::random();
/// assert_eq!(parse_auth_private_line(&key.auth_private_line(&address))?, (address, key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error if the text is malformed, the address or the key is
/// invalid, or the key is all zeros. The error doesn't repeat the text.
pub fn parse_auth_private_line(
    text: &str,
) -> Result<(OnionAddress, ClientKey), ParseAuthLineError> {
    let [address, auth_type, key_type, key] = fields(text)?;
    let key: ClientKey = check_types(auth_type, key_type, key)?.parse()?;
    if is_zero(&key) {
        return Err(ParseAuthLineError::ZeroKey);
    }
    Ok((address.parse()?, key))
}

/// Returns true if a key consists of zero bytes, which tor doesn't accept.
pub(super) fn is_zero(key: &ClientKey) -> bool {
    key.expose().iter().all(|byte| *byte == 0)
}

/// Splits a text into `COUNT` fields at its colons, and removes the white space
/// around the fields. Returns an error if the number of fields differs.
fn fields<const COUNT: usize>(text: &str) -> Result<[&str; COUNT], ParseAuthLineError> {
    let fields: Vec<&str> = text.split(':').map(str::trim).collect();
    let count = fields.len();
    fields.try_into().map_err(|_| ParseAuthLineError::Fields { count, expected: COUNT })
}

fn check_types<'a>(
    auth_type: &str,
    key_type: &str,
    key: &'a str,
) -> Result<&'a str, ParseAuthLineError> {
    if auth_type != "descriptor" {
        Err(ParseAuthLineError::AuthType)
    } else if key_type != "x25519" {
        Err(ParseAuthLineError::KeyType)
    } else if key.len() != BASE32_LENGTH {
        Err(ParseAuthLineError::Length { length: key.len() })
    } else {
        Ok(key)
    }
}

/// The error for a malformed line of a client authorization file. The error
/// doesn't repeat the line, which may contain a private key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAuthLineError {
    /// The line has too many fields or too few.
    #[error("it has {count} fields separated by colons instead of {expected}")]
    Fields {
        /// The number of fields in the line.
        count: usize,
        /// The expected number of fields.
        expected: usize,
    },
    /// The authorization type isn't `descriptor`.
    #[error("its authorization type is not descriptor")]
    AuthType,
    /// The key type isn't `x25519`.
    #[error("its key type is not x25519")]
    KeyType,
    /// The key doesn't have 52 characters, the length of a key in base32.
    #[error("its key has {length} characters instead of 52 (base32)")]
    Length {
        /// The number of bytes of the key's text.
        length: usize,
    },
    /// The key is malformed, for example because it isn't base32.
    #[error(transparent)]
    Key(#[from] ParseClientKeyError),
    /// The private key is all zeros.
    #[error("its key is all zeros")]
    ZeroKey,
    /// The address is malformed.
    #[error(transparent)]
    Address(#[from] ParseOnionError),
}

impl fmt::Debug for ParseAuthLineError {
    /// Writes the text of the error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scape_proto::word::OnionKey;

    const ADDRESS: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
    const KEY: &str = "6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA";

    #[test]
    fn lines_that_tor_accepts_are_parsed() {
        let key: ClientPublicKey = KEY.parse().unwrap();
        let lower = KEY.to_ascii_lowercase();
        for text in [
            format!("descriptor:x25519:{KEY}"),
            format!("descriptor:x25519:{KEY}\r\n\n"),
            format!(" descriptor : x25519 : {lower} "),
        ] {
            assert_eq!(parse_auth_line(&text), Ok(key), "{text}");
            let (address, _) = parse_auth_private_line(&format!("{ADDRESS}:{text}")).unwrap();
            assert_eq!(address.service_id(), ADDRESS);
        }
    }

    #[test]
    fn malformed_lines_are_refused_and_not_repeated() {
        let base64 = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA";
        for (text, error) in [
            (String::new(), ParseAuthLineError::Fields { count: 1, expected: 4 }),
            (
                format!("descriptor:x25519:{KEY}"),
                ParseAuthLineError::Fields { count: 3, expected: 4 },
            ),
            (format!("{ADDRESS}:basic:x25519:{KEY}"), ParseAuthLineError::AuthType),
            (format!("{ADDRESS}:descriptor:x448:{KEY}"), ParseAuthLineError::KeyType),
            (
                format!("{ADDRESS}:descriptor:x25519:{base64}"),
                ParseAuthLineError::Length { length: 43 },
            ),
            (
                format!("{ADDRESS}:descriptor:x25519:{}", KEY.replacen('6', "1", 1)),
                ParseClientKeyError::Characters.into(),
            ),
            (
                format!("{ADDRESS}:descriptor:x25519:{}", "A".repeat(52)),
                ParseAuthLineError::ZeroKey,
            ),
            (format!("x:descriptor:x25519:{KEY}"), ParseOnionError::Length { length: 1 }.into()),
        ] {
            assert_eq!(parse_auth_private_line(&text), Err(error.clone()), "{text}");
            assert!(!format!("{error}{error:?}").contains("6BNI"));
        }
    }

    proptest! {
        #[test]
        fn written_lines_are_parsed_back(seed in any::<[u8; 32]>(), bytes in any::<[u8; 32]>()) {
            let address = OnionKey::from_seed(&seed).address();
            let key = ClientKey::from_bytes(bytes);
            prop_assert_eq!(parse_auth_line(&key.public_key().auth_line()), Ok(key.public_key()));
            let line = key.auth_private_line(&address);
            prop_assert_eq!(parse_auth_private_line(&line), Ok((address, key)));
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in any::<String>()) {
            let _ = parse_auth_line(&text);
            let _ = parse_auth_private_line(&text);
        }
    }
}
