//! Values of `DataSize` options.

use std::fmt;
use std::str::FromStr;

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only, units};
use crate::info::ConfigType;

/// A size in bytes, such as the value of `MaxMemInQueues`. For `BandwidthRate`
/// and similar options, it is the number of bytes per second.
///
/// The units are those of tor. `KB`, `MB` and so on are powers of 1024 bytes.
/// `KBits`, `MBits` and so on are powers of 1024 bits, at 8 bits to a byte.
///
/// ```
/// use scape_proto::torrc::value::DataSize;
///
/// let size: DataSize = "1.5 GB".parse()?;
/// assert_eq!(size.bytes(), 1_610_612_736);
/// assert_eq!("8 MBits".parse(), Ok(DataSize::new(1 << 20)));
/// assert_eq!(DataSize::new(1_572_864).to_string(), "1.5 MB");
/// # Ok::<(), scape_proto::torrc::value::ConfigValueProblem>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DataSize(u64);

impl DataSize {
    /// The largest size that an option may have: 2^63 - 1 bytes.
    pub const MAX: DataSize = DataSize(units::MAX_SIZE);

    /// Creates a size from a number of bytes.
    ///
    /// ```
    /// use scape_proto::torrc::value::DataSize;
    ///
    /// assert_eq!(DataSize::new(1 << 30).to_string(), "1 GB");
    /// ```
    pub const fn new(bytes: u64) -> Self {
        DataSize(bytes)
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl From<u64> for DataSize {
    fn from(bytes: u64) -> Self {
        DataSize(bytes)
    }
}

impl From<DataSize> for u64 {
    fn from(size: DataSize) -> Self {
        size.0
    }
}

impl FromStr for DataSize {
    type Err = ConfigValueProblem;

    /// Parses a size as tor does: a number, and optionally a unit in upper or
    /// lower case. The number may have a fraction. Fractions of a byte are
    /// truncated.
    ///
    /// # Errors
    ///
    /// Returns an error if the number or the unit is malformed, or if the size
    /// exceeds [`DataSize::MAX`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        units::read(&ConfigType::DataSize, text).map(DataSize)
    }
}

impl fmt::Display for DataSize {
    /// Writes the exact size in the largest unit in which the number is an
    /// integer or ends in .25, .5 or .75. From 2^53 bytes on, the number is
    /// always an integer. tor can parse the result, unless the size exceeds
    /// [`DataSize::MAX`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1_u64 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")]
        {
            let (whole, rest) = (self.0 / unit, self.0 % unit);
            // tor parses fractions as floating-point numbers, which have 53
            // bits. So fractions of very large sizes aren't written.
            let fraction = match rest / (unit / 4) {
                _ if whole == 0 || rest % (unit / 4) != 0 => continue,
                0 => "",
                _ if self.0 >= 1 << 53 => continue,
                1 => ".25",
                2 => ".5",
                _ => ".75",
            };
            return f.pad(&format!("{whole}{fraction} {name}"));
        }
        f.pad(&format!("{} {}", self.0, if self.0 == 1 { "byte" } else { "bytes" }))
    }
}

/// Supports `DataSize` options, in bytes.
impl ToConfigValue for DataSize {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if *ty != ConfigType::DataSize {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a DataSize" });
        }
        if *self > DataSize::MAX {
            let largest = units::MAX_SIZE;
            return Err(ConfigValueProblem::OutOfRange { ty: ty.clone(), smallest: 0, largest });
        }
        Ok(vec![self.0.to_string()])
    }
}

/// Supports `DataSize` options.
impl FromConfigValue for DataSize {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match ty {
            ConfigType::DataSize => only(lines)?.parse(),
            _ => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "a DataSize" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_size_is_shown_in_the_largest_exact_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (512, "512 bytes"),
            (1000, "1000 bytes"),
            (1024, "1 KB"),
            (1280, "1.25 KB"),
            (1536, "1.5 KB"),
            (1792, "1.75 KB"),
            (1600, "1600 bytes"),
            (1_048_832, "1024.25 KB"),
            (1 << 30, "1 GB"),
            (100 << 20, "100 MB"),
            (1 << 53, "8192 TB"),
            // tor wouldn't parse 8192.5 TB exactly.
            ((1 << 53) + (1 << 39), "8389120 GB"),
        ] {
            assert_eq!(DataSize::new(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>8}", DataSize::new(1024)), "    1 KB");
    }

    #[test]
    fn data_size_errors() {
        assert!(DataSize::new(1 << 63).to_config(&ConfigType::DataSize).is_err());
        assert!(DataSize::MAX.to_config(&ConfigType::DataSize).is_ok());
        assert!(DataSize::new(1).to_config(&ConfigType::Integer).is_err());
        assert!(DataSize::from_config(&ConfigType::Integer, &["1".to_owned()]).is_err());
        assert!("".parse::<DataSize>().is_err());
    }

    proptest! {
        #[test]
        fn data_size_round_trip(
            bytes in 0..=units::MAX_SIZE,
            quarters in 0..1_u64 << 20,
            unit in 0..4_u32,
        ) {
            for size in [bytes, bytes >> 20, quarters << (10 * unit + 8)].map(DataSize::new) {
                prop_assert_eq!(size.to_string().parse(), Ok(size), "{}", size);
                let lines = size.to_config(&ConfigType::DataSize).unwrap();
                prop_assert_eq!(DataSize::from_config(&ConfigType::DataSize, &lines), Ok(size));
            }
        }
    }
}
