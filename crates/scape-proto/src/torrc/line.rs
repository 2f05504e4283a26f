//! Writes and checks the lines of a torrc.

use std::borrow::Cow;

use crate::control::torrc_line::is_space;
use crate::control::{ArgumentError, ArgumentProblem, c_string_of_bytes};

/// The name of an entry that includes other files.
pub(super) const INCLUDE: &str = "%include";

/// The text that errors show in place of a command's name, because methods that
/// write a torrc send no command.
const WRITING: &str = "Torrc";

/// Returns a value in the form in which it is written in a torrc, so that tor
/// reads exactly this value.
///
/// An unquoted value ends at a `#` or at the end of the line, and tor removes
/// the white space around the value. A backslash at the end of the value
/// continues the value on the next line. So a value that would be changed by
/// these rules is written as a quoted C string. A value with bytes that some
/// editors don't show is quoted too: control characters, and bytes that aren't
/// UTF-8.
pub(super) fn value_text(value: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(value) {
        Ok(text) if !needs_quotes(text) => Cow::Borrowed(text),
        _ => Cow::Owned(c_string_of_bytes(value)),
    }
}

fn needs_quotes(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let hidden = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    *first == b'"'
        || *last == b'\\'
        || bytes.contains(&b'#')
        || is_space(*first)
        || is_space(*last)
        || bytes.iter().any(hidden)
}

/// Returns a whole line of a torrc: the name, the value and the line end `end`.
pub(super) fn line_text(name: &str, value: &[u8], end: &[u8]) -> Vec<u8> {
    let mut text = name.as_bytes().to_vec();
    if !value.is_empty() {
        text.push(b' ');
        text.extend_from_slice(value_text(value).as_bytes());
    }
    text.extend_from_slice(end);
    text
}

/// Rejects a text that can't be the name of an option, because it isn't a word
/// of letters, digits and `_`.
pub(super) fn check_name(name: &str) -> Result<(), ArgumentError> {
    let bad = name.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_');
    let problem = match bad {
        Some((position, character)) => ArgumentProblem::Character { character, position },
        None if name.is_empty() => ArgumentProblem::Empty,
        None => return Ok(()),
    };
    Err(ArgumentError::new(WRITING, "option's name", problem))
}

/// Rejects a name and value that can't be a line. The name may have the prefix
/// `+` or `/`, or be `%include`.
pub(super) fn check_line(name: &str, value: &[u8]) -> Result<(), ArgumentError> {
    check_value(name, value)?;
    if name == INCLUDE {
        return if value.is_empty() {
            Err(refuse(name, "needs the name of a file or folder"))
        } else {
            Ok(())
        };
    }
    if name.starts_with('/') && !value.is_empty() {
        return Err(refuse(name, "clears the option, and so can have no value"));
    }
    check_name(name.strip_prefix(['+', '/']).unwrap_or(name))
}

/// Rejects a value that contains a NUL, the only byte that can't be written.
pub(super) fn check_value(name: &str, value: &[u8]) -> Result<(), ArgumentError> {
    match memchr::memchr(0, value) {
        Some(position) => {
            let problem = ArgumentProblem::Character { character: '\0', position };
            Err(ArgumentError::new(WRITING, &format!("value of {name}"), problem))
        }
        None => Ok(()),
    }
}

pub(super) fn refuse(name: &str, why: &str) -> ArgumentError {
    ArgumentError::invalid(WRITING, name, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_quoted_only_if_necessary() {
        let line = |value: &str| {
            String::from_utf8(line_text("ContactInfo", value.as_bytes(), b"\n")).unwrap()
        };
        assert_eq!(line("me <me@example.org>"), "ContactInfo me <me@example.org>\n");
        assert_eq!(line(""), "ContactInfo\n");
        assert_eq!(line(r#"unix:"/a b""#), "ContactInfo unix:\"/a b\"\n");
        assert_eq!(line("a # b"), "ContactInfo \"a # b\"\n");
        assert_eq!(line(r#""a" \ b"#), "ContactInfo \"\\\"a\\\" \\\\ b\"\n");
        assert_eq!(line(" a "), "ContactInfo \" a \"\n");
        assert_eq!(line(r"a\"), "ContactInfo \"a\\\\\"\n");
        assert_eq!(line("a\tb"), "ContactInfo a\tb\n");
        assert_eq!(line("é ✓"), "ContactInfo é ✓\n");
        assert_eq!(line("a\nb\r\u{1}"), "ContactInfo \"a\\nb\\r\\001\"\n");
        assert_eq!(value_text(b"caf\xc3\xa9 \xff"), "\"café \\377\"");
    }

    #[test]
    fn malformed_line_is_rejected() {
        for bad in ["", "+", "/", "Log notice", "a\n", "a#", "é", "++Log", "%Include", "%", "a\\"]
        {
            assert!(check_line(bad, b"").is_err(), "{bad:?}");
        }
        assert!(check_line("%include", b"").is_err());
        assert!(check_line("/Log", b"notice").is_err());
        let error = check_line("Log", b"a\0b").unwrap_err();
        assert!(error.to_string().contains("value of Log"), "{error}");
        for (name, value) in
            [("Log", "a\nb"), ("+Log", "x"), ("/Log", ""), ("%include", "/a"), ("__SocksPort", "")]
        {
            check_line(name, value.as_bytes()).unwrap();
        }
    }
}
