//! Parses and prints the messages of tor's log.

use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scape::event::Severity;
use serde::{Serialize, Serializer};

use crate::base::clock;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The maximum time by which a message may be later than the present time. The
/// clocks of two machines may differ, and the file may be from another time
/// zone.
const AHEAD: Duration = Duration::from_secs(86_400);
/// The number of years, from the present one backwards, that are tried for a
/// date. A 29 February must be among them, and there may be 8 years from one to
/// the next, as from 1896 to 1904.
const MOST_YEARS: i16 = 8;

/// A log message, as it is printed with `--json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogLine {
    /// The time in UTC, such as `2026-11-30T06:13:26.042Z`. `null` if RFC 3339
    /// can't represent the time, because the clock is very wrong.
    #[serde(serialize_with = "utc")]
    pub(crate) time: SystemTime,
    pub(crate) severity: Severity,
    /// The message. It may have several lines.
    pub(crate) message: String,
    /// The position of the message in the log file, in bytes. 0 for a message
    /// from an event.
    #[serde(skip)]
    pub(crate) at: u64,
}

fn utc<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    clock::utc(*time, 3).serialize(serializer)
}

impl LogLine {
    /// Parses the first line of a message in a log file, such as
    /// `Nov 30 06:13:26.000 [notice] Done`. Returns `None` for the other lines
    /// of a message.
    ///
    /// The file doesn't contain the year. The chosen year gives the latest time
    /// that is at most [`AHEAD`] after `now`.
    pub(crate) fn parse(line: &str, at: u64, now: SystemTime, zone: &TimeZone) -> Option<Self> {
        let (month, rest) = line.split_once(' ')?;
        let (day, rest) = rest.trim_start().split_once(' ')?;
        let (clock, rest) = rest.split_once(' ')?;
        let (severity, message) = rest.strip_prefix('[')?.split_once(']')?;
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        let (clock, millis) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut parts = clock.split(':').map(|part| part.parse::<i8>().ok());
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        let millis: i32 = millis.parse().ok().filter(|millis| *millis < 1_000)?;
        let (month, day) = (i8::try_from(month).ok()?, day.parse().ok()?);
        let time = last_time(now, zone, |year| {
            let date = Date::new(year, month, day).ok()?;
            let time = jiff::civil::Time::new(hour, minute, second, millis * 1_000_000).ok()?;
            let zoned = date.to_datetime(time).to_zoned_datetime(zone.clone()).ok()?;
            SystemTime::try_from(zoned.timestamp()).ok()
        })?;
        let severity = Severity::from(severity.to_ascii_uppercase().as_str());
        Some(LogLine { time, severity, message: message.trim().to_owned(), at })
    }

    pub(crate) fn print(&self, context: &Context) -> Result<(), Failure> {
        if context.out.is_json() {
            return context.out.value(self);
        }
        let style = match &self.severity {
            Severity::Warn => AnsiColor::Yellow.on_default(),
            Severity::Err => AnsiColor::Red.on_default().bold(),
            _ => Style::new(),
        };
        let severity = printable(&self.severity.to_string().to_lowercase());
        context.out.line(format_args!(
            "{} {style}[{severity}]{style:#} {}",
            clock::local(self.time),
            printable(&self.message)
        ))
    }
}

/// Returns the latest time that is at most [`AHEAD`] after `now`. `in_year`
/// returns the message's time if it is from a given year, or `None` if the year
/// doesn't have this day.
fn last_time(
    now: SystemTime,
    zone: &TimeZone,
    in_year: impl Fn(i16) -> Option<SystemTime>,
) -> Option<SystemTime> {
    let this_year = Timestamp::try_from(now).ok()?.to_zoned_datetime(zone.clone()).year();
    let years = (0..=MOST_YEARS).map(|ago| this_year + 1 - ago);
    years.filter_map(in_year).find(|time| *time <= now + AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str, now: &str) -> Option<(String, String, String)> {
        let now = humantime::parse_rfc3339(now).unwrap();
        let line = LogLine::parse(line, 0, now, &TimeZone::UTC)?;
        let time = humantime::format_rfc3339_millis(line.time).to_string();
        Some((time, line.severity.to_string(), line.message))
    }

    #[test]
    fn year_of_a_line_is_the_last_possible_one() {
        for (line, now, time) in [
            ("Nov 30 06:13:26.042 [notice] a", "2026-11-30T06:14:00Z", "2026-11-30T06:13:26.042Z"),
            ("Dec 31 23:59:59.000 [notice] a", "2027-01-01T00:01:00Z", "2026-12-31T23:59:59.000Z"),
            ("Jan 01 00:00:00.000 [notice] a", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00.000Z"),
            ("Feb 29 01:00:00 [notice] a", "2027-01-01T00:00:00Z", "2024-02-29T01:00:00.000Z"),
        ] {
            let parsed = parse(line, now).unwrap();
            assert_eq!(parsed, (time.into(), "NOTICE".into(), "a".into()), "{line}");
        }
    }

    #[test]
    fn line_before_1970_is_written_as_json() {
        // The clock of a machine without a battery begins in 1970.
        let now = SystemTime::UNIX_EPOCH;
        let line = LogLine::parse("Dec 31 06:00:00 [warn] a", 0, now, &TimeZone::UTC).unwrap();
        assert!(line.time < now);
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"time":null,"severity":"WARN","message":"a"}"#
        );
    }

    #[test]
    fn other_lines_continue_a_message() {
        for line in ["", "  on two lines", "Nov 30 [x]", "Foo 30 06:13:26.042 [notice] a"] {
            assert_eq!(parse(line, "2026-11-30T06:14:00Z"), None, "{line}");
        }
    }
}
