//! Replies and events from tor.

use std::fmt;
use std::sync::Arc;

use super::cut::beginning_of;
use super::known_secrets::KnownSecrets;
use super::redact::redact_line;
use crate::control::Refusal;

/// A complete reply or event from tor: one or more lines, some with a data
/// block. An event has the code 650. See control-spec, section "Replies".
///
/// Texts are bytes, because tor may send text that isn't UTF-8. `Debug` and
/// `Display` hide secrets and omit data blocks. [`lines`](Self::lines) returns
/// everything that tor sent, including secrets. A [`Decoder`](super::Decoder)
/// creates replies.
///
/// ```
/// use scape_proto::control::Decoder;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"250-version=0.4.9.11\r\n250 OK\r\n");
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// assert!(reply.is_ok());
/// assert_eq!(reply.first().text, b"version=0.4.9.11");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ControlMessage")]
#[derive(Clone)]
pub struct Reply {
    /// The text and data of all lines, one after the other.
    bytes: Vec<u8>,
    first: Span,
    /// The lines after the first one. For a reply of one line, such as most
    /// events, this vector is empty and needs no allocation.
    rest: Vec<Span>,
    /// Secrets of the connection and the command, which must not be shown if
    /// the peer sends them back. `None` if no secrets are known.
    known: Option<Arc<KnownSecrets>>,
}

/// Replies are equal if tor sent the same bytes. The secrets that were passed
/// to `hide` don't matter.
impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.first == other.first && self.rest == other.rest
    }
}

impl Eq for Reply {}

/// The code of a line, and the line's position in the bytes of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    code: u16,
    start: usize,
    /// The position at which the text ends and the data begins.
    middle: usize,
    end: usize,
    has_data: bool,
}

/// The memory in bytes that each line of a reply takes, in addition to the
/// line's text and data.
pub(super) const LINE_COST: usize = size_of::<Span>();

/// One line of a [`Reply`].
#[doc(alias = "ControlLine")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplyLine<'a> {
    /// The code, for example 250.
    pub code: u16,
    /// The text after the code and its separator, without the line end.
    pub text: &'a [u8],
    /// The data block of a `+` line, with dot-stuffing undone. Every line of
    /// the data block ends with LF. `None` if this isn't a `+` line.
    pub data: Option<&'a [u8]>,
}

