//! Removes secrets from lines.
//!
//! All functions here take time in proportion to the length of the text,
//! because they are called with anything that a peer sends.

use std::ops::Range;

use memchr::memchr2;
use memchr::memmem;

use crate::control::{REDACTED, is_secret_option};

/// Keys of `KEY=value` words whose values are secrets in events and replies.
const SECRET_KEYS: &[&str] = &["PrivateKey", "SOCKS_PASSWORD", "SERVERHASH"];

/// Types of secret keys. tor writes the type and a colon before the key.
const KEY_TYPES: &[&str] = &["x25519", "ED25519-V3"];

/// The beginning of a refusal in which tor repeats the secret key that it
/// received.
const BAD_KEY: &str = "Invalid private key ";

/// The keyword of a SOCKS user name. For a stream from an HTTP tunnel port,
/// this user name is the whole `Proxy-Authorization` header, including the
/// password.
const USER_NAME: &str = "SOCKS_USERNAME";

/// The minimum length of an abbreviated option name in a reply, in bytes. A
/// shorter word isn't taken for an abbreviation, because tor writes full names
/// in replies.
const SHORTEST_IN_REPLIES: usize = 8;

/// The maximum length in bytes of the keyword, option or key type before a
/// secret. The search for the beginning of this word ends after this number of
/// bytes.
const LONGEST_WORD: usize = 64;

/// Returns a line of a reply with its secrets replaced by `[redacted]`. Bytes
/// that aren't UTF-8 become U+FFFD.
pub(crate) fn redact_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let secrets = secrets_in(&text, SHORTEST_IN_REPLIES);
    without(&text, &secrets)
}

/// Returns true if the value of a keyword in an event or a reply is a secret.
#[cfg(feature = "serde")]
pub(crate) fn is_secret_pair(key: &str, value: &str) -> bool {
    (is_secret_option(key) && key.len() >= SHORTEST_IN_REPLIES)
        || ends_with_one_of(key, SECRET_KEYS)
        // The user name for an HTTP tunnel port is a `Proxy-Authorization`
        // header, which contains a space and the password.
        || (ends_with_one_of(key, &[USER_NAME]) && value.contains(' '))
}

/// Returns the ranges of the secrets in the line of a raw command.
pub(super) fn secrets_in_command(line: &str) -> Vec<Range<usize>> {
    let Some(keyword_end) = memchr2(b' ', b'\t', line.as_bytes()) else { return Vec::new() };
    let (keyword, arguments) = line.split_at_checked(keyword_end).unwrap_or((line, ""));
    match keyword.to_ascii_uppercase().as_str() {
        // Hide all arguments, because an invalid password may be a part of the
        // correct password.
        "AUTHENTICATE" if arguments.trim_ascii().is_empty() => Vec::new(),
        "AUTHENTICATE" => {
            let end = line.trim_ascii_end().len();
            let start = line.len() - arguments.trim_ascii_start().len();
            std::iter::once(start..end).collect()
        }
        "SETCONF" | "RESETCONF" => secrets_in(line, 1),
        _ => secrets_in(line, SHORTEST_IN_REPLIES),
    }
}

/// Replaces the given ranges of a text by `[redacted]`. The ranges must be
/// sorted and must not overlap.
pub(super) fn without(text: &str, secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        shown.push_str(text.get(from..secret.start).unwrap_or_default());
        shown.push_str(REDACTED);
        from = secret.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

/// Returns the ranges of the secrets in a line, in order. tor accepts
/// abbreviations of option names. An abbreviation of a secret option's name
/// therefore counts, too, if it has at least `shortest` bytes.
fn secrets_in(text: &str, shortest: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut secrets: Vec<Range<usize>> = Vec::new();
    let mut bad_keys = memmem::find_iter(bytes, BAD_KEY).map(|at| at + BAD_KEY.len()).peekable();
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| memchr2(b'=', b':', rest)) {
        let at = from + found;
        from = at + 1;
        while let Some(start) = bad_keys.next_if(|start| *start <= at) {
            push(&mut secrets, start, value_end(text, start));
        }
        if secrets.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let word = word_before(text, at);
        let end = if bytes.get(at) == Some(&b':') {
            ends_with_one_of(word, KEY_TYPES).then(|| value_end(text, from))
        } else if is_secret_option(word) && word.len() >= shortest {
            // A line that begins with the option is an answer to GETCONF, whose
            // values aren't quoted.
            let is_whole_line = word.len() == at;
            Some(if is_whole_line { text.len() } else { value_end(text, from) })
        } else if ends_with_one_of(word, SECRET_KEYS) {
            Some(value_end(text, from))
        } else if ends_with_one_of(word, &[USER_NAME]) {
            let end = quoted_end(text, from);
            // Only a user name with a space may contain a password, because it
            // may be a `Proxy-Authorization` header.
            end.filter(|end| text.get(from..*end).is_some_and(|name| name.contains(' ')))
        } else {
            None
        };
        if let Some(end) = end {
            push(&mut secrets, from, end);
            from = end;
        }
    }
    for start in bad_keys {
        push(&mut secrets, start, value_end(text, start));
    }
    secrets
}

