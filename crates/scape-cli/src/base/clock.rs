//! Formats times in the user's time zone.

use std::time::SystemTime;

use jiff::{Timestamp, tz::TimeZone};

/// Formats a point in time in the user's time zone with milliseconds, such as
/// `2026-11-30 14:05:59.123`.
pub(crate) fn local(at: SystemTime) -> String {
    local_in(at, TimeZone::system())
}

fn local_in(at: SystemTime, zone: TimeZone) -> String {
    // jiff represents only the years from -9999 to 9999.
    let Ok(at) = Timestamp::try_from(at) else { return "unknown".into() };
    at.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::offset;

    use super::*;

    #[test]
    fn times_have_milliseconds_of_the_zone() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_000_000_007);
        assert_eq!(local_in(at, TimeZone::UTC), "2026-11-30 00:53:20.007");
        assert_eq!(local_in(at, offset(2).to_time_zone()), "2026-11-30 02:53:20.007");
    }
}