impl Reply {
    /// Returns the lines in order. There is at least one line.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250+config-text=\r\nNickname relay01\r\n.\r\n250 OK\r\n");
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// let lines: Vec<_> = reply.lines().collect();
    /// assert_eq!(lines[0].text, b"config-text=");
    /// assert_eq!(lines[0].data, Some(&b"Nickname relay01\n"[..]));
    /// assert_eq!(lines[1].text, b"OK");
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn lines(
        &self,
    ) -> impl ExactSizeIterator<Item = ReplyLine<'_>> + DoubleEndedIterator + Clone {
        (0..self.len()).map(|i| self.line(i))
    }

    /// Returns the number of lines, which is at least one.
    #[expect(clippy::len_without_is_empty, reason = "a reply is never empty")]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }

    /// Returns the first line of the reply.
    pub fn first(&self) -> ReplyLine<'_> {
        self.line(0)
    }

    /// Returns the last line. For most commands, the code of the last line says
    /// whether the command succeeded. The lines of an answer to MAPADDRESS may
    /// have different codes; use [`is_ok`](Self::is_ok) for such an answer.
    pub fn last(&self) -> ReplyLine<'_> {
        self.line(self.rest.len())
    }

    /// Returns the code of the last line.
    pub fn code(&self) -> u16 {
        self.last().code
    }

    /// Returns true if every line has a success code (2yz).
    pub fn is_ok(&self) -> bool {
        self.lines().all(|line| (200..300).contains(&line.code))
    }

    /// Returns true if this is an event rather than the answer to a command.
    pub fn is_event(&self) -> bool {
        self.first.code == 650
    }

    /// Returns the total size of all texts and data blocks in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the refusal of `command` if this reply is an error, or `None` if
    /// [`is_ok`](Self::is_ok) returns true. The command is formatted only for
    /// an error.
    ///
    /// ```
    /// use scape_proto::control::{Command, Decoder};
    ///
    /// let command = Command::build("CLOSESTREAM").word("stream", "3").finish()?;
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"552 Unknown stream \"3\"\r\n");
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// let refusal = reply.refusal(&command).expect("it is an error reply");
    /// assert_eq!(refusal.to_string(), "tor refused CLOSESTREAM 3: 552 Unknown stream \"3\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refusal(&self, command: &impl fmt::Display) -> Option<Refusal> {
        if self.is_ok() {
            return None;
        }
        let text = |line: ReplyLine<'_>| (line.code, self.shown(line.text));
        Some(Refusal::new(command.to_string(), self.lines().map(text).collect()))
    }

    /// Hides these secrets in everything that shows the reply: `Display`,
    /// `Debug`, [`excerpt`](Self::excerpt) and [`refusal`](Self::refusal).
    /// Secrets that were passed to an earlier call are no longer hidden.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use scape_proto::control::{Command, Decoder, KnownSecrets};
    ///
    /// let command = Command::raw("AUTHENTICATE \"open sesame\"", None)?;
    /// let known = KnownSecrets::of(&command).expect("the password is a secret");
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"515 open sesame is wrong\r\n");
    /// let mut reply = decoder.next_reply()?.expect("one line is a reply");
    /// reply.hide(Arc::new(known));
    /// assert_eq!(reply.to_string(), "515 [redacted] is wrong");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn hide(&mut self, known: Arc<KnownSecrets>) {
        self.known = Some(known);
    }

    /// Returns one line of the reply in the form `CODE text`: the first line
    /// without a success code, or else the last line. Secrets are hidden, and a
    /// text of more than 400 bytes is cut off.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250-a.example=b.example\r\n512 syntax error\r\n");
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// assert_eq!(reply.excerpt(), "512 syntax error");
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn excerpt(&self) -> String {
        const LONGEST: usize = 400;
        let line =
            self.lines().find(|line| !(200..300).contains(&line.code)).unwrap_or(self.last());
        let text = self.beginning_of(line.text, LONGEST);
        format!("{} {text}", line.code)
    }

    /// Returns the text of a line with secrets replaced by `[redacted]`.
    fn shown(&self, text: &[u8]) -> String {
        let text = redact_line(text);
        match &self.known {
            Some(known) => known.hide(text),
            None => text,
        }
    }

    /// Returns this reply with the secrets in its lines replaced by
    /// `[redacted]`, as in the output of `Display`. Returns `None` if no line
    /// has a secret. Data blocks stay the same.
    pub(crate) fn redacted(&self) -> Option<Reply> {
        let shown: Vec<String> = self.lines().map(|line| self.shown(line.text)).collect();
        if self.lines().zip(&shown).all(|(line, shown)| line.text == shown.as_bytes()) {
            return None;
        }
        let mut redacted = PartialReply::default();
        for (line, shown) in self.lines().zip(&shown) {
            redacted.open(line.code, shown.as_bytes());
            if let Some(data) = line.data {
                redacted.bytes.extend_from_slice(data);
            }
            redacted.close();
            if let Some(span) = redacted.spans.last_mut() {
                span.has_data = line.data.is_some();
            }
        }
        let first = redacted.spans.remove(0);
        let (bytes, rest) = (redacted.bytes, redacted.spans);
        Some(Reply { bytes, first, rest, known: self.known.clone() })
    }

    /// Returns the first `longest` bytes of a text and `…`, or the whole text
    /// if it isn't longer. Secrets are replaced by `[redacted]`.
    pub(super) fn beginning_of(&self, text: &[u8], longest: usize) -> String {
        if text.len() <= longest {
            return self.shown(text);
        }
        let beginning = redact_line(beginning_of(text, longest));
        let shown = match &self.known {
            Some(known) => known.hide_cut(beginning),
            None => beginning,
        };
        shown + "…"
    }

    /// Returns the line with this number, counted from 0.
    fn line(&self, number: usize) -> ReplyLine<'_> {
        let span = if number == 0 { Some(&self.first) } else { self.rest.get(number - 1) };
        let span = span.copied().unwrap_or_default();
        let part = |start, end| self.bytes.get(start..end).unwrap_or_default();
        ReplyLine {
            code: span.code,
            text: part(span.start, span.middle),
            data: span.has_data.then(|| part(span.middle, span.end)),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines().enumerate() {
            let separator = match line.data {
                Some(_) => '+',
                None if i + 1 == self.len() => ' ',
                None => '-',
            };
            write!(
                f,
                "{}{}{}{}",
                if i > 0 { "\n" } else { "" },
                line.code,
                separator,
                self.shown(line.text)
            )?;
            if let Some(data) = line.data {
                write!(f, " ({} bytes of data)", data.len())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({:?})", self.to_string())
    }
}

/// A reply that is still being received.
#[derive(Debug, Default)]
pub(super) struct PartialReply {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    open: Option<Span>,
}

impl PartialReply {
    /// Returns true if no line has been added since the last complete reply.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.open.is_none()
    }

    /// Returns the approximate memory size in bytes: the texts and data, and
    /// the position of each line.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.spans.len() * LINE_COST
    }

    /// Adds a line with the separator `-`, which isn't the last line of the
    /// reply.
    pub(super) fn push(&mut self, code: u16, text: &[u8]) {
        let span = self.span(code, text);
        self.spans.push(span);
    }

    /// Adds a line with the separator `+`, which begins a data block.
    pub(super) fn open(&mut self, code: u16, text: &[u8]) {
        let span = self.span(code, text);
        self.open = Some(Span { has_data: true, ..span });
    }

    /// Adds a line of the data block. The caller has already undone
    /// dot-stuffing.
    pub(super) fn data(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }

    /// Ends the data block that the last `+` line began.
    pub(super) fn close(&mut self) {
        if let Some(span) = self.open.take() {
            self.spans.push(Span { end: self.bytes.len(), ..span });
        }
    }

    /// Adds the last line and returns the complete reply.
    pub(super) fn finish(&mut self, code: u16, text: &[u8]) -> Reply {
        if self.is_empty() {
            // Most events have a single line, so this case must be fast.
            let first =
                Span { code, start: 0, middle: text.len(), end: text.len(), has_data: false };
            return Reply { bytes: text.to_vec(), first, rest: Vec::new(), known: None };
        }
        let last = self.span(code, text);
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = std::mem::take(&mut self.spans);
        let first = rest.remove(0);
        rest.push(last);
        Reply { bytes, first, rest, known: None }
    }

    /// Appends the text of a line to the reply's bytes, and returns the text's
    /// position.
    fn span(&mut self, code: u16, text: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        let end = self.bytes.len();
        Span { code, start, middle: end, end, has_data: false }
    }
}