/// Adds the range from `start` to `end`, unless it begins within the last range
/// in `secrets`.
fn push(secrets: &mut Vec<Range<usize>>, start: usize, end: usize) {
    if secrets.last().is_none_or(|last| last.end <= start) {
        secrets.push(start..end);
    }
}

/// Returns the word before a position. A word consists of letters, digits, `_`
/// and `-`.
fn word_before(text: &str, at: usize) -> &str {
    let before = text.as_bytes().get(at.saturating_sub(LONGEST_WORD)..at).unwrap_or_default();
    let is_in_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = before.iter().rev().take_while(is_in_word).count();
    text.get(at - length..at).unwrap_or_default()
}

fn ends_with_one_of(word: &str, names: &[&str]) -> bool {
    let ends_with = |name: &str| {
        let start = word.len().checked_sub(name.len());
        start.and_then(|start| word.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    names.iter().any(|name| ends_with(name))
}

/// Returns the end of the value at a position: after its closing quote, at the
/// next space, or at the end of the text.
fn value_end(text: &str, start: usize) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    match quoted_end(text, start) {
        Some(end) => end,
        None => memchr::memchr(b' ', rest).map_or(text.len(), |length| start + length),
    }
}

/// Returns the end of the quoted string at a position. A string that isn't
/// closed extends to the end of the text. Returns `None` if no quote is at this
/// position.
fn quoted_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        return None;
    }
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        match bytes.get(at + found) {
            Some(b'"') => return Some(at + found + 1),
            _ => at += found + 2,
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_replies_are_not_shown() {
        let cases = [
            ("PrivateKey=ED25519-V3:abc", "PrivateKey=[redacted]"),
            (
                "CLIENT addr x25519:abc= Flags=Permanent",
                "CLIENT addr x25519:[redacted] Flags=Permanent",
            ),
            (
                "STREAM 1 NEW SOCKS_PASSWORD=\"a \\\" b\" X=1",
                "STREAM 1 NEW SOCKS_PASSWORD=[redacted] X=1",
            ),
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
            ("x Invalid private key x25519:a b=c", "x Invalid private key [redacted] b=c"),
            // Values in answers to GETCONF aren't quoted.
            ("Socks5ProxyPassword=my pass word", "Socks5ProxyPassword=[redacted]"),
            ("BridgePassword=a", "BridgePassword=[redacted]"),
            ("Bridge=192.0.2.1:443 x=y", "Bridge=192.0.2.1:443 x=y"),
            ("X BridgePassword=\"a b\" c", "X BridgePassword=[redacted] c"),
            ("Socks5Proxy=192.0.2.1:1080", "Socks5Proxy=192.0.2.1:1080"),
            ("b=1 so=2 h=3", "b=1 so=2 h=3"),
        ];
        for (line, shown) in cases {
            assert_eq!(redact_line(line.as_bytes()), shown);
        }
    }

    #[test]
    fn abbreviated_option_names_in_commands_are_recognized() {
        let shown = |line: &str| without(line, &secrets_in_command(line));
        for name in
            ["Socks5ProxyPass", "socks5proxyp", "SOCKS5PROXYPASSWORD", "HTTPProxyAuth", "Ha"]
        {
            assert_eq!(
                shown(&format!("SETCONF Nickname=x {name}=s3cret {name}=\"s3 cret\"")),
                format!("SETCONF Nickname=x {name}=[redacted] {name}=[redacted]")
            );
        }
        assert_eq!(shown("setconf BridgePasswords=a"), "setconf BridgePasswords=[redacted]");
        assert_eq!(shown("SETCONF Socks5Proxy=a Bridge=b"), "SETCONF Socks5Proxy=a Bridge=b");
        assert_eq!(shown("AUTHENTICATE \"a b\""), "AUTHENTICATE [redacted]");
        assert_eq!(shown("AUTHENTICATE  \"a b\" "), "AUTHENTICATE  [redacted] ");
        assert_eq!(shown("AUTHENTICATE"), "AUTHENTICATE");
        assert_eq!(shown("AUTHENTICATE "), "AUTHENTICATE ");
        assert_eq!(
            shown("ADD_ONION ED25519-V3:abc Port=80"),
            "ADD_ONION ED25519-V3:[redacted] Port=80"
        );
    }

    #[test]
    fn redaction_survives_odd_bytes() {
        redact_line("PrivateKey=\u{fffd}é".as_bytes());
        redact_line(b"\xff\xfePrivateKey=\"\\");
        redact_line("é".repeat(40).as_bytes());
        redact_line(format!("{}=x", "é".repeat(40)).as_bytes());
    }

    #[test]
    fn redaction_of_a_long_line_takes_linear_time() {
        // With quadratic time, this would take many minutes.
        let texts = [
            "x25519:a ".repeat(1 << 18),
            "PrivateKey=\"".repeat(1 << 18),
            "Invalid private key ".repeat(1 << 17),
            "=".repeat(1 << 22),
            "SOCKS_USERNAME=\"a\" ".repeat(1 << 17),
            "a".repeat(1 << 22),
        ];
        #[allow(clippy::disallowed_types)]
        let start = std::time::Instant::now();
        for text in texts {
            redact_line(text.as_bytes());
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
