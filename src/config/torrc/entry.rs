//! A line of a torrc that says something.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::line;
use crate::config::option_named;
use crate::protocol::torrc_line::{self, Clean, Line};
use crate::protocol::{ConfLine, REDACTED, is_secret_option};

/// The name of the line that includes other files.
pub(super) const INCLUDE: &str = "%include";

/// What stands before an option's name in a torrc. tor's
/// `doc/torrc_format.txt`, "Magic".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TorrcMagic {
    /// `+`: where it is the option's first line, the values of the file of
    /// defaults stay, and this one comes after them.
    Append,
    /// `/`: the option has no values, neither those of the file of defaults,
    /// nor those further up in this file. What else is on the line does not
    /// count.
    Clear,
}

/// An option's line in a [`Torrc`](super::Torrc): its name and value, and where
/// it stands. It may go on over several lines of the file.
///
/// `Debug` and `Display` do not show the values of options that are secrets,
/// such as `HashedControlPassword`.
#[derive(Clone, PartialEq, Eq)]
pub struct TorrcEntry {
    /// As it is written, with its line's end.
    text: Vec<u8>,
    line: usize,
    magic: Option<TorrcMagic>,
    name: String,
    value: Vec<u8>,
    comment: Option<String>,
    /// Behind the name, and where the value is written, in `text`.
    name_end: usize,
    written: Range<usize>,
    is_continued: bool,
    is_closed: bool,
}

impl TorrcEntry {
    /// The entry that was found in a text without carriage returns, a part of
    /// which is `text`.
    pub(super) fn new(
        found: Line,
        clean: &Clean<'_>,
        start: usize,
        text: &[u8],
        line: usize,
    ) -> Self {
        let name = clean.text.get(found.name.clone()).unwrap_or_default();
        let (magic, name) = match name.split_first() {
            Some((b'+', name)) => (Some(TorrcMagic::Append), name),
            Some((b'/', name)) => (Some(TorrcMagic::Clear), name),
            _ => (None, name),
        };
        let comments: Vec<Cow<'_, str>> =
            found.comments.iter().map(|text| String::from_utf8_lossy(text.trim_ascii())).collect();
        let place = |at| clean.origin(at) - start;
        TorrcEntry {
            text: text.to_vec(),
            line,
            magic,
            name: String::from_utf8_lossy(name).into_owned(),
            value: if magic == Some(TorrcMagic::Clear) { Vec::new() } else { found.says },
            comment: (!comments.is_empty()).then(|| comments.join("\n")),
            name_end: place(found.name.end),
            written: place(found.value.start)..place(found.value.end),
            is_continued: found.is_continued,
            is_closed: found.is_closed,
        }
    }

    /// The entry of a text that is one. (`None` where it is none.)
    pub(super) fn read(text: Vec<u8>) -> Option<Self> {
        let clean = Clean::new(&text);
        let found = torrc_line::read_line(&clean.text, 0).ok()??;
        (found.end == clean.text.len()).then(|| TorrcEntry::new(found, &clean, 0, &text, 1))
    }

    /// The option's name, as it is written, without `+` or `/`. tor takes it in
    /// whatever case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the full name of the option that tor takes this line for. tor
    /// takes abbreviations (`ExitNode`), and older names of some options
    /// (`DirServer`). Returns the [name](Self::name) as it is written if it is
    /// the option's own, or if tor 0.4.9 has no such option.
    ///
    /// ```
    /// use scape::config::Torrc;
    ///
    /// let torrc = Torrc::parse("ExitNode {us}\nsocksport 9050\n")?;
    /// let names: Vec<&str> = torrc.entries().map(|entry| entry.option_name()).collect();
    /// assert_eq!(names, ["ExitNodes", "socksport"]);
    /// # Ok::<(), scape::config::ParseTorrcError>(())
    /// ```
    pub fn option_name(&self) -> &str {
        let option = option_named(&self.name);
        option.filter(|option| !option.eq_ignore_ascii_case(&self.name)).unwrap_or(&self.name)
    }

