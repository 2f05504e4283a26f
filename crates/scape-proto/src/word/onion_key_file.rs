//! The files in which tor keeps the keys of an onion service: tor's manual,
//! `HiddenServiceDir`.

use zeroize::Zeroizing;

use crate::word::{OnionAddress, OnionKey, ParseOnionError};

const SECRET_HEADER: &[u8; 32] = b"== ed25519v1-secret: type0 ==\0\0\0";
const PUBLIC_HEADER: &[u8; 32] = b"== ed25519v1-public: type0 ==\0\0\0";
const SECRET_LENGTH: usize = 32 + 64;
const PUBLIC_LENGTH: usize = 32 + 32;

impl OnionKey {
    /// Reads the content of a service's `hs_ed25519_secret_key` file: a header
    /// of 32 bytes, then the 64 bytes of the key.
    ///
    /// Pass the content unchanged. Don't trim it, because a key may end with a
    /// byte that looks like a space or a line end.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// let file = key.to_secret_key_file();
    /// assert_eq!(file.len(), 96);
    /// assert_eq!(OnionKey::from_secret_key_file(&file)?.address(), key.address());
    /// # Ok::<(), scape_proto::word::ParseOnionKeyFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the header or the length is wrong, or if the bytes
    /// aren't a valid key.
    pub fn from_secret_key_file(content: &[u8]) -> Result<Self, ParseOnionKeyFileError> {
        let key = Zeroizing::new(split(content, SECRET_HEADER, SECRET_LENGTH)?.to_vec());
        let key = <[u8; 64]>::try_from(key.as_slice()).map_err(|_| {
            ParseOnionKeyFileError::Length { length: content.len(), expected: SECRET_LENGTH }
        })?;
        Ok(OnionKey::from_expanded(key)?)
    }

    /// Returns the content of a service's `hs_ed25519_secret_key` file. The
    /// content is as secret as the key.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let file = OnionKey::from_seed(&[7; 32]).to_secret_key_file();
    /// assert!(file.starts_with(b"== ed25519v1-secret: type0 =="));
    /// assert_eq!(file.len(), 96);
    /// ```
    pub fn to_secret_key_file(&self) -> Zeroizing<Vec<u8>> {
        let mut content = Zeroizing::new(Vec::with_capacity(SECRET_LENGTH));
        content.extend_from_slice(SECRET_HEADER);
        content.extend_from_slice(self.expose());
        content
    }
}

impl OnionAddress {
    /// Reads the content of a service's `hs_ed25519_public_key` file: a header
    /// of 32 bytes, then the 32 bytes of the key.
    ///
    /// ```
    /// use scape_proto::word::{OnionAddress, OnionKey};
    ///
    /// let address = OnionKey::from_seed(&[7; 32]).address();
    /// let file = address.to_public_key_file();
    /// assert_eq!(OnionAddress::from_public_key_file(&file)?, address);
    /// # Ok::<(), scape_proto::word::ParseOnionKeyFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the header or the length is wrong, or if no service
    /// can have this key.
    pub fn from_public_key_file(content: &[u8]) -> Result<Self, ParseOnionKeyFileError> {
        let key = split(content, PUBLIC_HEADER, PUBLIC_LENGTH)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| ParseOnionKeyFileError::Length {
            length: content.len(),
            expected: PUBLIC_LENGTH,
        })?;
        Ok(OnionAddress::from_public_key(key)?)
    }

    /// Returns the content of a service's `hs_ed25519_public_key` file.
    ///
    /// ```
    /// use scape_proto::word::OnionKey;
    ///
    /// let file = OnionKey::from_seed(&[7; 32]).address().to_public_key_file();
    /// assert!(file.starts_with(b"== ed25519v1-public: type0 =="));
    /// assert_eq!(file.len(), 64);
    /// ```
    pub fn to_public_key_file(&self) -> Vec<u8> {
        [PUBLIC_HEADER.as_slice(), self.public_key()].concat()
    }
}

