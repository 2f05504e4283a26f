//! What tor sends: one reply, or one event.

use std::fmt;
use std::sync::Arc;

use super::cut::beginning_of;
use super::known_secrets::KnownSecrets;
use super::redact::redact_line;
use crate::protocol::Refusal;

/// One whole reply (or event: code 650) of tor: one or more lines, some with a
/// data block. control-spec, section "Replies".
///
/// Texts are bytes: tor may send what is no UTF-8. `Debug` and `Display`
/// replace secrets and leave out data blocks; what was really sent is in
/// [`lines`](Self::lines).
#[derive(Clone)]
pub struct Reply {
    /// Every line's text and data, one after the other.
    bytes: Vec<u8>,
    first: Span,
    /// Empty, and so without an allocation, for the one-line replies that
    /// events mostly are.
    rest: Vec<Span>,
    /// Secrets of the connection and the command that must not be shown if the
    /// peer sends them back.
    known: Option<Arc<KnownSecrets>>,
}

/// Replies are equal if tor sent the same bytes. Hidden secrets don't matter.
impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.first == other.first && self.rest == other.rest
    }
}

impl Eq for Reply {}

/// Where one line is in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    code: u16,
    start: usize,
    /// The text's end, and the data's beginning.
    middle: usize,
    end: usize,
    has_data: bool,
}

/// How many bytes of memory a line of a reply takes besides its text and data.
pub(super) const LINE_COST: usize = size_of::<Span>();

/// One line of a [`Reply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplyLine<'a> {
    /// The code, such as 250.
    pub code: u16,
    /// What follows the code and its separator, without the line's end.
    pub text: &'a [u8],
    /// The data block of a `+` line, its dots un-stuffed, every line ended by
    /// LF.
    pub data: Option<&'a [u8]>,
}

impl Reply {
    /// The lines, in order; at least one.
    pub fn lines(
        &self,
    ) -> impl ExactSizeIterator<Item = ReplyLine<'_>> + DoubleEndedIterator + Clone {
        (0..self.len()).map(|i| self.line(i))
    }

    /// The number of lines, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a reply is never empty")]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }

    /// The first line.
    pub fn first(&self) -> ReplyLine<'_> {
        self.line(0)
    }

    /// The last line: the one that says whether all is well, where the lines do
    /// not disagree.
    pub fn last(&self) -> ReplyLine<'_> {
        self.line(self.rest.len())
    }

    /// The last line's code.
    pub fn code(&self) -> u16 {
        self.last().code
    }

    /// Whether every line has a success code (2yz).
    pub fn is_ok(&self) -> bool {
        self.lines().all(|line| (200..300).contains(&line.code))
    }

    /// Whether this is an event and not the answer to a command.
    pub fn is_event(&self) -> bool {
        self.first.code == 650
    }

    /// The number of bytes of all texts and data blocks.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The refusal that this reply is to `command`, unless
    /// [`is_ok`](Self::is_ok). (Only then is the command written out.)
    pub(crate) fn refusal(&self, command: &impl fmt::Display) -> Option<Refusal> {
        if self.is_ok() {
            return None;
        }
        let text = |line: ReplyLine<'_>| (line.code, self.shown(line.text));
        Some(Refusal::new(command.to_string(), self.lines().map(text).collect()))
    }

    /// Hides these secrets whenever the reply is shown.
    pub(crate) fn hide(&mut self, known: Arc<KnownSecrets>) {
        self.known = Some(known);
    }

    /// Returns the first line that is no success, or else the last line, with
    /// its secrets hidden. A long line is cut off.
    pub(crate) fn excerpt(&self) -> String {
        const LONGEST: usize = 400;
        let line =
            self.lines().find(|line| !(200..300).contains(&line.code)).unwrap_or(self.last());
        let text = self.beginning_of(line.text, LONGEST);
        format!("{} {text}", line.code)
    }

    /// A line's text, as it may be shown.
    fn shown(&self, text: &[u8]) -> String {
        let text = redact_line(text);
        match &self.known {
            Some(known) => known.hide(text),
            None => text,
        }
    }

    /// The beginning of a text, as it may be shown: the whole text if it has at
    /// most `longest` bytes.
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

    /// The bytes of text and data that hold the line with this number.
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

/// A reply that is still coming in.
#[derive(Debug, Default)]
pub(super) struct PartialReply {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    open: Option<Span>,
}

impl PartialReply {
    /// Whether any part of a reply has come.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.open.is_none()
    }

    /// The number of bytes of memory that this takes, about: texts and data,
    /// and what is remembered of each line.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.spans.len() * LINE_COST
    }

    /// A `-` line.
    pub(super) fn push(&mut self, code: u16, text: &[u8]) {
        let span = self.span(code, text);
        self.spans.push(span);
    }

    /// A `+` line, whose data follows.
    pub(super) fn open(&mut self, code: u16, text: &[u8]) {
        let span = self.span(code, text);
        self.open = Some(Span { has_data: true, ..span });
    }

    /// A line of the data block, its dot un-stuffed.
    pub(super) fn data(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }

    /// The data block's end.
    pub(super) fn close(&mut self) {
        if let Some(span) = self.open.take() {
            self.spans.push(Span { end: self.bytes.len(), ..span });
        }
    }

    /// The last line: the reply is complete.
    pub(super) fn finish(&mut self, code: u16, text: &[u8]) -> Reply {
        if self.is_empty() {
            // Most events are such a line.
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

    fn span(&mut self, code: u16, text: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        let end = self.bytes.len();
        Span { code, start, middle: end, end, has_data: false }
    }
}
