//! Versions of the format of bandwidth files.

use std::fmt;
use std::str::FromStr;

use crate::netdoc::line::number;

/// A version of the format of bandwidth files: bandwidth-file-spec, "Format
/// Versions".
///
/// ```
/// use scape_proto::netdoc::BandwidthFileVersion;
///
/// let version: BandwidthFileVersion = "1.4.0".parse()?;
/// assert!(version > BandwidthFileVersion::new(1, 2, 0));
/// assert_eq!(version.to_string(), "1.4.0");
/// # Ok::<(), scape_proto::netdoc::ParseBandwidthFileVersionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BandwidthFileVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl BandwidthFileVersion {
    /// The first version. Its files have no header except for the timestamp.
    pub const FIRST: BandwidthFileVersion = BandwidthFileVersion::new(1, 0, 0);

    /// Creates the version `major.minor.patch`.
    ///
    /// ```
    /// use scape_proto::netdoc::BandwidthFileVersion;
    ///
    /// assert_eq!(BandwidthFileVersion::new(1, 0, 0), BandwidthFileVersion::FIRST);
    /// ```
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        BandwidthFileVersion { major, minor, patch }
    }

    /// Returns the first number of the version.
    pub const fn major(self) -> u32 {
        self.major
    }

    /// Returns the second number of the version. It grows when keys are added.
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// Returns the third number of the version.
    pub const fn patch(self) -> u32 {
        self.patch
    }
}

impl FromStr for BandwidthFileVersion {
    type Err = ParseBandwidthFileVersionError;

    /// Parses three numbers with dots between them.
    ///
    /// # Errors
    ///
    /// Returns [`ParseBandwidthFileVersionError`] for any other text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|part| number(part.as_bytes()));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(BandwidthFileVersion { major, minor, patch })
            }
            _ => Err(ParseBandwidthFileVersionError { text: text.into() }),
        }
    }
}

impl fmt::Display for BandwidthFileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(feature = "serde")]
as_text! { BandwidthFileVersion }

/// The error for a text that isn't a version of bandwidth files.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version of bandwidth files: it must be three numbers, such as 1.4.0")]
pub struct ParseBandwidthFileVersionError {
    text: String,
}

error_debug!(ParseBandwidthFileVersionError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_versions_of_bandwidth_files_are_refused() {
        for bad in ["", "1", "1.0", "1.0.0.0", "1..0", "1.0.x", "1.0.-1", "1.0.99999999999"] {
            assert!(bad.parse::<BandwidthFileVersion>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn versions_of_bandwidth_files_round_trip(major: u32, minor: u32, patch: u32) {
            let version = BandwidthFileVersion::new(major, minor, patch);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }
    }
}
