//! Bytes that must not be shown.

use std::fmt;

use zeroize::Zeroizing;

/// Returns true if two texts are equal. Takes the same time for all texts of
/// the same length, so that the time doesn't reveal how much of a guess is
/// right.
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// A password, cookie or key. The bytes are wiped from memory when they are
/// dropped, and `Debug` never shows them.
///
/// ```
/// use scape_proto::word::Secret;
///
/// let password = Secret::from("sesame");
/// assert_eq!(format!("{password:?}"), "Secret([redacted])");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Creates a secret from bytes.
    ///
    /// ```
    /// use scape_proto::word::Secret;
    ///
    /// let cookie = Secret::new([7; 32]);
    /// assert_eq!(cookie.expose(), &[7; 32]);
    /// ```
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(Zeroizing::new(bytes.into()))
    }

    /// Returns the bytes. The caller is responsible for keeping them secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret::new(text)
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Secret::new(bytes)
    }
}

impl PartialEq for Secret {
    /// Compares in constant time if the lengths are equal, so that the duration
    /// doesn't reveal how much of a guess is right.
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.expose(), other.expose())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
