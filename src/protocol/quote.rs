//! Quoted strings, in the forms that tor reads and the one that it writes.

use zeroize::Zeroizing;

/// Quotes for SETCONF and RESETCONF: a C string. Control characters become
/// octal escapes, `"` and `\` are escaped, everything else (UTF-8 included)
/// stays as it is. (tor refuses a NUL, also an escaped one.)
///
/// ```
/// assert_eq!(scape::protocol::c_string("a \"b\" \\ c"), r#""a \"b\" \\ c""#);
/// ```
pub fn c_string(text: &str) -> String {
    c_string_of_bytes(text.as_bytes())
}

/// [`c_string`] for bytes: what is no UTF-8 becomes octal escapes.
pub(crate) fn c_string_of_bytes(bytes: &[u8]) -> String {
    // The text may be a secret, and a string that grows leaves copies behind.
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

/// Reads the C string that `text` begins with as tor reads it in a torrc: what
/// it says, and how many bytes of `text` it takes. `None` where it has no end
/// on its line, or an escape that tor refuses.
pub(crate) fn read_c_string(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut rest = text.strip_prefix(b"\"")?;
    // The text may be a secret: a string that grows leaves copies behind, and
    // half of one must be wiped, too.
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

/// What stands behind a backslash: the byte that is meant, and what follows.
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
            // Beyond \377 there is no byte, and tor refuses it.
            u8::try_from(value).ok()?
        }
        _ => return None,
    };
    Some((byte, rest))
}

/// Quotes for AUTHENTICATE and AUTHCHALLENGE: a `QuotedString`, in which a
/// backslash stands before `"` and `\` only. There is no form for CR, LF and
/// NUL.
pub fn quoted_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Reads a `QuotedString`, the form of a password behind AUTHENTICATE: a
/// backslash stands for the character behind it, whichever that is. Returns
/// `None` if the text isn't one quoted string.
pub(crate) fn read_quoted_string(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
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

/// Reads a quoted string as tor writes it: a C string with `\n \r \t`, up to
/// three octal digits, and `\` before any other character. The bytes need not
/// be UTF-8.
///
/// Where tor wraps a text in quotes without escaping it, or escapes it twice,
/// this gives the text without one pair of quotes. A text that does not begin
/// and end with `"` is given back as it is.
///
/// ```
/// assert_eq!(scape::protocol::unquote(br#""caf\303\251 \"x\"""#), "café \"x\"".as_bytes());
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
                // Above \377 there is no byte; tor never writes one.
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

    /// As tor's `esc_for_log` writes: every byte outside of printable ASCII as
    /// three octal digits.
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
        fn c_strings_go_there_and_back(text in ".*") {
            let quoted = c_string(&text);
            prop_assert!(!quoted.bytes().any(|b| b < 0x20 || b == 0x7f));
            prop_assert_eq!(unquote(quoted.as_bytes()), text.as_bytes());
        }

        #[test]
        fn bytes_go_to_a_torrc_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..60), rest in ".{0,5}") {
            let quoted = c_string_of_bytes(&bytes);
            let length = quoted.len();
            prop_assert_eq!(read_c_string((quoted + &rest).as_bytes()), Some((bytes, length)));
        }

        #[test]
        fn quoted_strings_go_there_and_back(text in "[^\r\n\0ntr0-7]*") {
            prop_assert_eq!(unquote(quoted_string(&text).as_bytes()), text.as_bytes());
        }

        #[test]
        fn what_tor_writes_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(unquote(&as_tor_writes(&bytes)), bytes);
        }

        #[test]
        fn nothing_makes_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            unquote(&bytes);
            let _ = read_c_string(&bytes);
            let _ = read_c_string(&[b"\"", bytes.as_slice()].concat());
        }
    }

    #[test]
    fn odd_ones() {
        assert_eq!(unquote(b"plain"), b"plain");
        assert_eq!(unquote(b"\""), b"\"");
        assert_eq!(unquote(b"\"\""), b"");
        assert_eq!(unquote(b"\"\"G\\001\"\""), b"\"G\x01\"");
        assert_eq!(unquote(br#""\18 \7x \400""#), b"\x018 \x07x \xff");
    }

    #[test]
    fn what_a_torrc_may_say() {
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
