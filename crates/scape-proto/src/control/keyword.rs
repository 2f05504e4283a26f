//! Words and `KEY=value` pairs in events and replies.

use std::borrow::Cow;
use std::str::{FromStr, Utf8Error};

use memchr::{memchr, memchr2};

use super::quote::unquote;

/// A table of all bytes: true for those that the key of a `KEY=value` pair may
/// contain.
const IN_KEYS: [bool; 256] = {
    let mut in_keys = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        in_keys[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    in_keys
};

/// An iterator over the words of a line, which are separated by single spaces.
/// A quoted string is part of its word, including the spaces in the string.
///
/// A quoted string ends at the first unescaped quote that is followed by a
/// space or by the end of the line. This rule also handles texts that tor puts
/// in quotes without escaping them, and texts that tor quotes twice.
///
/// The iterator skips empty words, while [`next_value`](Self::next_value)
/// returns them.
///
/// ```
/// use scape_proto::control::{Word, Words};
///
/// let mut words = Words::new(br#"NOTICE BOOTSTRAP PROGRESS=5 SUMMARY="Connecting to a relay""#);
/// assert_eq!(words.next_text(), "NOTICE");
/// assert_eq!(words.next_text(), "BOOTSTRAP");
/// let pairs: Vec<_> = words.map(|word| word.to_string()).collect();
/// assert_eq!(pairs, ["PROGRESS=5", "SUMMARY=Connecting to a relay"]);
/// ```
#[derive(Debug, Clone)]
pub struct Words<'a> {
    line: Part<'a>,
    /// The position at which the next word begins; `None` after the last word.
    next: Option<usize>,
    /// True if no quote in the rest of the line is closed. Without this flag, a
    /// line full of opening quotes would be searched to its end for each quote.
    none_closes: bool,
}

/// One word of a line, as [`Words`] returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// A word without a key, such as a status or a path.
    Bare(Value<'a>),
    /// `KEY=value`. A key consists of letters, digits and `_`.
    Pair(&'a str, Value<'a>),
}

/// A word, or the part of a pair after `KEY=`, in the form in which tor wrote
/// it: with quotes and escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(Part<'a>);

/// A part of a line. A whole line is checked for UTF-8 once, so that its words
/// need no further check.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Part<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Part::Text(text) => text.as_bytes(),
            Part::Bytes(bytes) => bytes,
        }
    }

    fn text(self) -> Result<&'a str, Utf8Error> {
        match self {
            Part::Text(text) => Ok(text),
            Part::Bytes(bytes) => std::str::from_utf8(bytes),
        }
    }

    /// Returns the bytes from `start` to `end` as a part. The result is text if
    /// this part is text and both positions are at character boundaries.
    /// Spaces, quotes and `=` always are at such boundaries. Otherwise, the
    /// result is bytes. A range out of bounds gives an empty part.
    #[inline]
    fn between(self, start: usize, end: usize) -> Self {
        if let Part::Text(text) = self
            && let Some(part) = text.get(start..end)
        {
            return Part::Text(part);
        }
        Part::Bytes(self.bytes().get(start..end).unwrap_or_default())
    }
}

impl PartialEq for Part<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Part<'_> {}

impl<'a> Words<'a> {
    /// Creates an iterator over the words of `line`.
    ///
    /// ```
    /// use scape_proto::control::{Word, Words};
    ///
    /// let mut words = Words::new(b"BUILT PURPOSE=GENERAL");
    /// assert!(matches!(words.next(), Some(Word::Bare(word)) if word.text() == "BUILT"));
    /// assert!(matches!(words.next(), Some(Word::Pair("PURPOSE", _))));
    /// assert_eq!(words.next(), None);
    /// ```
    pub fn new(line: &'a [u8]) -> Self {
        let line = std::str::from_utf8(line).map_or(Part::Bytes(line), Part::Text);
        Words { line, next: Some(0), none_closes: false }
    }