    /// Returns true if tor takes this for a line of the option `name`. Both
    /// names may be in any case and abbreviated, as tor allows.
    pub fn is_named(&self, name: &str) -> bool {
        let full = |name| option_named(name).unwrap_or(name);
        self.name.eq_ignore_ascii_case(name) || full(&self.name).eq_ignore_ascii_case(full(name))
    }

    /// The value, without quotes, escapes and continuations: what tor reads. It
    /// is empty where there is none. Bytes that are no UTF-8 are shown as
    /// U+FFFD.
    pub fn value(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// The bytes of the value.
    pub fn value_bytes(&self) -> &[u8] {
        &self.value
    }

    /// What stands before the name.
    pub fn magic(&self) -> Option<TorrcMagic> {
        self.magic
    }

    /// The number of the line on which it begins; the first is 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The comment beside it, without `#` and the space around it. Of a
    /// continued entry, all the comments within, each on a line.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// As it is written, with its line's end: also the secrets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether it includes other files: `%include`.
    pub fn is_include(&self) -> bool {
        self.name == INCLUDE
    }

    /// Returns the option's full name and the value, as GETCONF would give
    /// them.
    pub fn to_conf_line(&self) -> ConfLine {
        ConfLine::new(self.option_name(), Some(self.value().into_owned()))
    }

    pub(super) fn set_line(&mut self, line: usize) {
        self.line = line;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Ends it such that another line can follow, and it says what it said.
    pub(super) fn close(&mut self, end: &[u8]) {
        if self.is_closed {
            return;
        }
        // A comment at the end of a continued value takes one line's end, and
        // the value another; and a backslash at the end of the file would begin
        // a continuation.
        for added in [end.to_vec(), end.repeat(2), [b" ", end].concat()] {
            let closed = TorrcEntry::read([self.text.as_slice(), &added].concat());
            let same = |entry: &TorrcEntry| entry.name == self.name && entry.value == self.value;
            if let Some(closed) = closed.filter(|entry| entry.is_closed && same(entry)) {
                *self = TorrcEntry { line: self.line, ..closed };
                return;
            }
        }
    }

    /// The same entry with another value; what else is on the line stays. A
    /// continued one becomes one line, without the comments within. `None`
    /// where that would be no entry.
    pub(super) fn with_value(&self, name: &str, value: &[u8], end: &[u8]) -> Option<Self> {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let rest = if self.is_continued { end } else { part(self.written.end..self.text.len()) };
        // A line that clears says nothing else; as one that has a value, it is
        // an ordinary one.
        let written = if self.magic == Some(TorrcMagic::Clear) {
            [part(0..self.name_start()), name.as_bytes()].concat()
        } else {
            part(0..self.name_end).to_vec()
        };
        let between = part(self.name_end..self.written.start);
        let between = if between.is_empty() { b" " } else { between };
        let text = [&written, between, line::value_text(value).as_bytes(), rest].concat();
        let entry = TorrcEntry::read(text)?;
        Some(TorrcEntry { line: self.line, ..entry })
    }

    fn name_start(&self) -> usize {
        self.text.iter().position(|byte| !torrc_line::is_space(*byte)).unwrap_or_default()
    }

    /// Returns true if the value must not be shown.
    fn is_secret(&self) -> bool {
        is_secret_option(&self.name)
    }

    fn shown(&self) -> Cow<'_, str> {
        if self.is_secret() { Cow::Borrowed(REDACTED) } else { self.value() }
    }
}

impl fmt::Display for TorrcEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.magic {
            Some(TorrcMagic::Append) => "+",
            Some(TorrcMagic::Clear) => "/",
            None => "",
        })?;
        f.write_str(&self.name)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, " {}", self.shown()) }
    }
}

/// Without what is written: comments may have secrets in them, too.
impl fmt::Debug for TorrcEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorrcEntry")
            .field("line", &self.line)
            .field("magic", &self.magic)
            .field("name", &self.name)
            .field("value", &self.shown())
            .finish_non_exhaustive()
    }
}
