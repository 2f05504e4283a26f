//! Lines of tor's, without their secrets.

use crate::types::{REDACTED, SECRET_OPTIONS};

/// What comes before a secret: up to the next space, or the end of the quoted string, nothing is shown.
const BEFORE_SECRETS: &[&str] = &[
    "PrivateKey=",
    "x25519:",
    "ED25519-V3:",
    "SOCKS_PASSWORD=",
    "SERVERHASH=",
    // tor repeats in its refusal what it was given.
    "Invalid private key ",
];

/// One line of a reply or a raw command, as it may be shown.
pub(crate) fn redact_line(line: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(line).into_owned();
    for before in BEFORE_SECRETS {
        redact_after(&mut text, before, "");
    }
    for option in SECRET_OPTIONS {
        redact_after(&mut text, option, "=");
    }
    redact_proxy_authorization(&mut text);
    text
}

/// Replaces the secrets that follow `before` and `separator`: up to the next space, or the end of a quoted string.
fn redact_after(text: &mut String, before: &str, separator: &str) {
    let mut from = 0;
    while let Some(found) = find_ignoring_case(text, before, from) {
        from = found + before.len();
        let Some(rest) = text.get(from..).and_then(|rest| rest.strip_prefix(separator)) else { continue };
        let start = from + separator.len();
        let length =
            if rest.starts_with('"') { quoted_length(rest) } else { rest.find(' ').unwrap_or(rest.len()) };
        text.replace_range(start..start + length, REDACTED);
        from = start + REDACTED.len();
    }
}

/// Of a stream that came by an HTTP tunnel port, the user name is the whole `Proxy-Authorization` header, password
/// included: the only one with a space in it.
fn redact_proxy_authorization(text: &mut String) {
    const BEFORE: &str = "SOCKS_USERNAME=";
    let Some(found) = find_ignoring_case(text, BEFORE, 0) else { return };
    let start = found + BEFORE.len();
    let rest = text.get(start..).unwrap_or_default();
    let end = start + if rest.starts_with('"') { quoted_length(rest) } else { 0 };
    if text.get(start..end).is_some_and(|name| name.contains(' ')) {
        text.replace_range(start..end, REDACTED);
    }
}

fn find_ignoring_case(text: &str, what: &str, from: usize) -> Option<usize> {
    let haystack = text.as_bytes().get(from..)?;
    haystack.windows(what.len()).position(|w| w.eq_ignore_ascii_case(what.as_bytes())).map(|at| from + at)
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let cases = [
            ("PrivateKey=ED25519-V3:abc", "PrivateKey=[redacted]"),
            ("CLIENT addr x25519:abc= Flags=Permanent", "CLIENT addr x25519:[redacted] Flags=Permanent"),
            ("STREAM 1 NEW SOCKS_PASSWORD=\"a \\\" b\" X=1", "STREAM 1 NEW SOCKS_PASSWORD=[redacted] X=1"),
            ("STREAM 1 NEW SOCKS_USERNAME=\"bob\" X=1", "STREAM 1 NEW SOCKS_USERNAME=\"bob\" X=1"),
            (
                "STREAM 1 NEW SOCKS_USERNAME=\"Basic Ym86Yg==\" X=1",
                "STREAM 1 NEW SOCKS_USERNAME=[redacted] X=1",
            ),
            ("STREAM 1 NEW SOCKS_USERNAME=a b", "STREAM 1 NEW SOCKS_USERNAME=a b"),
            ("hashedcontrolpassword=16:AB", "hashedcontrolpassword=[redacted]"),
            ("version=0.4.9.11", "version=0.4.9.11"),
            ("Invalid private key \"8Fq=\"", "Invalid private key [redacted]"),
            ("x25519:a x25519:b", "x25519:[redacted] x25519:[redacted]"),
        ];
        for (line, shown) in cases {
            assert_eq!(redact_line(line.as_bytes()), shown);
        }
    }

    #[test]
    fn odd_bytes_do_not_matter() {
        redact_line("PrivateKey=\u{fffd}é".as_bytes());
        redact_line(b"\xff\xfePrivateKey=\"\\");
    }
}