    /// Returns the next word as a whole, even if the word is a pair. Returns an
    /// empty value between two consecutive spaces, and after the last word.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let mut words = Words::new(b"a.example  NEVER");
    /// assert_eq!(words.next_value().raw(), b"a.example");
    /// assert!(words.next_value().is_empty());
    /// assert_eq!(words.next_value().raw(), b"NEVER");
    /// ```
    #[inline]
    pub fn next_value(&mut self) -> Value<'a> {
        let (start, end) = self.cut().unwrap_or_default();
        Value(self.line.between(start, end))
    }

    /// Returns the next word as a whole, like [`next_value`](Self::next_value),
    /// as unquoted text.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let mut words = Words::new(br#""two words" third"#);
    /// assert_eq!(words.next_text(), "two words");
    /// assert_eq!(words.next_text(), "third");
    /// assert_eq!(words.next_text(), "");
    /// ```
    pub fn next_text(&mut self) -> Cow<'a, str> {
        self.next_value().text()
    }

    /// Returns the same value as [`next_value`](Self::next_value), without
    /// consuming it.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let mut words = Words::new(b"7 BUILT");
    /// assert_eq!(words.peek().raw(), b"7");
    /// assert_eq!(words.next_text(), "7");
    /// assert_eq!(words.rest(), b"BUILT");
    /// ```
    pub fn peek(&self) -> Value<'a> {
        self.clone().next_value()
    }

    /// Returns the rest of the line, which hasn't been split into words yet.
    pub fn rest(&self) -> &'a [u8] {
        self.next.and_then(|next| self.line.bytes().get(next..)).unwrap_or_default()
    }

    /// Returns the start and the end of the next word; `None` after the last
    /// word.
    #[inline]
    fn cut(&mut self) -> Option<(usize, usize)> {
        let start = self.next?;
        let length = self.word_length(self.rest());
        let end = start + length;
        self.next = (end < self.line.bytes().len()).then_some(end + 1);
        Some((start, end))
    }

    /// Returns the length of the word at the beginning of `rest`. The word ends
    /// at the first space outside of quotes, or at the end of the line.
    fn word_length(&mut self, rest: &[u8]) -> usize {
        let quote = match memchr2(b' ', b'"', rest) {
            None => return rest.len(),
            Some(position) if rest.get(position) == Some(&b' ') => return position,
            Some(quote) => quote,
        };
        let opens = quote == 0 || rest.get(quote - 1) == Some(&b'=');
        if opens && !self.none_closes {
            match end_of_quotes(rest, quote) {
                Some(end) => return end,
                None => self.none_closes = true,
            }
        }
        // No quoted text begins here, so the quote is an ordinary character.
        memchr(b' ', rest).unwrap_or(rest.len())
    }

    /// Returns the word from byte `start` to byte `end`. The word is a pair if
    /// it begins with a key and `=`.
    #[inline(always)]
    fn word(&self, start: usize, end: usize) -> Word<'a> {
        let bytes = self.line.bytes().get(start..end).unwrap_or_default();
        let key_length = bytes.iter().take_while(|byte| IN_KEYS[usize::from(**byte)]).count();
        if key_length > 0
            && bytes.get(key_length) == Some(&b'=')
            && let Ok(key) = self.line.between(start, start + key_length).text()
        {
            return Word::Pair(key, Value(self.line.between(start + key_length + 1, end)));
        }
        Word::Bare(Value(self.line.between(start, end)))
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    /// Returns the next word that isn't empty.
    #[inline(always)]
    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            let (start, end) = self.cut()?;
            if start < end {
                return Some(self.word(start, end));
            }
        }
    }
}

/// Returns the position after the closing quote of a quoted string. `quote` is
/// the position of the opening quote. A space or the end of the line must
/// follow the closing quote. Returns `None` if there is no such closing quote.
fn end_of_quotes(line: &[u8], quote: usize) -> Option<usize> {
    let mut position = quote + 1;
    loop {
        match line.get(position)? {
            b'\\' => position += 2,
            b'"' => match line.get(position + 1) {
                None | Some(b' ') => return Some(position + 1),
                Some(_) => position += 1,
            },
            _ => position += 1,
        }
    }
}

impl<'a> Value<'a> {
    /// Returns the bytes as they were received, including quotes and escapes.
    pub fn raw(self) -> &'a [u8] {
        self.0.bytes()
    }

    /// Returns true if the value is empty.
    pub fn is_empty(self) -> bool {
        self.raw().is_empty()
    }

    /// Returns true if the value is a quoted string.
    pub fn is_quoted(self) -> bool {
        self.raw().len() >= 2 && self.raw().starts_with(b"\"") && self.raw().ends_with(b"\"")
    }

    /// Returns the bytes without quotes and escapes. A value that isn't quoted
    /// is returned unchanged.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let value = Words::new(br#""caf\351 x""#).next_value();
    /// assert_eq!(&*value.bytes(), b"caf\xe9 x"); // not UTF-8
    /// ```
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self.without_quotes() {
            Some(part) => Cow::Borrowed(part.bytes()),
            None => Cow::Owned(unquote(self.raw())),
        }
    }

    /// Returns the text without quotes and escapes. A value that isn't quoted
    /// is returned unchanged. Bytes that aren't UTF-8 become U+FFFD.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let value = Words::new(br#""say \"hi\"""#).next_value();
    /// assert_eq!(value.text(), r#"say "hi""#);
    /// assert_eq!(value.raw(), br#""say \"hi\"""#);
    /// ```
    pub fn text(self) -> Cow<'a, str> {
        match self.without_quotes() {
            Some(Part::Text(text)) => Cow::Borrowed(text),
            Some(Part::Bytes(bytes)) => String::from_utf8_lossy(bytes),
            None => match String::from_utf8(unquote(self.raw())) {
                Ok(text) => Cow::Owned(text),
                Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
            },
        }
    }

    /// Parses the value as a `T`. Quotes aren't removed. Returns `None` if the
    /// value isn't UTF-8 or can't be parsed.
    ///
    /// ```
    /// use scape_proto::control::Words;
    ///
    /// let mut words = Words::new(b"7 BUILT");
    /// assert_eq!(words.next_value().parse::<u32>(), Some(7));
    /// assert_eq!(words.next_value().parse::<u32>(), None);
    /// ```
    #[inline]
    pub fn parse<T: FromStr>(self) -> Option<T> {
        self.0.text().ok()?.parse().ok()
    }

    /// Returns the part inside the quotes, or the whole value if it isn't
    /// quoted. Returns `None` if the value contains escapes.
    fn without_quotes(self) -> Option<Part<'a>> {
        if !self.is_quoted() {
            return Some(self.0);
        }
        let inner = self.0.between(1, self.raw().len() - 1);
        memchr(b'\\', inner.bytes()).is_none().then_some(inner)
    }
}

