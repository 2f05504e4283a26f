//! BUILDTIMEOUT_SET: how long circuits may take to be built.

use std::fmt;
use std::time::Duration;

use super::extra::read_pairs;
use super::field;
use crate::event::BuildTimeoutChange;
use crate::protocol::{Value, Words};

/// The circuit build timeout was set. control-spec, event BUILDTIMEOUT_SET;
/// path-spec, "Learning when to give up".
///
/// Two of them are equal if their numbers have the same bits, so that equality
/// is total: NaN equals NaN, and 0 does not equal −0. (tor writes neither.)
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildTimeoutSet {
    /// What happened.
    pub change: BuildTimeoutChange,
    /// How many times of circuits are known (`TOTAL_TIMES`).
    pub total_times: Option<u64>,
    /// After this time a circuit is given up, and only measured on
    /// (`TIMEOUT_MS`, milliseconds).
    pub timeout: Option<Duration>,
    /// The Pareto distribution's Xm (`XM`, milliseconds).
    pub xm: Option<Duration>,
    /// The Pareto distribution's alpha (`ALPHA`).
    pub alpha: Option<f64>,
    /// The share of circuits that are to be done within the timeout
    /// (`CUTOFF_QUANTILE`), 0 to 1.
    pub cutoff_quantile: Option<f64>,
    /// The share of circuits that took longer (`TIMEOUT_RATE`), 0 to 1.
    pub timeout_rate: Option<f64>,
    /// After this time a circuit is closed, and not measured either
    /// (`CLOSE_MS`, milliseconds).
    pub close: Option<Duration>,
    /// The share of circuits that were closed so (`CLOSE_RATE`), 0 to 1.
    pub close_rate: Option<f64>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl BuildTimeoutSet {
    /// Reads what follows `BUILDTIMEOUT_SET`. `None` without a word for what
    /// happened.
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

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
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

    /// What has total equality by itself, and the bits of what has not.
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
    /// Such as `COMPUTED: 1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.fmt(f)?;
        match self.timeout {
            Some(timeout) => write!(f, ": {timeout:?}"),
            None => Ok(()),
        }
    }
}
