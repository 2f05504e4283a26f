//! Splitting a stream of bytes into documents.

use std::fmt;

use super::line::{Lines, first_word, keyword, keyword_after_opt, starts_with_keyword};
use super::{DocumentKind, TypeAnnotation};

/// A document that was cut out of a file or a stream, with the annotations
/// before it.
#[derive(Clone, PartialEq, Eq)]
pub struct RawDocument {
    bytes: Vec<u8>,
    /// The length of the annotations at the start of `bytes`.
    annotations: usize,
    kind: Option<DocumentKind>,
    position: u64,
}

impl RawDocument {
    /// Returns the text of the document without its annotations.
    pub fn text(&self) -> &[u8] {
        self.bytes.get(self.annotations..).unwrap_or_default()
    }

    /// Returns the annotations, which are the lines before the document that
    /// begin with `@`. They have no line ends.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.feed(b"@downloaded-at 2026-11-21 03:16:05\n@source \"127.0.0.1\"\nrouter a 127.0.0.1 1 0 0\n");
    /// splitter.finish();
    /// let document = splitter.next_document()?.expect("a document");
    /// assert_eq!(document.annotations().last(), Some(&b"@source \"127.0.0.1\""[..]));
    /// assert!(document.text().starts_with(b"router a "));
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    pub fn annotations(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.bytes.get(..self.annotations).unwrap_or_default();
        Lines::new(text).filter(|line| line.starts_with(b"@"))
    }

    /// Returns the annotation `@type`, if there is one.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.feed(b"@type server-descriptor 1.0\nrouter a 127.0.0.1 1 0 0\n");
    /// splitter.finish();
    /// let document = splitter.next_document()?.expect("a document");
    /// let annotation = document.type_annotation().map(|annotation| annotation.to_string());
    /// assert_eq!(annotation.as_deref(), Some("@type server-descriptor 1.0"));
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    pub fn type_annotation(&self) -> Option<TypeAnnotation> {
        self.annotations().find_map(TypeAnnotation::parse)
    }

    /// Returns the kind of the document: from the annotation `@type`, or else
    /// from the document's first lines. Returns `None` if the kind is unknown.
    pub fn kind(&self) -> Option<DocumentKind> {
        self.kind
    }

    /// Returns the position of the document's text, in bytes from the start of
    /// the stream.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl fmt::Debug for RawDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawDocument")
            .field("kind", &self.kind)
            .field("position", &self.position)
            .field("text", &String::from_utf8_lossy(self.text()))
            .finish()
    }
}

/// A machine that cuts a stream of bytes into documents.
///
/// Bytes go in with [`feed`](Self::feed), and [`finish`](Self::finish) says
/// that the stream has ended. [`next_document`](Self::next_document) returns
/// the documents that are complete. Only the bytes of the next document are
/// kept, so a stream of any length needs little memory.
///
/// A document ends before the next annotation, or before a line that begins
/// another document. Documents of different kinds may follow each other.
///
/// ```
/// use scape_proto::netdoc::{DocumentKind, DocumentSplitter};
///
/// let mut splitter = DocumentSplitter::default();
/// splitter.feed(b"router a 127.0.0.1 1 0 0\nuptime 7\nextra-");
/// assert!(splitter.next_document()?.is_none()); // its end isn't known yet
/// splitter.feed(b"info a 256498816C85C6ABA4DF222205CF3FA091E63CCE\n");
/// let document = splitter.next_document()?.expect("the extra-info document ends it");
/// assert_eq!(document.kind(), Some(DocumentKind::ServerDescriptor));
/// assert!(document.text().ends_with(b"uptime 7\n"));
/// splitter.finish();
/// let document = splitter.next_document()?.expect("the stream ends it");
/// assert_eq!((document.kind(), document.position()), (Some(DocumentKind::ExtraInfo), 34));
/// assert!(splitter.next_document()?.is_none());
/// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
/// ```
#[derive(Debug, Clone)]
pub struct DocumentSplitter {
    /// The bytes of the last documents that were returned, up to `taken`, and
    /// the bytes of the next document.
    buffer: Vec<u8>,
    /// The start of the next document in the buffer.
    taken: usize,
    /// The start of the next line in the buffer. The lines before it were read.
    scanned: usize,
    /// The end of the part of the buffer that was searched for the end of the
    /// next line. So a long line is searched only once.
    searched: usize,
    /// The position of the buffer's start in the stream.
    position: u64,
    start: Start,
    kind_of_all: Option<DocumentKind>,
    longest: usize,
    is_finished: bool,
}

/// The lines of the next document that were read so far.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// Only empty lines and annotations.
    Annotations,
    /// The document's first line, which is at the position `at` in the buffer,
    /// and maybe further lines.
    Document { at: usize, kind: Option<DocumentKind> },
}

