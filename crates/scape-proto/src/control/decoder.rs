//! Decodes bytes into replies.

use memchr::memchr;

use super::cut::beginning_of;
use super::reply::{PartialReply, Reply};

/// The size of the buffer in bytes after it has grown for the first time. The
/// buffer grows when a call of [`Decoder::space`] finds input that isn't
/// decoded yet. That call and all later calls return at least half of this
/// size. If a long line needs more space, the buffer doubles.
const READ_SIZE: usize = 64 * 1024;

/// The initial size of the buffer in bytes. A short conversation needs no more,
/// and allocating memory takes time.
const FIRST_READ_SIZE: usize = 4 * 1024;

/// Limits for the input from a peer, so that a broken or hostile peer can't
/// exhaust the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum length of a line in bytes, without its line end. Default: 16
    /// MiB. The longest line from tor has less than 1 MiB: a NEWDESC event that
    /// names every relay.
    pub line: usize,
    /// The maximum size of a reply or event in memory, in bytes. Default: 256
    /// MiB. The largest reply from tor is the answer to
    /// `GETINFO desc/all-recent`, about 30 MiB.
    ///
    /// The size of a reply is the size of its text and data, plus a fixed size
    /// for each line except the last one. On 64-bit machines, the fixed size is
    /// 32 bytes.
    pub reply: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { line: 16 << 20, reply: 256 << 20 }
    }
}

impl Limits {
    /// Sets the maximum length of a line in bytes, without its line end.
    /// Default: 16 MiB.
    ///
    /// ```
    /// use scape_proto::control::{DecodeError, Decoder, Limits};
    ///
    /// let mut decoder = Decoder::new(Limits::default().line(1024));
    /// decoder.feed(&[b'2'; 2000]);
    /// assert_eq!(decoder.next_reply(), Err(DecodeError::LineTooLong { limit: 1024 }));
    /// ```
    #[must_use]
    pub fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// Sets the maximum size of a reply or event in memory, in bytes. Default:
    /// 256 MiB. The documentation of the public field `reply` describes how the
    /// size is counted.
    ///
    /// ```
    /// use scape_proto::control::{DecodeError, Decoder, Limits};
    ///
    /// let mut decoder = Decoder::new(Limits::default().reply(8));
    /// decoder.feed(b"250 version=0.4.9.11\r\n");
    /// assert_eq!(decoder.next_reply(), Err(DecodeError::ReplyTooLong { limit: 8 }));
    /// ```
    #[must_use]
    pub fn reply(mut self, bytes: usize) -> Self {
        self.reply = bytes;
        self
    }
}

/// An error for input that no control port sends, or that exceeds a limit.
/// After such an error, the decoder can't decode any further input.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A line doesn't begin with a reply code: three digits, followed by `-`,
    /// `+`, a space or the end of the line.
    #[error("the peer sent a line that is not a control reply: {excerpt:?}")]
    NotAReply {
        /// The line, or its beginning if it has more than 120 bytes.
        excerpt: String,
    },
    /// A line is longer than [`Limits::line`].
    #[error("the peer sent a line of more than {limit} bytes, which is the limit")]
    LineTooLong {
        /// The maximum length of a line, in bytes without the line end.
        limit: usize,
    },
    /// A reply is larger than [`Limits::reply`].
    #[error("the peer sent a reply of more than {limit} bytes, which is the limit")]
    ReplyTooLong {
        /// The maximum size of a reply, in bytes of memory.
        limit: usize,
    },
}

error_debug!(DecodeError);

/// An incremental decoder for the control protocol. The input can arrive in
/// pieces, and the replies don't depend on where the input is split.
///
/// Lines may end with CRLF or LF alone. The decoder assembles events (code 650)
/// and answers to commands separately, so an event never disturbs an answer
/// that has been received in part.
///
/// The first error is final: from then on, [`next_reply`](Self::next_reply)
/// returns only this error.
///
/// ```
/// use scape_proto::control::Decoder;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"250-version=0.4.9.11\r\n650 BW 1 2\r\n250 OK\r\n");
/// let event = decoder.next_reply()?.expect("the event is complete");
/// assert!(event.is_event());
/// let answer = decoder.next_reply()?.expect("the answer is complete");
/// assert_eq!(answer.first().text, b"version=0.4.9.11");
/// assert!(decoder.next_reply()?.is_none());
/// # Ok::<(), scape_proto::control::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    buffer: Vec<u8>,
    /// The part `start..filled` of the buffer isn't decoded yet. There is no
    /// line end between `start` and `scanned`, so the search for the next line
    /// end begins at `scanned`.
    start: usize,
    scanned: usize,
    filled: usize,
    assembly: Assembly,
    failed: Option<DecodeError>,
}

