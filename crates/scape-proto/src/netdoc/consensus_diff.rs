//! Differences between consensuses: dir-spec, "Consensus diffs" and "Limited ed
//! diff format".

use sha3::{Digest, Sha3_256};

use super::DocumentKind;
use super::annotations::strip_leading;
use super::document_error::{DocumentError, LineProblem};
use super::line::{keyword, number, words};
use super::status_parts::signed_text;
use super::value::decode_hex;

/// The difference between two consensuses: commands that change an old
/// consensus into a new one. See dir-spec, "Consensus diffs".
///
/// A `ConsensusDiff` borrows its text. A diff without some of its commands
/// would be useless. So [`parse`](Self::parse) returns an error if any line is
/// malformed, and there is no lenient parser.
///
/// ```
/// use scape_proto::netdoc::ConsensusDiff;
///
/// let base = b"network-status-version 3\nvalid-after 2026-11-21 02:00:00\n";
/// let diff = b"network-status-diff-version 1\n\
///     hash D7EF249167A1EBFD9ABC85A9806FC156A7C329A5E73CAFC083DB2D33385854FE 8EFE31839D0909326E63CB9021D91CCAA58FAF710C96BAC333583BBFCED53495\n\
///     2c\nvalid-after 2026-11-21 03:00:00\n.\n";
/// let diff = ConsensusDiff::parse(diff)?;
/// let result = diff.apply(base)?;
/// assert_eq!(result, b"network-status-version 3\nvalid-after 2026-11-21 03:00:00\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConsensusDiff<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    text: &'a [u8],
    /// The commands in the order of the text: the commands for the last lines
    /// of the old consensus come first.
    #[cfg_attr(feature = "serde", serde(skip))]
    commands: Vec<Command<'a>>,
    /// The SHA3-256 digest of the old consensus's signed part. See
    /// [`Consensus::digest_sha3_signed`](super::Consensus::digest_sha3_signed).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::bytes"))]
    pub base_digest: [u8; 32],
    /// The SHA3-256 digest of the whole new consensus. See
    /// [`Consensus::digest_sha3`](super::Consensus::digest_sha3).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::bytes"))]
    pub result_digest: [u8; 32],
}

/// A command of a diff: keep the lines up to and including `kept`, then drop
/// the lines up to and including `dropped`, then insert the block. Without
/// `dropped`, all further lines are dropped.
#[derive(Debug, Clone, Copy)]
struct Command<'a> {
    kept: usize,
    dropped: Option<usize>,
    block: &'a [u8],
}

impl<'a> ConsensusDiff<'a> {
    /// Parses a diff and checks its commands. Annotations before the diff are
    /// left out.
    ///
    /// ```
    /// use scape_proto::netdoc::ConsensusDiff;
    ///
    /// let error = ConsensusDiff::parse(b"network-status-diff-version 1\n")
    ///     .expect_err("the digests are missing");
    /// assert_eq!(error.keyword(), "hash");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that is malformed. Every line must
    /// have a line end, and the commands must be in reverse order.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        let mut lines = RawLines { rest: strip_leading(text), number: 0 };
        let text = lines.rest;
        let version = lines.next();
        if version.is_none_or(|line| keyword(line).0 != b"network-status-diff-version") {
            return Err(lines.error(version, LineProblem::Start));
        }
        if version.map(|line| keyword(line).1) != Some(b"1") {
            return Err(lines.error(version, LineProblem::Value("the version must be 1")));
        }
        let hash = lines.next().filter(|line| keyword(line).0 == b"hash");
        let Some(hash) = hash else {
            let kind = DocumentKind::ConsensusDiff;
            return Err(DocumentError::new(kind, None, b"hash", LineProblem::Missing));
        };
        let Some((base_digest, result_digest)) = parse_digests(hash) else {
            const FORM: &str = "the digests must be two times 64 hexadecimal digits";
            return Err(lines.error(Some(hash), LineProblem::Value(FORM)));
        };
        let commands = parse_commands(&mut lines)?;
        Ok(ConsensusDiff { text, commands, base_digest, result_digest })
    }

    /// Applies the diff to a consensus and returns the new consensus. `base` is
    /// the text of the old consensus without annotations. The result is at most
    /// as long as the base and the diff together.
    ///
    /// The digests are checked, but not the signatures of the new consensus.
    ///
    /// ```
    /// use scape_proto::netdoc::{ApplyDiffError, ConsensusDiff};
    ///
    /// let zeros = "0".repeat(64);
    /// let diff = format!("network-status-diff-version 1\nhash {zeros} {zeros}\n1d\n");
    /// let diff = ConsensusDiff::parse(diff.as_bytes())?;
    /// let result = diff.apply(b"network-status-version 3\n");
    /// assert_eq!(result, Err(ApplyDiffError::BaseDigest));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if `base` isn't the consensus that the diff is for, if
    /// `base` has too few lines or no line end at its end, or if the result
    /// doesn't have the digest that the diff promises.
    pub fn apply(&self, base: &[u8]) -> Result<Vec<u8>, ApplyDiffError> {
        let signed = signed_text(base).unwrap_or(base);
        if <[u8; 32]>::from(Sha3_256::digest(signed)) != self.base_digest {
            return Err(ApplyDiffError::BaseDigest);
        }
        let result = self.apply_commands(base)?;
        if <[u8; 32]>::from(Sha3_256::digest(&result)) != self.result_digest {
            return Err(ApplyDiffError::ResultDigest);
        }
        Ok(result)
    }

    fn apply_commands(&self, base: &[u8]) -> Result<Vec<u8>, ApplyDiffError> {
        if !base.is_empty() && !base.ends_with(b"\n") {
            return Err(ApplyDiffError::Lines);
        }
        let mut result = Vec::with_capacity(base.len());
        let mut rest = base;
        let mut line = 0;
        // The commands go from the last lines to the first, so reverse them.
        for command in self.commands.iter().rev() {
            let (kept, after) = split_lines(rest, command.kept.saturating_sub(line))?;
            result.extend_from_slice(kept);
            result.extend_from_slice(command.block);
            rest = match command.dropped {
                Some(dropped) => split_lines(after, dropped.saturating_sub(command.kept))?.1,
                None if after.is_empty() => return Err(ApplyDiffError::Lines),
                None => b"",
            };
            line = command.dropped.unwrap_or(command.kept);
        }
        result.extend_from_slice(rest);
        Ok(result)
    }

    /// Returns the text of the whole diff.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// Returns the digests of the old and of the new consensus in a line `hash`.
