//! Lines and words of directory documents: dir-spec, "Document meta-format".

use memchr::{memchr, memchr2, memmem};

/// An iterator over the lines of a document, without line ends.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Lines { rest: text }
    }

    /// Returns the text that hasn't been iterated over yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let line = match memchr(b'\n', self.rest).and_then(|end| self.rest.split_at_checked(end)) {
            Some((line, rest)) => {
                self.rest = rest.get(1..).unwrap_or_default();
                line
            }
            None => std::mem::take(&mut self.rest),
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Splits a line into its keyword and the rest, at the first space or tab.
#[inline]
pub(super) fn keyword(line: &[u8]) -> (&[u8], &[u8]) {
    // Keywords are short, so this is faster than `memchr`.
    match line.iter().position(|b| is_space(*b)).and_then(|end| line.split_at_checked(end)) {
        Some((keyword, rest)) => (keyword, rest.trim_ascii()),
        None => (line, b""),
    }
}

/// Returns true if the word is a keyword as dir-spec allows it: a letter or
/// digit, and then letters, digits and hyphens.
pub(super) fn is_keyword(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphanumeric)
        && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Splits a line as [`keyword`] does, but leaves out the word `opt`, which old
/// documents have before some keywords.
#[inline]
pub(super) fn keyword_after_opt(line: &[u8]) -> (&[u8], &[u8]) {
    match keyword(line) {
        (b"opt", rest) => keyword(rest),
        split => split,
    }
}

/// Returns true if the text begins with a line that has this keyword.
#[inline]
pub(super) fn starts_with_keyword(text: &[u8], keyword: &[u8]) -> bool {
    let rest = text.strip_prefix(keyword);
    // A `\r` ends the line only before the line end.
    matches!(rest, Some([] | [b' ' | b'\t' | b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..]))
}

/// Returns the position in bytes of the first line that has this keyword.
/// `needle` is a line end followed by the keyword. Returns `None` if no line
/// has the keyword.
pub(super) fn find_line(text: &[u8], needle: &[u8]) -> Option<usize> {
    let keyword = needle.get(1..)?;
    if starts_with_keyword(text, keyword) {
        return Some(0);
    }
    let mut ends = memmem::find_iter(text, needle);
    ends.find_map(|end| starts_with_keyword(text.get(end + 1..)?, keyword).then_some(end + 1))
}

/// Returns the words of a line, separated by spaces and tabs.
#[inline]
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|b| is_space(*b)).filter(|word| !word.is_empty())
}

/// Returns the first word of a line, or an empty word. Use this for values of
/// one word, because later versions of tor may add words after the value.
#[inline]
pub(super) fn first_word(line: &[u8]) -> &[u8] {
    words(line).next().unwrap_or_default()
}

/// Returns true for a space or a tab.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Returns the key of a line `id ed25519 KEY`, given the text after `id`.
/// Returns `None` for another type of key.
pub(super) fn ed25519_id(line: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = keyword(line);
    // Keys are long, so this is faster than to look at each byte.
    let end = memchr2(b' ', b'\t', rest).unwrap_or(rest.len());
    rest.get(..end).filter(|key| kind == b"ed25519" && !key.is_empty())
}

/// Parses a decimal number of at most 10 digits without a sign. Returns `None`
/// if the text is malformed or the number exceeds 32 bits.
#[inline]
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(digit - b'0');
    }
    u32::try_from(number).ok()
}

/// Parses a decimal number without a sign. Returns `None` if the text is
/// malformed or the number exceeds 64 bits.
#[inline]
pub(super) fn number_u64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// Parses a decimal number that may begin with `-`. Returns `None` if the text
/// is malformed or the number doesn't fit into an `i64`.
pub(super) fn signed_number(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => 0i64.checked_sub_unsigned(number_u64(digits)?),
        None => i64::try_from(number_u64(text)?).ok(),
    }
}

/// Converts bytes to text. Invalid UTF-8 is replaced by U+FFFD.
pub(super) fn lossy(text: &[u8]) -> Box<str> {
    String::from_utf8_lossy(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_every_line_end() {
        let lines: Vec<&[u8]> = Lines::new(b"a\nb\r\n\nc").collect();
        assert_eq!(lines, [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(Lines::new(b"").count(), 0);
        assert_eq!(Lines::new(b"\n").count(), 1);
    }

    #[test]
    fn lines_are_found_by_their_keyword() {
        for (text, found) in [
            ("r a\n", Some(0)),
            ("x\nr\ta\n", Some(2)),
            ("x\nrx\nr", Some(5)),
            ("x\nr\r\n", Some(2)),
            ("x\nr\r", Some(2)),
            ("x\nr\rx\n", None),
            ("r\r\r\n", None),
            ("x r a\n", None),
            ("rx\nrr\n", None),
            ("", None),
        ] {
            assert_eq!(find_line(text.as_bytes(), b"\nr"), found, "{text:?}");
        }
    }

    #[test]
    fn keywords_and_words_are_split() {
        assert_eq!(keyword(b"s Exit  Fast "), (&b"s"[..], &b"Exit  Fast"[..]));
        assert_eq!(keyword(b"s\t Exit"), (&b"s"[..], &b"Exit"[..]));
        assert_eq!(keyword(b"s"), (&b"s"[..], &b""[..]));
        assert_eq!(keyword(b""), (&b""[..], &b""[..]));
        let found: Vec<&[u8]> = words(b" Exit\t Fast ").collect();
        assert_eq!(found, [b"Exit", b"Fast"]);
        assert_eq!((first_word(b" Exit\tFast"), first_word(b" ")), (&b"Exit"[..], &b""[..]));
    }

    #[test]
    fn ed25519_keys_are_found() {
        for (line, key) in [
            ("ed25519 KEY", Some("KEY")),
            ("ed25519\t KEY\tmore", Some("KEY")),
            ("rsa1024 KEY", None),
            ("ed25519", None),
            ("", None),
        ] {
            assert_eq!(ed25519_id(line.as_bytes()), key.map(str::as_bytes), "{line:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_without_sign() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("99999999999", None),
            ("", None),
            ("+1", None),
            ("1 ", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
    }
}
