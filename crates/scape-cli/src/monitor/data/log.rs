//! The lines of the page Log, newest last. A repeated line is stored once, with
//! a count.

use std::collections::VecDeque;
use std::time::SystemTime;

use scape::event::{EventBody, EventKind, Severity};

use crate::base::clock;
use crate::base::secrets::redacted;
use crate::commands::shared::log::line::LogLine;

/// The maximum number of lines. The oldest lines are dropped.
const KEPT: usize = 5_000;
/// The maximum number of characters of a line. Longer lines are cut.
const LONGEST: usize = 1_000;
/// The number of newest lines that are compared with a new line. If one of them
/// is the same, it is removed, and the new line gets its count plus one.
const FOLDED: usize = 40;

/// A line of the page Log: an event, or a message of the monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The position in the order of arrival. It identifies the line for the
    /// page.
    pub(crate) number: u64,
    /// The time when the line arrived, for a repeated line the last time.
    /// `None` if the line is from tor's log file, because the text then
    /// contains the time.
    pub(crate) at: Option<SystemTime>,
    pub(crate) kind: EventKind,
    pub(crate) severity: Severity,
    pub(crate) text: String,
    /// The number of times that this line has arrived.
    pub(crate) count: u64,
}

/// The lines of the page Log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    next: u64,
}

impl Log {
    /// Adds an event to the log.
    pub(crate) fn event(&mut self, kind: &EventKind, body: &EventBody, text: &str, at: SystemTime) {
        let (severity, text) = match body {
            EventBody::Log(log) => (log.severity.clone(), log.message.as_str()),
            EventBody::StatusGeneral(status)
            | EventBody::StatusClient(status)
            | EventBody::StatusServer(status) => (status.severity.clone(), text),
            // The line shows the kind anyway, so the text doesn't repeat it.
            _ => {
                let rest = text.strip_prefix(kind.as_str());
                (Severity::Info, rest.and_then(|rest| rest.strip_prefix(' ')).unwrap_or(text))
            }
        };
        self.add(Some(at), kind.clone(), severity, text);
    }

    /// Adds a message of the monitor itself, not of tor.
    pub(crate) fn note(&mut self, severity: Severity, text: &str, at: SystemTime) {
        self.add(Some(at), EventKind::from("MONITOR"), severity, text);
    }

    /// Adds lines of tor's log file in front of all others. Secrets in the
    /// lines are replaced.
    pub(crate) fn older(&mut self, lines: Vec<LogLine>) {
        let own = std::mem::take(&mut self.entries);
        for line in lines {
            let kind = EventKind::from(line.severity.as_str());
            let message: Vec<String> = line.message.lines().map(redacted).collect();
            let text = format!("{} {}", clock::local(line.time), message.join(" "));
            self.add(None, kind, line.severity, &text);
        }
        for entry in own {
            let number = self.next;
            self.next += 1;
            self.push(Entry { number, ..entry });
        }
    }

    /// Returns all lines, newest last.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    fn add(&mut self, at: Option<SystemTime>, kind: EventKind, severity: Severity, text: &str) {
        let text: String =
            text.lines().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
        let number = self.next;
        self.next += 1;
        let newest = self.entries.iter().rev().take(FOLDED);
        let same = newest.enumerate().find(|(_, old)| old.kind == kind && old.text == text);
        let same = same.map(|(back, _)| self.entries.len() - 1 - back);
        let count = same.and_then(|index| self.entries.remove(index)).map_or(0, |old| old.count);
        self.push(Entry { number, at, kind, severity, text, count: count + 1 });
    }

    fn push(&mut self, entry: Entry) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &Log) -> Vec<(&str, u64)> {
        log.entries().map(|entry| (entry.text.as_str(), entry.count)).collect()
    }

    #[test]
    fn repeated_lines_are_folded() {
        let mut log = Log::default();
        for text in ["a", "b", "a", "c\nd", "a"] {
            log.note(Severity::Notice, text, SystemTime::UNIX_EPOCH);
        }
        assert_eq!(texts(&log), [("b", 1), ("c d", 1), ("a", 3)]);
    }

    #[test]
    fn lines_and_their_lengths_are_bounded() {
        let mut log = Log::default();
        log.note(Severity::Notice, &"x".repeat(10_000), SystemTime::UNIX_EPOCH);
        assert_eq!(log.entries().next().unwrap().text.len(), LONGEST);
        for number in 0..6_000 {
            log.note(Severity::Notice, &number.to_string(), SystemTime::UNIX_EPOCH);
        }
        assert_eq!(log.entries().count(), KEPT);
        assert_eq!(log.entries().next_back().unwrap().text, "5999");
    }

    fn old(severity: Severity, message: &str) -> LogLine {
        LogLine { time: SystemTime::UNIX_EPOCH, severity, message: message.into(), at: 0 }
    }

    #[test]
    fn lines_of_the_log_file_are_redacted() {
        let mut log = Log::default();
        let text = "HashedControlPassword=16:ABCDEF is wrong\n";
        log.older(vec![old(Severity::Warn, text)]);
        let (text, _) = texts(&log).remove(0);
        assert!(text.contains("[redacted]") && !text.contains("16:ABCDEF"), "{text}");
    }

    #[test]
    fn lines_of_the_log_file_come_first() {
        let mut log = Log::default();
        log.note(Severity::Warn, "new", SystemTime::UNIX_EPOCH);
        log.older(vec![old(Severity::Notice, "Opening Socks listener\non two lines")]);
        let time = clock::local(SystemTime::UNIX_EPOCH);
        let text = format!("{time} Opening Socks listener on two lines");
        assert_eq!(texts(&log), [(text.as_str(), 1), ("new", 1)]);
        let numbers: Vec<_> = log.entries().map(|entry| entry.number).collect();
        assert!(numbers.is_sorted());
    }
}
