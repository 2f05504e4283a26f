//! Serialized forms of times and durations.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

/// The first second that RFC 3339 can't write: the start of the year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

/// A time in RFC 3339, such as `2026-11-21T03:16:05Z`, with 3, 6 or 9 decimals
/// if it isn't a whole second. A time that is unknown, before 1970 or after
/// 9999 is null.
pub(crate) struct Time(Option<SystemTime>);

impl Time {
    /// Creates the serialized form of a time. `None` means that the time is
    /// unknown.
    pub(crate) fn new(time: impl Into<Option<SystemTime>>) -> Self {
        Time(time.into())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let since_epoch = |time: &SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
        let Some((time, since)) = self.0.and_then(|time| Some((time, since_epoch(&time)?))) else {
            return serializer.serialize_none();
        };
        if since >= END {
            return serializer.serialize_none();
        }
        let shown = match since.subsec_nanos() {
            0 => humantime::format_rfc3339_seconds(time),
            nanos if nanos % 1_000_000 == 0 => humantime::format_rfc3339_millis(time),
            nanos if nanos % 1_000 == 0 => humantime::format_rfc3339_micros(time),
            _ => humantime::format_rfc3339_nanos(time),
        };
        serializer.collect_str(&shown)
    }
}

/// Serializes a `SystemTime` or an `Option<SystemTime>` as [`Time`].
pub(crate) fn time<T, S>(time: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Into<Option<SystemTime>> + Copy,
    S: Serializer,
{
    Time::new(*time).serialize(serializer)
}

/// Serializes a `Duration` or an `Option<Duration>` as a number of seconds.
pub(crate) fn seconds<T, S>(duration: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Into<Option<Duration>> + Copy,
    S: Serializer,
{
    (*duration).into().map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// Serializes two durations as an array of two numbers in seconds, or as null
/// for `None`.
pub(crate) fn delays<S: Serializer>(
    delays: &Option<(Duration, Duration)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    delays.map(|(first, second)| [first, second].map(|d| d.as_secs_f64())).serialize(serializer)
}
