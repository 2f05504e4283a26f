//! The DEBUG, INFO, NOTICE, WARN and ERR events: log messages.

use std::fmt;

use super::field;
use super::shown::InOneLine;
use crate::control::Reply;
use crate::event::Severity;

/// A log message. See control-spec, section "Log messages".
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LogEvent {
    /// The severity of the message.
    pub severity: Severity,
    /// The message. If it has several lines, they are separated by LF. Invalid
    /// UTF-8 is replaced by U+FFFD.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub message: String,
}

impl LogEvent {
    /// Parses an event with a message of one or several lines.
    ///
    /// tor 0.4.9 always sends a single line. control-spec describes a
    /// multi-line format as well. In that format, the first line holds only the
    /// severity. The message follows in a data block or in separate lines. A
    /// last line `OK` isn't part of the message.
    pub(super) fn read(severity: Severity, reply: &Reply) -> Self {
        let (_, first) = field::split_kind(reply.first().text);
        if reply.len() == 1 {
            return LogEvent { severity, message: field::text(first) };
        }
        let ended = usize::from(reply.last().text == b"OK");
        let mut message = Vec::with_capacity(reply.size());
        for (i, line) in reply.lines().take(reply.len() - ended).enumerate() {
            let text = if i == 0 { first } else { line.text };
            if i > 0 || !text.is_empty() {
                message.extend_from_slice(text);
                message.push(b'\n');
            }
            message.extend_from_slice(line.data.unwrap_or_default());
        }
        message.pop();
        LogEvent { severity, message: field::text(message) }
    }
}

impl fmt::Display for LogEvent {
    /// Writes one line, such as `NOTICE: Bootstrapped 100% (done): Done`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(InOneLine(f), "{}: {}", self.severity, self.message)
    }
}