impl std::fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Word::Bare(value) => f.write_str(&value.text()),
            Word::Pair(key, value) => write!(f, "{key}={}", value.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<String> {
        Words::new(line.as_bytes()).map(|w| w.to_string()).collect()
    }

    #[test]
    fn bare_words_and_pairs() {
        let line =
            "7 BUILT $C3C0~a,$6AF4~b BUILD_FLAGS=X,Y SOCKS_USERNAME=\"b o\\\"b\" ISO_FIELDS=";
        let all: Vec<_> = Words::new(line.as_bytes()).collect();
        assert_eq!(all.len(), 6);
        assert_eq!(all[2], Word::Bare(Value(Part::Bytes(b"$C3C0~a,$6AF4~b"))));
        assert_eq!(all[4].to_string(), "SOCKS_USERNAME=b o\"b");
        assert_eq!(all[5], Word::Pair("ISO_FIELDS", Value(Part::Text(""))));
    }

    #[test]
    fn relay_name_with_equals_sign_is_not_a_pair() {
        assert!(matches!(Words::new(b"$ABCD=nick").next(), Some(Word::Bare(_))));
        assert!(matches!(Words::new(b"=x").next(), Some(Word::Bare(_))));
    }

    #[test]
    fn next_text_returns_empty_words() {
        let mut line = Words::new(b"a.com  NEVER CACHED=\"YES\"");
        assert_eq!(line.next_text(), "a.com");
        assert_eq!(line.next_text(), "");
        assert_eq!(line.next_text(), "NEVER");
        assert_eq!(line.rest(), b"CACHED=\"YES\"");
    }

    #[test]
    fn quoted_text_that_is_quoted_twice_or_not_escaped() {
        assert_eq!(
            words(r#"WARN X DATA=""G\001 y"" Z=1"#),
            ["WARN", "X", "DATA=\"G\u{1} y\"", "Z=1"]
        );
        assert_eq!(
            words(r#"WARNING="it said "no", twice" REASON=X"#),
            ["WARNING=it said \"no\", twice", "REASON=X"]
        );
        assert_eq!(words(r#"A="" B="never closed C=1"#), ["A=", "B=\"never", "closed", "C=1"]);
    }

    #[test]
    fn line_full_of_unclosed_quotes_takes_linear_time() {
        let line = "K=\"x ".repeat(200_000);
        assert_eq!(Words::new(line.as_bytes()).count(), 200_000);
        assert_eq!(words(r#"A="b C="d" E="f G="h\" "#), ["A=b C=\"d", "E=\"f", "G=h\\"]);
    }

    #[test]
    fn invalid_utf8_in_one_word_leaves_the_others_unchanged() {
        let words: Vec<_> = Words::new(b"7 X=\"\xff \xc3\xa9\" N=42 \xe9=1").collect();
        assert_eq!(words[0], Word::Bare(Value(Part::Text("7"))));
        assert_eq!(words[1].to_string(), "X=\u{fffd} \u{e9}");
        assert!(matches!(words[2], Word::Pair("N", value) if value.parse() == Some(42)));
        assert!(matches!(words[3], Word::Bare(value) if value.raw() == b"\xe9=1"));
    }

    #[test]
    fn quote_inside_of_a_word_is_ordinary() {
        assert_eq!(words(r#"a"b c" d"#), [r#"a"b"#, r#"c""#, "d"]);
    }

    proptest! {
        #[test]
        fn words_of_any_line_round_trip(
            line in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut words = Words::new(&line);
            let mut back: Vec<u8> = Vec::new();
            let mut first = true;
            while words.next.is_some() {
                if !first {
                    back.push(b' ');
                }
                first = false;
                let value = words.next_value();
                value.text();
                back.extend(value.raw());
            }
            prop_assert_eq!(back, line);
        }

        #[test]
        fn quoted_value_round_trip(value in "[^\\PC]*", tail in "[a-z]{0,5}") {
            let line = format!("KEY={} {tail}", super::super::c_string(&value));
            let word = Words::new(line.as_bytes()).next();
            let Some(Word::Pair("KEY", read)) = word else { panic!("{word:?}") };
            prop_assert_eq!(read.text(), value);
        }
    }
}
