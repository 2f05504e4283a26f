//! The text of a torrc.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use crate::config::ParseTorrcError;
use crate::protocol::ConfLine;
use crate::protocol::torrc_line::{self, Clean};

/// A torrc: tor's configuration as text, with its comments. tor's manual, "THE
/// CONFIGURATION FILE FORMAT", and `doc/torrc_format.txt`.
///
/// It is read as tor reads it: names in any case, comments, values in quotes,
/// lines that are continued with a backslash at their end, `+Name` and `/Name`,
/// and `%include` (for the included files, see [`read`](Self::read)). As in
/// tor, carriage returns count for nothing, wherever they are, and what follows
/// a NUL is not looked at. Whether tor knows an option, and takes its value, is
/// not looked at either: see [`Verify`](crate::process::Verify).
///
/// What is not changed stays as it is, byte for byte: comments, order, space
/// and line ends. What is written is quoted where tor would read something
/// else.
///
/// ```
/// use scape::config::Torrc;
///
/// let mut torrc = Torrc::parse(b"# Mine\nSocksPort 9050 # for the browser\n\nContactInfo me")?;
/// assert_eq!(torrc.get("socksport").as_deref(), Some("9050"));
/// torrc.set("SocksPort", "9150")?;
/// torrc.append("SocksPort", "unix:/run/tor/socks")?;
/// torrc.set("ContactInfo", "me, #1")?;
/// assert_eq!(
///     torrc.to_text(),
///     "# Mine\nSocksPort 9150 # for the browser\nSocksPort unix:/run/tor/socks\n\nContactInfo \"me, #1\"",
/// );
///
/// let error = Torrc::parse("Nickname relay\nContactInfo \"me").unwrap_err();
/// assert!(error.to_string().starts_with("line 2 (ContactInfo): the value in quotes has no end"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Debug` shows neither comments nor the values of options that are secrets;
/// [`to_text`](Self::to_text) is the whole text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Torrc {
    pub(super) pieces: Vec<Piece>,
    /// From the first NUL on: tor does not look at it.
    pub(super) tail: Vec<u8>,
}

/// A part of the text: whole lines.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A comment or a blank line.
    Other(Vec<u8>),
    Entry(TorrcEntry),
}

impl Piece {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Piece::Other(text) => text,
            Piece::Entry(entry) => entry.as_bytes(),
        }
    }

    pub(super) fn entry(&self) -> Option<&TorrcEntry> {
        match self {
            Piece::Entry(entry) => Some(entry),
            Piece::Other(_) => None,
        }
    }

    /// Makes sure that another line can follow.
    pub(super) fn close(&mut self, end: &[u8]) {
        match self {
            Piece::Entry(entry) => entry.close(end),
            Piece::Other(text) if text.ends_with(b"\n") => {}
            Piece::Other(text) => text.extend_from_slice(end),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Piece::Entry(entry) => entry.is_closed(),
            Piece::Other(text) => text.ends_with(b"\n"),
        }
    }
}

impl Torrc {
    /// A torrc without a line.
    pub fn new() -> Self {
        Torrc::default()
    }