/// Returns `None` if the line is malformed.
fn parse_digests(line: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let mut words = words(line).skip(1);
    let digests = (decode_hex(words.next()?)?, decode_hex(words.next()?)?);
    words.next().is_none().then_some(digests)
}

/// Parses the commands. Each command must concern lines before those of the
/// previous command.
fn parse_commands<'a>(lines: &mut RawLines<'a>) -> Result<Vec<Command<'a>>, DocumentError> {
    let mut commands: Vec<Command<'a>> = Vec::new();
    while let Some(line) = lines.next() {
        const FORM: &str =
            "the command must be the number of a line or a range such as 7,9, and a, c or d";
        const ORDER: &str = "the commands must be in reverse order";
        let number = lines.number;
        let error =
            |problem| DocumentError::new(DocumentKind::ConsensusDiff, Some(number), line, problem);
        let (mut command, has_block) =
            parse_command(line).ok_or_else(|| error(LineProblem::Value(FORM)))?;
        let is_before = |next: &Command<'_>| command.dropped.is_some_and(|last| last <= next.kept);
        let is_sorted = commands.last().is_none_or(is_before);
        if !is_sorted {
            return Err(error(LineProblem::Value(ORDER)));
        }
        if has_block {
            const BLOCK: &str = "a block of lines must follow, which ends with a dot";
            command.block = lines.block().ok_or_else(|| error(LineProblem::Value(BLOCK)))?;
        }
        commands.push(command);
    }
    if !lines.rest.is_empty() {
        let line = Some(lines.rest);
        lines.number += 1;
        return Err(lines.error(line, LineProblem::Value("the line must have a line end")));
    }
    Ok(commands)
}

/// Parses a command such as `7,9d`. Returns the command without its block, and
/// true if a block must follow. Returns `None` if the text isn't a command.
fn parse_command(line: &[u8]) -> Option<(Command<'static>, bool)> {
    let (letter, range) = line.split_last()?;
    let mut numbers = range.split(|b| *b == b',');
    let first = usize::try_from(number(numbers.next()?)?).ok()?;
    let last = match numbers.next() {
        None => Some(first),
        Some(b"$") if *letter == b'd' => None,
        Some(digits) => Some(usize::try_from(number(digits)?).ok().filter(|last| *last > first)?),
    };
    let has_range = range.contains(&b',');
    if numbers.next().is_some() {
        return None;
    }
    let (kept, dropped, has_block) = match letter {
        b'a' if !has_range => (first, Some(first), true),
        b'c' => (first.checked_sub(1)?, last, true),
        b'd' => (first.checked_sub(1)?, last, false),
        _ => return None,
    };
    Some((Command { kept, dropped, block: b"" }, has_block))
}

/// Splits off the first `count` lines, with their line ends. Returns these
/// lines and the rest of the text, or an error if the text has too few lines.
fn split_lines(text: &[u8], count: usize) -> Result<(&[u8], &[u8]), ApplyDiffError> {
    let Some(last) = count.checked_sub(1) else { return Ok((b"", text)) };
    let end = memchr::memchr_iter(b'\n', text).nth(last).ok_or(ApplyDiffError::Lines)?;
    text.split_at_checked(end + 1).ok_or(ApplyDiffError::Lines)
}

