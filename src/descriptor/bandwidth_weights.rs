//! How much of its bandwidth a relay counts for in each place of a circuit.

use std::fmt;

use super::line::{lossy, number, words};

/// The weights of a consensus: dir-spec, "Consensus", the line
/// `bandwidth-weights`; path-spec, "Weighting node selection".
///
/// `Wgg` is how much of a guard's bandwidth counts where a guard is chosen,
/// `Wme` how much of an exit's where a middle is, and so on: parts of
/// [`scale`](Self::scale).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandwidthWeights {
    scale: u32,
    weights: Box<[(Box<str>, u32)]>,
}

impl BandwidthWeights {
    /// What the weights are parts of, where the consensus does not say
    /// otherwise.
    pub const DEFAULT_SCALE: u32 = 10_000;

    /// Reads the line, without its keyword. What is no weight is left out.
    pub(super) fn parse(line: &[u8], scale: Option<i32>) -> Self {
        let weight = |word: &[u8]| {
            let (name, value) = word.split_at_checked(memchr::memchr(b'=', word)?)?;
            Some((lossy(name), number(value.strip_prefix(b"=")?)?))
        };
        // As tor does, that gives what is below 1 no meaning.
        let scale =
            scale.map_or(Self::DEFAULT_SCALE, |scale| u32::try_from(scale).unwrap_or(1).max(1));
        BandwidthWeights { scale, weights: words(line).filter_map(weight).collect() }
    }

    /// The weight of this name, at most [`scale`](Self::scale); `None` where
    /// the consensus has none, or a negative one.
    pub fn get(&self, name: &str) -> Option<u32> {
        let found = self.weights.iter().find(|(known, _)| **known == *name);
        found.map(|(_, weight)| (*weight).min(self.scale))
    }

    /// What the weights are parts of: the parameter `bwweightscale`.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Whether there is none. tor then takes every relay for what its bandwidth
    /// says.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.weights.iter().map(|(name, weight)| (&**name, (*weight).min(self.scale)))
    }
}

impl fmt::Display for BandwidthWeights {
    /// As the consensus writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, weight)) in self.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            write!(f, "{space}{name}={weight}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_their_scale() {
        let weights = BandwidthWeights::parse(b"Wbd=0 Wgg=5869 Wmm=20000 Wed=-1 Wee= odd =7", None);
        assert_eq!(
            (weights.get("Wbd"), weights.get("Wgg"), weights.get("Wmm")),
            (Some(0), Some(5869), Some(10_000))
        );
        assert_eq!(
            (weights.get("Wed"), weights.get("Wee"), weights.get("odd")),
            (None, None, None)
        );
        assert_eq!((weights.scale(), weights.is_empty()), (10_000, false));
        assert_eq!(weights.to_string(), "Wbd=0 Wgg=5869 Wmm=10000 =7");
        for (given, scale) in [(1, 1), (0, 1), (-5, 1), (1000, 1000)] {
            assert_eq!(BandwidthWeights::parse(b"", Some(given)).scale(), scale);
        }
        assert!(BandwidthWeights::parse(b"", None).is_empty());
    }
}
