//! Statistics about onion services.

use super::StatsPeriod;
use super::pairs::Pairs;
use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::line::{number_u64, signed_number};
use crate::netdoc::value::decimal;

/// Statistics about onion services of one version: the lines `hidserv-…`. The
/// numbers contain random noise, so they may be negative: see
/// [`ObfuscatedCount`].
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     hidserv-dir-v3-onions-seen -21 delta_f=8 epsilon=0.30 bin_size=8\n";
/// let statistics = ExtraInfo::parse(text)?.hidden_service_v3;
/// let seen = statistics.dir_onions_seen.expect("the line is there");
/// assert_eq!((seen.value, seen.epsilon, seen.bin_size), (-21, Some(0.3), Some(8)));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HiddenServiceStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// The number of RELAY cells that the relay forwarded as a rendezvous
    /// point, in both directions.
    pub rend_relayed_cells: Option<ObfuscatedCount<'a>>,
    /// The number of onion services whose descriptors the relay stored.
    pub dir_onions_seen: Option<ObfuscatedCount<'a>>,
}

/// A number to which random noise was added, so that it doesn't reveal what a
/// single user did.
///
/// The relay rounds the number up to a multiple of `bin_size`, and adds noise
/// of a Laplace distribution with the scale `delta_f` / `epsilon`. A parameter
/// is `None` if it is missing or malformed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ObfuscatedCount<'a> {
    /// The rounded number with the noise, which can make it negative.
    pub value: i64,
    /// The most by which a single user's activity can change the number.
    pub delta_f: Option<u64>,
    /// The privacy parameter of the noise. A smaller value means more noise.
    pub epsilon: Option<f64>,
    /// The relay rounds the number up to a multiple of this value.
    pub bin_size: Option<u64>,
    parameters: Pairs<'a>,
}

impl<'a> ObfuscatedCount<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the first word must be a number";
        let mut words = item.arguments_reader();
        let value = signed_number(words.word()?).ok_or(LineProblem::Value(FORM))?;
        let parameters = Pairs::parse(words.rest())?;
        let number = |name: &str| number_u64(parameters.get(name)?.as_bytes());
        Ok(ObfuscatedCount {
            value,
            delta_f: number("delta_f"),
            epsilon: parameters.get("epsilon").and_then(|text| decimal(text.as_bytes())),
            bin_size: number("bin_size"),
            parameters,
        })
    }

    /// Returns all parameters with their values, in the order of the document.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.parameters.iter()
    }
}

impl<'a> HiddenServiceStats<'a> {
    /// Sets the field for a line. `keyword` is the end of the line's keyword,
    /// which is the same for both versions of onion services: `stats-end`,
    /// `relayed-cells` or `onions-seen`.
    pub(super) fn read(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        match keyword {
            b"stats-end" => self.period = Some(StatsPeriod::read(&mut item.arguments_reader())?),
            b"relayed-cells" => self.rend_relayed_cells = Some(ObfuscatedCount::parse(item)?),
            b"onions-seen" => self.dir_onions_seen = Some(ObfuscatedCount::parse(item)?),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
fields! { "ObfuscatedCount", |count: ObfuscatedCount<'_>| {
    value: count.value,
    parameters: count.parameters,
} }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obfuscated_counts_are_a_number_with_pairs() {
        let parse = |rest: &str| -> Result<(i64, usize), LineProblem> {
            let line = format!("hidserv-dir-onions-seen {rest}");
            let item = Item::parse_all(line.as_bytes()).next().unwrap();
            let count = ObfuscatedCount::parse(&item)?;
            Ok((count.value, count.parameters().count()))
        };
        assert_eq!(parse("345"), Ok((345, 0)));
        assert_eq!(parse("-345 spiffy=true bin_size=x"), Ok((-345, 2)));
        for bad in ["", "hello", " key=value", "40 key", "40 key value", "40 key=", "4.0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
