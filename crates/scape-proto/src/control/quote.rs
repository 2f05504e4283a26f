//! Quoted strings: the two forms that tor reads, and the form that it writes.

use zeroize::Zeroizing;

/// Quotes a text as a C string, for SETCONF and RESETCONF. Control characters
/// become octal or short escapes, and `"` and `\` are escaped. Everything else,
/// including UTF-8, is unchanged. tor rejects a NUL, even an escaped one.
///
/// ```
/// assert_eq!(scape_proto::control::c_string("a \"b\" \\ c"), r#""a \"b\" \\ c""#);
/// ```
pub fn c_string(text: &str) -> String {
    c_string_of_bytes(text.as_bytes())
}

/// Quotes bytes as a C string, like [`c_string`]. Bytes that aren't UTF-8
/// become octal escapes.
pub(crate) fn c_string_of_bytes(bytes: &[u8]) -> String {
    // The text may be a secret, and a string that grows leaves copies of itself
    // in memory. So reserve enough capacity.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
    let plain = bytes.iter().filter(|byte| is_plain(byte)).count();
    let mut quoted = String::with_capacity(2 + plain + 4 * (bytes.len() - plain));
    quoted.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                c if (c as u32) < 0x20 || c == '\x7f' => {
                    quoted.push_str(&format!("\\{:03o}", c as u32));
                }
                c => quoted.push(c),
            }
        }
        for byte in chunk.invalid() {
            quoted.push_str(&format!("\\{byte:03o}"));
        }
    }
    quoted.push('"');
    quoted
}

/// Parses the C string at the beginning of `text`, as tor does in a torrc.
/// Returns the unquoted bytes and the number of bytes of `text` that the string
/// takes. Returns `None` if `text` doesn't begin with `"`, or if the string
/// doesn't end on the line on which it begins. Also returns `None` if the
/// string contains a NUL byte or an escape that tor rejects.
pub(super) fn read_c_string(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut rest = text.strip_prefix(b"\"")?;
    // The text may be a secret, and a buffer that grows leaves copies of itself
    // in memory. A string that is malformed must be wiped too.
    let most = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'"' => return Some((std::mem::take(&mut *bytes), text.len() - rest.len())),
            b'\n' | 0 => return None,
            b'\\' => {
                let (byte, after) = read_escape(rest)?;
                bytes.push(byte);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
}

/// Parses the text after a backslash. Returns the byte that the escape stands
/// for, and the rest of the text. Returns `None` if tor rejects the escape.
fn read_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (first, mut rest) = text.split_first()?;
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'"' | b'\\' | b'\'' => *first,
        b'x' | b'X' => {
            let (digits, after) = rest.split_at_checked(2)?;
            rest = after;
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            u8::try_from(digit(digits.first()?)? * 16 + digit(digits.get(1)?)?).ok()?
        }
        b'0'..=b'7' => {
            let mut value = u32::from(first - b'0');
            for _ in 0..2 {
                let Some((digit @ b'0'..=b'7', after)) = rest.split_first() else { break };
                value = value * 8 + u32::from(digit - b'0');
                rest = after;
            }
            // Values above \377 aren't bytes, and tor rejects them.
            u8::try_from(value).ok()?
        }
        _ => return None,
    };
    Some((byte, rest))
}

/// Quotes a text as a `QuotedString`, for AUTHENTICATE and AUTHCHALLENGE. Only
/// `"` and `\` are escaped. The form can't express CR, LF and NUL, so the text
/// must not contain them.
///
/// ```
/// assert_eq!(scape_proto::control::quoted_string(r#"a"b"#), r#""a\"b""#);
/// ```
pub fn quoted_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Parses a `QuotedString`, the form of a password after AUTHENTICATE. A
/// backslash and any character after it stand for that character. Returns
/// `None` if the text isn't a single quoted string.
///
/// ```
/// use scape_proto::control::read_quoted_string;
///
/// let password = read_quoted_string(br#""a\"b""#).expect("it is a quoted string");
/// assert_eq!(*password, b"a\"b");
/// assert_eq!(read_quoted_string(b"sesame"), None);
/// ```
pub fn read_quoted_string(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(inner.len()));
    let mut rest = inner.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return None,
            b'\\' => bytes.push(*rest.next()?),
            byte => bytes.push(*byte),
        }
    }
    Some(bytes)
}

