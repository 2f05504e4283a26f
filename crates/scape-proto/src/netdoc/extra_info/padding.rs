//! Statistics about padding.

use super::StatsPeriod;
use super::pairs::Pairs;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::line::number_u64;

/// Counts of the padding cells, and of all cells, that the relay sent and
/// received in a period: the line `padding-counts`.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     padding-counts 2026-11-21 03:16:05 (86400 s) bin-size=10000 write-pad=20000\n";
/// let padding = ExtraInfo::parse(text)?.padding.expect("the line is there");
/// assert_eq!(padding.get("write-pad"), Some(20000));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaddingCounts<'a> {
    /// The period in which the statistics were collected.
    pub period: StatsPeriod,
    counts: Pairs<'a>,
}

impl<'a> PaddingCounts<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        let mut words = item.arguments_reader();
        let period = StatsPeriod::read(&mut words)?;
        Ok(PaddingCounts { period, counts: Pairs::parse(words.rest())? })
    }

    /// Returns the number with this name. Returns `None` if the name is missing
    /// or its value isn't a number.
    ///
    /// tor writes `bin-size`, `max-chanpad-timers`, and numbers of cells, which
    /// it rounds up to a multiple of `bin-size`: `write-drop`, `write-pad`,
    /// `write-total`, `read-drop`, `read-pad`, `read-total`,
    /// `enabled-read-pad`, `enabled-read-total`, `enabled-write-pad` and
    /// `enabled-write-total`.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.counts.get(name).and_then(|value| number_u64(value.as_bytes()))
    }

    /// Returns the names with their values, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.counts.iter()
    }
}

#[cfg(feature = "serde")]
fields! { "PaddingCounts", |padding: PaddingCounts<'_>| {
    period: padding.period,
    counts: padding.counts,
} }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_counts_are_pairs() {
        let parse = |rest: &str| -> Result<Vec<(String, String)>, LineProblem> {
            let line = format!("padding-counts {rest}");
            let item = Item::parse_all(line.as_bytes()).next().unwrap();
            let counts = PaddingCounts::parse(&item)?;
            Ok(counts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        let found = parse("2017-05-17 11:02:58 (86400 s) bin-size=10000 new=test").unwrap();
        assert_eq!(found[1], ("new".to_owned(), "test".to_owned()));
        for bad in [
            "",
            "2012-05-03",
            "2012-05-03 12:07:50 (500s) a=1",
            "2012-05-03 12:07:50 (500 s)bin-size=10",
            "2012-05-03 12:07:50 (500 s) bin-size",
            "2012-05-03 12:07:50 (500 s) bin-size=",
            "2012-05-03 12:07:50 (500 s) =10",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
