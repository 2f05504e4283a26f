//! The error for an entry of a consensus that can't be parsed.

use super::LineProblem;

/// The error for an entry of a consensus that can't be parsed.
///
/// ```
/// use scape_proto::netdoc::{RouterStatus, RouterStatusProblem};
///
/// let mut results = RouterStatus::parse_all(b"r broken\n").results();
/// let error = results.find_map(|entry| entry.err()).expect("one entry is malformed");
/// assert_eq!((error.line(), error.position()), ("r broken", 0));
/// assert_eq!(error.problem(), RouterStatusProblem::Words);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed entry at byte {position}: {problem}: {line:?}")]
pub struct ParseRouterStatusError {
    pub(super) line: Box<str>,
    pub(super) position: usize,
    pub(super) problem: RouterStatusProblem,
}

error_debug!(ParseRouterStatusError);

impl ParseRouterStatusError {
    /// Returns the entry's line `r`. Invalid UTF-8 is replaced by U+FFFD.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Returns the entry's position, in bytes from the start of the text that
    /// contains the entries. For
    /// [`Consensus::relays`](super::Consensus::relays), the position is counted
    /// from the start of the consensus's [text](super::Consensus::text).
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the problem with the entry.
    pub fn problem(&self) -> RouterStatusProblem {
        self.problem
    }
}

/// The reason why an entry's line `r` can't be parsed. (Other malformed lines
/// are ignored.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterStatusProblem {
    /// The line `r` has too few words.
    #[error("too few words")]
    Words,
    /// The nickname isn't 1 to 19 letters and digits.
    #[error("the nickname must be 1 to 19 letters and digits")]
    Nickname,
    /// The identity isn't 20 bytes in base64.
    #[error("the identity must be 20 bytes in base64")]
    Identity,
    /// The third word after the keyword is neither a digest nor a date.
    #[error("the third word must be a digest or a date")]
    Digest,
    /// The address isn't an IPv4 address.
    #[error("the address must be an IPv4 address")]
    Address,
    /// A port isn't a number from 0 to 65535.
    #[error("the ports must be numbers from 0 to 65535")]
    Port,
}

impl RouterStatusProblem {
    /// Converts the problem to a [`LineProblem`].
    pub(super) fn of_line(self) -> LineProblem {
        match self {
            RouterStatusProblem::Words => LineProblem::Words,
            RouterStatusProblem::Nickname => {
                LineProblem::Value("the nickname must be 1 to 19 letters and digits")
            }
            RouterStatusProblem::Identity => {
                LineProblem::Value("the identity must be 20 bytes in base64")
            }
            RouterStatusProblem::Digest => {
                LineProblem::Value("the third word must be a digest or a date")
            }
            RouterStatusProblem::Address => {
                LineProblem::Value("the address must be an IPv4 address")
            }
            RouterStatusProblem::Port => {
                LineProblem::Value("the ports must be numbers from 0 to 65535")
            }
        }
    }
}