/// The incomplete answer and the incomplete event. They are assembled
/// separately, because an event can arrive within an answer.
#[derive(Debug, Default)]
struct Assembly {
    answer: PartialReply,
    event: PartialReply,
    /// The message whose data block is being received. The next line belongs to
    /// this data block. `None` outside of data blocks.
    data_of: Option<Whose>,
}

/// The message that a line belongs to: an answer or an event.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Answer,
    Event,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new(Limits::default())
    }
}

impl Decoder {
    /// Creates a decoder with these limits. `Decoder::default()` creates one
    /// with the default limits.
    ///
    /// ```
    /// use scape_proto::control::{Decoder, Limits};
    ///
    /// // For a program with little memory.
    /// let mut decoder = Decoder::new(Limits::default().line(1 << 20).reply(4 << 20));
    /// decoder.feed(b"250 OK\r\n");
    /// assert!(decoder.next_reply()?.is_some_and(|reply| reply.is_ok()));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn new(limits: Limits) -> Self {
        Decoder {
            limits,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            filled: 0,
            assembly: Assembly::default(),
            failed: None,
        }
    }

    /// Returns space to read into. Call [`advance`](Self::advance) afterwards
    /// with the number of bytes that were read.
    ///
    /// At first, a call returns 4 KiB. As soon as a call finds input that isn't
    /// decoded yet, such as the beginning of a line, that call and all later
    /// calls return at least 32 KiB, and more if lines are long.
    ///
    /// ```
    /// use std::io::Read as _;
    /// use scape_proto::control::Decoder;
    ///
    /// let mut input = &b"250 OK\r\n"[..];
    /// let mut decoder = Decoder::default();
    /// let count = input.read(decoder.space())?;
    /// decoder.advance(count);
    /// assert!(decoder.next_reply()?.is_some_and(|reply| reply.is_ok()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.scanned -= self.start;
            self.filled -= self.start;
            self.start = 0;
        }
        let first =
            self.buffer.is_empty() || self.buffer.len() == FIRST_READ_SIZE && self.filled == 0;
        let room = if first { FIRST_READ_SIZE } else { READ_SIZE / 2 };
        if self.buffer.len() - self.filled < room {
            // Double the buffer, so that one long line isn't copied over and
            // over.
            let length = if first { FIRST_READ_SIZE } else { READ_SIZE.max(self.buffer.len() * 2) };
            self.buffer.resize(length, 0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Adds the first `count` bytes of [`space`](Self::space) to the input.
    /// Fill these bytes before this call.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.space()[..8].copy_from_slice(b"250 OK\r\n");
    /// decoder.advance(8);
    /// assert!(decoder.next_reply()?.is_some_and(|reply| reply.is_ok()));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn advance(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.buffer.len());
    }

    /// Appends bytes to the input. Use this method instead of `space` and
    /// `advance` if the bytes are in memory already.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250 ");
    /// assert!(decoder.next_reply()?.is_none());
    /// decoder.feed(b"OK\r\n");
    /// assert!(decoder.next_reply()?.is_some_and(|reply| reply.is_ok()));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = self.space();
            let count = rest.len().min(space.len());
            let (part, later) = rest.split_at(count);
            space[..count].copy_from_slice(part);
            self.advance(count);
            rest = later;
        }
    }

    /// Returns the next complete reply or event. Returns `None` if more bytes
    /// are needed.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250 OK\r\n650 BW 1 2\r\n552 Unknown circuit \"7\"\r\n");
    /// let mut codes = Vec::new();
    /// while let Some(reply) = decoder.next_reply()? {
    ///     codes.push(reply.code());
    /// }
    /// assert_eq!(codes, [250, 650, 552]);
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a line isn't a control reply, or if a line or a
    /// reply exceeds its limit. All later calls return the same error.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.decode();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    /// Returns true if the input so far ends in the middle of a reply. If the
    /// connection ended now, the rest of this reply would be missing.
    ///
    /// Call this method after [`next_reply`](Self::next_reply) has returned
    /// `None`. Before that, the method also returns true if complete replies
    /// are left.
    ///
    /// ```
    /// use scape_proto::control::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250-version=0.4.9.11\r\n");
    /// assert!(decoder.next_reply()?.is_none() && decoder.is_mid_reply());
    /// decoder.feed(b"250 OK\r\n");
    /// assert!(decoder.next_reply()?.is_some() && !decoder.is_mid_reply());
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn is_mid_reply(&self) -> bool {
        self.start < self.filled
            || !self.assembly.answer.is_empty()
            || !self.assembly.event.is_empty()
    }

    fn decode(&mut self) -> Result<Option<Reply>, DecodeError> {
        loop {
            let Some(length) =
                memchr(b'\n', self.buffer.get(self.scanned..self.filled).unwrap_or_default())
            else {
                self.scanned = self.filled;
                let rest = self.buffer.get(self.start..self.filled).unwrap_or_default();
                // One more byte may be the CR of the line end.
                if rest.len() > self.limits.line.saturating_add(1) {
                    return Err(DecodeError::LineTooLong { limit: self.limits.line });
                }
                return self.assembly.check_beginning(rest).map(|()| None);
            };
            let end = self.scanned + length;
            let line = self.buffer.get(self.start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            (self.start, self.scanned) = (end + 1, end + 1);
            if line.len() > self.limits.line {
                return Err(DecodeError::LineTooLong { limit: self.limits.line });
            }
            if let Some(reply) = self.assembly.take(line, self.limits)? {
                return Ok(Some(reply));
            }
        }
    }
}

