//! Times as tor writes them for people: UTC, without saying so.

use std::fmt;
use std::time::{Duration, SystemTime};

/// The first second that has no such form: the year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

/// Reads `YYYY-MM-DD HH:MM:SS`, UTC, and nothing else.
pub(crate) fn parse_utc(text: &str) -> Option<SystemTime> {
    let spaced = text.len() == 19 && text.as_bytes().get(10) == Some(&b' ');
    if spaced { humantime::parse_rfc3339_weak(text).ok() } else { None }
}

/// Writes the same form. A time that has none, before 1970 or after 9999, is
/// shown as the system shows it.
pub(crate) fn write_utc(f: &mut fmt::Formatter<'_>, time: SystemTime) -> fmt::Result {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since < END => {
            let text = humantime::format_rfc3339_seconds(time).to_string();
            f.write_str(&text.trim_end_matches('Z').replace('T', " "))
        }
        _ => write!(f, "{time:?}"),
    }
}
