//! Parses the header `Range`, which resumes downloads (RFC 9110, section 14).

use std::ops::Range;

/// The part of a file that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The request asks for the whole file.
    All,
    Bytes(Range<u64>),
    /// The request asks for a range that is outside of the file.
    Outside,
}

/// Parses the value of a `Range` header for a file with `length` bytes. Returns
/// [`Part::All`] for values that aren't supported, such as several ranges. The
/// RFC allows a server to ignore them.
pub(super) fn parse(value: &str, length: u64) -> Part {
    let Some((unit, range)) = value.split_once('=') else { return Part::All };
    let Some((first, last)) = range.split_once('-') else { return Part::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::All;
    }
    let (Some(first), Some(last)) = (number(first), number(last)) else { return Part::All };
    let range = match (first, last) {
        (None, None) => return Part::All,
        // Without a first byte, the number means the last bytes of the file.
        (None, Some(count)) => length.saturating_sub(count)..length,
        (Some(first), None) => first..length,
        (Some(first), Some(last)) if last < first => return Part::All,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(length),
    };
    if range.start >= range.end { Part::Outside } else { Part::Bytes(range) }
}

/// Parses one end of a range. Returns `Some(None)` if it is left out, and
/// `None` if it isn't a number.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok().map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_within_the_file() {
        for (value, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("Bytes = 2-99", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=3-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("bytes=-", Part::All),
            ("bytes=+1-2", Part::All),
            ("lines=0-1", Part::All),
            ("nonsense", Part::All),
        ] {
            assert_eq!(parse(value, 10), expected, "{value}");
        }
        assert_eq!(parse("bytes=0-", 0), Part::Outside);
    }
}
