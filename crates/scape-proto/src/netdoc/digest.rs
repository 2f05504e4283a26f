//! Digests of documents.

use memchr::memmem;
use sha1::{Digest, Sha1};

/// Returns the SHA-1 digest of a text from its start up to and including the
/// first line that is exactly `end`, given with the line ends before and after
/// it. Returns `None` if there is no such line.
pub(super) fn sha1_through(text: &[u8], end: &[u8]) -> Option<[u8; 20]> {
    signed_through(text, end).map(|signed| Sha1::digest(signed).into())
}

/// Returns a text from its start up to and including the first line that is
/// exactly `end`, given with the line ends before and after it.
pub(super) fn signed_through<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let start = memmem::find(text, end)?;
    text.get(..start + end.len())
}
