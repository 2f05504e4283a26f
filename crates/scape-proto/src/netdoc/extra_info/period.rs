//! The time for which statistics are published: dir-spec, lines such as
//! `dirreq-stats-end`.

use std::time::{Duration, SystemTime};

use crate::netdoc::bandwidth_history::interval;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Arguments;

/// The period in which a relay collected statistics.
///
/// ```
/// use std::time::Duration;
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     entry-stats-end 2026-11-21 03:16:05 (86400 s)\n";
/// let period = ExtraInfo::parse(text)?.entry.period.expect("the line is there");
/// assert_eq!(period.length, Duration::from_secs(86_400));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StatsPeriod {
    /// The end of the period.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub end: SystemTime,
    /// The length of the period. Usually a day.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub length: Duration,
}

impl StatsPeriod {
    /// Reads a period in the form `2026-11-21 03:16:05 (86400 s)`.
    pub(super) fn read(words: &mut Arguments<'_>) -> Result<Self, LineProblem> {
        Ok(StatsPeriod { end: words.time()?, length: interval(words)? })
    }
}
