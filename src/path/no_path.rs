//! Paths that don't exist.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// No path through the network is as it was asked for. The error says which hop
/// there is no relay for, and which rules rejected the relays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoPathError {
    /// The hop that no relay is left for, from 1.
    pub hop: usize,
    /// The number of hops that the path should have.
    pub length: usize,
    /// The number of relays that were looked at: those of the consensus, or the
    /// ones that were named for this hop.
    pub relays: usize,
    /// The number of relays that would do by themselves, if the other hops were
    /// others.
    pub candidates: usize,
    /// The number of relays that each rule rejected. Each relay is counted
    /// once, at the first rule that it breaks.
    pub rejected: Vec<(PathRule, usize)>,
}

/// A rule that a relay breaks, so that it cannot be at a place in a path.
/// path-spec, "Path selection and constraints".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PathRule {
    /// It is named, but is not in the consensus.
    NotInConsensus,
    /// It has not the flag `Running`.
    NotRunning,
    /// It has not the flag `Valid`.
    NotValid,
    /// tor has no microdescriptor of it (yet), so it cannot extend to it.
    NoDescriptor,
    /// It has not the flag `Fast`.
    NotFast,
    /// It has not the flag `Stable`, and the path is to be used for long.
    NotStable,
    /// It has the flag `MiddleOnly`, and this is the first hop or the last.
    MiddleOnly,
    /// It has not the flag `Guard`, and this is the first hop.
    NotGuard,
    /// It is none of this tor's entry guards, and this is the first hop.
    NotThisTorsGuard,
    /// It has the flag `BadExit`, and this is the last hop.
    BadExit,
    /// It has not the flag `Exit`, or its exit policy lets nothing out, and
    /// this is the last hop.
    NotExit,
    /// The exit policy refuses the target.
    ExitPolicy,
    /// It is not among the exits that were asked for.
    NotWanted,
    /// It is in none of the countries that the exit should be in, or it is not
    /// known in which.
    OtherCountry,
    /// It has less bandwidth than was asked for.
    TooSlow,
    /// It was excluded.
    Excluded,
    /// It is in a country that was excluded, or it is not known in which.
    ExcludedCountry,
    /// It failed just before.
    HasFailed,
    /// It is in the path already.
    SameRelay,
    /// It is of the same family as another hop.
    SameFamily,
    /// It is in the same network as another hop: /16 of IPv4 or /32 of IPv6.
    SameSubnet,
}

impl PathRule {
    fn text(self) -> &'static str {
        match self {
            PathRule::NotInConsensus => "not in the consensus",
            PathRule::NotRunning => "not running",
            PathRule::NotValid => "not valid",
            PathRule::NoDescriptor => "without a microdescriptor",
            PathRule::NotFast => "not fast",
            PathRule::NotStable => "not stable",
            PathRule::MiddleOnly => "for the middle only",
            PathRule::NotGuard => "no guard",
            PathRule::NotThisTorsGuard => "no entry guard of this tor",
            PathRule::BadExit => "bad exit",
            PathRule::NotExit => "no exit",
            PathRule::ExitPolicy => "does not exit to the target",
            PathRule::NotWanted => "not among the exits asked for",
            PathRule::OtherCountry => "not in the exit's country",
            PathRule::TooSlow => "too slow",
            PathRule::Excluded => "excluded",
            PathRule::ExcludedCountry => "in an excluded country",
            PathRule::HasFailed => "failed just before",
            PathRule::SameRelay => "in the path already",
            PathRule::SameFamily => "of the family of another hop",
            PathRule::SameSubnet => "in the network of another hop",
        }
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl NoPathError {
    /// Returns the number of relays that this rule rejected.
    pub fn rejected_by(&self, rule: PathRule) -> usize {
        self.rejected.iter().filter(|(by, _)| *by == rule).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for NoPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoPathError { hop, length, relays, candidates, .. } = self;
        write!(f, "no path: of {relays} relays none can be hop {hop} of {length}")?;
        for (index, (rule, count)) in self.rejected.iter().enumerate() {
            write!(f, "{}{rule}: {count}", if index == 0 { " (" } else { ", " })?;
        }
        if !self.rejected.is_empty() {
            write!(f, ")")?;
        }
        match candidates {
            0 => Ok(()),
            _ => write!(f, "; {candidates} could, if the other hops were others"),
        }
    }
}

impl std::error::Error for NoPathError {}

impl Cause for NoPathError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_which_hop_and_which_rules() {
        let error = NoPathError {
            hop: 3,
            length: 3,
            relays: 20,
            candidates: 5,
            rejected: vec![(PathRule::NotExit, 15), (PathRule::SameFamily, 5)],
        };
        assert_eq!(
            error.to_string(),
            "no path: of 20 relays none can be hop 3 of 3 (no exit: 15, of the family of another hop: 5); \
             5 could, if the other hops were others"
        );
        assert_eq!(error.rejected_by(PathRule::NotExit), 15);
        assert_eq!(error.rejected_by(PathRule::BadExit), 0);
    }
}
