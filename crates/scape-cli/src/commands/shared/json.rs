//! Functions for serde that serialize values as JSON.

use std::time::SystemTime;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::base::clock;

/// Serializes a time in RFC 3339 with microseconds, which is the precision of
/// tor's times. Serializes null if the time is unknown, or if it isn't in the
/// years from 1970 to 9999.
pub(crate) fn time<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.and_then(|time| clock::utc(time, 6)).serialize(serializer)
}

/// Like [`time`], but without fractions of a second.
pub(crate) fn seconds<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.and_then(|time| clock::utc(time, 0)).serialize(serializer)
}

/// The list at one moment, as `--watch --json` prints it: an object with the
/// time and the rows.
#[derive(Debug)]
pub(crate) struct Snapshot<'a, R> {
    pub(crate) time: SystemTime,
    /// The name of the list, which is the key of the rows, such as `circuits`.
    pub(crate) noun: &'static str,
    pub(crate) rows: &'a [R],
}

impl<R: Serialize> Serialize for Snapshot<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("time", &clock::utc(self.time, 6))?;
        map.serialize_entry(self.noun, self.rows)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[derive(Serialize)]
    struct Row {
        #[serde(serialize_with = "time")]
        at: Option<SystemTime>,
    }

    /// The start of the year 10000 in seconds since 1970. RFC 3339 can't
    /// represent times from then on.
    const END: Duration = Duration::from_secs(253_402_300_800);

    #[test]
    fn times_have_microseconds_or_are_null() {
        let at = |time| serde_json::to_string(&Row { at: time }).unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(at(Some(UNIX_EPOCH + second)), "{\"at\":\"1970-01-01T00:00:01.000000Z\"}");
        for wrong in [None, Some(UNIX_EPOCH - second), Some(UNIX_EPOCH + END)] {
            assert_eq!(at(wrong), "{\"at\":null}");
            let snapshot =
                Snapshot { time: wrong.unwrap_or(UNIX_EPOCH), noun: "streams", rows: &[1] };
            assert!(serde_json::to_string(&snapshot).is_ok());
        }
    }

    #[test]
    fn snapshot_has_a_time_and_a_list() {
        let snapshot = Snapshot { time: UNIX_EPOCH, noun: "streams", rows: &[1, 2] };
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(text, "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"streams\":[1,2]}");
    }
}
