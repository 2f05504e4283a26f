//! Values that occur in the lines of several documents.

use std::net::{Ipv4Addr, SocketAddr};

use data_encoding::{BASE64_NOPAD, HEXUPPER_PERMISSIVE};

use super::document_error::LineProblem;
use super::ed25519_certificate::Ed25519Certificate;
use super::item::{Arguments, Item};
use super::{address, base64};
use crate::word::Fingerprint;

/// Reads a nickname: 1 to 19 letters and digits.
pub(super) fn nickname<'a>(words: &mut Arguments<'a>) -> Result<&'a str, LineProblem> {
    const FORM: &str = "the nickname must be 1 to 19 letters and digits";
    let word = words.word()?;
    let text = std::str::from_utf8(word).ok().filter(|_| is_nickname(word));
    text.ok_or(LineProblem::Value(FORM))
}

fn is_nickname(word: &[u8]) -> bool {
    (1..=19).contains(&word.len()) && word.iter().all(u8::is_ascii_alphanumeric)
}

/// Reads `0` or `1`.
pub(super) fn flag(words: &mut Arguments<'_>) -> Result<bool, LineProblem> {
    match words.word()? {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(LineProblem::Value("the value must be 0 or 1")),
    }
}

/// Reads `N` bytes as hexadecimal digits. `form` is the text of the error for
/// any other word.
pub(super) fn hex<const N: usize>(
    words: &mut Arguments<'_>,
    form: &'static str,
) -> Result<[u8; N], LineProblem> {
    decode_hex(words.word()?).ok_or(LineProblem::Value(form))
}

/// Decodes hexadecimal digits, in upper or lower case. Returns `None` if they
/// don't stand for `N` bytes.
pub(super) fn decode_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_decoded =
        digits.len() == 2 * N && HEXUPPER_PERMISSIVE.decode_mut(digits, &mut bytes).is_ok();
    is_decoded.then_some(bytes)
}

/// Reads a fingerprint of 40 hexadecimal digits.
pub(super) fn fingerprint(words: &mut Arguments<'_>) -> Result<Fingerprint, LineProblem> {
    let bytes = hex(words, "the fingerprint must be 40 hexadecimal digits")?;
    Ok(Fingerprint::from_bytes(bytes))
}

/// Reads a SHA-1 digest of 40 hexadecimal digits.
pub(super) fn sha1_digest(words: &mut Arguments<'_>) -> Result<[u8; 20], LineProblem> {
    hex(words, "the digest must be 40 hexadecimal digits")
}

/// Reads a SHA-256 digest in base64, with or without padding.
pub(super) fn sha256_digest(words: &mut Arguments<'_>) -> Result<[u8; 32], LineProblem> {
    base64_word(words, "the digest must be 32 bytes in base64")
}

/// Reads an Ed25519 signature in base64, with or without padding.
pub(super) fn ed25519_signature(words: &mut Arguments<'_>) -> Result<[u8; 64], LineProblem> {
    base64_word(words, "the signature must be 64 bytes in base64")
}

/// Reads an IPv4 address.
pub(super) fn ipv4(words: &mut Arguments<'_>) -> Result<Ipv4Addr, LineProblem> {
    const FORM: &str = "the address must be an IPv4 address";
    address::parse_ipv4(words.word()?).ok_or(LineProblem::Value(FORM))
}

/// Reads an address such as `[2001:db8::1]:443` or `192.0.2.1:443`.
pub(super) fn socket_addr(words: &mut Arguments<'_>) -> Result<SocketAddr, LineProblem> {
    const FORM: &str = "the address must be an IP address with a port";
    address::parse_address(words.word()?).ok_or(LineProblem::Value(FORM))
}

/// Reads a port, which may be 0.
pub(super) fn port(words: &mut Arguments<'_>) -> Result<u16, LineProblem> {
    words.number("the port must be a number from 0 to 65535")
}

/// Reads `N` bytes in base64, with or without padding. `form` is the text of
/// the error for any other word.
pub(super) fn base64_word<const N: usize>(
    words: &mut Arguments<'_>,
    form: &'static str,
) -> Result<[u8; N], LineProblem> {
    base64::decode(words.word()?).ok_or(LineProblem::Value(form))
}

/// Reads a key of 32 bytes in base64, with or without padding.
pub(super) fn key(words: &mut Arguments<'_>) -> Result<[u8; 32], LineProblem> {
    base64_word(words, "the key must be 32 bytes in base64")
}

/// Parses digits with an optional fraction, such as `0.94`. Returns `None` for
/// any other text, also if it has a sign or an exponent.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if are_digits(whole) && are_digits(decimals) { finite(text) } else { None }
}

/// Parses a decimal number such as `12.50` or `-3`. Returns `None` for any
/// other text, also if it has an exponent.
pub(super) fn decimal(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_decimal { finite(text) } else { None }
}

/// Parses a decimal number, which may have an exponent as in `1.5e-05`. The
/// scanners of bandwidths are written in Python, which writes small numbers in
/// this form. Returns `None` for any other text.
pub(super) fn scientific(text: &str) -> Option<f64> {
    let is_allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e');
    if text.bytes().all(is_allowed) { finite(text) } else { None }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Decodes the object of an item, which must be an Ed25519 certificate.
pub(super) fn certificate(item: &Item<'_>) -> Result<Ed25519Certificate, LineProblem> {
    const FORM: &str = "the object must be an Ed25519 certificate of version 1";
    let bytes = item.object().and_then(|object| object.decode());
    let certificate = bytes.and_then(|bytes| Ed25519Certificate::parse(&bytes).ok());
    certificate.ok_or(LineProblem::Value(FORM))
}

/// Reads a nickname, after which `-legacy` may follow.
pub(super) fn nickname_or_legacy<'a>(words: &mut Arguments<'a>) -> Result<&'a str, LineProblem> {
    let mut rest = words.clone();
    let text = words.text("the nickname must be 1 to 19 letters and digits")?;
    match text.strip_suffix("-legacy") {
        Some(name) if is_nickname(name.as_bytes()) => Ok(text),
        _ => nickname(&mut rest),
    }
}

/// Reads bytes in base64, with or without padding. `form` is the text of the
/// error for any other word.
pub(super) fn base64_bytes(
    words: &mut Arguments<'_>,
    form: &'static str,
) -> Result<Vec<u8>, LineProblem> {
    let word = words.word()?;
    let digits = match word.len().is_multiple_of(4) {
        true => word.strip_suffix(b"==").or_else(|| word.strip_suffix(b"=")).unwrap_or(word),
        false => word,
    };
    BASE64_NOPAD.decode(digits).map_err(|_| LineProblem::Value(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_have_digits_and_at_most_one_point() {
        for (text, expected) in [("12.50", Some(12.5)), ("-3", Some(-3.0)), ("0", Some(0.0))] {
            assert_eq!(
                (decimal(text.as_bytes()), scientific(text)),
                (expected, expected),
                "{text}"
            );
        }
        let huge = "9".repeat(400);
        for bad in ["", "-", ".", "1e5", "inf", "NaN", "+1", "--1", "1.2.3", "1,5", &huge] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }
}
