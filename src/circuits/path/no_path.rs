//! [`NoPathError`]: the error if no path fits the settings.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// The error if no path through the network fits the settings. It names the hop
/// for which no relay was found, and counts the relays that each rule rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoPathError {
    /// The number of the hop for which no relay was found, counted from 1.
    pub hop: usize,
    /// The number of hops of the path.
    pub length: usize,
    /// The number of relays that were checked for this hop. Depending on the
    /// settings, these are all relays of the consensus, tor's entry guards, or
    /// the one relay that the user set.
    pub relays: usize,
    /// The number of relays that fit this hop, but not the other hops.
    pub candidates: usize,
    /// The number of relays that each rule rejected. Each relay is counted
    /// once, for the first rule that it breaks.
    pub rejected: Vec<(PathRule, usize)>,
}

/// The reason why a relay can't be used at a hop of a path. Each variant says
/// how the relay breaks one of the rules (path-spec, "Path selection and
/// constraints").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PathRule {
    /// The relay is named explicitly, but is not in the consensus.
    NotInConsensus,
    /// The relay doesn't have the flag `Running`.
    NotRunning,
    /// The relay doesn't have the flag `Valid`.
    NotValid,
    /// tor has no microdescriptor of the relay (yet), so tor can't extend a
    /// circuit to the relay.
    NoDescriptor,
    /// The relay doesn't have the flag `Fast`, which the path requires.
    NotFast,
    /// The relay doesn't have the flag `Stable`, which the path requires.
    NotStable,
    /// The relay has the flag `MiddleOnly`, so it can be neither the first hop
    /// nor an exit.
    MiddleOnly,
    /// The relay doesn't have the flag `Guard`, which the first hop needs.
    NotGuard,
    /// The first hop must be one of this tor's entry guards, but the relay
    /// isn't one of them.
    NotThisTorsGuard,
    /// The relay has the flag `BadExit`, so it can't be an exit.
    BadExit,
    /// The last hop must be an exit. The relay doesn't have the flag `Exit`, or
    /// its exit policy allows nothing.
    NotExit,
    /// The relay's exit policy refuses a target that
    /// [`PathBuilder::exit_to`](crate::path::PathBuilder::exit_to) sets for the
    /// last hop.
    ExitPolicy,
    /// The relay doesn't fulfil a condition that
    /// [`PathBuilder::exit_where`](crate::path::PathBuilder::exit_where) sets
    /// for the last hop.
    NotWanted,
    /// The last hop must be in one of the countries that
    /// [`PathBuilder::exit_in`](crate::path::PathBuilder::exit_in) sets. The
    /// relay is in another country, or its country is unknown.
    OtherCountry,
    /// The relay has less bandwidth than
    /// [`PathBuilder::min_bandwidth`](crate::path::PathBuilder::min_bandwidth)
    /// requires.
    TooSlow,
    /// The relay is excluded, by name or by a condition: see
    /// [`PathBuilder::exclude`](crate::path::PathBuilder::exclude).
    Excluded,
    /// The relay is in an excluded country, or its country is unknown.
    ExcludedCountry,
    /// The relay has failed in an earlier attempt.
    HasFailed,
    /// The relay is already in the path.
    SameRelay,
    /// The relay is in the same family as another hop.
    SameFamily,
    /// The relay is in the same network as another hop: /16 of IPv4 or /32 of
    /// IPv6.
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
            PathRule::MiddleOnly => "only for the middle",
            PathRule::NotGuard => "not a guard",
            PathRule::NotThisTorsGuard => "not an entry guard of this tor",
            PathRule::BadExit => "bad exit",
            PathRule::NotExit => "not an exit",
            PathRule::ExitPolicy => "does not exit to the target",
            PathRule::NotWanted => "rejected by the condition for exits",
            PathRule::OtherCountry => "not in a required country",
            PathRule::TooSlow => "too slow",
            PathRule::Excluded => "excluded",
            PathRule::ExcludedCountry => "in an excluded country",
            PathRule::HasFailed => "failed before",
            PathRule::SameRelay => "already in the path",
            PathRule::SameFamily => "in the family of another hop",
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
    ///
    /// ```no_run
    /// use scape::path::{NoPathError, PathBuilder, PathRule};
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let path = PathBuilder::new().random_guard().min_bandwidth(1_000_000);
    /// if let Err(error) = path.prepare(directory.into(), &[]) {
    ///     if let Some(no_path) = error.get::<NoPathError>() {
    ///         println!("{} relays are too slow", no_path.rejected_by(PathRule::TooSlow));
    ///     }
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn rejected_by(&self, rule: PathRule) -> usize {
        self.rejected.iter().filter(|(by, _)| *by == rule).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for NoPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoPathError { hop, length, relays, candidates, .. } = self;
        write!(f, "no path: none of {relays} relays can be hop {hop} of {length}")?;
        for (index, (rule, count)) in self.rejected.iter().enumerate() {
            write!(f, "{}{rule}: {count}", if index == 0 { " (" } else { ", " })?;
        }
        if !self.rejected.is_empty() {
            write!(f, ")")?;
        }
        match candidates {
            0 => Ok(()),
            _ => write!(f, "; {candidates} would fit with other hops"),
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
    fn no_path_error_names_the_hop_and_the_rules() {
        let error = NoPathError {
            hop: 3,
            length: 3,
            relays: 20,
            candidates: 5,
            rejected: vec![(PathRule::NotExit, 15), (PathRule::SameFamily, 5)],
        };
        assert_eq!(
            error.to_string(),
            "no path: none of 20 relays can be hop 3 of 3 (not an exit: 15, in the family of another hop: 5); \
             5 would fit with other hops"
        );
        assert_eq!(error.rejected_by(PathRule::NotExit), 15);
        assert_eq!(error.rejected_by(PathRule::BadExit), 0);
    }
}
