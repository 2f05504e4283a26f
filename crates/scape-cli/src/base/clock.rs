//! Formats points in time, in UTC or in the user's time zone. Works for all
//! times, because times from tor and from peers may be far in the future.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;

/// Formats a point in time as RFC 3339 in UTC, with this number of decimals of
/// a second. Returns `None` if the time isn't in the years from 1970 to 9999,
/// because RFC 3339 can't represent later years.
pub(crate) fn utc(at: SystemTime, decimals: u8) -> Option<String> {
    let at = Timestamp::try_from(at).ok().filter(|_| at >= UNIX_EPOCH)?;
    Some(DateTimePrinter::new().precision(Some(decimals)).timestamp_to_string(&at))
}

/// Formats a point in time in the user's time zone with milliseconds, such as
/// `2026-11-30 14:05:59.123`.
pub(crate) fn local(at: SystemTime) -> String {
    local_in(at, TimeZone::system())
}

/// Formats the time of day in the user's time zone, such as `14:05:59`.
pub(crate) fn time_of_day(at: SystemTime) -> String {
    format_in(at, TimeZone::system(), "%H:%M:%S")
}

fn local_in(at: SystemTime, zone: TimeZone) -> String {
    format_in(at, zone, "%Y-%m-%d %H:%M:%S.%3f")
}

fn format_in(at: SystemTime, zone: TimeZone, format: &str) -> String {
    // jiff represents only the years from -9999 to 9999.
    let Ok(at) = Timestamp::try_from(at) else { return "unknown".into() };
    at.to_zoned_datetime(zone).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::offset;

    use super::*;

    #[test]
    fn times_that_rfc_3339_cannot_represent_are_not_formatted() {
        let at = |seconds| UNIX_EPOCH + Duration::from_millis(seconds * 1_000 + 7);
        assert_eq!(utc(at(1), 0).as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(utc(at(1), 6).as_deref(), Some("1970-01-01T00:00:01.007000Z"));
        assert_eq!(utc(UNIX_EPOCH - Duration::from_secs(1), 0), None);
        // The years 10000 and 491936, in which Ed25519 certificates may expire.
        for seconds in [253_402_300_800, u64::from(u32::MAX) * 3_600] {
            assert_eq!(utc(at(seconds), 0), None);
            assert_eq!(local(at(seconds)), "unknown");
        }
    }

    #[test]
    fn times_have_milliseconds_of_the_zone() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_000_000_007);
        assert_eq!(local_in(at, TimeZone::UTC), "2026-11-30 00:53:20.007");
        assert_eq!(local_in(at, offset(2).to_time_zone()), "2026-11-30 02:53:20.007");
        // Both functions use the same time zone.
        assert_eq!(local(at).get(11..19), Some(&*time_of_day(at)));
    }
}
