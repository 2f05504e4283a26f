//! The entries of a torrc: options with their values and comments.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::line::{self, INCLUDE};
use super::option_named;
use crate::control::shown_name;
use crate::control::torrc_line::{self, Clean, Line};
use crate::control::{ConfLine, REDACTED, is_secret_option};

/// The prefix of an option's name in a torrc. See "Magic" in tor's
/// `doc/torrc_format.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TorrcMagic {
    /// `+`: add to the values from the defaults file (`--defaults-torrc`)
    /// instead of replacing them. The prefix matters only on the option's first
    /// line.
    Append,
    /// `/`: clear the option, including the values from the defaults file and
    /// those further up in this file. The rest of the line is ignored.
    Clear,
}

/// An entry of a [`Torrc`](super::Torrc): an option's name, value and position.
/// The value can continue on further lines of the file.
///
/// `Debug` and `Display` don't show the values of secret options, such as
/// `HashedControlPassword`.
#[derive(Clone, PartialEq, Eq)]
pub struct TorrcEntry {
    /// The text as it is written, including its line end.
    text: Vec<u8>,
    line: usize,
    magic: Option<TorrcMagic>,
    name: String,
    value: Vec<u8>,
    comment: Option<String>,
    /// The end of the name in `text`.
    name_end: usize,
    /// The part of `text` that contains the value, including quotes and
    /// escapes.
    written: Range<usize>,
    is_continued: bool,
    is_closed: bool,
}

impl TorrcEntry {
    /// Creates the entry for the line `found`. `clean` is the original text
    /// without carriage returns, and the line was found there. `text` is the
    /// entry's part of the original text, and `start` is the position of that
    /// part. `line` is the number of the entry's first line.
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

    /// Parses a text that is exactly one entry. Returns `None` for any other
    /// text.
    pub(super) fn read(text: Vec<u8>) -> Option<Self> {
        let clean = Clean::new(&text);
        let found = torrc_line::read_line(&clean.text, 0).ok()??;
        (found.end == clean.text.len()).then(|| TorrcEntry::new(found, &clean, 0, &text, 1))
    }

    /// Returns the option's name as it is written, without `+` or `/`. tor
    /// ignores the case of names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the full name of the option that tor sets with this line. tor
    /// accepts abbreviations (`ExitNode`) and older names of some options
    /// (`DirServer`).
    ///
    /// Returns [`name`](Self::name) unchanged if it already is the full name,
    /// in upper or lower case. Does the same if tor 0.4.9 has no such option.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("ExitNode {us}\nsocksport 9050\n")?;
    /// let names: Vec<&str> = torrc.entries().map(|entry| entry.option_name()).collect();
    /// assert_eq!(names, ["ExitNodes", "socksport"]);
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn option_name(&self) -> &str {
        let option = option_named(&self.name);
        option.filter(|option| !option.eq_ignore_ascii_case(&self.name)).unwrap_or(&self.name)
    }

    /// Returns true if tor sets the option `name` with this line. Both `name`
    /// and the name in the line may be abbreviated, as tor allows. The case of
    /// both names is ignored.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("exitnode {us}\nSocksPort 9050\n")?;
    /// let lines = torrc.entries().filter(|entry| entry.is_named("ExitNodes"));
    /// assert_eq!(lines.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_named(&self, name: &str) -> bool {
        let full = |name| option_named(name).unwrap_or(name);
        self.name.eq_ignore_ascii_case(name) || full(&self.name).eq_ignore_ascii_case(full(name))
    }

    /// Returns the value as tor reads it, without quotes, escapes and
    /// continuations. Returns an empty text if the entry has no value. Bytes
    /// that aren't UTF-8 become U+FFFD.
    pub fn value(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// Returns the [value](Self::value) as bytes.
    pub fn value_bytes(&self) -> &[u8] {
        &self.value
    }

    /// Returns the prefix of the name, or `None` if the name has no prefix.
    pub fn magic(&self) -> Option<TorrcMagic> {
        self.magic
    }

    /// Returns the number of the entry's first line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the comment beside the entry, without `#` and the surrounding
    /// white space. Returns `None` if the entry has no comment. If the entry
    /// continues over several lines, returns all comments within the entry, one
    /// per line.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Returns the text as it is written, including its line end and secrets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Returns true if the entry includes other files (`%include`).
    pub fn is_include(&self) -> bool {
        self.name == INCLUDE
    }

    /// Returns the option's full name and the value, as GETCONF would return
    /// them.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("ExitNode {us} # mine\n")?;
    /// for entry in &torrc {
    ///     assert_eq!(entry.to_conf_line().to_string(), "ExitNodes {us}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_conf_line(&self) -> ConfLine {
        ConfLine::new(self.option_name(), Some(self.value().into_owned()))
    }

    pub(super) fn set_line(&mut self, line: usize) {
        self.line = line;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds the line end `end` if the entry has none, so that another line can
    /// follow without changing the entry's meaning.
    pub(super) fn close(&mut self, end: &[u8]) {
        if self.is_closed {
            return;
        }
        // A comment at the end of a continued value takes one line end, and the
        // value another. A backslash at the end of the file would begin a
        // continuation, so it gets a space before the line end.
        for added in [end.to_vec(), end.repeat(2), [b" ", end].concat()] {
            let closed = TorrcEntry::read([self.text.as_slice(), &added].concat());
            let same = |entry: &TorrcEntry| entry.name == self.name && entry.value == self.value;
            if let Some(closed) = closed.filter(|entry| entry.is_closed && same(entry)) {
                *self = TorrcEntry { line: self.line, ..closed };
                return;
            }
        }
    }

    /// Returns this entry with another value. The rest of the line is
    /// unchanged. However, a continued entry becomes a single line, without the
    /// comments in it and with the line end `end`. An entry with the prefix `/`
    /// can't have a value, so its prefix and name are replaced by `name`.
    /// Returns `None` if the result isn't a valid entry.
    pub(super) fn with_value(&self, name: &str, value: &[u8], end: &[u8]) -> Option<Self> {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let rest = if self.is_continued { end } else { part(self.written.end..self.text.len()) };
        // A line that clears an option can't have a value, so it becomes an
        // ordinary line.
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
        is_secret_option(shown_name(&self.name)) || is_secret_option(self.option_name())
    }

    /// Returns the value, or a placeholder for the value of a secret option.
    pub(super) fn shown(&self) -> Cow<'_, str> {
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
        f.write_str(shown_name(&self.name))?;
        if self.value.is_empty() { Ok(()) } else { write!(f, " {}", self.shown()) }
    }
}

/// Omits the written text, because comments may contain secrets too.
impl fmt::Debug for TorrcEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorrcEntry")
            .field("line", &self.line)
            .field("magic", &self.magic)
            .field("name", &shown_name(&self.name))
            .field("value", &self.shown())
            .finish_non_exhaustive()
    }
}
