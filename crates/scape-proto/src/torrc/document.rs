//! The text of a torrc.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::ParseTorrcError;
use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use crate::control::ConfLine;
use crate::control::shown_name;
use crate::control::torrc_line::{self, Clean};

/// A torrc: tor's configuration file as text, including its comments. See tor's
/// manual, "THE CONFIGURATION FILE FORMAT", and `doc/torrc_format.txt`.
///
/// The text is parsed in the same way as in tor. This includes names in upper
/// or lower case, comments, quoted values, continued lines, the prefixes `+`
/// and `/`, and `%include` (see [`replace_includes`](Self::replace_includes)).
/// Carriage returns are ignored everywhere, and so is everything after a NUL,
/// because tor does the same. Options and values aren't checked, because only
/// `tor --verify-config` can check them.
///
/// Everything that isn't changed stays as it is, byte for byte: comments,
/// order, white space and line ends. New values are quoted if tor would misread
/// them without quotes.
///
/// ```
/// use scape_proto::torrc::Torrc;
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
/// assert!(error.to_string().starts_with("line 2 (ContactInfo): the value in quotes has no closing quote"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Debug` shows neither comments nor the values of secret options.
/// [`to_text`](Self::to_text) returns the whole text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Torrc {
    pub(super) pieces: Vec<Piece>,
    /// The rest of the text from the first NUL on, which tor ignores.
    pub(super) tail: Vec<u8>,
}

