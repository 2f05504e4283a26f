//! Parsers for values that several events have in common.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::shown::InOneLine;
use crate::control::Value;
use crate::word::parse_date_time;

/// Converts a value to a type that accepts any text, such as an enum with a
/// variant `Other`.
pub(super) fn keyword<T: for<'a> From<&'a str>>(value: Value<'_>) -> T {
    T::from(&value.text())
}

/// Converts a comma-separated list of keywords. An empty value is an empty
/// list.
pub(super) fn keywords<T: for<'a> From<&'a str>>(value: Value<'_>) -> Vec<T> {
    let text = value.text();
    if text.is_empty() {
        return Vec::new();
    }
    let commas = memchr::memchr_iter(b',', text.as_bytes());
    let mut all = Vec::with_capacity(1 + commas.clone().count());
    let mut start = 0;
    for end in commas.chain([text.len()]) {
        all.push(T::from(text.get(start..end).unwrap_or_default()));
        start = end + 1;
    }
    all
}

/// Parses a time in UTC, such as `2026-11-21T01:54:30.603150`, also with a
/// space instead of the `T`. Returns `None` if the value isn't a time.
pub(super) fn time(value: Value<'_>) -> Option<SystemTime> {
    let (whole, fraction) = value.raw().split_at_checked(19)?;
    let (date, [b'T' | b' ', time @ ..]) = whole.split_at_checked(10)? else { return None };
    let time = parse_date_time(date, time)?;
    let digits = match fraction {
        [] => return Some(time),
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let mut nanoseconds = 0;
    for at in 0..9 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        nanoseconds = nanoseconds * 10 + u64::from(digit - b'0');
    }
    time.checked_add(Duration::from_nanos(nanoseconds))
}

/// Converts bytes to text. Invalid UTF-8 is replaced by U+FFFD.
pub(super) fn text(bytes: impl Into<Vec<u8>>) -> String {
    String::from_utf8(bytes.into())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Converts a keyword argument to its keyword and its unquoted value.
pub(super) fn pair(key: &str, value: Value<'_>) -> (String, String) {
    (key.to_owned(), value.text().into_owned())
}

/// Writes ` (REASON, remote REASON)`. A reason that is `None` is left out.
pub(super) fn write_reasons<T: fmt::Display>(
    f: &mut InOneLine<'_, '_>,
    reason: Option<&T>,
    remote: Option<&T>,
) -> fmt::Result {
    match (reason, remote) {
        (Some(reason), Some(remote)) => write!(f, " ({reason}, remote {remote})"),
        (Some(reason), None) => write!(f, " ({reason})"),
        (None, Some(remote)) => write!(f, " (remote {remote})"),
        (None, None) => Ok(()),
    }
}

/// Splits a line into the event's name and the text after it.
#[inline]
pub(super) fn split_kind(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => {
            let (kind, rest) = line.split_at(space);
            (kind, rest.get(1..).unwrap_or_default())
        }
        None => (line, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Words;

    fn read(text: &str) -> Option<SystemTime> {
        time(Words::new(text.as_bytes()).next_value())
    }

    #[test]
    fn event_times_have_a_fraction_or_none() {
        let whole = read("2026-11-21T01:54:30").unwrap();
        let after = |nanoseconds| Some(whole + Duration::from_nanos(nanoseconds));
        assert_eq!(read("2026-11-21T01:54:30.603150"), after(603_150_000));
        assert_eq!(read("2026-11-21T01:54:30.000000001"), after(1));
        // As in tor, second 60 is the start of the next minute.
        assert_eq!(read("2026-11-21T01:53:60.5"), Some(whole - Duration::from_millis(29_500)));
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T01:54:30.",
            "2026-11-21T01:54:30.x",
            "2026-11-21T01:54:30.0000000001",
            "2026-11-21T01:54:30Z",
            "2026-11-21x01:54:30",
            "2026-11-21T01:54:61",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
