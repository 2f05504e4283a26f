//! Statistics about cells in the queues of circuits.

use super::StatsPeriod;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::value::decimal;

/// Statistics about the cells in the queues of circuits: the lines `cell-…`. A
/// field is `None` if its line is missing or malformed.
///
/// Circuits are sorted by their number of cells, from the loudest to the
/// quietest, and divided into ten groups.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     cell-queued-cells 1.50,0.25,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00\n";
/// let queued = ExtraInfo::parse(text)?.cell.queued_cells.expect("the line is there");
/// assert_eq!(queued.values().take(2).collect::<Vec<_>>(), [1.5, 0.25]);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CellStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// The mean number of processed cells per circuit.
    pub processed_cells: Option<Deciles<'a>>,
    /// The mean number of cells in the queue of a circuit.
    pub queued_cells: Option<Deciles<'a>>,
    /// The mean time that a cell spent in a queue, in milliseconds.
    pub time_in_queue: Option<Deciles<'a>>,
    /// The mean number of circuits in each of the ten groups.
    pub circuits_per_decile: Option<u64>,
}

impl<'a> CellStats<'a> {
    /// Sets the field for a line. `keyword` is the line's keyword without
    /// `cell-`. Other keywords are ignored.
    pub(super) fn read(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        match keyword {
            b"stats-end" => self.period = Some(StatsPeriod::read(&mut item.arguments_reader())?),
            b"processed-cells" => self.processed_cells = Some(Deciles::parse(item)?),
            b"queued-cells" => self.queued_cells = Some(Deciles::parse(item)?),
            b"time-in-queue" => self.time_in_queue = Some(Deciles::parse(item)?),
            b"circuits-per-decile" => {
                self.circuits_per_decile =
                    Some(item.number("the number of circuits is malformed")?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A mean value for each of the ten groups of circuits. See [`CellStats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deciles<'a> {
    list: &'a [u8],
}

impl<'a> Deciles<'a> {
    /// Returns the values, beginning with the loudest circuits. Values may be
    /// negative, because some old versions of tor wrote negative numbers.
    pub fn values(&self) -> impl Iterator<Item = f64> + use<'a> {
        self.list.split(|b| *b == b',').filter_map(decimal)
    }

    fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the values must be decimal numbers, separated by commas";
        let list = item.words().next().unwrap_or_default();
        let is_valid = list.split(|b| *b == b',').all(|value| decimal(value).is_some());
        if list.is_empty() || is_valid {
            Ok(Deciles { list })
        } else {
            Err(LineProblem::Value(FORM))
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Deciles<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deciles_are_decimal_numbers() {
        let values = |list: &str| {
            let line = format!("cell-queued-cells {list}");
            let item = Item::parse_all(line.as_bytes()).next().unwrap();
            Deciles::parse(&item).map(|deciles| deciles.values().collect::<Vec<_>>())
        };
        assert_eq!(values(""), Ok(vec![]));
        assert_eq!(values("2.3,-4.6,32"), Ok(vec![2.3, -4.6, 32.0]));
        for bad in [",,11", "abc,5.7", "1,", "1;2"] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }
}