impl Assembly {
    /// Processes one line. Returns a reply if the line is the last one of that
    /// reply. Returns `None` otherwise.
    fn take(&mut self, line: &[u8], limits: Limits) -> Result<Option<Reply>, DecodeError> {
        if let Some(whose) = self.data_of {
            let partial = self.partial(whose);
            if line == b"." {
                partial.close();
                self.data_of = None;
                return Ok(None);
            }
            partial.data(line.strip_prefix(b".").unwrap_or(line));
            return Self::check_size(partial, limits).map(|()| None);
        }
        let Some((code, separator, text)) = split_line(line) else {
            return if line == HIDDEN_EVENT { Ok(None) } else { Err(not_a_reply(line)) };
        };
        let whose = if code == 650 { Whose::Event } else { Whose::Answer };
        let partial = self.partial(whose);
        match separator {
            b'-' => partial.push(code, text),
            b'+' => {
                partial.open(code, text);
                Self::check_size(partial, limits)?;
                self.data_of = Some(whose);
                return Ok(None);
            }
            _ if partial.size() + text.len() > limits.reply => {
                return Err(DecodeError::ReplyTooLong { limit: limits.reply });
            }
            _ => return Ok(Some(partial.finish(code, text))),
        }
        Self::check_size(partial, limits).map(|()| None)
    }

    fn partial(&mut self, whose: Whose) -> &mut PartialReply {
        match whose {
            Whose::Answer => &mut self.answer,
            Whose::Event => &mut self.event,
        }
    }

    fn check_size(partial: &PartialReply, limits: Limits) -> Result<(), DecodeError> {
        if partial.size() > limits.reply {
            return Err(DecodeError::ReplyTooLong { limit: limits.reply });
        }
        Ok(())
    }

    /// Checks that an incomplete line can still become a reply. Binary data is
    /// rejected at its first byte, because a line end might never follow. A
    /// text that doesn't begin with a digit, such as HTTP, is rejected after
    /// 120 bytes. The error can then show the beginning of the text.
    fn check_beginning(&self, rest: &[u8]) -> Result<(), DecodeError> {
        let binary = rest.first().is_some_and(|b| !(0x20..0x7f).contains(b) && *b != b'\r');
        let text = rest.first().is_some_and(|b| !b.is_ascii_digit());
        if self.data_of.is_none() && (binary || text && rest.len() > EXCERPT) {
            return Err(not_a_reply(rest));
        }
        Ok(())
    }
}

