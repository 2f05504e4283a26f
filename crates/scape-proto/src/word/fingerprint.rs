//! Relay fingerprints.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXUPPER;

/// A relay's identity fingerprint: the SHA-1 digest of its RSA identity key.
/// tor uses the fingerprint to refer to a relay.
///
/// ```
/// use scape_proto::word::Fingerprint;
///
/// let fingerprint: Fingerprint = "$9695DFC35FFEB861329B9F1AB04C46397020CE31".parse()?;
/// assert_eq!(fingerprint.to_string(), "9695DFC35FFEB861329B9F1AB04C46397020CE31");
/// # Ok::<(), scape_proto::word::ParseFingerprintError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Creates a fingerprint from its 20 bytes.
    ///
    /// ```
    /// use scape_proto::word::Fingerprint;
    ///
    /// let fingerprint = Fingerprint::from_bytes([0x9a; 20]);
    /// assert_eq!(fingerprint.to_string(), "9A".repeat(20));
    /// ```
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Fingerprint(bytes)
    }

    /// Returns the fingerprint's 20 bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Parses 40 hexadecimal digits in either case.
    ///
    /// Microdescriptors and the paths of circuits contain many fingerprints, so
    /// speed matters here. The loops have no branches, so that the compiler can
    /// process many digits at once.
    #[inline]
    pub(crate) fn from_hex(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 40] = digits.try_into().ok()?;
        let mut all_hex = true;
        let mut values = [0; 40];
        for (value, digit) in values.iter_mut().zip(digits) {
            all_hex &= digit.is_ascii_hexdigit();
            // The letters have bit 6 set, and begin at 0x41 and 0x61.
            *value = (digit & 0x0f) + 9 * (digit >> 6);
        }
        let mut bytes = [0; 20];
        for (byte, [high, low]) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
            *byte = high << 4 | low;
        }
        all_hex.then_some(Fingerprint(bytes))
    }
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    /// Reads 40 hexadecimal digits in either case, with or without a leading
    /// `$`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else, such as a fingerprint
    /// with a nickname after it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('$').unwrap_or(text).as_bytes();
        Fingerprint::from_hex(digits).ok_or_else(|| ParseFingerprintError { text: text.into() })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The error for a text that isn't a fingerprint.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a fingerprint: it must be 40 hexadecimal digits, perhaps after a $")]
pub struct ParseFingerprintError {
    text: String,
}

error_debug!(ParseFingerprintError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_forty_hex_digits() {
        let text = "9695DFC35FFEB861329B9F1AB04C46397020CE31";
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(text.to_lowercase().parse(), Ok(fingerprint));
        for bad in
            ["", "$", "9695", "$$9695DFC35FFEB861329B9F1AB04C46397020CE31", &format!("{text}~nick")]
        {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad:?}");
        }
    }
}
