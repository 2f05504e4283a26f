//! Statistics about connections between relays.

use super::StatsPeriod;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::line::number_u64;

/// The number of connections that were used in one direction or in both: the
/// lines `conn-bi-direct` and `ipv6-conn-bi-direct`.
///
/// Each connection counts once for each period of 10 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The period in which the statistics were collected.
    pub period: StatsPeriod,
    /// The number of connections with less than 20 KiB of data.
    pub below: u64,
    /// The number of connections that read at least 10 times more than they
    /// wrote.
    pub read: u64,
    /// The number of connections that wrote at least 10 times more than they
    /// read.
    pub written: u64,
    /// The number of all other connections.
    pub both: u64,
}

impl ConnectionStats {
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        const FORM: &str = "four numbers, separated by commas, must follow the interval";
        let mut words = item.arguments_reader();
        let period = StatsPeriod::read(&mut words)?;
        let numbers = words.word()?.split(|b| *b == b',').map(number_u64);
        match *numbers.take(5).collect::<Vec<_>>() {
            [Some(below), Some(read), Some(written), Some(both)] => {
                Ok(ConnectionStats { period, below, read, written, both })
            }
            _ => Err(LineProblem::Value(FORM)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_stats_are_four_numbers() {
        let parse = |rest: &str| {
            let line = format!("conn-bi-direct {rest}");
            ConnectionStats::parse(&Item::parse_all(line.as_bytes()).next().unwrap())
        };
        let stats = parse("2012-05-03 12:07:50 (500 s) 277431,12089,0,2134").unwrap();
        assert_eq!(
            (stats.below, stats.read, stats.written, stats.both),
            (277_431, 12_089, 0, 2134)
        );
        for bad in [
            "",
            "2012-05-03",
            "2012-05-03 12:07:61 (500 s) 1,2,3,4",
            "2012-05-03 12:07:50 (500 s",
            "2012-05-03 12:07:50 (500s) 1,2,3,4",
            "2012-05-03 12:07:50 (500 s)11",
            "2012-05-03 12:07:50 (500 s)",
            "2012-05-03 12:07:50 (500 s) 1,2,3",
            "2012-05-03 12:07:50 (500 s) 1,2,3,4,5",
            "2012-05-03 12:07:50 (500 s) 1,2,0a,3",
            "2012-05-03 12:07:50 (500 s) -1,2,0,3",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
