//! Digests of server descriptors and extra-info documents.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};

/// The SHA-1 digest of a server descriptor or an extra-info document.
///
/// The digest identifies a single document. A
/// [`Fingerprint`](crate::word::Fingerprint) identifies the relay.
///
/// ```
/// use scape_proto::netdoc::DescriptorDigest;
///
/// let digest: DescriptorDigest = "80B33F89F899A1FAAD047727404A817574705DB4".parse()?;
/// assert_eq!(digest.to_string(), "80B33F89F899A1FAAD047727404A817574705DB4");
/// # Ok::<(), scape_proto::netdoc::ParseDescriptorDigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DescriptorDigest([u8; 20]);

impl DescriptorDigest {
    /// Creates a digest from its bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::DescriptorDigest;
    ///
    /// let digest = DescriptorDigest::from_bytes([0x5a; 20]);
    /// assert_eq!(digest.to_string(), "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A");
    /// ```
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        DescriptorDigest(bytes)
    }

    /// Returns the digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for DescriptorDigest {
    type Err = ParseDescriptorDigestError;

    /// Parses 40 hexadecimal digits, in upper or lower case.
    ///
    /// # Errors
    ///
    /// Returns [`ParseDescriptorDigestError`] for any other text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 20];
        let digits = text.as_bytes();
        match digits.len() == 40 && HEXUPPER_PERMISSIVE.decode_mut(digits, &mut bytes).is_ok() {
            true => Ok(DescriptorDigest(bytes)),
            false => Err(ParseDescriptorDigestError { text: text.into() }),
        }
    }
}

impl fmt::Display for DescriptorDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for DescriptorDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DescriptorDigest({self})")
    }
}

/// The error for a text that isn't a descriptor digest.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a descriptor digest: it must be 40 hexadecimal digits")]
pub struct ParseDescriptorDigestError {
    text: String,
}

error_debug!(ParseDescriptorDigestError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_descriptor_digests_are_refused() {
        let text = "80B33F89F899A1FAAD047727404A817574705DB4";
        for bad in ["", "80B3", &format!("${text}"), &format!("{text} "), &text.replace('F', "G")] {
            assert!(bad.parse::<DescriptorDigest>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn descriptor_digests_round_trip(bytes: [u8; 20]) {
            let digest = DescriptorDigest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(digest.to_string().to_lowercase().parse(), Ok(digest));
        }
    }
}
