//! The syntax of a torrc, exactly as tor's parser accepts it. See tor's
//! `doc/torrc_format.txt`, and tor's parser `confline.c`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use super::quote::read_c_string;

/// The reason why a line of a torrc can't be parsed. It is part of a
/// [`ParseTorrcError`](crate::torrc::ParseTorrcError).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TorrcProblem {
    /// The value begins with a quote, but isn't a quoted string. Either there
    /// is no closing quote on the same line, or there is an escape that tor
    /// doesn't know.
    #[error(
        "the value in quotes has no closing quote on this line, or has an escape other than \\n, \\r, \\t, \\', \\\", \\\\, \\x41 and \\101"
    )]
    Quotes,
    /// Something other than a comment follows a quoted value.
    #[error("text other than a comment follows the value in quotes")]
    AfterQuotes,
}

/// An entry of a torrc: a name and its value, on one line or continued on
/// others. All positions refer to the text that was parsed.
#[derive(Debug)]
pub(crate) struct Line {
    /// The range of the option's name, including a prefix `+` or `/`.
    pub(crate) name: Range<usize>,
    /// The range of the value as it is written, with quotes, escapes and
    /// continuations.
    pub(crate) value: Range<usize>,
    /// The value as tor reads it, with quotes, escapes and continuations
    /// decoded.
    pub(crate) says: Vec<u8>,
    /// The comments after the value or between its lines, without the `#`.
    pub(crate) comments: Vec<Vec<u8>>,
    /// True if the entry continues on other lines.
    pub(crate) is_continued: bool,
    /// True if the entry ends with a line end. Text that is added after an
    /// entry without a line end would become a part of the entry.
    pub(crate) is_closed: bool,
    /// The position after the entry's last line, including its line end.
    pub(crate) end: usize,
}

/// Returns true if tor treats this byte as white space.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Returns true if the byte separates a name from its value.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A text without carriage returns, and the original positions of its bytes.
/// tor removes carriage returns from a file, wherever they are.
pub(crate) struct Clean<'a> {
    pub(crate) text: Cow<'a, [u8]>,
    /// The original position of each byte. The list is empty if there are no
    /// carriage returns.
    origins: Vec<usize>,
}

/// Omits the text, which may contain secrets.
impl fmt::Debug for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clean").field("length", &self.text.len()).finish_non_exhaustive()
    }
}

impl<'a> Clean<'a> {
    /// Removes the carriage returns from a text.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        if !text.contains(&b'\r') {
            return Clean { text: Cow::Borrowed(text), origins: Vec::new() };
        }
        let kept = text.iter().copied().enumerate().filter(|(_, byte)| *byte != b'\r');
        let (origins, text): (Vec<usize>, Vec<u8>) = kept.unzip();
        Clean { text: Cow::Owned(text), origins }
    }

    /// Converts a position in `text` to a position in the original text. Both
    /// positions are after the same byte, or both are 0.
    pub(crate) fn origin(&self, at: usize) -> usize {
        let before = at.checked_sub(1);
        before.map_or(0, |before| self.origins.get(before).copied().unwrap_or(before) + 1)
    }
}

/// Returns the position at which the line after the one that contains `at`
/// begins. Returns the length of `text` if no line follows.
pub(crate) fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |found| at + found + 1)
}

/// Parses the line that begins at `at`. Returns `None` for a comment or a blank
/// line.
pub(crate) fn read_line(text: &[u8], at: usize) -> Result<Option<Line>, TorrcProblem> {
    let mut cursor = Cursor { text, at };
    cursor.skip(|byte| is_space(byte) && byte != b'\n');
    match cursor.peek() {
        None | Some(b'\n' | b'#') => Ok(None),
        Some(_) => cursor.entry().map(Some),
    }
}

