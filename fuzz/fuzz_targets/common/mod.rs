//! Functions that the fuzz targets for directory documents share.
#![allow(dead_code)]

use std::fmt::Debug;

use scape_proto::netdoc::{DocumentError, Item};
use serde::Serialize;

/// Returns true if the first line that is neither empty nor an annotation has
/// this keyword.
pub fn begins_with(text: &[u8], keyword: &str) -> bool {
    let lines = text.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut lines = lines.skip_while(|line| line.is_empty() || line.starts_with(b"@"));
    let rest = lines.next().and_then(|line| line.strip_prefix(keyword.as_bytes()));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t')))
}

/// Formats a value as `Debug`, and returns it as JSON. Panics if a value can't
/// be serialized.
pub fn show(value: &(impl Serialize + Debug)) -> String {
    assert!(!format!("{value:?}").is_empty());
    serde_json::to_string(value).expect("every value has a form in JSON")
}

/// Checks a document that was parsed strictly and leniently. `skipped` returns
/// the lines that a document has skipped. If `is_complete` is true, lenient
/// parsing must not fail.
pub fn check<D: Serialize + Debug>(
    text: &[u8],
    is_complete: bool,
    lenient: &Result<D, DocumentError>,
    strict: &Result<D, DocumentError>,
    skipped: impl Fn(&D) -> Vec<DocumentError>,
) {
    assert!(lenient.is_ok() || !is_complete, "{lenient:?}");
    check_errors(text, lenient.as_ref().err());
    check_errors(text, strict.as_ref().err());
    let shown = lenient.as_ref().map(show);
    if let Ok(document) = lenient {
        check_errors(text, &skipped(document));
    }
    if let Ok(document) = strict {
        assert!(skipped(document).is_empty());
        assert_eq!(shown.as_ref(), Ok(&show(document)));
        assert_eq!(lenient.as_ref().map(|document| skipped(document).len()), Ok(0));
    }
}

/// Checks that each error names a line of the text.
pub fn check_errors<'a>(text: &[u8], errors: impl IntoIterator<Item = &'a DocumentError>) {
    let lines = text.iter().filter(|b| **b == b'\n').count() + 1;
    for error in errors {
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error} of {lines}");
        let _ = (error.document().to_string(), error.keyword().len(), error.problem());
        show(error);
    }
}

/// Calls every method of the items, to check that none panics.
pub fn use_items<'a>(items: impl Iterator<Item = Item<'a>>) {
    for item in items {
        let _ = (item.keyword(), item.arguments(), item.words().count(), item.line());
        let object = item.object().map(|object| (object.label(), object.base64(), object.decode()));
        assert!(object.is_none_or(|(_, base64, _)| base64.len() < item.text().len()));
    }
}

/// Returns the part of the input before the first byte `separator`, and the
/// part after it.
pub fn split_at_byte(data: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let end = data.iter().position(|b| *b == separator).unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}
