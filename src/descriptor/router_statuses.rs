//! The entries of a consensus, one after the other.

use memchr::memmem;

use super::RouterStatus;
use super::line::{Lines, lossy};

/// The entries of a text: see [`RouterStatus::parse_all`].
///
/// It goes on whatever it meets: an entry that cannot be read is left out and [counted](Self::skipped). Who wants to know
/// what is wrong with it iterates over the [results](Self::results).
#[derive(Debug, Clone)]
pub struct RouterStatuses<'a> {
    /// Begins with an entry, or is empty.
    rest: &'a [u8],
    /// How many bytes come before it.
    position: usize,
    skipped: usize,
}

/// What ends an entry: the next one, and what follows the last one.
const ENDS: [&[u8]; 3] = [b"r ", b"directory-footer", b"directory-signature "];

impl<'a> RouterStatuses<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let first = match text.starts_with(b"r ") {
            true => Some(0),
            false => memmem::find(text, b"\nr ").map(|end| end + 1),
        };
        let position = first.unwrap_or(text.len());
        RouterStatuses { rest: text.get(position..).unwrap_or_default(), position, skipped: 0 }
    }

    /// How many entries so far could not be read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The same entries, with errors in the places of those that cannot be read.
    ///
    /// ```
    /// use scape::descriptor::RouterStatus;
    ///
    /// let text = b"r broken\nr relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n";
    /// let results: Vec<_> = RouterStatus::parse_all(text).results().collect();
    /// assert_eq!(results[0].as_ref().map_err(|e| e.line()), Err("r broken"));
    /// assert_eq!(results[1].as_ref().map(|relay| relay.nickname()), Ok("relay04"));
    /// ```
    pub fn results(mut self) -> impl Iterator<Item = Result<RouterStatus<'a>, ParseRouterStatusError>> {
        std::iter::from_fn(move || self.next_result())
    }

    fn next_result(&mut self) -> Option<Result<RouterStatus<'a>, ParseRouterStatusError>> {
        let (text, position) = self.take_entry()?;
        Some(RouterStatus::parse(text).map_err(|problem| {
            let line = lossy(Lines::new(text).next().unwrap_or_default());
            ParseRouterStatusError { line, position, problem }
        }))
    }

    /// The next entry's text, and where it stands.
    #[inline]
    fn take_entry(&mut self) -> Option<(&'a [u8], usize)> {
        if !self.rest.starts_with(b"r ") {
            return None;
        }
        let mut lines = Lines::new(self.rest);
        lines.next();
        // Every line is looked at, for a search of three texts at once takes longer.
        while !lines.rest().is_empty() && !ENDS.iter().any(|end| lines.rest().starts_with(end)) {
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
            match RouterStatus::parse(text) {
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

/// What is wrong with an entry's line `r`. (What is wrong with the others only makes them unread.)
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
