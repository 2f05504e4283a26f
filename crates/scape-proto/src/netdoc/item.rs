//! Items: keyword lines with the objects that follow them.

use data_encoding::{BASE64, Encoding, Specification};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;
use std::time::SystemTime;

use super::document_error::LineProblem;
use super::line::{Lines, keyword, keyword_after_opt, number_u64, words};
use crate::word::parse_date_time;

/// An item of a directory document: a line that begins with a keyword, and the
/// object after it, if there is one. See dir-spec, "Document meta-format".
///
/// ```
/// use scape_proto::netdoc::Item;
///
/// let text = b"published 2026-11-21 03:16:05\n\
///     signing-key\n-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n";
/// let items: Vec<Item<'_>> = Item::parse_all(text).collect();
/// assert_eq!(items[0].keyword(), b"published");
/// assert_eq!(items[0].words().next(), Some(&b"2026-11-21"[..]));
/// let key = items[1].object().expect("an object");
/// assert_eq!((key.label(), key.decode()), (&b"RSA PUBLIC KEY"[..], Some(vec![1, 2, 3])));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    text: &'a [u8],
    line: usize,
    keyword: &'a [u8],
    arguments: &'a [u8],
    object: Option<Object<'a>>,
    has_broken_object: bool,
}

/// An object of a directory document: base64 between a line
/// `-----BEGIN label-----` and a line `-----END label-----`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    label: &'a [u8],
    base64: &'a [u8],
}

impl<'a> Item<'a> {
    /// Returns an iterator over the items of a document. Empty lines are left
    /// out. An object without a keyword line before it becomes an item with an
    /// empty keyword.
    ///
    /// ```
    /// use scape_proto::netdoc::Item;
    ///
    /// let keywords: Vec<&[u8]> =
    ///     Item::parse_all(b"uptime 7\nopt hibernating 1\n").map(|item| item.keyword()).collect();
    /// assert_eq!(keywords, [&b"uptime"[..], b"hibernating"]);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Items<'a> {
        Items { lines: Lines::new(text), text, line: 0 }
    }

    /// Returns the keyword. The word `opt`, which old documents have before
    /// some keywords, is left out.
    pub fn keyword(&self) -> &'a [u8] {
        self.keyword
    }

    /// Returns the rest of the line after the keyword, without spaces around
    /// it.
    pub fn arguments(&self) -> &'a [u8] {
        self.arguments
    }

    /// Returns the words after the keyword. Words are separated by spaces and
    /// tabs.
    ///
    /// ```
    /// use scape_proto::netdoc::Item;
    ///
    /// let item = Item::parse_all(b"bandwidth 10 20 15\n").next().expect("an item");
    /// assert_eq!(item.words().collect::<Vec<_>>(), [&b"10"[..], b"20", b"15"]);
    /// ```
    pub fn words(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        words(self.arguments)
    }

    /// Returns the object after the line. Returns `None` if there is no object,
    /// or if its last line is missing.
    pub fn object(&self) -> Option<Object<'a>> {
        self.object
    }

    /// Returns the number of the line, counted from 1 at the start of the text.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the text of the whole item: the line and its object, with line
    /// ends.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns true if an object begins after the line but is malformed.
    pub(super) fn has_broken_object(&self) -> bool {
        self.has_broken_object
    }

    /// Returns a reader of the words after the keyword.
    pub(super) fn arguments_reader(&self) -> Arguments<'a> {
        Arguments { rest: self.arguments }
    }

    /// Returns the text after the keyword. Invalid UTF-8 is replaced by U+FFFD.
    pub(super) fn lossy(&self) -> Cow<'a, str> {
        // Checking the whole text is faster than looking for invalid parts.
        match std::str::from_utf8(self.arguments) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(self.arguments),
        }
    }

    /// Returns the object after the line. Returns [`LineProblem::Object`] if
    /// there is no object with this label.
    pub(super) fn object_with(&self, label: &[u8]) -> Result<Object<'a>, LineProblem> {
        self.object.filter(|object| object.label == label).ok_or(LineProblem::Object)
    }

    /// Parses the text after the keyword as a date and a time in UTC.
    pub(super) fn time(&self) -> Result<SystemTime, LineProblem> {
        self.arguments_reader().time()
    }

    /// Parses the first word after the keyword as a number from 0 to the type's
    /// maximum. `form` is the text of the error for any other word.
    pub(super) fn number<T: TryFrom<u64>>(&self, form: &'static str) -> Result<T, LineProblem> {
        self.arguments_reader().number(form)
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&String::from_utf8_lossy(self.text)).finish()
    }
}