impl Default for DocumentSplitter {
    /// Creates a splitter whose documents may have up to 64 MiB.
    fn default() -> Self {
        DocumentSplitter::new(64 << 20)
    }
}

impl DocumentSplitter {
    /// Creates a splitter. `longest` is the maximum size of a document with its
    /// annotations, in bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::new(1000);
    /// splitter.feed(&[b'a'; 1001]);
    /// assert!(splitter.next_document().is_err());
    /// ```
    pub fn new(longest: usize) -> Self {
        DocumentSplitter {
            buffer: Vec::new(),
            taken: 0,
            scanned: 0,
            searched: 0,
            position: 0,
            start: Start::Annotations,
            kind_of_all: None,
            longest,
            is_finished: false,
        }
    }

    /// Sets the kind of documents that have no annotation `@type`. Use it for
    /// files whose name says the kind. Without it, the kind is found from the
    /// first lines of each document.
    ///
    /// ```
    /// use scape_proto::netdoc::{DocumentKind, DocumentSplitter};
    ///
    /// let mut splitter = DocumentSplitter::default().kind(DocumentKind::BandwidthFile);
    /// splitter.feed(b"1523911758\nnode_id=$256498816C85C6ABA4DF222205CF3FA091E63CCE bw=1\n");
    /// splitter.finish();
    /// let document = splitter.next_document()?.expect("a document");
    /// assert_eq!(document.kind(), Some(DocumentKind::BandwidthFile));
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: DocumentKind) -> Self {
        self.kind_of_all = Some(kind);
        self
    }

    /// Adds bytes of the stream.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// for chunk in [&b"router a 127"[..], b".0.0.1 1 0 0\n"] {
    ///     splitter.feed(chunk);
    /// }
    /// splitter.finish();
    /// assert!(splitter.next_document()?.is_some());
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that the stream has ended, so the last document is complete.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.finish();
    /// assert!(splitter.next_document()?.is_none());
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Returns the next document, or `None` if more bytes are needed. After
    /// [`finish`](Self::finish), `None` means that no document is left.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.feed(b"router a 127.0.0.1 1 0 0\nrouter b 127.0.0.1 2 0 0\n");
    /// let first = splitter.next_document()?.expect("the first one is complete");
    /// assert_eq!(first.text(), b"router a 127.0.0.1 1 0 0\n");
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a document has more bytes than allowed. The
    /// splitter can't be used any further.
    pub fn next_document(&mut self) -> Result<Option<RawDocument>, DocumentTooLong> {
        while let Some((line, next)) = self.next_line() {
            if let Some(document) = self.read_line(line) {
                return self.checked(document).map(Some);
            }
            self.scanned = next;
        }
        if self.buffer.len() - self.taken > self.longest {
            return Err(DocumentTooLong { longest: self.longest });
        }
        if !self.is_finished {
            // The rest moves to the front, where it needs no more room.
            self.buffer.drain(..self.taken);
            self.position += self.taken as u64;
            self.scanned -= self.taken;
            self.searched = self.searched.saturating_sub(self.taken);
            if let Start::Document { at, .. } = &mut self.start {
                *at -= self.taken;
            }
            self.taken = 0;
            return Ok(None);
        }
        self.take(self.buffer.len()).map(|document| self.checked(document)).transpose()
    }

    fn checked(&self, document: RawDocument) -> Result<RawDocument, DocumentTooLong> {
        match document.bytes.len() <= self.longest {
            true => Ok(document),
            false => Err(DocumentTooLong { longest: self.longest }),
        }
    }

    /// Returns the start and the end of the next line in the buffer, with its
    /// line end. At the end of the stream, the line end may be missing. Returns
    /// `None` if the buffer has no complete line.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let from = self.searched.max(self.scanned);
        if let Some(end) = memchr::memchr(b'\n', self.buffer.get(from..)?) {
            return Some((self.scanned, from + end + 1));
        }
        self.searched = self.buffer.len();
        let is_last = self.is_finished && self.scanned < self.buffer.len();
        is_last.then_some((self.scanned, self.buffer.len()))
    }

    /// Looks at the line that begins at `at`. Returns the document that ends
    /// before this line, or `None` if no document ends there.
    fn read_line(&mut self, at: usize) -> Option<RawDocument> {
        let rest = self.buffer.get(at..).unwrap_or_default();
        let line = Lines::new(rest).next().unwrap_or_default();
        match self.start {
            Start::Annotations => {
                if !line.is_empty() && !line.starts_with(b"@") {
                    let annotations = self.buffer.get(self.taken..at).unwrap_or_default();
                    let annotation = Lines::new(annotations).find_map(TypeAnnotation::parse);
                    let kind = match annotation {
                        Some(annotation) => annotation.kind(),
                        None => self.kind_of_all.or_else(|| kind_of_first_line(line)),
                    };
                    self.start = Start::Document { at, kind };
                }
                None
            }
            Start::Document { kind, .. } => {
                let ends = line.starts_with(b"@") || begins_after(kind, line);
                if !ends { None } else { self.take(at) }
            }
        }
    }

    /// Takes the document that ends at the position `end` of the buffer. If the
    /// bytes before `end` are only annotations, drops them and returns `None`.
    fn take(&mut self, end: usize) -> Option<RawDocument> {
        let Start::Document { at, kind } = self.start else {
            self.taken = end;
            return None;
        };
        let bytes = self.buffer.get(self.taken..end).unwrap_or_default().to_vec();
        let annotations = at - self.taken;
        let text = bytes.get(annotations..).unwrap_or_default();
        let kind = kind.map(|kind| by_content(kind, text));
        let position = self.position + at as u64;
        self.taken = end;
        self.scanned = end;
        self.start = Start::Annotations;
        Some(RawDocument { bytes, annotations, kind, position })
    }
}