/// A part of the text: an entry, or a line without an entry.
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

    /// Adds the line end `end` if the last line has none, so that another line
    /// can follow.
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
    /// Creates an empty torrc.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::new();
    /// torrc.push("SocksPort", "9050")?;
    /// assert_eq!(torrc.to_text(), "SocksPort 9050\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Torrc::default()
    }

    /// Parses a text, which may contain any bytes.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("# Mine\nNickname relay01\n")?;
    /// assert_eq!(torrc.get("Nickname").as_deref(), Some("relay01"));
    /// assert!(Torrc::parse("ContactInfo \"me\n").is_err()); // no closing quote
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with the line number and the problem if tor couldn't
    /// parse the text. The only cause is a malformed value in quotes.
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
            // Carriage returns after the last line end belong to the last line.
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

    /// Returns the whole text, including secrets.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("Nickname relay01\r\n")?;
    /// assert_eq!(torrc.to_bytes(), b"Nickname relay01\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text: Vec<u8> = self.pieces.iter().flat_map(Piece::as_bytes).copied().collect();
        text.extend_from_slice(&self.tail);
        text
    }

    /// Returns the whole text, including secrets, as a string, for example for
    /// LOADCONF. Bytes that aren't UTF-8 become U+FFFD. This affects only
    /// parsed text: the methods that change a torrc escape such bytes.
    ///
    /// The text isn't checked. If it contains a NUL, or a carriage return
    /// without a line feed, it can't be sent with LOADCONF.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("Nickname relay01 # mine\n")?;
    /// torrc.set("ContactInfo", "me")?;
    /// assert_eq!(torrc.to_text(), "Nickname relay01 # mine\nContactInfo me\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_text(&self) -> String {
        String::from_utf8(self.to_bytes())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Returns the entries in order, including `%include`.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &TorrcEntry> + Clone {
        self.pieces.iter().filter_map(Piece::entry)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries().count()
    }

    /// Returns true if the torrc has no entries. It may still have comments.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// Returns the entries of an option, in order. The name may be abbreviated,
    /// and its case is ignored, because tor does the same.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("SocksPort 9050\nNickname relay01\nSocksPort 9150 # browser\n")?;
    /// let lines: Vec<usize> = torrc.entries_of("SocksPort").map(|entry| entry.line()).collect();
    /// assert_eq!(lines, [1, 3]);
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn entries_of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a TorrcEntry> {
        self.entries().filter(move |entry| entry.is_named(name))
    }

    /// Returns the value of an option. Returns `None` if the torrc doesn't
    /// contain the option.
    ///
    /// If the option occurs several times, returns the last value. tor does the
    /// same for options that aren't lists. Returns an empty text if the last
    /// line is `/Name` or has no value. With such a line, tor sets the option
    /// to an empty value or 0.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("Nickname relay01\nNickname relay02\n")?;
    /// assert_eq!(torrc.get("nickname").as_deref(), Some("relay02"));
    /// assert_eq!(torrc.get("ContactInfo"), None);
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.entries().rfind(|entry| entry.is_named(name)).map(TorrcEntry::value)
    }

    /// Returns the values of a list option, in order. Empty values are skipped.
    /// A line `/Name` clears the option, so the values before that line are
    /// skipped too. tor does the same.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("SocksPort 9050\nSocksPort 9150\n")?;
    /// assert_eq!(torrc.get_all("SocksPort"), ["9050", "9150"]);
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
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

    /// Returns the names of the included files and folders, in order. The names
    /// may contain `*` and `?`.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("%include /etc/torrc.d/*.conf\n")?;
    /// assert_eq!(torrc.includes().collect::<Vec<_>>(), ["/etc/torrc.d/*.conf"]);
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn includes(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.entries().filter(|entry| entry.is_include()).map(TorrcEntry::value)
    }

    /// Returns the lines of a group of options, in order. A group is a set of
    /// options whose lines tor reads together. `group` is the name of the group
    /// or of an option in it. Lines without a value are left out. In tor, a
    /// line such as `/SocksPort` discards the lines before it. Here it doesn't,
    /// so those lines are returned too.
    ///
    /// For `HiddenServiceOptions`, the result contains the `HiddenServiceDir`
    /// lines, each followed by the lines that belong to it. For
    /// `SocksPortLines`, the result contains the lines of `SocksPort` and
    /// `__SocksPort`.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("HiddenServiceDir /srv/a\nNickname x\nHiddenServicePort 80\n")?;
    /// let lines = torrc.group("HiddenServiceOptions");
    /// assert_eq!(lines.len(), 2);
    /// assert_eq!(lines[1].to_string(), "HiddenServicePort 80");
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn group(&self, group: &str) -> Vec<ConfLine> {
        let in_group = |entry: &&TorrcEntry| {
            group::is_in(entry.name(), group) && !entry.value_bytes().is_empty()
        };
        self.entries().filter(in_group).map(TorrcEntry::to_conf_line).collect()
    }

    /// Returns all entries except `%include` as names and values.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc = Torrc::parse("Nickname relay01 # mine\n%include torrc.d\n")?;
    /// let lines: Vec<String> = torrc.to_conf_lines().iter().map(ToString::to_string).collect();
    /// assert_eq!(lines, ["Nickname relay01"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_conf_lines(&self) -> Vec<ConfLine> {
        self.entries().filter(|entry| !entry.is_include()).map(TorrcEntry::to_conf_line).collect()
    }

    /// Returns a copy in which each `%include` is replaced by the texts that
    /// `included` returns for it. Comments are kept, except those on the
    /// `%include` lines. Text after a NUL is omitted.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let torrc: Torrc = "Nickname a\n%include b\nORPort 9001\n".parse()?;
    /// let included: Torrc = "# b\nContactInfo me\n".parse()?;
    /// let single = torrc.replace_includes(|_| vec![included.clone()]);
    /// assert_eq!(single.to_text(), "Nickname a\n# b\nContactInfo me\nORPort 9001\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn replace_includes(&self, mut included: impl FnMut(&TorrcEntry) -> Vec<Torrc>) -> Torrc {
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            match piece.entry() {
                Some(entry) if entry.is_include() => {
                    pieces.extend(included(entry).into_iter().flat_map(|torrc| torrc.pieces));
                }
                _ => pieces.push(piece.clone()),
            }
        }
        let mut torrc = Torrc { pieces, tail: Vec::new() };
        torrc.renumber();
        torrc
    }

    /// Returns the line end of the first line: CRLF or LF. Returns LF if there
    /// are no lines.
    pub(super) fn line_end(&self) -> &'static [u8] {
        let first = self.pieces.first().map(Piece::as_bytes).unwrap_or_default();
        if first.ends_with(b"\r\n") { b"\r\n" } else { b"\n" }
    }

    /// Updates the line numbers of all entries, and adds a line end to every
    /// line that has none, except the last one.
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

/// Returns the option's name on the line that begins at `at`, for an error. If
/// a secret may be part of the name, leaves out the secret.
fn name_at(text: &[u8], at: usize) -> String {
    let line = text.get(at..).unwrap_or_default().trim_ascii_start();
    let end = line.iter().position(|byte| torrc_line::is_space(*byte)).unwrap_or(line.len());
    let name = String::from_utf8_lossy(line.get(..end).unwrap_or_default());
    shown_name(&name).to_owned()
}

impl FromStr for Torrc {
    type Err = ParseTorrcError;

    /// Parses a text like [`Torrc::parse`].
    ///
    /// # Errors
    ///
    /// Same errors as [`Torrc::parse`], most often a quoted value without a
    /// closing quote.
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

/// An iterator over the entries of a [`Torrc`].
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

/// Omits comments, which may contain secrets.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Other(_) => f.write_str("Other"),
            Piece::Entry(entry) => entry.fmt(f),
        }
    }
}
