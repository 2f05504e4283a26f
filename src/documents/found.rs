//! [`FoundDocument`]: a document with its place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use scape_proto::netdoc::{DocumentKind, RawDocument};

use super::place::Place;

/// A document that was found in a file, a stream or an archive.
///
/// The parsers in [`netdoc`](crate::netdoc) take its [`text`](Self::text):
///
/// ```
/// use scape::documents::DocumentReader;
/// use scape::netdoc::{DocumentKind, ServerDescriptor};
///
/// let text = b"@type server-descriptor 1.0\nrouter relay04 127.0.0.14 9004 0 0\n";
/// for found in DocumentReader::new().stream("example", &text[..]) {
///     let found = found?;
///     assert_eq!(found.kind(), Some(DocumentKind::ServerDescriptor));
///     let relay = ServerDescriptor::parse(found.text())?;
///     assert_eq!(relay.nickname, Some("relay04"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FoundDocument {
    place: Arc<Place>,
    document: RawDocument,
}

impl FoundDocument {
    pub(super) fn new(place: Arc<Place>, document: RawDocument) -> Self {
        FoundDocument { place, document }
    }

    /// Returns the path of the file, or the name of the stream.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns the path of the document's member, or `None` if the file isn't
    /// an archive. For a member of an archive inside the archive, the path
    /// begins with the inner archive's path.
    pub fn member(&self) -> Option<&Path> {
        self.place.member()
    }

    /// Returns the kind of the document: from the annotation `@type`, or else
    /// from the file's name if tor uses this name, or else from the document's
    /// first lines. Returns `None` if the kind is unknown.
    pub fn kind(&self) -> Option<DocumentKind> {
        self.document.kind()
    }

    /// Returns the text of the document without its annotations.
    pub fn text(&self) -> &[u8] {
        self.document.text()
    }

    /// Returns the document with its annotations, and its position in the
    /// decompressed file or member.
    pub fn document(&self) -> &RawDocument {
        &self.document
    }

    /// Converts to the document with its annotations, without its path and
    /// member.
    pub fn into_document(self) -> RawDocument {
        self.document
    }
}

/// Formats without the text, because the file may contain something private.
impl fmt::Debug for FoundDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundDocument")
            .field("path", &self.path())
            .field("member", &self.member())
            .field("kind", &self.kind())
            .field("position", &self.document.position())
            .field("length", &self.text().len())
            .finish()
    }
}
