//! Parses the value of `--since`: an age or a point in time.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::base::options::{TOO_LONG, duration};

/// Parses an age such as `2h`, which counts back from now, a local time such as
/// `2026-11-30 14:05`, or a time with a zone such as `2026-11-30T14:05:00Z`.
pub(super) fn parse(text: &str) -> Result<SystemTime, String> {
    parse_in(text, SystemTime::now(), TimeZone::system())
}

fn parse_in(text: &str, now: SystemTime, zone: TimeZone) -> Result<SystemTime, String> {
    match duration(text) {
        Ok(age) => return now.checked_sub(age).ok_or_else(|| TOO_LONG.into()),
        Err(why) if why == TOO_LONG => return Err(why),
        Err(_) => {}
    }
    let exact: Option<Timestamp> = text.parse().ok();
    let local = || {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned_datetime(zone).ok()?.timestamp())
    };
    let time = exact.or_else(local).and_then(|time| SystemTime::try_from(time).ok());
    time.ok_or_else(|| "expected an age such as 2h or a time such as 2026-11-30 14:05".into())
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    #[test]
    fn times_are_ages_or_dates() {
        let now = humantime::parse_rfc3339("2026-11-30T12:00:00Z").unwrap();
        for (text, expected) in [
            ("2h", "2026-11-30T10:00:00Z"),
            ("90", "2026-11-30T11:58:30Z"),
            ("2026-11-30 14:05", "2026-11-30T12:05:00Z"),
            ("2026-11-30", "2026-11-29T22:00:00Z"),
            ("2026-11-30T14:05:00Z", "2026-11-30T14:05:00Z"),
        ] {
            let time = parse_in(text, now, offset(2).to_time_zone()).unwrap();
            assert_eq!(time, humantime::parse_rfc3339(expected).unwrap(), "{text}");
        }
        assert!(parse_in("yesterday", now, TimeZone::UTC).is_err());
        assert_eq!(parse_in("1000y", now, TimeZone::UTC), Err(TOO_LONG.to_owned()));
    }
}
