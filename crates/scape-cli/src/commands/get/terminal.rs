//! Makes the body of an answer safe for a terminal.

use std::mem;

use crate::base::output::printable;

/// Escapes the control characters of a body, which arrives in parts. A
/// character may be split between two parts.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// An incomplete character or line end at the end of the previous part. The
    /// next part completes it.
    rest: Vec<u8>,
}

impl Shown {
    /// Returns the text to show for the next part of the body. An empty part
    /// means that the body has ended.
    pub(super) fn next(&mut self, bytes: &[u8]) -> String {
        let mut all = mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        if !bytes.is_empty() {
            let complete = match std::str::from_utf8(&all) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                // Invalid bytes are replaced. An incomplete character at the
                // end is kept for the next part.
                Err(_) => all.len() - unfinished(&all),
                Ok(text) => text.strip_suffix('\r').unwrap_or(text).len(),
            };
            self.rest = all.split_off(complete);
        }
        show(&String::from_utf8_lossy(&all))
    }
}

/// Returns the number of bytes at the end that are an incomplete character.
fn unfinished(bytes: &[u8]) -> usize {
    let is_cut = |count: &usize| {
        let tail = bytes.get(bytes.len() - count..).map(std::str::from_utf8);
        matches!(tail, Some(Err(error)) if error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=bytes.len().min(3)).rev().find(is_cut).unwrap_or(0)
}

/// Escapes control characters except line ends and tabs. Line ends become `\n`.
pub(super) fn show(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let parts = text.split_inclusive(['\n', '\t']).map(|part| {
        let plain = part.trim_end_matches(['\n', '\t']);
        printable(plain) + part.get(plain.len()..).unwrap_or_default()
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_cannot_control_a_terminal() {
        for (parts, expected) in [
            (&["a\tb\n\n\x1b]0;x\x07".as_bytes()][..], "a\tb\n\n\\u{1b}]0;x\\u{7}"),
            (&[b"a\r", b"\nb\rc", b"\r"], "a\nb\\rc\\r"),
            (&[b"\r\r\r", b"\r\r", b"\n"], "\\r\\r\\r\\r\n"),
            (&[b"\xc3", b"\xa9\xe2\x82", b"\xac"], "\u{e9}\u{20ac}"),
            (&[b"\xc2", b"\x9b"], "\\u{9b}"),
            (&[b"\xff\xe2\x82", b"\xac\xc3"], "\u{fffd}\u{20ac}\u{fffd}"),
        ] {
            let mut shown = Shown::default();
            let mut next = |part: &&[u8]| {
                let text = shown.next(part);
                // Only a few bytes are kept for the next part.
                assert!(shown.rest.len() <= 3, "{shown:?}");
                text
            };
            let mut text: String = parts.iter().map(&mut next).collect();
            text += &shown.next(b"");
            assert_eq!(text, expected);
        }
    }
}
