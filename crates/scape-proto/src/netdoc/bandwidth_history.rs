//! The bytes that a relay transferred in the past: dir-spec, the lines
//! `read-history` and `write-history`.

use std::time::{Duration, SystemTime};

use super::document_error::LineProblem;
use super::item::{Arguments, Item};
use super::line::{number_u64, signed_number};

/// The bytes that a relay transferred in each of the past intervals.
///
/// ```
/// use std::time::Duration;
/// use scape_proto::netdoc::ServerDescriptor;
///
/// let text = b"router relay04 127.0.0.14 9004 0 0\n\
///     read-history 2005-12-16 18:00:48 (900 s) 20774,489973\n";
/// let relay = ServerDescriptor::parse(text)?;
/// let history = relay.read_history.expect("the line is there");
/// assert_eq!(history.interval, Duration::from_secs(900));
/// assert_eq!(history.values().collect::<Vec<_>>(), [20774, 489973]);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BandwidthHistory<'a> {
    /// The end of the most recent interval.
    pub end: SystemTime,
    /// The length of each interval.
    pub interval: Duration,
    values: &'a [u8],
}

impl<'a> BandwidthHistory<'a> {
    /// Returns the number of bytes in each interval, the oldest first. The
    /// numbers are signed because some old versions of tor wrote negative ones.
    pub fn values(&self) -> impl Iterator<Item = i64> + use<'a> {
        values(self.values).flatten()
    }

    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const VALUES: &str = "the values must be numbers, separated by commas";
        let mut words = item.arguments_reader();
        let end = words.time()?;
        let interval = interval(&mut words)?;
        // tor writes nothing after the interval if there are no values yet.
        let list = if words.is_empty() { &b""[..] } else { words.word()? };
        if values(list).any(|value| value.is_none()) {
            return Err(LineProblem::Value(VALUES));
        }
        Ok(BandwidthHistory { end, interval, values: list })
    }
}

/// Reads an interval such as `(900 s)`.
pub(super) fn interval(words: &mut Arguments<'_>) -> Result<Duration, LineProblem> {
    const FORM: &str = "the interval must be a number of seconds in the form (900 s)";
    let (count, unit) = (words.word()?, words.word()?);
    let seconds = count.strip_prefix(b"(").and_then(number_u64).filter(|_| unit == b"s)");
    seconds.map(Duration::from_secs).ok_or(LineProblem::Value(FORM))
}

fn values(list: &[u8]) -> impl Iterator<Item = Option<i64>> {
    let words = list.split(|b| *b == b',').filter(|word| !word.is_empty());
    words.map(signed_number)
}

#[cfg(feature = "serde")]
impl serde::Serialize for BandwidthHistory<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::word::serial::Time;
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("BandwidthHistory", 3)?;
        fields.serialize_field("end", &Time::new(Some(self.end)))?;
        fields.serialize_field("interval", &self.interval.as_secs())?;
        fields.serialize_field("values", &self.values().collect::<Vec<_>>())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(line: &str) -> Result<(u64, Vec<i64>), LineProblem> {
        let item = Item::parse_all(line.as_bytes()).next().unwrap();
        let history = BandwidthHistory::parse(&item)?;
        Ok((history.interval.as_secs(), history.values().collect()))
    }

    #[test]
    fn histories_with_and_without_values() {
        let start = "write-history 2005-12-16 18:00:48";
        assert_eq!(history(&format!("{start} (900 s) 1,-2,3")), Ok((900, vec![1, -2, 3])));
        assert_eq!(history(&format!("{start} (900 s)")), Ok((900, vec![])));
        assert_eq!(history(&format!("{start} (900 s) 1,")), Ok((900, vec![1])));
    }

    #[test]
    fn malformed_histories_are_rejected() {
        for bad in [
            "h 2005-12-16",
            "h 2005-12-16 18:00:48",
            "h 2005-12-16 18:00:61 (900 s) 1",
            "h 2005-12-16 18:00:48 (900 m) 1",
            "h 2005-12-16 18:00:48 900 s 1",
            "h 2005-12-16 18:00:48 (x s) 1",
            "h 2005-12-16 18:00:48 (900 s) 1,x",
            "h 2005-12-16 18:00:48 (900 s) 99999999999999999999",
        ] {
            assert!(history(bad).is_err(), "{bad}");
        }
    }
}
