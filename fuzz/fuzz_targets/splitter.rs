//! Splits a file into its documents. The result must not depend on the sizes of
//! the pieces in which the file is read. The first bytes of the input choose
//! the sizes, the maximum length of a document and the kind.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{DocumentKind, DocumentSplitter, RawDocument, TypeAnnotation};

fuzz_target!(|data: &[u8]| {
    let Some(([kind, longest, sizes @ ..], text)) = data.split_first_chunk::<8>() else { return };
    let splitter = || {
        let splitter = DocumentSplitter::default();
        match kind % 4 {
            0 => splitter.kind(DocumentKind::Consensus),
            1 => splitter.kind(DocumentKind::Microdescriptor),
            _ => splitter,
        }
    };
    let whole = split(splitter(), text, &[usize::MAX]);
    let sizes = sizes.map(|size| usize::from(size).max(1));
    assert_eq!(split(splitter(), text, &sizes), whole);
    let mut end = 0;
    for document in &whole {
        let start = usize::try_from(document.position()).expect("a small position");
        assert!(end <= start && text[start..].starts_with(document.text()));
        end = start + document.text().len();
        let _ = (format!("{document:?}"), document.annotations().count());
        if let Some(annotation) = document.type_annotation() {
            assert_eq!(TypeAnnotation::parse(annotation.to_string().as_bytes()), Some(annotation));
        }
        let strict = document.parse_strict();
        match document.parse() {
            Ok(parsed) => {
                assert_eq!(Some(parsed.kind()), document.kind());
                let json = common::show(&parsed);
                assert!(
                    strict.is_err() || strict.is_ok_and(|strict| common::show(&strict) == json)
                );
            }
            Err(error) => {
                assert!(strict.is_err());
                common::check_errors(document.text(), [&error]);
            }
        }
    }
    // With a limit, no document is longer.
    let longest = usize::from(*longest) * 8;
    let mut splitter = DocumentSplitter::new(longest);
    splitter.feed(text);
    splitter.finish();
    while let Ok(Some(document)) = splitter.next_document() {
        assert!(document.text().len() <= longest);
    }
});

fn split(mut splitter: DocumentSplitter, text: &[u8], sizes: &[usize]) -> Vec<RawDocument> {
    let mut found = Vec::new();
    let mut rest = text;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        rest = after;
        splitter.feed(piece);
        if rest.is_empty() {
            splitter.finish();
        }
        while let Some(document) = splitter.next_document().expect("no document is too long") {
            found.push(document);
        }
        if rest.is_empty() {
            return found;
        }
    }
    found
}
