//! Numbers with units: sizes and intervals.

use super::ConfigValueProblem;
use super::number::{decimal_at_start, unsigned_at_start};
use super::whitespace::skip_spaces_and_comments;
use crate::info::ConfigType;

/// The largest size that tor accepts, in bytes.
pub(super) const MAX_SIZE: u64 = i64::MAX as u64;
/// The longest interval that tor accepts, in the unit of the option's type:
/// seconds or milliseconds.
pub(super) const MAX_INTERVAL: u64 = i32::MAX as u64;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// The number of seconds in a month, as tor counts them: about 30.437 days.
const MONTH: u64 = 2_629_728;

const SIZES: &[(&[&str], u64)] = &[
    (&["", "b", "byte", "bytes"], 1),
    (&["kb", "kbyte", "kbytes", "kilobyte", "kilobytes"], 1 << 10),
    (&["m", "mb", "mbyte", "mbytes", "megabyte", "megabytes"], 1 << 20),
    (&["gb", "gbyte", "gbytes", "gigabyte", "gigabytes"], 1 << 30),
    (&["tb", "tbyte", "tbytes", "terabyte", "terabytes"], 1 << 40),
    (&["kbit", "kbits", "kilobit", "kilobits"], 1 << 7),
    (&["mbit", "mbits", "megabit", "megabits"], 1 << 17),
    (&["gbit", "gbits", "gigabit", "gigabits"], 1 << 27),
    (&["tbit", "tbits", "terabit", "terabits"], 1 << 37),
];

const SECONDS: &[(&[&str], u64)] = &[
    (&["", "second", "seconds"], 1),
    (&["minute", "minutes"], MINUTE),
    (&["hour", "hours"], HOUR),
    (&["day", "days"], DAY),
    (&["week", "weeks"], WEEK),
    (&["month", "months"], MONTH),
];

const MILLISECONDS: &[(&[&str], u64)] = &[
    (&["", "msec", "millisecond", "milliseconds"], 1),
    (&["second", "seconds"], 1000),
    (&["minute", "minutes"], 1000 * MINUTE),
    (&["hour", "hours"], 1000 * HOUR),
    (&["day", "days"], 1000 * DAY),
    (&["week", "weeks"], 1000 * WEEK),
];

/// Parses a size in bytes, or an interval in seconds or milliseconds, as tor
/// does. Fractions of a byte, second or millisecond are truncated.
///
/// Some `TimeInterval` options were lists in the past. tor reads the part
/// before the first comma, and so does this function.
pub(super) fn read(ty: &ConfigType, text: &str) -> Result<u64, ConfigValueProblem> {
    let malformed = || ConfigValueProblem::Malformed { ty: ty.clone() };
    let (units, largest) = match ty {
        ConfigType::DataSize => (SIZES, MAX_SIZE),
        ConfigType::TimeInterval => (SECONDS, MAX_INTERVAL),
        ConfigType::TimeMsecInterval => (MILLISECONDS, MAX_INTERVAL),
        _ => return Err(malformed()),
    };
    let text = match ty {
        ConfigType::TimeInterval => text.split(',').next().unwrap_or_default(),
        _ => text,
    };
    let too_large = || ConfigValueProblem::OutOfRange { ty: ty.clone(), smallest: 0, largest };
    let (number, rest) = Number::read(text).ok_or_else(malformed)?;
    let unit = multiplier(units, skip_spaces_and_comments(rest)).ok_or_else(malformed)?;
    number.times(unit).filter(|value| *value <= largest).ok_or_else(too_large)
}

fn multiplier(units: &[(&[&str], u64)], name: &str) -> Option<u64> {
    let mut all = units.iter();
    all.find(|(names, _)| names.iter().any(|own| own.eq_ignore_ascii_case(name)))
        .map(|(_, factor)| *factor)
}

/// The number before a unit.
enum Number {
    Whole(u64),
    Fraction(f64),
}

impl Number {
    /// Parses the number at the beginning of the text, and returns the rest of
    /// the text. `NaN` is rejected: tor 0.4.9 accepts it as a size, but crashes
    /// afterwards.
    fn read(text: &str) -> Option<(Self, &str)> {
        if let Some((Ok(number), rest)) = unsigned_at_start(text)
            && !rest.starts_with('.')
        {
            return Some((Number::Whole(number), rest));
        }
        let (number, rest) = decimal_at_start(text)?;
        Some((Number::Fraction(number), rest))
    }

