//! The one line that is in an `.auth` or `.auth_private` file.

use crate::word::{ClientKey, ClientPublicKey, OnionAddress, ParseClientKeyError, ParseOnionError};

/// What a key has in base32, which is the only form in files.
const BASE32_LENGTH: usize = 52;

/// Reads what is in a service's `.auth` file, as tor does: `descriptor:x25519:`
/// and the client's public key in base32. [`ClientPublicKey::auth_line`] writes
/// it.
///
/// ```
/// use scape::onion::client_auth::parse_auth_line;
///
/// let key = parse_auth_line("descriptor:x25519:FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ\n")?;
/// assert_eq!(key.auth_line(), "descriptor:x25519:FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ");
/// # Ok::<(), scape::onion::client_auth::ParseAuthLineError>(())
/// ```
pub fn parse_auth_line(text: &str) -> Result<ClientPublicKey, ParseAuthLineError> {
    let [auth_type, key_type, key] = fields(text)?;
    Ok(check_types(auth_type, key_type, key)?.parse()?)
}

/// Reads what is in a client's `.auth_private` file, as tor does: the service's
/// address without `.onion`, `:descriptor:x25519:` and the client's private key
/// in base32. [`ClientKey::auth_private_line`] writes it.
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

/// tor takes no such key.
pub(super) fn is_zero(key: &ClientKey) -> bool {
    key.expose().iter().all(|byte| *byte == 0)
}

/// The fields, without the white space around them.
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

/// A text that is no line of a file of client authorization. (It is not
/// repeated.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAuthLineError {
    /// It has too many fields, or too few.
    #[error("it has {count} fields separated by colons instead of {expected}")]
    Fields {
        /// How many it has.
        count: usize,
        /// How many it should have.
        expected: usize,
    },
    /// The type of authorization is another one.
    #[error("its authorization is of another type than descriptor")]
    AuthType,
    /// The key is of another type.
    #[error("its key is of another type than x25519")]
    KeyType,
    /// The key has not the length of one in base32.
    #[error("its key has {length} characters, and a key in base32 has 52")]
    Length {
        /// How many it has.
        length: usize,
    },
    /// The key is none.
    #[error(transparent)]
    Key(#[from] ParseClientKeyError),
    /// The private key is all zeros.
    #[error("its key is all zeros")]
    ZeroKey,
    /// The address is none.
    #[error(transparent)]
    Address(#[from] ParseOnionError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::OnionKey;
    use proptest::prelude::*;

    const ADDRESS: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
    const KEY: &str = "6BNISCBB6SQAXSRE7PKKOMK6CA5VWSAFSESZGAC5IWSMZ6KUWRYA";

    #[test]
    fn what_tor_reads_is_read() {
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
    fn what_tor_does_not_read_is_refused_and_not_repeated() {
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
        fn lines_go_there_and_back(seed in any::<[u8; 32]>(), bytes in any::<[u8; 32]>()) {
            let address = OnionKey::from_seed(&seed).address();
            let key = ClientKey::from_bytes(bytes);
            prop_assert_eq!(parse_auth_line(&key.public_key().auth_line()), Ok(key.public_key()));
            let line = key.auth_private_line(&address);
            prop_assert_eq!(parse_auth_private_line(&line), Ok((address, key)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse_auth_line(&text);
            let _ = parse_auth_private_line(&text);
        }
    }
}
