//! The parts of a consensus, a vote and other network statuses: the header, the
//! relays' entries and the footer.

use memchr::memmem;

use super::annotations;
use super::digest::signed_through;
use super::document_error::{DocumentError, LineProblem};
use super::entry_form::EntryForm;
use super::item::Item;
use super::line::{Lines, find_line, keyword, starts_with_keyword};
use super::router_statuses::{RouterStatuses, is_footer};
use super::rules::{self, Depth, Rules};

/// A network status, cut into its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatusParts<'a> {
    pub(super) text: &'a [u8],
    pub(super) header: &'a [u8],
    pub(super) entries: &'a [u8],
    pub(super) footer: &'a [u8],
}

impl<'a> StatusParts<'a> {
    /// Cuts a text into its parts. Annotations before the header are left out.
    pub(super) fn new(text: &'a [u8]) -> Self {
        let text = annotations::strip_leading(text);
        let (before, footer) = text.split_at_checked(footer_start(text)).unwrap_or((text, b""));
        // A text that begins with an entry has no header and is rejected later.
        let entries = find_line(before, b"\nr").filter(|start| *start > 0);
        let header = entries.unwrap_or(before.len());
        let (header, entries) = before.split_at_checked(header).unwrap_or((before, b""));
        StatusParts { text, header, entries, footer }
    }

    /// Returns an iterator over the relays' entries. `form` is the kind of this
    /// document.
    pub(super) fn relays(&self, form: EntryForm) -> RouterStatuses<'a> {
        RouterStatuses::of_document(self.header, self.entries, form)
    }

    /// Reads the footer. Line numbers are counted from the start of the text.
    pub(super) fn read_footer(
        &self,
        rules: &Rules,
        depth: Depth,
        line: impl FnMut(&Item<'a>) -> Result<(), LineProblem>,
    ) -> Result<Vec<DocumentError>, DocumentError> {
        let skipped = rules::read_part(rules, self.footer, depth, line);
        let moved = |error: DocumentError| error.after_lines(self.lines_before_footer());
        skipped.map_err(moved).map(|all| all.into_iter().map(moved).collect())
    }

    fn lines_before_footer(&self) -> usize {
        count_lines(self.header) + count_lines(self.entries)
    }

    /// Checks every entry, and that the header and the entries contain no line
    /// of the footer. If `are_sorted` is true, the fingerprints of the entries
    /// must be in ascending order.
    pub(super) fn check_entries(
        &self,
        form: EntryForm,
        are_sorted: bool,
    ) -> Result<(), DocumentError> {
        const SORTED: &str = "the entries must be sorted by fingerprint, and each must be unique";
        self.check_footer(form)?;
        let mut last = None;
        let mut line = count_lines(self.header);
        for entry in self.relays(form).strict() {
            let entry = entry?;
            if are_sorted && last >= Some(entry.fingerprint()) {
                let problem = LineProblem::Value(SORTED);
                return Err(DocumentError::new(form.document(), Some(line + 1), b"r", problem));
            }
            last = Some(entry.fingerprint());
            line += count_lines(entry.text());
        }
        Ok(())
    }

    /// Checks that the header and the entries contain no line of the footer.
    fn check_footer(&self, form: EntryForm) -> Result<(), DocumentError> {
        let before = self.text.len() - self.footer.len();
        let lines = Lines::new(self.text.get(..before).unwrap_or_default());
        match lines.enumerate().find(|(_, line)| is_footer(line)) {
            Some((before, line)) => {
                let (word, _) = keyword(line);
                Err(DocumentError::new(form.document(), Some(before + 1), word, LineProblem::Order))
            }
            None => Ok(()),
        }
    }
}

/// Returns the number of line ends in a text.
pub(super) fn count_lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// Returns the position of the footer, or the length of the text if there is no
/// footer. The footer of an old consensus method has no line
/// `directory-footer`, so the other lines of a footer are looked for as well.
fn footer_start(text: &[u8]) -> usize {
    // Another keyword may begin in the same way, so each place is checked.
    let is_start = |start: &usize| text.get(*start..).is_some_and(is_footer);
    let ends = memmem::rfind_iter(text, b"\ndirectory-footer");
    if let Some(start) = ends.map(|end| end + 1).find(is_start) {
        return start;
    }
    let entries = find_line(text, b"\nr").unwrap_or(0);
    let mut lines = Lines::new(text.get(entries..).unwrap_or_default());
    while !lines.rest().is_empty() && !is_footer(lines.rest()) {
        lines.next();
    }
    text.len() - lines.rest().len()
}

/// Returns the part of a consensus or a vote that is signed: everything from
/// the line `network-status-version` up to the space after the first
/// `directory-signature`. Returns `None` if there is no signature, or if the
/// text begins with another line.
pub(super) fn signed_text(text: &[u8]) -> Option<&[u8]> {
    // The signed part must not begin later than the parsed lines, so a text
    // that begins with `opt` has no signed part.
    let begins = starts_with_keyword(text, b"network-status-version");
    signed_through(text, b"\ndirectory-signature ").filter(|_| begins)
}
