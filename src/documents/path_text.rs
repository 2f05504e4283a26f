//! Conversion of paths to text and back, without loss.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Writes a path on one line. Control characters, percent signs and bytes that
/// aren't UTF-8 become `%` and two hexadecimal digits. Outside of Unix, returns
/// `None` if the path isn't Unicode.
pub(super) fn write(path: &Path) -> Option<String> {
    let mut text = String::new();
    for chunk in bytes(path)?.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' => text.push_str("%25"),
                c if c.is_ascii_control() => escape(c as u8, &mut text),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(*byte, &mut text));
    }
    Some(text)
}

fn escape(byte: u8, text: &mut String) {
    // Writing to a string can't fail.
    let _ = write!(text, "%{byte:02X}");
}

/// Parses the text that [`write`] returns. Returns `None` if the text is empty
/// or malformed.
pub(super) fn parse(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let is_escape = byte == b'%';
        bytes.push(if is_escape { hex(rest.next()?)? * 16 + hex(rest.next()?)? } else { byte });
    }
    if bytes.is_empty() { None } else { path(bytes) }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(unix)]
fn bytes(path: &Path) -> Option<&[u8]> {
    use std::os::unix::ffi::OsStrExt;

    Some(path.as_os_str().as_bytes())
}

#[cfg(not(unix))]
fn bytes(path: &Path) -> Option<&[u8]> {
    path.to_str().map(str::as_bytes)
}

#[cfg(unix)]
fn path(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_only_if_they_must_be() {
        for (bytes, text) in [
            (&b"/a b/\xc3\xa9"[..], "/a b/é"),
            (b"/100%\n", "/100%25%0A"),
            (b"/\xff\xc3", "/%FF%C3"),
        ] {
            let path = path(bytes.to_vec()).unwrap();
            assert_eq!(write(&path).as_deref(), Some(text));
            assert_eq!(parse(text), Some(path));
        }
    }
}
