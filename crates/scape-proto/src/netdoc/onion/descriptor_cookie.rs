//! Descriptor cookies: rend-spec-v3, "First layer plaintext format".

use std::fmt;

use crate::word::same_bytes;

use zeroize::Zeroizing;

/// The secret of 16 bytes with which the second layer of a descriptor is
/// encrypted if the service has client authorization. Each authorized client
/// can decrypt it. The cookie is wiped from memory when it is dropped, and
/// `Debug` never shows it.
///
/// ```
/// use scape_proto::netdoc::onion::DescriptorCookie;
///
/// let cookie = DescriptorCookie::from_bytes([7; 16]);
/// assert_eq!(format!("{cookie:?}"), "DescriptorCookie([redacted])");
/// ```
#[derive(Clone)]
pub struct DescriptorCookie(Zeroizing<[u8; 16]>);

impl DescriptorCookie {
    /// Creates a random cookie.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::DescriptorCookie;
    ///
    /// assert_ne!(DescriptorCookie::random(), DescriptorCookie::random());
    /// ```
    #[cfg(feature = "rand")]
    pub fn random() -> Self {
        DescriptorCookie(Zeroizing::new(rand::random()))
    }

    /// Creates a cookie from its bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::DescriptorCookie;
    ///
    /// assert_eq!(DescriptorCookie::from_bytes([7; 16]).expose(), &[7; 16]);
    /// ```
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        DescriptorCookie(Zeroizing::new(bytes))
    }

    /// Returns the cookie's bytes. The caller is responsible for keeping them
    /// secret.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for DescriptorCookie {
    /// Compares in constant time, so that the duration doesn't reveal how much
    /// of a guess is right.
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0[..], &other.0[..])
    }
}

impl Eq for DescriptorCookie {}

impl fmt::Debug for DescriptorCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DescriptorCookie([redacted])")
    }
}
