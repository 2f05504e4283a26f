//! The labels of the files in tor's directory `diff-cache`.
//!
//! Such a file begins with labels: lines of a keyword and a value, followed by
//! a zero byte. The rest of the file is the document, compressed as the label
//! `compression` says.

use scape_proto::netdoc::DocumentKind;

/// The labels of one file that are needed for reading the document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// The length of the labels in bytes, including the zero byte.
    pub(super) length: usize,
    pub(super) kind: DocumentKind,
    /// True if the document is compressed in zlib's format. Only this format
    /// must be named by a label, because it has no magic bytes.
    pub(super) is_zlib: bool,
}

impl Labels {
    /// Parses the labels of a file that begins with these bytes. Returns `None`
    /// if the file has no labels, or if the labels don't name a kind of
    /// document that the reader knows.
    pub(super) fn parse(head: &[u8]) -> Option<Labels> {
        let length = memchr::memchr(0, head)? + 1;
        let text = std::str::from_utf8(head.get(..length - 1)?).ok()?;
        let value = |name: &str| {
            text.lines().find_map(|line| line.split_once(' ').filter(|(key, _)| *key == name))
        };
        let kind = match value("document-type")? {
            (_, "consensus") => DocumentKind::Consensus,
            (_, "consensus-diff") => DocumentKind::ConsensusDiff,
            _ => return None,
        };
        let is_zlib = value("compression").is_some_and(|(_, method)| method == "deflate");
        Some(Labels { length, kind, is_zlib })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_end_with_a_zero_byte() {
        let head = b"compression deflate\nsha3-digest AB\ndocument-type consensus\n\0\x78\xda\0";
        let labels = Labels::parse(head).unwrap();
        let expected = Labels { length: 60, kind: DocumentKind::Consensus, is_zlib: true };
        assert_eq!(labels, expected);
        assert!(head[labels.length..].starts_with(b"\x78\xda"));
        let diff = Labels::parse(b"document-type consensus-diff\ncompression gzip\n\0").unwrap();
        assert_eq!((diff.kind, diff.is_zlib), (DocumentKind::ConsensusDiff, false));
    }

    #[test]
    fn other_files_have_no_labels() {
        for head in [
            &b"document-type consensus\n"[..],
            b"document-type other\n\0",
            b"document-types consensus\n\0",
            b"compression gzip\n\0",
            b"\xffdocument-type\ndocument-type consensus\n\0",
            b"\0document-type consensus\n",
            b"",
        ] {
            assert_eq!(Labels::parse(head), None, "{head:?}");
        }
    }
}
