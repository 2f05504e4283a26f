//! Iterator over the entries of a consensus.

use super::entry_form::EntryForm;
use super::item::Item;
use super::line::{Lines, find_line, first_word, lossy, starts_with_keyword};
use super::router_status_error::ParseRouterStatusError;
use super::{DocumentError, RouterStatus};

/// An iterator over the entries in a text. See [`RouterStatus::parse_all`].
///
/// An entry that can't be parsed is skipped and [counted](Self::skipped). Use
/// [`results`](Self::results) to get the errors instead.
#[derive(Debug, Clone)]
pub struct RouterStatuses<'a> {
    /// The remaining text. It begins with an entry or is empty.
    rest: &'a [u8],
    /// The number of bytes before `rest`, counted from the start of the
    /// document.
    position: usize,
    skipped: usize,
    /// The text before the first entry, for counting its lines.
    before: &'a [u8],
    form: EntryForm,
}

/// The keywords of the lines that may follow the last entry. A consensus of an
/// old method has no `directory-footer`.
const FOOTER: [&[u8]; 3] = [b"directory-footer", b"bandwidth-weights", b"directory-signature"];

/// Returns true if the text begins with an entry.
#[inline]
fn is_start(text: &[u8]) -> bool {
    starts_with_keyword(text, b"r")
}

/// Returns true if `header` is the header of a consensus. Returns false for the
/// header of a vote and for any other text.
fn is_consensus(header: &[u8]) -> bool {
    let find = |keyword: &[u8]| Item::parse_all(header).find(|item| item.keyword() == keyword);
    let status = find(b"vote-status").map(|item| first_word(item.arguments()));
    find(b"network-status-version").is_some() && status.is_none_or(|s| s == b"consensus")
}

/// Returns true if the text begins with a line that follows a complete entry:
/// the first line of the next entry, or a line of the footer.
#[inline]
fn is_end(text: &[u8]) -> bool {
    // The first byte is enough to rule out most lines.
    match text.first() {
        Some(b'r') => is_start(text),
        Some(b'd' | b'b') => is_footer(text),
        _ => false,
    }
}

/// Returns true if the text begins with a line of a consensus footer.
pub(super) fn is_footer(text: &[u8]) -> bool {
    FOOTER.iter().any(|keyword| starts_with_keyword(text, keyword))
}

impl<'a> RouterStatuses<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let position = find_line(text, b"\nr").unwrap_or(text.len());
        let (before, rest) = text.split_at_checked(position).unwrap_or_default();
        let form = if is_consensus(before) { EntryForm::Consensus } else { EntryForm::Alone };
        RouterStatuses { rest, position, skipped: 0, before, form }
    }

    /// Creates an iterator over the entries of a document. `before` is the
    /// document's header, and `entries` is the document without its header and
    /// footer.
    pub(super) fn of_document(before: &'a [u8], entries: &'a [u8], form: EntryForm) -> Self {
        RouterStatuses { rest: entries, position: before.len(), skipped: 0, before, form }
    }

    /// Returns the number of entries that were skipped so far because they
    /// couldn't be parsed.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterStatus;
    ///
    /// let mut entries = RouterStatus::parse_all(b"r broken\n");
    /// assert!(entries.next().is_none());
    /// assert_eq!(entries.skipped(), 1);
    /// ```
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Converts this iterator to one that skips no entries. The new iterator
    /// returns an error for each entry that can't be parsed.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterStatus;
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

    /// Converts this iterator to one that checks the number and the form of
    /// each entry's lines. The new iterator returns an error for each entry
    /// that breaks a rule of dir-spec. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, RouterStatus};
    ///
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     w Bandwidth=4000\n";
    /// let error = RouterStatus::parse_all(text).strict().find_map(|entry| entry.err());
    /// let error = error.expect("the line s is missing");
    /// assert_eq!((error.keyword(), error.problem()), ("s", LineProblem::Missing));
    /// ```
    pub fn strict(mut self) -> impl Iterator<Item = Result<RouterStatus<'a>, DocumentError>> {
        let count = |text| memchr::memchr_iter(b'\n', text).count();
        let mut lines = count(self.before);
        std::iter::from_fn(move || {
            let (text, _) = self.take_entry()?;
            let entry = RouterStatus::parse_strictly(text, self.form);
            let entry = entry.map_err(|error| error.after_lines(lines));
            lines += count(text);
            Some(entry)
        })
    }

    /// Returns the number of remaining entries, including those that can't be
    /// parsed.
    pub(crate) fn count_all(mut self) -> usize {
        std::iter::from_fn(|| self.take_entry()).count()
    }

    fn next_result(&mut self) -> Option<Result<RouterStatus<'a>, ParseRouterStatusError>> {
        let (text, position) = self.take_entry()?;
        Some(RouterStatus::parse(text, self.form.is_consensus()).map_err(|problem| {
            let line = lossy(Lines::new(text).next().unwrap_or_default());
            ParseRouterStatusError { line, position, problem }
        }))
    }

    /// Returns the text of the next entry and its position, or `None` at the
    /// end.
    #[inline]
    fn take_entry(&mut self) -> Option<(&'a [u8], usize)> {
        if !is_start(self.rest) {
            return None;
        }
        let mut lines = Lines::new(self.rest);
        lines.next();
        // This looks at each line, because searching the text for all keywords
        // in one pass is slower.
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
            match RouterStatus::parse(text, self.form.is_consensus()) {
                Ok(status) => return Some(status),
                Err(_) => self.skipped += 1,
            }
        }
    }
}

impl std::iter::FusedIterator for RouterStatuses<'_> {}