/// Returns the bytes after the header. Returns an error if the header or the
/// length of the file is wrong.
fn split<'a>(
    content: &'a [u8],
    header: &[u8; 32],
    expected: usize,
) -> Result<&'a [u8], ParseOnionKeyFileError> {
    // Check the header first: "this is another file" is a better error than a
    // wrong length.
    let Some(key) = content.strip_prefix(header) else {
        return Err(ParseOnionKeyFileError::Header);
    };
    if content.len() == expected {
        Ok(key)
    } else {
        Err(ParseOnionKeyFileError::Length { length: content.len(), expected })
    }
}

/// The error for content that isn't a key file of an onion service. The content
/// isn't repeated in messages.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseOnionKeyFileError {
    /// The content doesn't begin with the header of this kind of key file.
    #[error("the file does not begin with the header of a key of an onion service of version 3")]
    Header,
    /// The file was cut off, or has extra bytes at its end.
    #[error(
        "the key's file has {length} bytes instead of {expected}: it was cut off, or opened as text"
    )]
    Length {
        /// The length of the content in bytes.
        length: usize,
        /// The length that the file should have, in bytes.
        expected: usize,
    },
    /// The file contains an invalid key.
    #[error(transparent)]
    Key(#[from] ParseOnionError),
}

error_debug!(ParseOnionKeyFileError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn key_file_that_ends_with_white_space_is_not_trimmed() {
        let mut bytes = *OnionKey::from_seed(&[7; 32]).expose();
        // The byte before the white space isn't white space, so trimming would
        // remove exactly three bytes.
        bytes[60..].copy_from_slice(b"x \r\n");
        let key = OnionKey::from_expanded(bytes).unwrap();
        let file = key.to_secret_key_file();
        assert_eq!(file.len(), 96);
        assert_eq!(OnionKey::from_secret_key_file(&file).unwrap().expose(), &bytes);
        let cut = OnionKey::from_secret_key_file(file.trim_ascii_end()).unwrap_err();
        assert_eq!(cut, ParseOnionKeyFileError::Length { length: 93, expected: 96 });
    }

    #[test]
    fn malformed_key_file_is_rejected() {
        let key = OnionKey::from_seed(&[7; 32]);
        let (secret, public) = (key.to_secret_key_file(), key.address().to_public_key_file());
        for bad in [&b""[..], b"x", &[7; 96], &public, key.to_blob().as_bytes()] {
            assert_eq!(OnionKey::from_secret_key_file(bad), Err(ParseOnionKeyFileError::Header));
        }
        for bad in [&b""[..], b"x", &[7; 64], &secret] {
            assert_eq!(
                OnionAddress::from_public_key_file(bad),
                Err(ParseOnionKeyFileError::Header)
            );
        }
        let longer = [public.as_slice(), b"\n"].concat();
        let error = ParseOnionKeyFileError::Length { length: 65, expected: 64 };
        assert_eq!(OnionAddress::from_public_key_file(&longer), Err(error));
        let mut unclamped = secret.clone();
        unclamped[32] |= 1;
        let error = OnionKey::from_secret_key_file(&unclamped).unwrap_err();
        assert!(matches!(error, ParseOnionKeyFileError::Key(_)), "{error}");
    }

    proptest! {
        #[test]
        fn key_file_round_trip(seed in any::<[u8; 32]>()) {
            let key = OnionKey::from_seed(&seed);
            let again = OnionKey::from_secret_key_file(&key.to_secret_key_file()).unwrap();
            prop_assert_eq!(again.expose(), key.expose());
            let address = key.address();
            prop_assert_eq!(
                OnionAddress::from_public_key_file(&address.to_public_key_file()),
                Ok(address)
            );
        }

        #[test]
        fn key_file_parser_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = OnionKey::from_secret_key_file(&bytes);
            let _ = OnionAddress::from_public_key_file(&bytes);
        }
    }
}