    /// Reads a text, of whatever bytes.
    ///
    /// # Errors
    ///
    /// Where tor would not read it: with the number of the line and what is
    /// wrong. There is not much that it does not read.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, ParseTorrcError> {
        let text = text.as_ref();
        let (text, tail) = text.split_at(memchr::memchr(0, text).unwrap_or(text.len()));
        let clean = Clean::new(text);
        let mut torrc = Torrc { pieces: Vec::new(), tail: tail.to_vec() };
        let (mut at, mut start, mut line) = (0, 0, 1);
        while start < text.len() {
            let found = torrc_line::read_line(&clean.text, at)
                .map_err(|problem| ParseTorrcError::new(line, name_at(&clean.text, at), problem))?;
            let begin = at;
            at = found
                .as_ref()
                .map_or_else(|| torrc_line::line_end(&clean.text, at), |found| found.end);
            // Carriage returns at the end, where there is no line's end any
            // more, are the last line's.
            let is_whole = at > begin && clean.text.get(at - 1) == Some(&b'\n');
            let end = if is_whole { clean.origin(at) } else { text.len() };
            let part = text.get(start..end).unwrap_or_default();
            torrc.pieces.push(match found {
                Some(found) => Piece::Entry(TorrcEntry::new(found, &clean, start, part, line)),
                None => Piece::Other(part.to_vec()),
            });
            line += memchr::memchr_iter(b'\n', part).count();
            start = end;
        }
        Ok(torrc)
    }

    /// The text, whole: also the secrets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text: Vec<u8> = self.pieces.iter().flat_map(Piece::as_bytes).copied().collect();
        text.extend_from_slice(&self.tail);
        text
    }

    /// The text, whole, for
    /// [`Controller::load_conf`](crate::Controller::load_conf): also the
    /// secrets. Bytes that are no UTF-8 become U+FFFD. (Those in values that
    /// were written here are escaped.) What that command cannot be told, a NUL
    /// or a carriage return that ends no line, is still in it, and refused
    /// there.
    pub fn to_text(&self) -> String {
        String::from_utf8(self.to_bytes())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The options' lines, in order; `%include` among them.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &TorrcEntry> + Clone {
        self.pieces.iter().filter_map(Piece::entry)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries().count()
    }

    /// Whether it has no line that says something.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// The lines of an option, in order. tor ignores the case of a name and
    /// takes abbreviations, and so does this.
    pub fn entries_of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a TorrcEntry> {
        self.entries().filter(move |entry| entry.is_named(name))
    }

    /// The value of an option; where it is there several times, the last, which
    /// is the one that counts for tor, unless the option is a list. An empty
    /// one sets the option to empty or 0, and so does `/Name`. `None` where
    /// this file does not name it.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.entries().rfind(|entry| entry.is_named(name)).map(TorrcEntry::value)
    }

    /// The values of an option that is a list, in order. (tor leaves out those
    /// that are empty, and those before a line `/Name`.)
    pub fn get_all(&self, name: &str) -> Vec<Cow<'_, str>> {
        let mut values = Vec::new();
        for entry in self.entries().filter(|entry| entry.is_named(name)) {
            match entry.magic() {
                Some(TorrcMagic::Clear) => values.clear(),
                _ if entry.value_bytes().is_empty() => {}
                _ => values.push(entry.value()),
            }
        }
        values
    }

    /// What is included, in order: the names of files and folders, which may
    /// have `*` and `?`.
    pub fn includes(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.entries().filter(|entry| entry.is_include()).map(TorrcEntry::value)
    }

    /// The lines of a group whose order counts, by its name or by that of an
    /// option in it, as GETCONF gives them: for `HiddenServiceOptions` each
    /// `HiddenServiceDir` with what follows it, for `SocksPortLines` those of
    /// `SocksPort` and `__SocksPort`.
    /// [`onion::disk::parse_group`](crate::onion::disk::parse_group) makes
    /// services of the first.
    pub fn group(&self, group: &str) -> Vec<ConfLine> {
        let in_group = |entry: &&TorrcEntry| {
            group::is_in(entry.name(), group) && !entry.value_bytes().is_empty()
        };
        self.entries().filter(in_group).map(TorrcEntry::to_conf_line).collect()
    }

    /// Every option's line as name and value; without `%include`.
    pub fn to_conf_lines(&self) -> Vec<ConfLine> {
        self.entries().filter(|entry| !entry.is_include()).map(TorrcEntry::to_conf_line).collect()
    }

    /// How lines end here.
    pub(super) fn line_end(&self) -> &'static [u8] {
        let first = self.pieces.first().map(Piece::as_bytes).unwrap_or_default();
        if first.ends_with(b"\r\n") { b"\r\n" } else { b"\n" }
    }

    /// Numbers the lines, and makes sure that none runs into the next.
    pub(super) fn renumber(&mut self) {
        let end = self.line_end();
        let (mut line, last) = (1, self.pieces.len().saturating_sub(1));
        for (i, piece) in self.pieces.iter_mut().enumerate() {
            if i < last && !piece.is_closed() {
                piece.close(end);
            }
            if let Piece::Entry(entry) = piece {
                entry.set_line(line);
            }
            line += memchr::memchr_iter(b'\n', piece.as_bytes()).count();
        }
    }
}

/// The name on the line that begins at `at`.
fn name_at(text: &[u8], at: usize) -> String {
    let line = text.get(at..).unwrap_or_default().trim_ascii_start();
    let end = line.iter().position(|byte| torrc_line::is_space(*byte)).unwrap_or(line.len());
    String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned()
}

impl FromStr for Torrc {
    type Err = ParseTorrcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Torrc::parse(text)
    }
}

impl<'a> IntoIterator for &'a Torrc {
    type Item = &'a TorrcEntry;
    type IntoIter = TorrcIter<'a>;

    fn into_iter(self) -> TorrcIter<'a> {
        TorrcIter(self.pieces.iter())
    }
}

/// Iterates over the entries of a [`Torrc`].
#[derive(Debug, Clone)]
pub struct TorrcIter<'a>(std::slice::Iter<'a, Piece>);

impl<'a> Iterator for TorrcIter<'a> {
    type Item = &'a TorrcEntry;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(Piece::entry)
    }
}

impl DoubleEndedIterator for TorrcIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.by_ref().rev().find_map(Piece::entry)
    }
}

impl fmt::Debug for Torrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

/// Without comments, which may have secrets in them.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Other(_) => f.write_str("Other"),
            Piece::Entry(entry) => entry.fmt(f),
        }
    }
}