/// Returns the kind of document that begins with this line. Returns `None` if
/// no known kind does.
fn kind_of_first_line(line: &[u8]) -> Option<DocumentKind> {
    let (word, rest) = keyword(line);
    Some(match word {
        b"router" => DocumentKind::ServerDescriptor,
        b"extra-info" => DocumentKind::ExtraInfo,
        b"onion-key" => DocumentKind::Microdescriptor,
        b"network-status-version" if first_word(rest) == b"2" => DocumentKind::NetworkStatusV2,
        b"network-status-version" => DocumentKind::Consensus,
        b"network-status-diff-version" => DocumentKind::ConsensusDiff,
        b"dir-key-certificate-version" => DocumentKind::KeyCertificate,
        b"consensus-digest" => DocumentKind::DetachedSignatures,
        b"signed-directory" => DocumentKind::DirectoryV1,
        b"hs-descriptor" => DocumentKind::OnionDescriptor,
        b"rendezvous-service-descriptor" => DocumentKind::OnionDescriptorV2,
        b"ExitNode" | b"Downloaded" => DocumentKind::ExitList,
        b"published" => DocumentKind::BridgeNetworkStatus,
        _ if !word.is_empty() && word.iter().all(u8::is_ascii_digit) => DocumentKind::BandwidthFile,
        _ => return None,
    })
}

/// Returns true if this line, which follows a document of this kind, begins
/// another document.
fn begins_after(kind: Option<DocumentKind>, line: &[u8]) -> bool {
    let begins = |keyword: &[u8]| starts_with_keyword(line, keyword);
    match kind {
        Some(DocumentKind::ServerDescriptor | DocumentKind::ExtraInfo) => {
            begins(b"router") || begins(b"extra-info")
        }
        Some(DocumentKind::Microdescriptor) => begins(b"onion-key"),
        Some(DocumentKind::Consensus | DocumentKind::Vote | DocumentKind::NetworkStatusV2) => {
            begins(b"network-status-version")
        }
        Some(DocumentKind::KeyCertificate) => begins(b"dir-key-certificate-version"),
        Some(DocumentKind::OnionDescriptor) => begins(b"hs-descriptor"),
        Some(DocumentKind::OnionDescriptorV2) => begins(b"rendezvous-service-descriptor"),
        _ => false,
    }
}

/// Corrects the kind of a document that begins like a consensus, because a vote
/// begins in the same way. The line `vote-status` tells them apart.
fn by_content(kind: DocumentKind, text: &[u8]) -> DocumentKind {
    if kind != DocumentKind::Consensus {
        return kind;
    }
    let mut lines = Lines::new(text).take(20).map(keyword_after_opt);
    match lines.find(|(word, _)| *word == b"vote-status") {
        Some((_, rest)) if first_word(rest) == b"vote" => DocumentKind::Vote,
        _ => kind,
    }
}

/// The error for a document that is longer than a [`DocumentSplitter`] allows.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("a document is longer than {longest} bytes: allow more, or check the file")]
pub struct DocumentTooLong {
    longest: usize,
}

error_debug!(DocumentTooLong);

