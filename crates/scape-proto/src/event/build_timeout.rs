//! The BUILDTIMEOUT_SET event: the time that building a circuit may take.

use std::fmt;
use std::time::Duration;

use super::extra::read_pairs;
use super::field;
use super::shown::InOneLine;
use crate::control::{Value, Words};
use crate::event::BuildTimeoutChange;

/// A change of the circuit build timeout. See control-spec, event
/// BUILDTIMEOUT_SET; path-spec, "Learning when to give up".
///
/// A field is `None` if its argument is missing or malformed.
///
/// Equality compares floating-point numbers by their bits: NaN equals NaN, and
/// 0 doesn't equal −0. (tor sends neither NaN nor −0.)
#[doc(alias = "BuildTimeoutSetEvent")]
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BuildTimeoutSet {
    /// The kind of change to the timeout.
    pub change: BuildTimeoutChange,
    /// The number of measured build times that the timeout is computed from
    /// (`TOTAL_TIMES`). `None` if the argument is missing or malformed.
    pub total_times: Option<u64>,
    /// The time that tor waits for a circuit to be built (`TIMEOUT_MS`,
    /// milliseconds). If building takes longer, tor doesn't use the circuit,
    /// and only measures how long building takes. `None` if the argument is
    /// missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub timeout: Option<Duration>,
    /// The parameter Xm of the Pareto distribution that tor fits to the build
    /// times (`XM`, milliseconds). `None` if the argument is missing or
    /// malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub xm: Option<Duration>,
    /// The parameter alpha of the Pareto distribution that tor fits to the
    /// build times (`ALPHA`). `None` if the argument is missing or malformed.
    pub alpha: Option<f64>,
    /// The share of circuits that should be built within the timeout
    /// (`CUTOFF_QUANTILE`), 0 to 1. `None` if the argument is missing or
    /// malformed.
    pub cutoff_quantile: Option<f64>,
    /// The share of circuits that took longer than the timeout
    /// (`TIMEOUT_RATE`), 0 to 1. `None` if the argument is missing or
    /// malformed.
    pub timeout_rate: Option<f64>,
    /// The time after which tor closes a circuit that it keeps open only to
    /// measure how long building takes (`CLOSE_MS`, milliseconds). `None` if
    /// the argument is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub close: Option<Duration>,
    /// The share of circuits that were closed after the time `close`
    /// (`CLOSE_RATE`), 0 to 1. `None` if the argument is missing or malformed.
    pub close_rate: Option<f64>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl BuildTimeoutSet {
    /// Parses the text after `BUILDTIMEOUT_SET`. Returns `None` if the kind of
    /// change is missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let change = Some(words.next_value()).filter(|word| !word.is_empty())?;
        let mut event = BuildTimeoutSet {
            change: field::keyword(change),
            total_times: None,
            timeout: None,
            xm: None,
            alpha: None,
            cutoff_quantile: None,
            timeout_rate: None,
            close: None,
            close_rate: None,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, extra_words) = read_pairs(words, |key, value| event.take(key, value));
        Some(BuildTimeoutSet { extra, extra_words, ..event })
    }

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        let milliseconds = || value.parse().map(Duration::from_millis);
        match key {
            "TOTAL_TIMES" => self.total_times = Some(value.parse()?),
            "TIMEOUT_MS" => self.timeout = Some(milliseconds()?),
            "XM" => self.xm = Some(milliseconds()?),
            "ALPHA" => self.alpha = Some(value.parse()?),
            "CUTOFF_QUANTILE" => self.cutoff_quantile = Some(value.parse()?),
            "TIMEOUT_RATE" => self.timeout_rate = Some(value.parse()?),
            "CLOSE_MS" => self.close = Some(milliseconds()?),
            "CLOSE_RATE" => self.close_rate = Some(value.parse()?),
            _ => return None,
        }
        Some(())
    }

    /// Returns all fields in a form that implements `Eq`: floating-point
    /// numbers become their bits.
    fn key(&self) -> (impl Eq + '_, [Option<u64>; 4]) {
        let exact = (&self.change, self.total_times, self.timeout, self.xm, self.close);
        let floats = [self.alpha, self.cutoff_quantile, self.timeout_rate, self.close_rate];
        ((exact, &self.extra, &self.extra_words), floats.map(|number| number.map(f64::to_bits)))
    }
}

impl PartialEq for BuildTimeoutSet {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for BuildTimeoutSet {}

impl fmt::Display for BuildTimeoutSet {
    /// Writes a short description, such as `COMPUTED: 1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{}", self.change)?;
        match self.timeout {
            Some(timeout) => write!(f, ": {timeout:?}"),
            None => Ok(()),
        }
    }
}
