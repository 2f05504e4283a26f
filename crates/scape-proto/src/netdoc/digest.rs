//! Digests of documents, or of the part of a document that is signed.

use memchr::memmem;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::item::Item;

/// Returns the SHA-1 digest of the text that [`signed_through`] returns, or
/// `None` if [`signed_through`] returns `None`.
pub(super) fn sha1_through(text: &[u8], end: &[u8]) -> Option<[u8; 20]> {
    signed_through(text, end).map(|signed| Sha1::digest(signed).into())
}

/// Returns a text from its start up to and including `end`. `end` must be a
/// line end, a keyword, and the space or line end after the keyword.
///
/// Returns `None` if the text doesn't contain `end`. Also returns `None` if an
/// earlier line begins with the keyword's characters, because tor ends the
/// signed part there, even if the line has a longer keyword.
pub(super) fn signed_through<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let (_, keyword) = end.split_last()?;
    let start = memmem::find(text, keyword)?;
    text.get(..start + end.len()).filter(|signed| signed.ends_with(end))
}

/// Returns true if a server descriptor or an extra-info document has a line
/// `router-digest` and no line `router-signature`. These are documents whose
/// keys were removed. The line `router-digest` alone proves nothing, because
/// anyone can write it into a document with a signature.
pub(super) fn is_sanitized(text: &[u8]) -> bool {
    let has = |keyword: &[u8]| Item::parse_all(text).any(|item| item.keyword() == keyword);
    has(b"router-digest") && !has(b"router-signature")
}

/// Returns the SHA-256 digest of a text from its start up to and including the
/// first line with this keyword and the object after it. Returns `None` if
/// there is no such line.
pub(super) fn sha256_through_object(text: &[u8], keyword: &[u8]) -> Option<[u8; 32]> {
    let mut items = Item::parse_all(text);
    items.by_ref().find(|item| item.keyword() == keyword)?;
    let end = text.len() - items.rest().len();
    text.get(..end).map(sha256_of_lines)
}

/// Returns the SHA-256 digest of a text. If the last line end is missing, as in
/// some answers of GETINFO, it counts as present.
pub(super) fn sha256_of_lines(text: &[u8]) -> [u8; 32] {
    let line_end: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
    Sha256::new().chain_update(text).chain_update(line_end).finalize().into()
}