    /// Returns the product of the number and `unit`. A fraction of the product
    /// is cut off. Returns `None` if the product is negative or exceeds 63
    /// bits.
    fn times(&self, unit: u64) -> Option<u64> {
        match self {
            Number::Whole(number) => {
                number.checked_mul(unit).filter(|product| *product <= MAX_SIZE)
            }
            Number::Fraction(number) => {
                let product = number * unit as f64;
                (*number >= 0.0 && product < MAX_SIZE as f64).then_some(product as u64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(text: &str) -> Option<u64> {
        read(&ConfigType::DataSize, text).ok()
    }

    #[test]
    fn sizes_are_parsed_as_in_tor() {
        for (text, bytes) in [
            ("5", 5),
            (" +5", 5),
            ("1 KB", 1024),
            ("1kb", 1024),
            ("1\t \nkb", 1024),
            ("1.5 GB", 1_610_612_736),
            ("1.5e3 kb", 1_536_000),
            ("8 kbit", 1024),
            ("1 TBits", 1 << 37),
            (".5", 0),
            ("1.9", 1),
            ("0.9 MB", 943_718),
            ("5 # a comment", 5),
            ("5 # kb\nkb", 5120),
            ("9223372036854775807", i64::MAX as u64),
            ("8388607 TB", 8_388_607 << 40),
            ("99999999999999999999e-5 kb", 1_024_000_000_000_000_000),
            ("-18446744073709549568", 2048),
            ("-.0 kb", 0),
        ] {
            assert_eq!(size(text), Some(bytes), "{text:?}");
        }
        for bad in [
            "",
            " ",
            "kb",
            "1 k",
            "1 pb",
            "1 bit",
            "1 kb ",
            "1,5",
            "1 kb kb",
            "1e3",
            "0x10",
            "-5",
            "- 5",
            "-.4",
            "nan",
            "NaN kb",
            "inf",
            "8388608 TB",
            "9223372036854775808",
            "9223372036854775807.0",
            "1.5.5",
            "5\x0bkb",
            "99999999999999999999",
            "5 days",
        ] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn intervals_are_parsed_as_in_tor() {
        let seconds = |text: &str| read(&ConfigType::TimeInterval, text).ok();
        assert_eq!(seconds("10 minutes"), Some(600));
        assert_eq!(seconds("1.5 HOURS"), Some(5400));
        assert_eq!(seconds("1 month"), Some(2_629_728));
        assert_eq!(seconds("816 months"), Some(2_145_858_048));
        assert_eq!(seconds("2147483647"), Some(2_147_483_647));
        assert_eq!(seconds("5 minutes,1 hour"), Some(300));
        for bad in ["817 months", "2147483648", "1 year", "1 h", "1 msec", ",5", "nan"] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
        let milliseconds = |text: &str| read(&ConfigType::TimeMsecInterval, text).ok();
        assert_eq!(milliseconds("100"), Some(100));
        assert_eq!(milliseconds(".05 second"), Some(50));
        assert_eq!(milliseconds("1 week"), Some(604_800_000));
        for bad in ["4 weeks", "1 month", "5 ms", "1,2"] {
            assert_eq!(milliseconds(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn too_large_interval_differs_from_malformed_one() {
        let too_large = ConfigValueProblem::OutOfRange {
            ty: ConfigType::TimeInterval,
            smallest: 0,
            largest: 2_147_483_647,
        };
        assert_eq!(read(&ConfigType::TimeInterval, "100000 days"), Err(too_large));
        let malformed = ConfigValueProblem::Malformed { ty: ConfigType::TimeInterval };
        assert_eq!(read(&ConfigType::TimeInterval, "1 yr"), Err(malformed));
    }

    proptest! {
        #[test]
        fn whole_number_is_multiplied_by_its_unit(number in 0_u64..8192, unit in 0..SIZES.len(), name in 0..4_usize, space in " {0,3}") {
            let (names, factor) = SIZES[unit];
            let text = format!("{number}{space}{}", names[name].to_uppercase());
            prop_assert_eq!(size(&text), Some(number * factor));
        }

        #[test]
        fn unit_parser_never_panics(text in any::<String>(), near in "[-+0-9.e]{0,6} ?[a-z#\n]{0,6}") {
            for text in [&text, &near] {
                for ty in ConfigType::KNOWN {
                    let _ = read(ty, text);
                }
            }
        }
    }
}
