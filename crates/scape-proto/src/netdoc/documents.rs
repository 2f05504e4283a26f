//! Splitting a text into its documents.

use std::marker::PhantomData;

use super::annotations::strip_trailing;
use super::document_error::DocumentError;
use super::line::find_line;
use super::rules::Depth;

/// A type of document that can occur several times in one text. The trait is
/// sealed: other crates can't name it.
pub trait Split<'a>: Sized {
    /// A line end, followed by the keyword of the document's first line.
    const START: &'static [u8];

    /// Parses the text of one document, which begins with the keyword in
    /// [`START`](Self::START).
    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError>;
}

/// An iterator over the documents in a text. The methods `parse_all` of several
/// document types return it.
///
/// Text before the first document is left out. The annotations before and after
/// a document, which are lines that begin with `@`, aren't part of it.
///
/// ```
/// use scape_proto::netdoc::ServerDescriptor;
///
/// let text = b"@type server-descriptor 1.0\nrouter relay04 127.0.0.14 9004 0 0\n\
///     @type server-descriptor 1.0\nrouter relay05 127.0.0.15 9005 0 0\n";
/// let relays: Vec<ServerDescriptor<'_>> = ServerDescriptor::parse_all(text).collect();
/// assert_eq!(relays[1].nickname, Some("relay05"));
/// assert!(ServerDescriptor::parse_all(text).strict().all(|result| result.is_err()));
/// ```
#[derive(Debug, Clone)]
pub struct Documents<'a, D> {
    /// The remaining text. It begins with a document or is empty.
    rest: &'a [u8],
    kind: PhantomData<D>,
}

impl<'a, D: Split<'a>> Documents<'a, D> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let start = find_line(text, D::START);
        let rest = start.and_then(|start| text.get(start..)).unwrap_or_default();
        Documents { rest, kind: PhantomData }
    }

    /// Returns an iterator that checks each remaining document as the
    /// document's `parse_strict` does.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, ServerDescriptor};
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\n";
    /// let error = ServerDescriptor::parse_all(text).strict().find_map(|result| result.err());
    /// assert_eq!(error.map(|error| error.problem()), Some(LineProblem::Missing));
    /// ```
    pub fn strict(mut self) -> impl Iterator<Item = Result<D, DocumentError>> + use<'a, D> {
        std::iter::from_fn(move || self.next_text().map(|text| D::read(text, Depth::Strict)))
    }

    /// Returns the text of the next document, or `None` at the end.
    fn next_text(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        // The search starts after the first line, which is this document's own.
        let first_end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let next = self.rest.get(first_end..).and_then(|rest| find_line(rest, D::START));
        let end = next.map_or(self.rest.len(), |next| first_end + next);
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(strip_trailing(text))
    }
}

impl<'a, D: Split<'a>> Iterator for Documents<'a, D> {
    type Item = D;

    fn next(&mut self) -> Option<D> {
        loop {
            // The text begins as it must, so a lenient reading never fails.
            if let Ok(document) = D::read(self.next_text()?, Depth::Lenient) {
                return Some(document);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::netdoc::{ExtraInfo, Microdescriptor, ServerDescriptor};

    #[test]
    fn annotations_between_documents_belong_to_none() {
        let text = b"@a\nrouter a\nuptime 7\n@b\n\n@c\nrouter b\n@d\n@e\nuptime 8\n@f\n";
        let documents: Vec<&[u8]> =
            ServerDescriptor::parse_all(text).map(|relay| relay.text()).collect();
        // Lines that begin with `@` in the middle of a document are part of it.
        assert_eq!(documents, [&b"router a\nuptime 7\n"[..], b"router b\n@d\n@e\nuptime 8\n"]);
        assert_eq!(ServerDescriptor::parse_all(text).last().unwrap().uptime, Some(8));

        let text = b"@a\nonion-key\n@x\np accept 80\n\n@b\n@c\nonion-key\n@d\n";
        let documents: Vec<&[u8]> =
            Microdescriptor::parse_all(text).map(|relay| relay.text()).collect();
        assert_eq!(documents, [&b"onion-key\n@x\np accept 80\n\n"[..], b"onion-key\n"]);
        assert!(Microdescriptor::parse(text).unwrap().policy().allows(80));
    }

    #[test]
    fn lines_that_begin_with_at_sign_are_unknown_lines() {
        let text = b"extra-info a 256498816C85C6ABA4DF222205CF3FA091E63CCE\n@x\n\
            published 2026-11-21 03:16:05\n@y\n";
        let info = ExtraInfo::parse(text).unwrap();
        let unknown: Vec<&[u8]> = info.unknown_items().map(|item| item.keyword()).collect();
        assert_eq!((unknown, info.published.is_some()), (vec![&b"@x"[..]], true));
    }
}