/// A position in a text that is being parsed.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    fn is_continuation(&self) -> bool {
        self.peek() == Some(b'\\') && self.text.get(self.at + 1) == Some(&b'\n')
    }

    /// Parses the entry at the cursor: a name and its value.
    fn entry(&mut self) -> Result<Line, TorrcProblem> {
        let start = self.at;
        while self.peek().is_some_and(|byte| !is_space(byte) && byte != b'#')
            && !self.is_continuation()
        {
            self.at += 1;
        }
        let name = start..self.at;
        self.skip(is_blank);
        if self.peek() == Some(b'"') { self.quoted(name) } else { Ok(self.plain(name)) }
    }

    /// Parses a quoted value, which must end on the line on which it begins.
    fn quoted(&mut self, name: Range<usize>) -> Result<Line, TorrcProblem> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let (says, length) = read_c_string(rest).ok_or(TorrcProblem::Quotes)?;
        // The value may be a secret, so wipe it if there is an error.
        let mut says = Zeroizing::new(says);
        // For tor, a text ends at the first NUL, even at an escaped one.
        if let Some(end) = memchr::memchr(0, &says) {
            says.truncate(end);
        }
        self.at += length;
        let value = start..self.at;
        self.skip(is_blank);
        if !matches!(self.peek(), None | Some(b'\n' | b'#')) {
            return Err(TorrcProblem::AfterQuotes);
        }
        let mut comments = Vec::new();
        self.comment(&mut comments);
        let is_closed = self.peek() == Some(b'\n');
        let end = self.at + usize::from(is_closed);
        let says = std::mem::take(&mut *says);
        Ok(Line { name, value, says, comments, is_continued: false, is_closed, end })
    }

    /// Parses an unquoted value. On the first line, a comment ends the value.
    /// After a continuation, a comment ends only its line, and the value
    /// continues on the next line.
    fn plain(&mut self, name: Range<usize>) -> Line {
        let start = self.at;
        let mut is_continued = false;
        loop {
            match self.peek() {
                None | Some(b'\n') => break,
                Some(b'#') if !is_continued => break,
                Some(b'#') => {
                    self.skip(|byte| byte != b'\n');
                    self.at += usize::from(self.peek().is_some());
                }
                Some(_) if self.is_continuation() => {
                    is_continued = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let length = raw.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
        let raw = raw.get(..length).unwrap_or_default();
        let mut comments = Vec::new();
        let says = if is_continued { join(raw, &mut comments) } else { raw.to_vec() };
        self.comment(&mut comments);
        let is_closed = self.peek() == Some(b'\n');
        let end = self.at + usize::from(is_closed);
        Line { name, value: start..start + length, says, comments, is_continued, is_closed, end }
    }

    /// If a comment begins at the cursor, moves the cursor to the end of the
    /// line and adds the comment to `comments`.
    fn comment(&mut self, comments: &mut Vec<Vec<u8>>) {
        if self.peek() == Some(b'#') {
            let start = self.at + 1;
            self.skip(|byte| byte != b'\n');
            comments.push(self.text.get(start..self.at).unwrap_or_default().to_vec());
        }
    }
}

/// Joins the lines of a continued value. The continuations are left out, and
/// the comments are added to `comments`.
fn join(raw: &[u8], comments: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let mut cursor = Cursor { text: raw, at: 0 };
    // Reserve enough capacity, because a buffer that grows leaves copies of a
    // secret in memory.
    let mut says = Vec::with_capacity(raw.len());
    while let Some(byte) = cursor.peek() {
        if byte == b'#' {
            cursor.comment(comments);
            cursor.at += 1;
        } else if cursor.is_continuation() {
            cursor.at += 2;
        } else {
            says.push(byte);
            cursor.at += 1;
        }
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses the entry at the beginning of a text. Returns the name, the
    /// value, and the length of the entry in bytes. Returns `None` for a
    /// comment or a blank line.
    fn read(text: &str) -> Option<(String, String, usize)> {
        let line = read_line(text.as_bytes(), 0).unwrap()?;
        let name = String::from_utf8_lossy(&text.as_bytes()[line.name]).into_owned();
        Some((name, String::from_utf8_lossy(&line.says).into_owned(), line.end))
    }

    fn says(text: &str) -> (String, String) {
        let (name, value, end) = read(text).unwrap();
        assert_eq!(end, text.len(), "{text:?}");
        (name, value)
    }

    #[test]
    fn examples_from_torrc_format_txt() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(says("Foo Bar\n"), pair("Foo", "Bar"));
        assert_eq!(says("Foo    Bar    Baz    \n"), pair("Foo", "Bar    Baz"));
        assert_eq!(says("Hello\\\nWorld\n"), pair("Hello", "World"));
        assert_eq!(says("Hello World   #today\n"), pair("Hello", "World"));
        assert_eq!(says("Hello World#tomorrow\n"), pair("Hello", "World"));
        assert_eq!(says("Hello \"World!\"\n"), pair("Hello", "World!"));
        assert_eq!(
            says("Hello \"\\\"World\\\"\\nand\\nuniverse\"\n"),
            pair("Hello", "\"World\"\nand\nuniverse")
        );
        assert_eq!(says("Hello\\\nWorld\\\nand\\\nfriends\n"), pair("Hello", "Worldandfriends"));
        assert_eq!(
            says("Too \\\nMany\\\\\\\nBacksl\\ashes \\\\\nhere\n"),
            pair("Too", "Many\\\\Backsl\\ashes \\here")
        );
        let silly = "entry        and some        are  silly";
        assert_eq!(
            says(
                "This entry      \\\n # has comments \\\n and some       \\\n are # generally \\\n silly\n"
            ),
            pair("This", silly)
        );
        assert_eq!(
            says(
                "This entry      \\\n # has comments\n and some       \\\n are # generally\n silly\n"
            ),
            pair("This", silly)
        );
    }

    #[test]
    fn blank_lines_and_comments_are_not_entries() {
        for text in ["", "\n", "  \t\x0b\x0c", " # x", "#\n", " \n Foo"] {
            assert!(read(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn closed_and_open_entries() {
        let closed = |text: &str| read_line(text.as_bytes(), 0).unwrap().unwrap().is_closed;
        for text in [
            "a b\n",
            "a\n",
            "a \"b\"\n",
            "a \"b\" # c\n",
            "a b#c\n",
            "a b\\\nc\n",
            "a\\\n\n",
            "a\\\n# c\n\n",
        ] {
            assert!(closed(text), "{text:?}");
        }
        for text in
            ["a b", "a", "a \"b\"", "a \"b\" # c", "a b#c", "a b\\\n", "a b\\\nc", "a\\\n# c\n"]
        {
            assert!(!closed(text), "{text:?}");
        }
        // A backslash at the end of the file is kept.
        assert_eq!(says("a b \\\n"), ("a".into(), "b \\".into()));
    }

    #[test]
    fn malformed_quotes_are_reported() {
        let problem = |text: &str| read_line(text.as_bytes(), 0).unwrap_err();
        for text in ["a \"b", "a \"b\\", "a \"b\\z\"", "a \"\\400\"", "a \"b\\\n\""] {
            assert!(matches!(problem(text), TorrcProblem::Quotes), "{text:?}");
        }
        for text in ["a \"b\" c", "a \"b\"c", "a \"b\"\x0b"] {
            assert!(matches!(problem(text), TorrcProblem::AfterQuotes), "{text:?}");
        }
        assert_eq!(says("a \"b\\0c\""), ("a".into(), "b".into()));
        // Quotes count only at the beginning of the value.
        assert_eq!(says("a b\"c"), ("a".into(), "b\"c".into()));
        assert_eq!(says("a\\\n\"b\"\n"), ("a".into(), "\"b\"".into()));
    }
}