impl<'a> Object<'a> {
    /// Returns the label, such as `RSA PUBLIC KEY`.
    pub fn label(&self) -> &'a [u8] {
        self.label
    }

    /// Returns the base64 text, with its line ends.
    pub fn base64(&self) -> &'a [u8] {
        self.base64
    }

    /// Decodes the base64 text. Line ends and spaces are ignored. Returns
    /// `None` if the text isn't base64.
    ///
    /// ```
    /// use scape_proto::netdoc::Item;
    ///
    /// let text = b"k\n-----BEGIN A-----\nAQ ==\n-----END A-----\n";
    /// let item = Item::parse_all(text).next().expect("an item");
    /// assert_eq!(item.object().and_then(|object| object.decode()), Some(vec![1]));
    /// ```
    pub fn decode(&self) -> Option<Vec<u8>> {
        LENIENT_BASE64.decode(self.base64).ok()
    }

    /// Returns true if [`decode`](Self::decode) can decode the text.
    pub(super) fn is_base64(&self) -> bool {
        self.decode().is_some()
    }
}

/// Base64 whose spaces and line ends are ignored. The bits that are not used in
/// the last character may have any value, because tor accepts any value.
static LENIENT_BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut rules: Specification = BASE64.specification();
    rules.ignore.push_str(" \t\r\n");
    rules.check_trailing_bits = false;
    rules.encoding().unwrap_or(BASE64)
});

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(&String::from_utf8_lossy(self.label)).finish()
    }
}

/// An iterator over the items of a document. See [`Item::parse_all`].
#[derive(Debug, Clone)]
pub struct Items<'a> {
    lines: Lines<'a>,
    text: &'a [u8],
    line: usize,
}

/// The beginning of an object's first line.
pub(super) const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

impl<'a> Items<'a> {
    /// Reads an object if one begins at the current line. Returns `None` if no
    /// object begins, and [`LineProblem::Object`] if the object is malformed.
    #[inline]
    fn object(&mut self) -> Result<Option<Object<'a>>, LineProblem> {
        if self.lines.rest().first() != Some(&b'-') || !self.lines.rest().starts_with(BEGIN) {
            return Ok(None);
        }
        let label = self.label(BEGIN);
        let start = self.lines.rest();
        loop {
            let before = self.lines.rest();
            if before.starts_with(END) {
                let base64 = start.get(..start.len() - before.len()).unwrap_or_default();
                let end = self.label(END);
                let label = label.filter(|_| label == end).ok_or(LineProblem::Object)?;
                return Ok(Some(Object { label, base64 }));
            }
            // The line after an object that doesn't end is not swallowed.
            let mut lines = self.lines.clone();
            if !lines.next().is_some_and(is_base64_line) {
                return Err(LineProblem::Object);
            }
            self.lines = lines;
            self.line += 1;
        }
    }

    /// Reads a line such as `-----BEGIN label-----`, and returns its label.
    /// `prefix` is the text before the label. Returns `None` if the next line
    /// has another form.
    fn label(&mut self, prefix: &[u8]) -> Option<&'a [u8]> {
        self.next_line()?.strip_prefix(prefix)?.strip_suffix(DASHES)
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        self.line += 1;
        self.lines.next()
    }
}

/// Skips the object that begins at the next line, if one does, so that its
/// lines aren't taken for keyword lines. The object ends after the same line as
/// for [`Items`].
#[inline]
pub(super) fn skip_object(lines: &mut Lines<'_>) {
    let mut items = Items { lines: lines.clone(), text: b"", line: 0 };
    let _ = items.object();
    *lines = items.lines;
}

