//! DEBUG, INFO, NOTICE, WARN and ERR: log messages.

use std::fmt;

use super::shown::OneLine;
use super::{field, split_kind};
use crate::event::Severity;
use crate::protocol::Reply;

/// A log message. control-spec, section "Log messages".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEvent {
    /// Its level.
    pub severity: Severity,
    /// The message; where it has several lines, with LF between them. What is
    /// no UTF-8 is shown as U+FFFD.
    pub message: String,
}

impl LogEvent {
    /// tor 0.4.9 sends one line. The form that control-spec describes for
    /// several has the severity alone on its first line, the message in a data
    /// block or in lines of their own, and a last line `OK`, which is no part
    /// of it.
    pub(super) fn read(severity: Severity, reply: &Reply) -> Self {
        let (_, first) = split_kind(reply.first().text);
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
    /// Such as `NOTICE: Bootstrapped 100% (done): Done`, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, OneLine(&self.message))
    }
}
