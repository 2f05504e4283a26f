//! Comparing the text of a document with the part that is signed.

use super::error::{VerifyError, VerifyProblem};
use crate::netdoc::Item;
use crate::netdoc::line::starts_with_keyword;

/// Checks that all lines of a document are signed.
///
/// `text` and `signed` must begin with the line `first`, without the word
/// `opt`. The signed part ends with the keyword `last` and a space or a line
/// end. The line with this keyword must be the first of at most `most` lines
/// with the keyword, and no other line may follow.
///
/// Parsers read the whole text. Without this check, fields of a verified
/// document could come from lines that nobody signed.
pub(super) fn check_all_signed(
    text: &[u8],
    signed: &[u8],
    first: &'static str,
    last: &'static str,
    most: usize,
) -> Result<(), VerifyError> {
    if !starts_with_keyword(text, first.as_bytes()) {
        return Err(VerifyError::new(first, VerifyProblem::Missing));
    }
    if !text.starts_with(signed) {
        return Err(VerifyError::new(first, VerifyProblem::Unsigned));
    }
    let start = signed.len().checked_sub(last.len() + 1);
    let rest = start.and_then(|start| text.get(start..)).unwrap_or_default();
    let mut count = 0;
    for item in Item::parse_all(rest) {
        count += 1;
        if item.keyword() != last.as_bytes() || count > most {
            return Err(VerifyError::new(last, VerifyProblem::Unsigned));
        }
    }
    Ok(())
}
