//! Hand-written columns that show how fast any parser could be: one splits a
//! text into lines, and others parse a consensus.

use crate::bare_relays;

/// Splits a text into lines, and returns the number of lines that begin with
/// `keyword`.
pub(super) fn lines(text: &str, keyword: &str) -> usize {
    let (mut start, mut count) = (0, 0);
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        let line = &text.as_bytes()[start..end];
        start = end + 1;
        // The first byte rules most lines out.
        if line.first() == keyword.as_bytes().first() {
            let word = line.strip_prefix(keyword.as_bytes());
            count += usize::from(word.is_some_and(|rest| matches!(rest, [] | [b' ', ..])));
        }
    }
    count
}

pub(super) fn consensus_microdesc(text: &str) -> usize {
    bare_relays::read(text, false).len()
}

pub(super) fn consensus_full(text: &str) -> usize {
    bare_relays::read(text, true).len()
}