/// Returns true if the line has only characters that an object may contain, and
/// at most 1024 of them.
fn is_base64_line(line: &[u8]) -> bool {
    // Padding ends the object, so a keyword never follows in the line. No
    // branch depends on a byte, so that the compiler can test several at once.
    let is_base64 = |byte: u8| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // The slash is the character before the digits.
        let is_digit_or_slash = byte.wrapping_sub(b'/') < 11;
        let is_sign = (byte == b'+') | (byte == b'=');
        let is_space = (byte == b' ') | (byte == b'\t');
        is_letter | is_digit_or_slash | is_sign | is_space
    };
    line.len() <= 1024 && line.iter().fold(true, |all, byte| all & is_base64(*byte))
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let start = self.lines.rest();
            // An object without a keyword line has an empty one.
            let (line, number) = match start.first() == Some(&b'-') && start.starts_with(BEGIN) {
                true => (&b""[..], self.line + 1),
                false => (self.next_line()?, self.line),
            };
            if line.is_empty() && !self.lines.rest().starts_with(BEGIN) {
                continue;
            }
            let (keyword, arguments) = keyword_after_opt(line);
            let object = self.object();
            let read = start.len() - self.lines.rest().len();
            return Some(Item {
                text: start.get(..read).unwrap_or_default(),
                line: number,
                keyword,
                arguments,
                object: object.ok().flatten(),
                has_broken_object: object.is_err(),
            });
        }
    }
}

impl<'a> Items<'a> {
    /// Returns the text that the items are read from.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the text that hasn't been iterated over yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.lines.rest()
    }
}

impl std::iter::FusedIterator for Items<'_> {}

