//! Annotations: lines that begin with `@`. tor and CollecTor write them before
//! documents. They aren't part of the documents.

use memchr::memrchr;

use super::line::Lines;

/// Returns a text without the annotations before and after the document. Lines
/// inside the document that begin with `@` are kept.
pub(super) fn skip_annotations(text: &[u8]) -> &[u8] {
    strip_trailing(strip_leading(text))
}

/// Returns the text without the empty lines and annotations at its beginning.
pub(super) fn strip_leading(text: &[u8]) -> &[u8] {
    let mut lines = Lines::new(text);
    loop {
        let rest = lines.rest();
        match lines.next() {
            Some(line) if line.is_empty() || line.starts_with(b"@") => {}
            _ => return rest,
        }
    }
}

/// Cuts off the annotations at the end of a text, because they belong to the
/// next document. Empty lines between them are cut off, too.
pub(super) fn strip_trailing(text: &[u8]) -> &[u8] {
    let mut kept = text;
    let mut rest = text;
    while !rest.is_empty() {
        let line_end = rest.strip_suffix(b"\n").unwrap_or(rest).len();
        let before = rest.get(..line_end).and_then(|rest| memrchr(b'\n', rest));
        let start = before.map_or(0, |end| end + 1);
        match rest.get(start..line_end) {
            Some([b'@', ..]) => kept = rest.get(..start).unwrap_or_default(),
            Some(b"" | b"\r") => {}
            _ => break,
        }
        rest = rest.get(..start).unwrap_or_default();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_around_a_document_are_skipped() {
        for (text, document) in [
            ("router a\n", "router a\n"),
            ("@a\n\n@b\r\nrouter a\n", "router a\n"),
            ("router a\n@a\n\r\n@b", "router a\n"),
            ("@a\nrouter a\n\n\n@b\n", "router a\n\n\n"),
            ("router a", "router a"),
            ("router a\n\n", "router a\n\n"),
            ("@a\n@b\n", ""),
            ("\n\n", ""),
            ("", ""),
        ] {
            assert_eq!(skip_annotations(text.as_bytes()), document.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn lines_that_begin_with_at_sign_in_a_document_are_kept() {
        for text in ["router a\n@b\nuptime 7\n", "router a\n@b\n \n", "router a\n\r@b\n"] {
            assert_eq!(skip_annotations(text.as_bytes()), text.as_bytes(), "{text:?}");
        }
    }
}