/// Unquotes a string that tor wrote. It is a C string with the escapes `\n`,
/// `\r` and `\t`, and with up to three octal digits after `\`. A `\` before any
/// other character stands for that character. The bytes need not be UTF-8.
///
/// tor puts some texts in quotes without escaping them, and puts others in two
/// pairs of quotes. In both cases, one pair of quotes is removed, and escapes
/// are decoded once. A text that doesn't begin and end with `"` is returned
/// unchanged.
///
/// ```
/// assert_eq!(scape_proto::control::unquote(br#""caf\303\251 \"x\"""#), "café \"x\"".as_bytes());
/// ```
pub fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|b| (b'0'..=b'7').contains(b)) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                }
                // Values above \377 aren't bytes. tor never writes them.
                bytes.push(value.min(255) as u8);
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Quotes bytes as tor's `esc_for_log` does: every byte outside of
    /// printable ASCII becomes three octal digits.
    fn as_tor_writes(bytes: &[u8]) -> Vec<u8> {
        let mut text = vec![b'"'];
        for byte in bytes {
            match byte {
                b'"' | b'\\' | b'\'' => text.extend([b'\\', *byte]),
                b'\n' => text.extend(b"\\n"),
                b'\r' => text.extend(b"\\r"),
                b'\t' => text.extend(b"\\t"),
                0x20..=0x7e => text.push(*byte),
                _ => text.extend(format!("\\{byte:03o}").bytes()),
            }
        }
        text.push(b'"');
        text
    }

    proptest! {
        #[test]
        fn c_string_round_trip(text in ".*") {
            let quoted = c_string(&text);
            prop_assert!(!quoted.bytes().any(|b| b < 0x20 || b == 0x7f));
            prop_assert_eq!(unquote(quoted.as_bytes()), text.as_bytes());
        }

        #[test]
        fn torrc_c_string_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..60), rest in ".{0,5}") {
            let quoted = c_string_of_bytes(&bytes);
            let length = quoted.len();
            prop_assert_eq!(read_c_string((quoted + &rest).as_bytes()), Some((bytes, length)));
        }

        #[test]
        fn quoted_string_round_trip(text in "[^\r\n\0ntr0-7]*") {
            prop_assert_eq!(unquote(quoted_string(&text).as_bytes()), text.as_bytes());
        }

        #[test]
        fn unquote_reverses_the_quoting_of_tor(
            bytes in proptest::collection::vec(any::<u8>(), 0..60)
        ) {
            prop_assert_eq!(unquote(&as_tor_writes(&bytes)), bytes);
        }

        #[test]
        fn string_parsers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            unquote(&bytes);
            let _ = read_c_string(&bytes);
            let _ = read_c_string(&[b"\"", bytes.as_slice()].concat());
        }
    }

    #[test]
    fn unquote_odd_strings() {
        assert_eq!(unquote(b"plain"), b"plain");
        assert_eq!(unquote(b"\""), b"\"");
        assert_eq!(unquote(b"\"\""), b"");
        assert_eq!(unquote(b"\"\"G\\001\"\""), b"\"G\x01\"");
        assert_eq!(unquote(br#""\18 \7x \400""#), b"\x018 \x07x \xff");
    }

    #[test]
    fn c_strings_in_a_torrc() {
        let read = |text: &str| read_c_string(text.as_bytes());
        assert_eq!(
            read(r#""a\tb\x41\X7e\101\7\'\"\\" # c"#),
            Some((b"a\tbA~A\x07'\"\\".to_vec(), 26))
        );
        assert_eq!(read(r#""\3777\08""#), Some((b"\xff7\x008".to_vec(), 10)));
        for bad in [
            "",
            "a",
            "\"",
            "\"a",
            "\"a\nb\"",
            "\"a\0b\"",
            r#""\?""#,
            r#""\a""#,
            r#""\x4""#,
            r#""\x4g""#,
            r#""\400""#,
            "\"\\",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
