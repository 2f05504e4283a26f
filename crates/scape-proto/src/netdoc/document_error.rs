//! The error for a malformed line of a directory document.

use std::fmt;

use super::DocumentKind;
use super::line::lossy;

/// A malformed line of a directory document.
///
/// A lenient parser skips such lines and returns them on request. A strict
/// parser returns the first such line as its error.
///
/// ```
/// use scape_proto::netdoc::{LineProblem, ServerDescriptor};
///
/// let text = b"router relay04 127.0.0.14 9004 0 0\nuptime soon\n";
/// let relay = ServerDescriptor::parse(text)?;
/// let skipped = &relay.skipped()[0];
/// assert_eq!((skipped.line(), skipped.keyword()), (Some(2), "uptime"));
/// assert!(matches!(skipped.problem(), LineProblem::Value(_)));
/// assert_eq!(
///     skipped.to_string(),
///     "malformed server descriptor: line 2 (uptime): the uptime must be a number of seconds",
/// );
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentError {
    document: DocumentKind,
    line: Option<usize>,
    keyword: Box<str>,
    problem: LineProblem,
}

error_debug!(DocumentError);

impl DocumentError {
    /// Creates an error. At most 100 bytes of the keyword are kept.
    pub(super) fn new(
        document: DocumentKind,
        line: Option<usize>,
        keyword: &[u8],
        problem: LineProblem,
    ) -> Self {
        let keyword = lossy(keyword.get(..100).unwrap_or(keyword));
        DocumentError { document, line, keyword, problem }
    }

    /// Adds `before` to the line number. `before` is the number of lines
    /// between the start of the document and the text in which the error was
    /// found.
    pub(super) fn after_lines(mut self, before: usize) -> Self {
        self.line = self.line.map(|line| line + before);
        self
    }

    /// Returns the kind of the document.
    pub fn document(&self) -> DocumentKind {
        self.document
    }

    /// Returns the number of the line, counted from 1 at the first line of the
    /// document. Annotations and empty lines before the document don't count.
    /// Returns `None` if a line is missing, or if the problem concerns several
    /// lines or the whole document.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Returns the keyword of the line, cut to 100 bytes. Invalid UTF-8 is
    /// replaced by U+FFFD.
    pub fn keyword(&self) -> &str {
        &self.keyword
    }

    /// Returns the reason why the line is malformed.
    pub fn problem(&self) -> LineProblem {
        self.problem
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DocumentError { document, line, keyword, problem } = self;
        // A keyword may contain control characters.
        let word = keyword.escape_debug();
        match (problem, line) {
            (LineProblem::Unsupported, _) => write!(f, "{document}: {problem}"),
            (LineProblem::Start, _) if keyword.is_empty() => {
                write!(f, "the text is empty or has no keyword, expected: {document}")
            }
            (LineProblem::Start, _) => {
                write!(f, "the text begins with \"{word}\", expected: {document}")
            }
            (_, Some(line)) if keyword.is_empty() => {
                write!(f, "malformed {document}: line {line}: {problem}")
            }
            (_, Some(line)) => write!(f, "malformed {document}: line {line} ({word}): {problem}"),
            (_, None) => write!(f, "malformed {document}: {word}: {problem}"),
        }
    }
}

impl std::error::Error for DocumentError {}

/// The reason why a line of a document is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// The library doesn't parse documents of this kind, or the kind is
    /// unknown.
    #[error("the library doesn't parse such documents")]
    Unsupported,
    /// The text doesn't begin like a document of this kind.
    #[error("the document must begin with another line")]
    Start,
    /// A mandatory line is missing.
    #[error("the line is missing")]
    Missing,
    /// The line appears more often than the specification allows. Lenient
    /// parsers use the first one.
    #[error("the line is repeated")]
    Repeated,
    /// The line belongs to another kind of document.
    #[error("the line doesn't belong to such a document")]
    Unexpected,
    /// The line is in the wrong place.
    #[error("the line is out of place")]
    Order,
    /// The line has too few words.
    #[error("too few words")]
    Words,
    /// The line needs an object (`-----BEGIN …-----`), or its object has the
    /// wrong label, no end or invalid base64.
    #[error("the object after the line is missing, malformed or unexpected")]
    Object,
    /// A value is malformed. The text describes the form that it must have.
    #[error("{0}")]
    Value(&'static str),
}
