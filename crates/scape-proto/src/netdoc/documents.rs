//! Splitting a text into its documents.

use std::marker::PhantomData;

use super::document_error::DocumentError;
use super::line::{Lines, find_line};
use super::rules::Depth;

/// A document type that a text may contain several of. Outside of this module
/// the trait is sealed.
pub trait Split<'a>: Sized {
    /// A line end, followed by the keyword that each document begins with.
    const START: &'static [u8];

    /// Reads a text that begins with the keyword.
    fn read(text: &'a [u8], depth: ReadDepth) -> Result<Self, DocumentError>;
}

/// The depth of a reading, for [`Split`].
#[derive(Debug, Clone, Copy)]
pub struct ReadDepth(pub(super) Depth);

/// An iterator over the documents in a text, such as the `parse_all` of each
/// document type returns.
///
/// Text before the first document is left out. Annotations, which are lines
/// that begin with `@`, belong to no document.
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
        std::iter::from_fn(move || {
            self.next_text().map(|text| D::read(text, ReadDepth(Depth::Strict)))
        })
    }

    /// Returns the text of the next document.
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
        Some(without_annotations(text))
    }
}

/// Cuts off the annotations at the end of a text. They belong to the next
/// document.
fn without_annotations(text: &[u8]) -> &[u8] {
    // The character is rare, so this is faster than searching for two.
    let begins_line = |at: &usize| matches!(text.get(..*at), Some([.., b'\n']));
    let end = memchr::memchr_iter(b'@', text).find(begins_line);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

impl<'a, D: Split<'a>> Iterator for Documents<'a, D> {
    type Item = D;

    fn next(&mut self) -> Option<D> {
        loop {
            // The text begins as it must, so a lenient reading never fails.
            if let Ok(document) = D::read(self.next_text()?, ReadDepth(Depth::Lenient)) {
                return Some(document);
            }
        }
    }
}

/// Returns the text from its first line on that is neither empty nor an
/// annotation, and without the annotations at its end.
pub(super) fn skip_annotations(text: &[u8]) -> &[u8] {
    let mut lines = Lines::new(text);
    loop {
        let rest = lines.rest();
        match lines.next() {
            Some(line) if line.is_empty() || line.starts_with(b"@") => {}
            _ => return without_annotations(rest),
        }
    }
}
