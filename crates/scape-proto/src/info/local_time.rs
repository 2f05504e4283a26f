//! Times without a known time zone.

use std::fmt;
use std::str::FromStr;

use crate::word::days_in;

/// A date and time in tor's own time zone, which tor doesn't report. A wall
/// clock next to tor would show this time.
///
/// ```
/// use scape_proto::info::LocalTime;
///
/// let time: LocalTime = "2026-11-20T21:13:05".parse()?;
/// assert_eq!((time.day, time.hour), (20, 21));
/// assert_eq!(time.to_string(), "2026-11-20T21:13:05");
/// # Ok::<(), scape_proto::info::ParseLocalTimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalTime {
    /// The year, such as 2026.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31. Parsing rejects days that the month
    /// doesn't have.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 60, where 60 is a leap second.
    pub second: u8,
}

impl FromStr for LocalTime {
    type Err = ParseLocalTimeError;

    /// Reads `YYYY-MM-DDTHH:MM:SS`, also with a space instead of the `T`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text has another form. Also returns an error if
    /// a number is out of range, such as a day that the month doesn't have.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or_else(|| ParseLocalTimeError { text: text.into() })
    }
}

fn read(text: &str) -> Option<LocalTime> {
    let (date, time) = text.split_once(['T', ' '])?;
    let [year, month, day] = three(date, '-', 4)?;
    let [hour, minute, second] = three(time, ':', 2)?;
    let days = days_in(year.into(), month.into())?;
    if day == 0 || u64::from(day) > days || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(LocalTime {
        year,
        month: month.try_into().ok()?,
        day: day.try_into().ok()?,
        hour: hour.try_into().ok()?,
        minute: minute.try_into().ok()?,
        second: second.try_into().ok()?,
    })
}

/// Parses three decimal numbers with `separator` between them. The first number
/// has `digits` digits, and the others have two. Returns `None` for any other
/// text.
fn three(text: &str, separator: char, digits: usize) -> Option<[u16; 3]> {
    let mut parts = text.split(separator);
    let mut part = |digits| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let three = [part(digits)?, part(2)?, part(2)?];
    parts.next().is_none().then_some(three)
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LocalTime { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

/// The error for a text that isn't a date and time.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a date and time (such as 2026-11-20T21:13:05)")]
pub struct ParseLocalTimeError {
    text: String,
}

error_debug!(ParseLocalTimeError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_local_time_is_rejected() {
        for bad in [
            "",
            "2026-11-20",
            "2026-11-20T21:13",
            "2026-13-20T21:13:05",
            "2026-00-20T21:13:05",
            "2026-11-32T21:13:05",
            "2026-11-00T21:13:05",
            "2026-02-31T00:00:00",
            "2026-02-29T00:00:00",
            "2100-02-29T00:00:00",
            "2026-04-31 00:00:00",
            "2026-11-20T24:13:05",
            "2026-11-20T21:13:05Z",
            "2026-11-20T21:13:05:06",
            "2026-11-+2T21:13:05",
            "99999-11-20T21:13:05",
            "2026-1-20T21:13:05",
            "2026-011-20T21:13:05",
            "2026-11-2T21:13:05",
            "2026-11-20T9:13:05",
            "2026-11-20T21:3:05",
            "2026-11-20T21:13:5",
            "2026-11-20T21:13:005",
            "026-11-20T21:13:05",
        ] {
            assert!(bad.parse::<LocalTime>().is_err(), "{bad:?}");
        }
        assert!("2028-02-29T00:00:00".parse::<LocalTime>().is_ok());
        assert!("2000-02-29T00:00:00".parse::<LocalTime>().is_ok());
    }

    proptest! {
        #[test]
        fn local_time_round_trip(
            year in 0u16..=9999,
            (month, day) in prop_oneof![
                (1u8..=12, 1u8..=28),
                (proptest::sample::select(vec![1, 3, 5, 7, 8, 10, 12]), 29u8..=31),
            ],
            hour in 0u8..=23, minute in 0u8..=59, second in 0u8..=60,
        ) {
            let time = LocalTime { year, month, day, hour, minute, second };
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            prop_assert_eq!(time.to_string().replace('T', " ").parse(), Ok(time));
        }

        #[test]
        fn local_time_parser_never_panics(text in ".{0,30}") {
            let _ = text.parse::<LocalTime>();
        }
    }
}
