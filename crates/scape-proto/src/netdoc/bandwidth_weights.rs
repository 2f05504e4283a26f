//! Weights for choosing relays by bandwidth.

use std::fmt;

use super::line::{lossy, number, words};

/// The bandwidth weights of a consensus: dir-spec, "Consensus", the line
/// `bandwidth-weights`; path-spec, "Weighting node selection".
///
/// A weight says how much of a relay's bandwidth counts for a position in a
/// circuit. A weight equal to [`scale`](Self::scale) means all of the
/// bandwidth, and a weight of 0 means none of it. For example, `Wgg` applies to
/// guards in the guard position, and `Wme` to exits in the middle position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandwidthWeights {
    scale: u32,
    weights: Box<[(Box<str>, u32)]>,
}

impl BandwidthWeights {
    /// The scale of the weights if the consensus doesn't set one.
    pub const DEFAULT_SCALE: u32 = 10_000;

    /// Parses the line `bandwidth-weights` without its keyword. Words that
    /// aren't weights are left out.
    pub(super) fn parse(line: &[u8], scale: Option<i32>) -> Self {
        let weight = |word: &[u8]| {
            let (name, value) = word.split_at_checked(memchr::memchr(b'=', word)?)?;
            Some((lossy(name), number(value.strip_prefix(b"=")?)?))
        };
        // Like tor, this replaces scales below 1, which have no meaning, by 1.
        let scale =
            scale.map_or(Self::DEFAULT_SCALE, |scale| u32::try_from(scale).unwrap_or(1).max(1));
        BandwidthWeights { scale, weights: words(line).filter_map(weight).collect() }
    }

    /// Returns the weight with this name, such as `Wgg`. A weight above
    /// [`scale`](Self::scale) is returned as the scale. Returns `None` if the
    /// consensus doesn't contain the weight, or if the weight is negative.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     directory-footer\nbandwidth-weights Wgg=5869 Wmg=4131\n";
    /// let weights = Consensus::parse(text)?.bandwidth_weights;
    /// assert_eq!(weights.get("Wgg"), Some(5869)); // 58.69 % of the bandwidth
    /// assert_eq!(weights.get("Wmd"), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<u32> {
        let found = self.weights.iter().find(|(known, _)| **known == *name);
        found.map(|(_, weight)| (*weight).min(self.scale))
    }

    /// Returns the scale of the weights: the network parameter `bwweightscale`,
    /// or [`DEFAULT_SCALE`](Self::DEFAULT_SCALE) if the consensus doesn't set
    /// that parameter.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Returns true if there are no weights. tor then counts the whole
    /// bandwidth of every relay.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Returns the names and values of all weights, in the order of the
    /// consensus. Weights above [`scale`](Self::scale) are returned as the
    /// scale.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     directory-footer\nbandwidth-weights Wgg=5869 Wmg=4131\n";
    /// let weights = Consensus::parse(text)?.bandwidth_weights;
    /// assert_eq!(weights.iter().collect::<Vec<_>>(), [("Wgg", 5869), ("Wmg", 4131)]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.weights.iter().map(|(name, weight)| (&**name, (*weight).min(self.scale)))
    }
}

impl fmt::Display for BandwidthWeights {
    /// Writes the weights in the form of the consensus: `name=value`, separated
    /// by spaces.
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
    fn bandwidth_weights_and_their_scale() {
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
