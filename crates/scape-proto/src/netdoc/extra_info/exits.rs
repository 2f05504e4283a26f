//! Statistics about the streams of exits.

use super::{PortCounts, StatsPeriod};
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;

/// Statistics about the streams of an exit: the lines `exit-…`. A field is
/// `None` if its line is missing or malformed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ExitStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// The data written to each port, in KiB.
    pub kibibytes_written: Option<PortCounts<'a>>,
    /// The data read from each port, in KiB.
    pub kibibytes_read: Option<PortCounts<'a>>,
    /// The number of streams to each port, rounded up to a multiple of 4.
    pub streams_opened: Option<PortCounts<'a>>,
}

impl<'a> ExitStats<'a> {
    /// Sets the field for a line. `keyword` is the line's keyword without
    /// `exit-`.
    pub(super) fn read(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        match keyword {
            b"stats-end" => self.period = Some(StatsPeriod::read(&mut item.arguments_reader())?),
            b"kibibytes-written" => self.kibibytes_written = Some(PortCounts::parse(item)?),
            b"kibibytes-read" => self.kibibytes_read = Some(PortCounts::parse(item)?),
            b"streams-opened" => self.streams_opened = Some(PortCounts::parse(item)?),
            _ => {}
        }
        Ok(())
    }
}