/// A reader of the words of a line. The methods that read a word return
/// [`LineProblem::Words`] if no word is left.
#[derive(Debug, Clone)]
pub(super) struct Arguments<'a> {
    rest: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// Returns the next word.
    #[inline]
    pub(super) fn word(&mut self) -> Result<&'a [u8], LineProblem> {
        if self.rest.is_empty() {
            return Err(LineProblem::Words);
        }
        let (word, rest) = keyword(self.rest);
        self.rest = rest;
        Ok(word)
    }

    /// Returns the next word as text. `form` is the text of the error for a
    /// word that isn't UTF-8.
    pub(super) fn text(&mut self, form: &'static str) -> Result<&'a str, LineProblem> {
        std::str::from_utf8(self.word()?).map_err(|_| LineProblem::Value(form))
    }

    /// Returns the words that are left, as written in the line.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns true if no word is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Parses the next word with `FromStr`. `form` is the text of the error for
    /// a word that `FromStr` rejects.
    pub(super) fn parse<T: std::str::FromStr>(
        &mut self,
        form: &'static str,
    ) -> Result<T, LineProblem> {
        self.text(form)?.parse().map_err(|_| LineProblem::Value(form))
    }

    /// Parses the next word as a number from 0 to the type's maximum. Signs are
    /// not allowed. `form` is the text of the error for any other word.
    #[inline]
    pub(super) fn number<T: TryFrom<u64>>(&mut self, form: &'static str) -> Result<T, LineProblem> {
        let word = self.word()?;
        let number = number_u64(word).ok_or(LineProblem::Value(form))?;
        T::try_from(number).map_err(|_| LineProblem::Value(form))
    }

    /// Parses the next two words as a date and a time in UTC.
    #[inline]
    pub(super) fn time(&mut self) -> Result<SystemTime, LineProblem> {
        let (date, time) = (self.word()?, self.word()?);
        parse_date_time(date, time)
            .ok_or(LineProblem::Value("the time must be YYYY-MM-DD HH:MM:SS in UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "-----BEGIN KEY-----\nAQID\nBAUG\n-----END KEY-----\n";

    fn items(text: &str) -> Vec<Item<'_>> {
        Item::parse_all(text.as_bytes()).collect()
    }

    #[test]
    fn items_have_words_objects_and_line_numbers() {
        let text = format!("\na 1\t2\n\nopt b\n{KEY}c\r\n");
        let all = items(&text);
        let keywords: Vec<&[u8]> = all.iter().map(Item::keyword).collect();
        assert_eq!(keywords, [&b"a"[..], b"b", b"c"]);
        assert_eq!(all.iter().map(Item::line).collect::<Vec<_>>(), [2, 4, 9]);
        assert_eq!(all[0].words().collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(all[1].object().unwrap().decode(), Some(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(all[1].text(), format!("opt b\n{KEY}").as_bytes());
        assert_eq!((all[0].object(), all[2].object()), (None, None));
    }

    #[test]
    fn objects_without_end_swallow_only_base64() {
        for (text, keywords) in [
            ("a\n-----BEGIN K-----\nAQID\nb-1 x\n", vec!["a", "b-1"]),
            ("a\n-----BEGIN K-----\nAQID\n-----END L-----\nb 1\n", vec!["a", "b"]),
            ("a\n-----BEGIN K-----\n", vec!["a"]),
            ("a\n-----BEGIN K\nAQID\n-----END K-----\n", vec!["a"]),
        ] {
            let all = items(text);
            assert!(all[0].has_broken_object() && all[0].object().is_none(), "{text:?}");
            let found: Vec<String> =
                all.iter().map(|item| String::from_utf8_lossy(item.keyword()).into()).collect();
            assert_eq!(found, keywords, "{text:?}");
        }
    }

    #[test]
    fn objects_without_keyword_are_items_too() {
        let text = format!("{KEY}a\n{KEY}{KEY}b\n");
        let all = items(&text);
        let keywords: Vec<&[u8]> = all.iter().map(Item::keyword).collect();
        assert_eq!(keywords, [&b""[..], b"a", b"", b"b"]);
        assert!(all.iter().take(3).all(|item| item.object().is_some()));
        assert_eq!(all.iter().map(Item::line).collect::<Vec<_>>(), [1, 5, 10, 14]);
    }

    #[test]
    fn malformed_base64_of_objects_is_rejected() {
        let object = |base64: &str| {
            let text = format!("a\n-----BEGIN K-----\n{base64}\n-----END K-----\n");
            items(&text)[0].object().unwrap().decode()
        };
        assert_eq!(object("AQ=="), Some(vec![1]));
        assert_eq!(object("AR=="), Some(vec![1])); // tor ignores the unused bits
        assert_eq!(object(""), Some(vec![]));
        assert_eq!((object("AQ"), object("A==="), object("AQ==AQ==A")), (None, None, None));
    }

    #[test]
    fn words_of_a_line_are_read_one_by_one() {
        let all = items("k 7 -1 99999999999999999999 2026-11-21 03:16:05");
        let mut words = all[0].arguments_reader();
        assert_eq!(words.number::<u8>("f"), Ok(7));
        assert_eq!(words.number::<u8>("f"), Err(LineProblem::Value("f")));
        assert_eq!(words.number::<u64>("f"), Err(LineProblem::Value("f")));
        assert!(words.time().is_ok() && words.is_empty());
        assert_eq!(words.word(), Err(LineProblem::Words));
    }

    #[test]
    fn lines_of_objects_have_only_base64_and_spaces() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"+/= \t".contains(&byte);
            assert_eq!(is_base64_line(&[b'A', byte, b'A']), expected, "{byte}");
        }
        assert!(is_base64_line(&[b'A'; 1024]) && !is_base64_line(&[b'A'; 1025]));
    }

    proptest! {
        #[test]
        fn items_contain_the_whole_text(
            parts in prop::collection::vec(
                prop_oneof!["[a-c-]{1,9} ?[a-z0-9 ]{0,9}\n", Just(KEY.to_owned()), Just("-----BEGIN K\n".to_owned())],
                0..9,
            )
        ) {
            let text = parts.concat();
            let found: Vec<u8> =
                Item::parse_all(text.as_bytes()).flat_map(|item| item.text().to_vec()).collect();
            prop_assert_eq!(found, text.as_bytes());
        }

        #[test]
        fn splitting_items_never_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            Item::parse_all(&text).count();
        }
    }
}
