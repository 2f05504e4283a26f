//! The entries of a consensus, one after the other.

use super::RouterStatus;
use super::line::{Lines, find_line, keyword, lossy, starts_with_keyword};

/// The entries of a text: see [`RouterStatus::parse_all`].
///
/// It goes on whatever it meets: an entry that cannot be read is left out and
/// [counted](Self::skipped). Who wants to know what is wrong with it iterates
/// over the [results](Self::results).
#[derive(Debug, Clone)]
pub struct RouterStatuses<'a> {
    /// Begins with an entry, or is empty.
    rest: &'a [u8],
    /// How many bytes come before it.
    position: usize,
    skipped: usize,
    /// Whether the entries are those of a consensus document.
    in_consensus: bool,
}

/// The keywords of the lines that may come right after the last entry. A
/// consensus of an old method has no `directory-footer`.
const FOOTER: [&[u8]; 3] = [b"directory-footer", b"bandwidth-weights", b"directory-signature"];

/// Returns true if the text begins with an entry.
#[inline]
fn is_start(text: &[u8]) -> bool {
    starts_with_keyword(text, b"r")
}

/// Returns true if this is the header of a consensus, not of a vote.
fn is_consensus(header: &[u8]) -> bool {
    let status = find_line(header, b"\nvote-status").and_then(|start| header.get(start..));
    let status = status.and_then(|text| Lines::new(text).next()).map(|line| keyword(line).1);
    find_line(header, b"\nnetwork-status-version").is_some()
        && status.is_none_or(|s| s == b"consensus")
}

/// Returns true if the text begins with a line that ends an entry.
#[inline]
fn is_end(text: &[u8]) -> bool {
    // Most lines are told from these by their first byte.
    match text.first() {
        Some(b'r') => is_start(text),
        Some(b'd' | b'b') => is_footer(text),
        _ => false,
    }
}

/// Returns true if the text begins with a line of a consensus' footer.
pub(super) fn is_footer(text: &[u8]) -> bool {
    FOOTER.iter().any(|keyword| starts_with_keyword(text, keyword))
}

impl<'a> RouterStatuses<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let position = find_line(text, b"\nr").unwrap_or(text.len());
        let (before, rest) = text.split_at_checked(position).unwrap_or_default();
        RouterStatuses { rest, position, skipped: 0, in_consensus: is_consensus(before) }
    }

    /// The entries of a consensus, without what surrounds them.
    pub(super) fn of_consensus(text: &'a [u8]) -> Self {
        RouterStatuses { in_consensus: true, ..RouterStatuses::new(text) }
    }

    /// How many entries so far could not be read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The same entries, with errors in the places of those that cannot be
    /// read.
    ///
    /// ```
    /// use scape::descriptor::RouterStatus;
    ///
    /// let text = b"r broken\nr relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n";
    /// let results: Vec<_> = RouterStatus::parse_all(text).results().collect();
    /// assert_eq!(results[0].as_ref().map_err(|e| e.line()), Err("r broken"));
    /// assert_eq!(results[1].as_ref().map(|relay| relay.nickname()), Ok("relay04"));
    /// ```
    pub fn results(
        mut self,
    ) -> impl Iterator<Item = Result<RouterStatus<'a>, ParseRouterStatusError>> {
        std::iter::from_fn(move || self.next_result())
    }

    fn next_result(&mut self) -> Option<Result<RouterStatus<'a>, ParseRouterStatusError>> {
        let (text, position) = self.take_entry()?;
        Some(RouterStatus::parse(text, self.in_consensus).map_err(|problem| {
            let line = lossy(Lines::new(text).next().unwrap_or_default());
            ParseRouterStatusError { line, position, problem }
        }))
    }

    /// The next entry's text, and where it stands.
    #[inline]
    fn take_entry(&mut self) -> Option<(&'a [u8], usize)> {
        if !is_start(self.rest) {
            return None;
        }
        let mut lines = Lines::new(self.rest);
        lines.next();
        // Every line is looked at, for a search of three texts at once takes
        // longer.
        while !lines.rest().is_empty() && !is_end(lines.rest()) {
            lines.next();
        }
        let (text, rest) = self.rest.split_at_checked(self.rest.len() - lines.rest().len())?;
        let position = self.position;
        self.rest = rest;
        self.position += text.len();
        Some((text, position))
    }
}

impl<'a> Iterator for RouterStatuses<'a> {
    type Item = RouterStatus<'a>;

    #[inline]
    fn next(&mut self) -> Option<RouterStatus<'a>> {
        loop {
            let (text, _) = self.take_entry()?;
            match RouterStatus::parse(text, self.in_consensus) {
                Ok(status) => return Some(status),
                Err(_) => self.skipped += 1,
            }
        }
    }
}

impl std::iter::FusedIterator for RouterStatuses<'_> {}

/// An entry that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entry at byte {position} cannot be read, as {problem}: {line:?}")]
pub struct ParseRouterStatusError {
    line: Box<str>,
    position: usize,
    problem: RouterStatusProblem,
}

impl ParseRouterStatusError {
    /// Its line `r`, with what is no UTF-8 replaced.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Where it begins, in bytes from the text's start.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong with it.
    pub fn problem(&self) -> RouterStatusProblem {
        self.problem
    }
}

/// What is wrong with an entry's line `r`. (What is wrong with the others only
/// makes them unread.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterStatusProblem {
    /// It has too few words.
    #[error("words are missing")]
    Words,
    /// The nickname has not 1 to 19 letters and digits.
    #[error("a nickname has 1 to 19 letters and digits")]
    Nickname,
    /// The identity is not that of a relay.
    #[error("its identity is not 20 bytes in base64")]
    Identity,
    /// The third word is neither a digest nor a date.
    #[error("its third word is neither a digest nor a date")]
    Digest,
    /// The address is not one of IPv4.
    #[error("its address is none of IPv4")]
    Address,
    /// A port is none.
    #[error("one of its ports is none")]
    Port,
}