/// The lines of a diff. Only `\n` ends a line, because the lines of the result
/// must be exactly those of the diff.
#[derive(Debug)]
struct RawLines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> RawLines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let line = self.rest.get(..end)?;
        self.rest = self.rest.get(end + 1..)?;
        self.number += 1;
        Some(line)
    }

    /// Returns the lines up to the next line that consists only of a dot, with
    /// their line ends but without the dot. Returns `None` if no line precedes
    /// the dot, or if the dot is missing.
    fn block(&mut self) -> Option<&'a [u8]> {
        let start = self.rest;
        loop {
            let length = start.len() - self.rest.len();
            if self.next()? == b"." {
                return start.get(..length).filter(|block| !block.is_empty());
            }
        }
    }

    /// Returns an error about the line that was read last.
    fn error(&self, line: Option<&[u8]>, problem: LineProblem) -> DocumentError {
        let keyword = keyword(line.unwrap_or_default()).0;
        let number = (self.number > 0).then_some(self.number);
        DocumentError::new(DocumentKind::ConsensusDiff, number, keyword, problem)
    }
}

debug_as_text! { ConsensusDiff }

/// The reason why a [`ConsensusDiff`] can't be applied.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyDiffError {
    /// The text isn't the consensus that the diff is for.
    #[error("the diff is for another consensus: the digests differ")]
    BaseDigest,
    /// The text has too few lines, or its last line has no line end.
    #[error("the consensus has too few lines, or no line end at its end")]
    Lines,
    /// The result doesn't have the digest that the diff promises.
    #[error("the result has another digest than the diff promises")]
    ResultDigest,
}