/// A line that the decoder skips. onion-grater, a filter for control ports,
/// writes this line in place of a hidden event. onion-grater's profile for
/// OnionShare hides events in this way.
const HIDDEN_EVENT: &[u8] = b"XXXredactedXXX";

/// Splits a line into code, separator and text. A line that consists only of a
/// code is treated as the last line of a reply. Returns `None` if the line
/// doesn't begin with a code and a separator.
fn split_line(line: &[u8]) -> Option<(u16, u8, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, b' ', rest)),
        Some((separator @ (b'-' | b'+' | b' '), text)) => Some((code, *separator, text)),
        Some(_) => None,
    }
}

/// The maximum length of the excerpt in [`DecodeError::NotAReply`], in bytes.
const EXCERPT: usize = 120;

fn not_a_reply(line: &[u8]) -> DecodeError {
    let excerpt = String::from_utf8_lossy(beginning_of(line, EXCERPT)).into_owned();
    DecodeError::NotAReply { excerpt }
}

#[cfg(test)]
mod tests {
    use super::super::reply::LINE_COST;
    use super::*;

    fn replies(decoder: &mut Decoder) -> Vec<Reply> {
        std::iter::from_fn(|| decoder.next_reply().unwrap()).collect()
    }

    fn decode(bytes: &[u8]) -> Vec<Reply> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        let replies = replies(&mut decoder);
        assert!(!decoder.is_mid_reply());
        replies
    }

    type Lines = Vec<(u16, String, Option<String>)>;

    fn lines(reply: &Reply) -> Lines {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        reply.lines().map(|l| (l.code, text(l.text), l.data.map(text))).collect()
    }

    const MIXED: &[u8] = b"250-one=1\r\n250+two=\r\na\r\n..b\r\n\r\n.\r\n250 OK\r\n";

    #[test]
    fn excerpt_of_a_malformed_line_ends_between_two_characters() {
        let line = format!("{}é", "x".repeat(EXCERPT - 1));
        let DecodeError::NotAReply { excerpt } = not_a_reply(line.as_bytes()) else {
            panic!("{line}")
        };
        assert_eq!(excerpt, "x".repeat(EXCERPT - 1));
    }

    #[test]
    fn highest_limits_are_no_limits() {
        let mut decoder = Decoder::new(Limits::default().line(usize::MAX).reply(usize::MAX));
        decoder.feed(b"250 O");
        assert_eq!(decoder.next_reply(), Ok(None));
        decoder.feed(b"K\r\n");
        decoder.advance(usize::MAX);
        assert!(decoder.next_reply().is_ok_and(|reply| reply.is_some()));
    }

    #[test]
    fn reply_lines_of_every_kind() {
        let replies = decode(MIXED);
        let expected: Lines = vec![
            (250, "one=1".into(), None),
            (250, "two=".into(), Some("a\n.b\n\n".into())),
            (250, "OK".into(), None),
        ];
        assert_eq!(replies.len(), 1);
        assert_eq!(lines(&replies[0]), expected);
        assert!(replies[0].is_ok() && !replies[0].is_event());
    }

    #[test]
    fn an_event_between_the_lines_of_an_answer_disturbs_nothing() {
        let replies = decode(
            b"250-a=1\r\n650-CONF_CHANGED\r\n250-b=2\r\n650-X=1\r\n650 OK\r\n250 OK\r\n650 BW 1 2\r\n",
        );
        let codes: Vec<_> = replies.iter().map(|r| (r.code(), r.len())).collect();
        assert_eq!(codes, [(650, 3), (250, 3), (650, 1)]);
    }

    #[test]
    fn bare_line_feeds_and_bytes_that_are_not_text() {
        let replies = decode(b"250-caf\xe9=\xff\n250\n650 NOTICE \x80\r\n");
        assert_eq!(replies[0].first().text, b"caf\xe9=\xff");
        assert_eq!(replies[0].last().text, b"");
        assert_eq!(replies[1].first().text, b"NOTICE \x80");
    }

    #[test]
    fn every_split_gives_the_same_replies() {
        let input = [MIXED, b"650 BW 1 2\n650+NS\r\nr x\r\n.\r\n650 OK\r\n", MIXED].concat();
        let whole = decode(&input);
        for split in 0..=input.len() {
            let mut decoder = Decoder::default();
            decoder.feed(&input[..split]);
            let mut got = replies(&mut decoder);
            decoder.feed(&input[split..]);
            got.extend(replies(&mut decoder));
            assert_eq!(got, whole, "split at {split}");
        }
        let mut decoder = Decoder::default();
        let mut got = Vec::new();
        for byte in &input {
            decoder.feed(&[*byte]);
            got.extend(replies(&mut decoder));
        }
        assert_eq!(got, whole);
    }

    #[test]
    fn malformed_reply_error_is_final() {
        for bad in [
            "HTTP/1.0 501 Tor is not an HTTP Proxy\r\n",
            "25 OK\r\n",
            "250=OK\r\n",
            "\r\n",
            "x50 OK\n",
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(bad.as_bytes());
            let excerpt = bad.trim_end().to_string();
            let error = DecodeError::NotAReply { excerpt };
            assert_eq!(decoder.next_reply(), Err(error.clone()), "{bad:?}");
            decoder.feed(b"250 OK\r\n");
            assert_eq!(decoder.next_reply(), Err(error));
        }
    }

    #[test]
    fn filter_line_in_place_of_an_event_is_skipped() {
        let mut decoder = Decoder::default();
        decoder
            .feed(b"XXXredactedXXX\r\n250-a=1\r\nXXXredactedXXX\r\n250 OK\r\nXXXredactedXXX!\r\n");
        let reply = decoder.next_reply().unwrap().unwrap();
        assert_eq!(reply.lines().count(), 2);
        assert!(matches!(decoder.next_reply(), Err(DecodeError::NotAReply { .. })));
    }

    #[test]
    fn a_binary_peer_is_noticed_without_a_line_end() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x05\xff");
        assert!(matches!(decoder.next_reply(), Err(DecodeError::NotAReply { .. })));
        let mut decoder = Decoder::default();
        decoder.feed(&[b'x'; EXCERPT + 1]);
        assert!(matches!(decoder.next_reply(), Err(DecodeError::NotAReply { .. })));
    }

    #[test]
    fn limits_hold_however_the_input_is_split() {
        let limits = Limits::default().line(8).reply(LIMIT);
        const LIMIT: usize = 20 + LINE_COST;
        let long_line = b"250 12345\r\n".as_slice();
        let long_reply = b"250+a=\r\n12345678\r\n12345678\r\n.\r\n250 OK\r\n".as_slice();
        let fits = b"250 1234\r\n250+a=\r\n1234567\r\n1234567\r\n.\r\n250 OK\r\n".as_slice();
        for step in 1..12 {
            let run = |input: &[u8]| {
                let mut decoder = Decoder::new(limits);
                let mut count = 0;
                for part in input.chunks(step) {
                    decoder.feed(part);
                    while decoder.next_reply()?.is_some() {
                        count += 1;
                    }
                }
                Ok(count)
            };
            assert_eq!(run(long_line), Err(DecodeError::LineTooLong { limit: 8 }), "{step}");
            assert_eq!(run(long_reply), Err(DecodeError::ReplyTooLong { limit: LIMIT }), "{step}");
            assert_eq!(run(fits), Ok(2), "{step}");
        }
    }

    #[test]
    fn lines_without_text_count_towards_the_limit() {
        for line in ["250-\r\n", "650-\r\n", "250+\r\n.\r\n"] {
            let mut decoder = Decoder::new(Limits::default().reply(1 << 20));
            let block = line.repeat(1 << 10);
            let mut sent = 0;
            let error = loop {
                decoder.feed(block.as_bytes());
                sent += block.len();
                match decoder.next_reply() {
                    Ok(reply) => {
                        assert!(reply.is_none() && sent <= 1 << 20, "{line:?}: {sent} bytes");
                    }
                    Err(error) => break error,
                }
            };
            assert_eq!(error, DecodeError::ReplyTooLong { limit: 1 << 20 });
        }
    }

    #[test]
    fn a_flood_does_not_grow_the_buffer() {
        let mut decoder = Decoder::default();
        let block = b"650 BW 12345 67890\r\n".repeat(10_000);
        for _ in 0..20 {
            decoder.feed(&block);
            while decoder.next_reply().unwrap().is_some() {}
        }
        assert!(decoder.buffer.len() <= 2 * (block.len() + READ_SIZE), "{}", decoder.buffer.len());
        assert_eq!(decoder.start, decoder.filled);
    }
}
