//! Values in JSON.

use std::time::SystemTime;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// Serializes a time in RFC 3339 with microseconds, which is as precise as tor
/// is. An unknown time is null.
pub(crate) fn time<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&humantime::format_rfc3339_micros(*time)),
        None => serializer.serialize_none(),
    }
}

/// A list at one moment, as `--watch` prints it: an object with the time and the
/// list.
#[derive(Debug)]
pub(crate) struct Snapshot<'a, R> {
    pub(crate) time: SystemTime,
    /// The key of the list, such as `circuits`.
    pub(crate) noun: &'static str,
    pub(crate) rows: &'a [R],
}

impl<R: Serialize> Serialize for Snapshot<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("time", &humantime::format_rfc3339_micros(self.time).to_string())?;
        map.serialize_entry(self.noun, self.rows)?;
        map.end()
    }
}