error_debug!(ApplyDiffError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "network-status-version foo\nr name ccccccccccccccccc etc\nfoo\n\
        r name eeeeeeeeeeeeeeeee etc\nbar\ndirectory-signature foo bar\nbar\n";
    /// The diff that tor makes for `BASE`, from tor's test_consdiff.c.
    const DIFF: &str = "network-status-diff-version 1\n\
        hash 95D70F5A3CC65F920AA8B44C4563D7781A082674329661884E19E94B79D539C2 7AFECEFA4599BA33D603653E3D2368F648DF4AC4723929B0F7CF39281596B0C1\n\
        6,$d\n3,4c\nbar\ndirectory-signature foo bar\n.\n1a\nr name aaaaaaaaaaaaaaaaa etc\nfoo\n.\n";

    /// Applies the commands of a diff to `base`, without checking digests.
    /// Returns `None` if the diff is malformed or can't be applied.
    fn apply(base: &str, commands: &str) -> Option<String> {
        let zeros = "0".repeat(64);
        let text = format!("network-status-diff-version 1\nhash {zeros} {zeros}\n{commands}");
        let diff = ConsensusDiff::parse(text.as_bytes()).ok()?;
        diff.apply_commands(base.as_bytes()).ok().map(|result| String::from_utf8(result).unwrap())
    }

    #[test]
    fn diff_made_by_tor_is_applied() {
        let diff = ConsensusDiff::parse(DIFF.as_bytes()).unwrap();
        let result = diff.apply(BASE.as_bytes()).unwrap();
        let expected = "network-status-version foo\nr name aaaaaaaaaaaaaaaaa etc\nfoo\n\
            r name ccccccccccccccccc etc\nbar\ndirectory-signature foo bar\nbar\n";
        assert_eq!(String::from_utf8(result).unwrap(), expected);
        assert_eq!(diff.apply(expected.as_bytes()), Err(ApplyDiffError::BaseDigest));
        let lower =
            DIFF.replace("95D70F5A3CC65F920AA8B44C4563D7", "95d70f5a3cc65f920aa8b44c4563d7");
        assert!(ConsensusDiff::parse(lower.as_bytes()).unwrap().apply(BASE.as_bytes()).is_ok());
        // The signatures aren't a part of the base's digest.
        let other =
            BASE.replace("\ndirectory-signature foo bar\nbar", "\ndirectory-signature x\ny");
        assert_eq!(diff.apply(other.as_bytes()).map(|result| result.len()), Ok(expected.len()));
        let changed = DIFF.replace("1a\nr name aaa", "1a\nr name aab");
        let changed = ConsensusDiff::parse(changed.as_bytes()).unwrap();
        assert_eq!(changed.apply(BASE.as_bytes()), Err(ApplyDiffError::ResultDigest));
    }

    #[test]
    fn only_annotations_before_a_diff_are_left_out() {
        let text = format!("@type consensus-diff 1.0\n\n{DIFF}");
        let diff = ConsensusDiff::parse(text.as_bytes()).unwrap();
        assert_eq!(diff.text(), DIFF.as_bytes());
        // A block may contain any lines.
        assert_eq!(apply("A\nB\n", "1a\n@x\nC\n@y\n.\n").as_deref(), Some("A\n@x\nC\n@y\nB\n"));
    }

    /// Checks the cases of tor's test_consdiff.c.
    #[test]
    fn commands_append_change_and_delete_lines() {
        let base = "A\nB\nC\nD\nE\n";
        for (commands, expected) in [
            ("", "A\nB\nC\nD\nE\n"),
            ("3a\nU\nO\n.\n0a\nV\n.\n", "V\nA\nB\nC\nU\nO\nD\nE\n"),
            ("4d\n1,2d\n", "C\nE\n"),
            ("4c\nT\nX\n.\n1,2c\nM\n.\n", "M\nC\nT\nX\nE\n"),
            ("4c\nT\nX\n.\n2d\n0a\nM\n.\n", "M\nA\nC\nT\nX\nE\n"),
            ("5a\nU\n.\n4c\nO\n.\n2d\n", "A\nC\nO\nE\nU\n"),
            ("4,$d\n", "A\nB\nC\n"),
            ("5,$d\n", "A\nB\nC\nD\n"),
            ("1,$d\n", ""),
            ("2a\nX\r\n.\n2a\nY\n.\n", "A\nB\nY\nX\r\nC\nD\nE\n"),
            ("2a\n..\n.\n", "A\nB\n..\nC\nD\nE\n"),
        ] {
            assert_eq!(apply(base, commands).as_deref(), Some(expected), "{commands:?}");
        }
        for bad in ["6d\n", "6a\nX\n.\n", "5,6d\n", "6,$d\n", "7,$d\n"] {
            assert_eq!(apply(base, bad), None, "{bad:?}");
        }
        assert_eq!(apply("A\nB", "1d\n"), None);
        assert_eq!(apply("", "0a\nA\n.\n").as_deref(), Some("A\n"));
    }

    #[test]
    fn malformed_commands_are_rejected() {
        for bad in [
            "a\nX\n.\n",
            "1\n",
            "1,\n",
            "1,1\n",
            "3,2\n",
            "1,1d\n",
            "1,2a\nX\n.\n",
            "1,$c\nX\n.\n",
            "1d\n3d\n",
            "3d\n3d\n",
            "3,4d\n2,3d\n",
            "3c\nX\n.\n3a\nX\n.\n",
            "1foo\n",
            "1e\n",
            "0a\n",
            "0a\n.\n",
            "0a\nhello\n",
            "0, 4d\n",
            "+0,4d\n",
            "0,4d,5d\n",
            "0,4 d\n",
            "0,4 5d\n",
            "0d\n",
            "0c\nX\n.\n",
            "1d",
            "3d\n2,$d\n",
            "4294967296d\n",
            "\n",
            "$d\n",
            "1d\n ",
            "1d\r\n",
        ] {
            assert_eq!(apply("A\nB\nC\nD\nE\n", bad), None, "{bad:?}");
        }
        let error = ConsensusDiff::parse(DIFF.replace("1a\n", "7a\n").as_bytes()).unwrap_err();
        assert_eq!((error.line(), error.keyword()), (Some(8), "7a"));
    }

    #[test]
    fn malformed_headers_are_rejected() {
        let zeros = "0".repeat(64);
        for (text, keyword) in [
            (String::new(), ""),
            ("foo-bar\nheader\n".to_owned(), "foo-bar"),
            ("network-status-diff-version 2\n".to_owned(), "network-status-diff-version"),
            ("network-status-diff-version 1\nword a b\n".to_owned(), "hash"),
            ("network-status-diff-version 1\nhash a b\n".to_owned(), "hash"),
            (format!("network-status-diff-version 1\nhash {zeros}\n"), "hash"),
            (format!("network-status-diff-version 1\nhash {zeros} {zeros} x\n"), "hash"),
            (format!("network-status-diff-version 1\nhash {zeros} {}\n", "?".repeat(64)), "hash"),
        ] {
            let error = ConsensusDiff::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), keyword, "{text:?}");
            assert_ne!(error.line(), Some(0), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_and_applying_diffs_never_panics(
            commands in prop::collection::vec("[0-9]{0,2}(,[0-9$]{1,2})?[acd]?\n([a-z.]\n)?(\\.\n)?", 0..9),
            base in "([a-e]\n){0,20}",
        ) {
            let result = apply(&base, &commands.concat());
            let longest = base.len() + commands.concat().len();
            prop_assert!(result.is_none_or(|result| result.len() <= longest));
        }
    }
}
