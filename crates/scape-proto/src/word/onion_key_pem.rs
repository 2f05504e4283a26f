//! Keys of onion services in PEM, as OnionBalance keeps them: RFC 8410.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::word::OnionKey;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The bytes before the 32 bytes of the seed, in DER: the version, the
/// algorithm Ed25519 and the lengths.
const PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

impl OnionKey {
    /// Reads an unencrypted key in PEM: RFC 8410. OnionBalance and `openssl
    /// genpkey -algorithm ed25519` write such files. Text before and after the
    /// key is ignored.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let text = "-----BEGIN PRIVATE KEY-----\n\
    ///     MC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n\
    ///     -----END PRIVATE KEY-----\n";
    /// assert_eq!(OnionKey::from_pem(text)?.address(), OnionKey::from_seed(&[7; 32]).address());
    /// # Ok::<(), scape_proto::word::ParseOnionPemError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if there is no private key, if its text isn't base64,
    /// or if it is a key of another kind.
    pub fn from_pem(text: &str) -> Result<Self, ParseOnionPemError> {
        let (_, body) = text.split_once(BEGIN).ok_or(ParseOnionPemError::NoKey)?;
        let (body, _) = body.split_once(END).ok_or(ParseOnionPemError::NoKey)?;
        // Allocate the whole capacity at once, so that no copy of the key stays
        // in memory.
        let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
        base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let bytes = BASE64.decode(&base64).map_err(|_| ParseOnionPemError::Base64)?;
        let bytes = Zeroizing::new(bytes);
        let seed = bytes.strip_prefix(&PREFIX).ok_or(ParseOnionPemError::Kind)?;
        let seed: &[u8; 32] = seed.try_into().map_err(|_| ParseOnionPemError::Kind)?;
        Ok(OnionKey::from_seed(seed))
    }
}

/// The error for a text that contains no key of an onion service in PEM. The
/// text isn't repeated in messages.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseOnionPemError {
    /// There is no complete private key.
    #[error("the text contains no private key in PEM")]
    NoKey,
    /// The key isn't valid base64.
    #[error("the private key in PEM is malformed")]
    Base64,
    /// The key isn't an Ed25519 key, or has attributes or a public key.
    #[error("the private key in PEM is not a plain Ed25519 key")]
    Kind,
}

error_debug!(ParseOnionPemError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pem(bytes: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", BASE64.encode(bytes))
    }

    #[test]
    fn key_of_rfc_8410_is_read() {
        // RFC 8410, 10.3.
        let text = "-----BEGIN PRIVATE KEY-----\r\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\r\n\
            -----END PRIVATE KEY-----\r\n";
        let public = BASE64.decode(b"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap();
        assert_eq!(OnionKey::from_pem(text).unwrap().public_key(), public[..]);
    }

    #[test]
    fn malformed_pem_is_rejected() {
        let key = pem(&[&PREFIX[..], &[7; 32]].concat());
        assert!(OnionKey::from_pem(&format!("my key\n{key}\n")).is_ok());
        let reject = |text: &str| OnionKey::from_pem(text).unwrap_err();
        for bad in ["", BEGIN, END, &key.replace("PRIVATE", "PUBLIC"), &key.replace("END", "XXX")] {
            assert_eq!(reject(bad), ParseOnionPemError::NoKey, "{bad}");
        }
        assert_eq!(reject(&key.replace("MC4C", "MC4")), ParseOnionPemError::Base64);
        let mut x25519 = PREFIX;
        x25519[11] = 0x6e;
        for bad in [
            [&x25519[..], &[7; 32]].concat(),
            [&PREFIX[..], &[7; 31]].concat(),
            [&PREFIX[..], &[7; 33]].concat(),
            PREFIX[..15].to_vec(),
            Vec::new(),
        ] {
            assert_eq!(reject(&pem(&bad)), ParseOnionPemError::Kind, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn pem_round_trip(seed: [u8; 32]) {
            let text = pem(&[&PREFIX[..], &seed].concat());
            let key = OnionKey::from_pem(&text).unwrap();
            prop_assert_eq!(key, OnionKey::from_seed(&seed));
        }

        #[test]
        fn pem_parser_never_panics(text in "(-----BEGIN PRIVATE KEY-----)?\\PC*(-----END PRIVATE KEY-----)?") {
            let _ = OnionKey::from_pem(&text);
        }
    }
}
