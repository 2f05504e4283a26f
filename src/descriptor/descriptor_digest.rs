//! Digests of descriptors.

use std::fmt;
use std::str::FromStr;

/// The SHA-1 digest of a server descriptor or of an extra-info document: the
/// name of this one document. (A [`Fingerprint`](crate::word::Fingerprint)
/// names the relay.)
///
/// ```
/// use scape::descriptor::DescriptorDigest;
///
/// let digest: DescriptorDigest = "80B33F89F899A1FAAD047727404A817574705DB4".parse()?;
/// assert_eq!(digest.to_string(), "80B33F89F899A1FAAD047727404A817574705DB4");
/// # Ok::<(), scape::descriptor::ParseDescriptorDigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DescriptorDigest([u8; 20]);

impl DescriptorDigest {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        DescriptorDigest(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for DescriptorDigest {
    type Err = ParseDescriptorDigestError;

    /// 40 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 20];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(DescriptorDigest(bytes)),
            Err(_) => Err(ParseDescriptorDigestError { text: text.into() }),
        }
    }
}

impl fmt::Display for DescriptorDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for DescriptorDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DescriptorDigest({self})")
    }
}

/// A text that is no digest of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no digest of a descriptor: it must be 40 hexadecimal digits")]
pub struct ParseDescriptorDigestError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forty_hex_digits_and_nothing_else() {
        let text = "80B33F89F899A1FAAD047727404A817574705DB4";
        for bad in ["", "80B3", &format!("${text}"), &format!("{text} "), &text.replace('F', "G")] {
            assert!(bad.parse::<DescriptorDigest>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_digest_goes_there_and_back(bytes: [u8; 20]) {
            let digest = DescriptorDigest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(digest.to_string().to_lowercase().parse(), Ok(digest));
        }
    }
}
