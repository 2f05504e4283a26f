//! Statistics about requests for network statuses.

use super::{NamedCounts, StatsPeriod};
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::value::decimal;

/// Statistics about requests for network statuses: the lines `dirreq-…`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirreqStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// Requests for network statuses of version 2, which tor served until
    /// 2014.
    pub v2: DirreqCounts<'a>,
    /// Requests for consensuses.
    pub v3: DirreqCounts<'a>,
}

/// Statistics about requests for network statuses of one version. A field is
/// `None` if its line is missing or malformed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirreqCounts<'a> {
    /// The number of IP addresses by country, rounded up to a multiple of 8.
    pub ips: Option<NamedCounts<'a>>,
    /// The number of successful requests by country, rounded up to a multiple
    /// of 8.
    pub requests: Option<NamedCounts<'a>>,
    /// The share of all clients' requests that the relay expected to receive,
    /// in percent. May exceed 100 because of a defect in old versions of tor.
    pub share: Option<f64>,
    /// The number of answers by status: `ok`, `not-enough-sigs`,
    /// `unavailable`, `not-found`, `not-modified` and `busy`. Rounded up to a
    /// multiple of 4.
    pub responses: Option<NamedCounts<'a>>,
    /// Statistics about downloads from the directory port. The numbers of
    /// downloads are `complete`, `timeout` and `running`. The bandwidths in
    /// bytes per second are `min`, `max`, the median `md`, the deciles `d1` to
    /// `d4` and `d6` to `d9`, and the quartiles `q1` and `q3`.
    pub direct_downloads: Option<NamedCounts<'a>>,
    /// Statistics about downloads over circuits. The names are those of
    /// `direct_downloads`.
    pub tunneled_downloads: Option<NamedCounts<'a>>,
}

impl<'a> DirreqStats<'a> {
    /// Sets the field for a line. `keyword` is the line's keyword without
    /// `dirreq-`.
    pub(super) fn read(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        match (keyword, keyword.strip_prefix(b"v2-"), keyword.strip_prefix(b"v3-")) {
            (b"stats-end", ..) => {
                self.period = Some(StatsPeriod::read(&mut item.arguments_reader())?);
                Ok(())
            }
            (_, Some(keyword), _) => self.v2.read(keyword, item),
            (_, _, Some(keyword)) => self.v3.read(keyword, item),
            _ => Ok(()),
        }
    }
}

impl<'a> DirreqCounts<'a> {
    fn read(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        match keyword {
            b"ips" => self.ips = Some(NamedCounts::countries(item)?),
            b"reqs" => self.requests = Some(NamedCounts::countries(item)?),
            b"share" => self.share = Some(share(item)?),
            b"resp" => self.responses = Some(NamedCounts::words(item)?),
            b"direct-dl" => self.direct_downloads = Some(NamedCounts::words(item)?),
            b"tunneled-dl" => self.tunneled_downloads = Some(NamedCounts::words(item)?),
            _ => {}
        }
        Ok(())
    }
}

fn share(item: &Item<'_>) -> Result<f64, LineProblem> {
    const FORM: &str = "the share must be a percentage, such as 0.37%";
    let digits = item.arguments_reader().word()?.strip_suffix(b"%");
    let share = digits.and_then(decimal).filter(|share| *share >= 0.0);
    share.ok_or(LineProblem::Value(FORM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_a_percentage() {
        let read = |text: &str| {
            let line = format!("dirreq-v3-share {text}");
            let item = Item::parse_all(line.as_bytes()).next().unwrap();
            share(&item).ok()
        };
        assert_eq!(
            (read("0.37%"), read("50%"), read("101.0%")),
            (Some(0.37), Some(50.0), Some(101.0))
        );
        for bad in ["", "100", "-5%", "%", "nan%"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
