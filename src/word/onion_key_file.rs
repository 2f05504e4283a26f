//! The files in which tor keeps the keys of an onion service: tor's manual,
//! `HiddenServiceDir`.

use zeroize::Zeroizing;

use crate::word::{OnionAddress, OnionKey, ParseOnionError};

const SECRET_HEADER: &[u8; 32] = b"== ed25519v1-secret: type0 ==\0\0\0";
const PUBLIC_HEADER: &[u8; 32] = b"== ed25519v1-public: type0 ==\0\0\0";
const SECRET_LENGTH: usize = 32 + 64;
const PUBLIC_LENGTH: usize = 32 + 32;

impl OnionKey {
    /// Reads the content of a service's `hs_ed25519_secret_key`: a header of 32
    /// bytes, then the 64 of the key, as they are. (Nothing may be cut off: a
    /// key may well end with the byte of a space or a line end.)
    ///
    /// ```
    /// use scape::word::OnionKey;
    ///
    /// let key = OnionKey::random();
    /// let file = key.to_secret_key_file();
    /// assert_eq!(file.len(), 96);
    /// assert_eq!(OnionKey::from_secret_key_file(&file)?.address(), key.address());
    /// # Ok::<(), scape::word::ParseOnionKeyFileError>(())
    /// ```
    pub fn from_secret_key_file(content: &[u8]) -> Result<Self, ParseOnionKeyFileError> {
        let key = Zeroizing::new(split(content, SECRET_HEADER, SECRET_LENGTH)?.to_vec());
        let key = <[u8; 64]>::try_from(key.as_slice()).map_err(|_| {
            ParseOnionKeyFileError::Length { length: content.len(), expected: SECRET_LENGTH }
        })?;
        Ok(OnionKey::from_expanded(key)?)
    }

    /// The content of a service's `hs_ed25519_secret_key`. It is the secret
    /// itself.
    pub fn to_secret_key_file(&self) -> Zeroizing<Vec<u8>> {
        let mut content = Zeroizing::new(Vec::with_capacity(SECRET_LENGTH));
        content.extend_from_slice(SECRET_HEADER);
        content.extend_from_slice(self.expose());
        content
    }
}

impl OnionAddress {
    /// Reads the content of a service's `hs_ed25519_public_key`: a header of 32
    /// bytes, then the 32 of the key.
    pub fn from_public_key_file(content: &[u8]) -> Result<Self, ParseOnionKeyFileError> {
        let key = split(content, PUBLIC_HEADER, PUBLIC_LENGTH)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| ParseOnionKeyFileError::Length {
            length: content.len(),
            expected: PUBLIC_LENGTH,
        })?;
        Ok(OnionAddress::from_public_key(key)?)
    }

    /// The content of a service's `hs_ed25519_public_key`.
    pub fn to_public_key_file(&self) -> Vec<u8> {
        [PUBLIC_HEADER.as_slice(), self.public_key()].concat()
    }
}

/// What follows the header, where the file is as long as it should be.
fn split<'a>(
    content: &'a [u8],
    header: &[u8; 32],
    expected: usize,
) -> Result<&'a [u8], ParseOnionKeyFileError> {
    // The header first: that it is another file is more to the point than its
    // length.
    let Some(key) = content.strip_prefix(header) else {
        return Err(ParseOnionKeyFileError::Header);
    };
    if content.len() == expected {
        Ok(key)
    } else {
        Err(ParseOnionKeyFileError::Length { length: content.len(), expected })
    }
}

/// Bytes that are no file of an onion service's key. (They are not repeated.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseOnionKeyFileError {
    /// It begins otherwise: it is another file.
    #[error("the file does not begin with the header of a key of an onion service of version 3")]
    Header,
    /// It has the header, but was cut off, or has something behind its end.
    #[error(
        "the key's file has {length} bytes instead of {expected}: it was cut off, or opened as text"
    )]
    Length {
        /// How many bytes it has.
        length: usize,
        /// How many it should have.
        expected: usize,
    },
    /// What it holds is no key.
    #[error(transparent)]
    Key(#[from] ParseOnionError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_that_ends_with_white_space_is_not_cut_off() {
        let mut bytes = *OnionKey::random().expose();
        // What is before it is none, so that exactly this would be cut off.
        bytes[60..].copy_from_slice(b"x \r\n");
        let key = OnionKey::from_expanded(bytes).unwrap();
        let file = key.to_secret_key_file();
        assert_eq!(file.len(), 96);
        assert_eq!(OnionKey::from_secret_key_file(&file).unwrap().expose(), &bytes);
        let cut = OnionKey::from_secret_key_file(file.trim_ascii_end()).unwrap_err();
        assert_eq!(cut, ParseOnionKeyFileError::Length { length: 93, expected: 96 });
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let key = OnionKey::random();
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
        fn files_go_there_and_back(seed in any::<[u8; 32]>()) {
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
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = OnionKey::from_secret_key_file(&bytes);
            let _ = OnionAddress::from_public_key_file(&bytes);
        }
    }
}
