//! UTC times in the form `YYYY-MM-DD HH:MM:SS`, which tor writes without a time
//! zone.

use std::fmt;
use std::time::{Duration, SystemTime};

/// The first second that `YYYY-MM-DD HH:MM:SS` can't express: the start of the
/// year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

/// Returns the number of days in a month. Returns `None` if the month isn't 1
/// to 12.
#[inline]
pub(crate) fn days_in(year: u64, month: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Parses a UTC time of the form `YYYY-MM-DD HH:MM:SS`. Returns `None` for any
/// other text.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::word::parse_utc;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154);
/// assert_eq!(parse_utc("2026-11-21 02:12:34"), Some(time));
/// assert_eq!(parse_utc("2026-11-21"), None);
/// ```
pub fn parse_utc(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once(' ')?;
    parse_date_time(date.as_bytes(), time.as_bytes())
}

/// Parses `YYYY-MM-DD` and `HH:MM:SS` in UTC. The year must be 1970 or later.
/// As in tor, the second 60 of a minute is the second 0 of the next minute.
///
/// The parser is hand-written because it must be fast: a consensus has
/// thousands of entries, and each entry has a time.
#[inline]
pub(crate) fn parse_date_time(date: &[u8], time: &[u8]) -> Option<SystemTime> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let &[h1, h2, b':', i1, i2, b':', s1, s2] = time else { return None };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    if year < 1970
        || day == 0
        || day > days_in(year, month)?
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // If years begin in March, a leap day is the last day of the year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let since = Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second);
    // The last second 60 could not be written again.
    if since < END { Some(SystemTime::UNIX_EPOCH + since) } else { None }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u64> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    digits.then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
}

/// Writes a time as `YYYY-MM-DD HH:MM:SS` in UTC. A time before 1970 or after
/// 9999, which this form can't express, is written in its `Debug` form. Call
/// this function in an implementation of `Display`.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// use std::fmt;
///
/// struct Time(SystemTime);
///
/// impl fmt::Display for Time {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         scape_proto::word::write_utc(f, self.0)
///     }
/// }
/// # let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154);
/// assert_eq!(Time(time).to_string(), "2026-11-21 02:12:34");
/// ```
///
/// # Errors
///
/// Returns an error if the formatter returns one.
pub fn write_utc(f: &mut fmt::Formatter<'_>, time: SystemTime) -> fmt::Result {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since < END => {
            let text = humantime::format_rfc3339_seconds(time).to_string();
            f.write_str(&text.trim_end_matches('Z').replace('T', " "))
        }
        _ => write!(f, "{time:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Utc(SystemTime);

    impl fmt::Display for Utc {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_utc(f, self.0)
        }
    }

    #[test]
    fn malformed_times_are_rejected() {
        for (date, time) in [
            ("2026-02-29", "00:00:00"),
            ("2100-02-29", "00:00:00"),
            ("2026-13-01", "00:00:00"),
            ("2026-00-01", "00:00:00"),
            ("2026-04-31", "00:00:00"),
            ("2026-04-00", "00:00:00"),
            ("1969-12-31", "23:59:59"),
            ("2026-04-01", "24:00:00"),
            ("2026-04-01", "00:60:00"),
            ("2026-04-1", "00:00:00"),
            ("2026-04-01", "0:00:00"),
            ("2026/04/01", "00:00:00"),
            ("2026-04-01", "00:00:61"),
            ("2026-04-01", " 00:00:00"),
            ("9999-12-31", "23:59:60"),
            ("", ""),
        ] {
            assert_eq!(parse_utc(&format!("{date} {time}")), None, "{date} {time}");
        }
        assert!(parse_utc("2000-02-29 23:59:59").is_some());
    }

    #[test]
    fn second_60_is_the_start_of_the_next_minute() {
        let next = parse_utc("2017-01-01 00:00:00");
        assert!(next.is_some());
        assert_eq!(parse_utc("2016-12-31 23:59:60"), next);
    }

    proptest! {
        #[test]
        fn times_match_general_parser(
            year in 1970..=9999u32,
            month in 1..=12u32,
            day in 1..=28u32,
            h in 0..24u32,
            m in 0..60u32,
            s in 0..60u32,
        ) {
            let text = format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}");
            let time = parse_utc(&text);
            prop_assert_eq!(time, humantime::parse_rfc3339_weak(&text).ok());
            prop_assert_eq!(Utc(time.unwrap()).to_string(), text);
        }
    }
}
