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
    let spaced = text.len() == 19 && text.as_bytes().get(10) == Some(&b' ');
    if spaced { humantime::parse_rfc3339_weak(text).ok() } else { None }
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