impl DocumentTooLong {
    /// Returns the maximum size of a document in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &[u8], chunk: usize) -> Vec<RawDocument> {
        let mut splitter = DocumentSplitter::default();
        let mut found = Vec::new();
        for chunk in text.chunks(chunk.max(1)) {
            splitter.feed(chunk);
            while let Some(document) = splitter.next_document().unwrap() {
                found.push(document);
            }
        }
        splitter.finish();
        while let Some(document) = splitter.next_document().unwrap() {
            found.push(document);
        }
        found
    }

    #[test]
    fn documents_of_several_kinds_are_split() {
        let text = b"@type server-descriptor 1.0\nrouter a\nonion-key\n\nextra-info a\n\
            @type network-status-vote-3 1.0\nnetwork-status-version 3\nvote-status vote\n\
            dir-key-certificate-version 3\nnetwork-status-version 3 microdesc\n\
            @type torperf 1.0\nSOURCE=x\n@last-listed x\nonion-key\nonion-key\n";
        let kinds: Vec<_> = split(text, 7).iter().map(RawDocument::kind).collect();
        assert_eq!(
            kinds,
            [
                Some(DocumentKind::ServerDescriptor),
                Some(DocumentKind::ExtraInfo),
                Some(DocumentKind::Vote),
                Some(DocumentKind::Consensus),
                None,
                Some(DocumentKind::Microdescriptor),
                Some(DocumentKind::Microdescriptor),
            ]
        );
    }

    #[test]
    fn every_first_line_has_its_kind() {
        for (line, kind) in [
            ("network-status-version 2", Some(DocumentKind::NetworkStatusV2)),
            ("network-status-version 3\nopt vote-status vote more", Some(DocumentKind::Vote)),
            ("network-status-diff-version 1", Some(DocumentKind::ConsensusDiff)),
            ("dir-key-certificate-version 3", Some(DocumentKind::KeyCertificate)),
            ("consensus-digest x", Some(DocumentKind::DetachedSignatures)),
            ("signed-directory", Some(DocumentKind::DirectoryV1)),
            ("hs-descriptor 3", Some(DocumentKind::OnionDescriptor)),
            ("rendezvous-service-descriptor x", Some(DocumentKind::OnionDescriptorV2)),
            ("ExitNode x", Some(DocumentKind::ExitList)),
            ("published 2026-11-21 03:16:05", Some(DocumentKind::BridgeNetworkStatus)),
            ("1523911758", Some(DocumentKind::BandwidthFile)),
            ("something else", None),
        ] {
            assert_eq!(split(line.as_bytes(), 100)[0].kind(), kind, "{line}");
        }
    }

    #[test]
    fn long_document_is_an_error() {
        let mut splitter = DocumentSplitter::new(30);
        splitter.feed(b"router aaaaaaaaaaaa\nrouter b\nuptime 1234567890");
        assert_eq!(splitter.next_document().unwrap().unwrap().text().len(), 20);
        assert_eq!(splitter.next_document(), Ok(None));
        splitter.feed(b"12345");
        let error = splitter.next_document().unwrap_err();
        assert_eq!(error.longest(), 30);
        assert!(error.to_string().contains("30 bytes"));
    }

    #[test]
    fn long_line_is_searched_once() {
        let mut splitter = DocumentSplitter::default();
        splitter.feed(b"router a\nrouter b\nuptime ");
        assert_eq!(splitter.next_document().unwrap().unwrap().text(), b"router a\n");
        for length in [17, 27, 37] {
            assert_eq!(splitter.next_document(), Ok(None));
            let end = splitter.buffer.len();
            assert_eq!((splitter.searched, end), (length - 1, length - 1));
            splitter.feed(&[b'1'; 10]);
        }
        splitter.feed(b"\nrouter c\n");
        let second = splitter.next_document().unwrap().unwrap();
        assert!(second.text().ends_with(b"1\n"), "{second:?}");
    }

    #[test]
    fn splitter_keeps_only_the_next_document() {
        let mut splitter = DocumentSplitter::default();
        for _ in 0..1000 {
            splitter.feed(b"router aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
            splitter.next_document().unwrap();
            splitter.next_document().unwrap();
        }
        assert!(splitter.buffer.capacity() < 1000, "{}", splitter.buffer.capacity());
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_same_documents(
            lines in prop::collection::vec(
                prop_oneof!["router [a-z]{0,3}", "extra-info x", "@[a-z ]{0,5}", "[a-z]{0,4}", Just(String::new())],
                0..20,
            ),
            chunk in 1..50usize,
        ) {
            let text = lines.join("\n");
            let whole = split(text.as_bytes(), usize::MAX);
            prop_assert_eq!(&split(text.as_bytes(), chunk), &whole);
            for document in whole {
                let start = usize::try_from(document.position()).unwrap();
                prop_assert!(text.as_bytes()[start..].starts_with(document.text()));
            }
        }

        #[test]
        fn splitting_never_panics(
            text in prop::collection::vec(any::<u8>(), 0..300),
            chunk in 1..50usize,
        ) {
            split(&text, chunk);
        }
    }
}
