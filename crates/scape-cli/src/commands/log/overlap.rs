//! Recognizes messages that are both in tor's log file and in an event, so that
//! they are printed once.

use std::time::{Duration, SystemTime};

use crate::commands::shared::log::line::LogLine;

/// The time after which [`Recent`] no longer expects events for the messages
/// that were read from the file. Events normally arrive faster.
const LATE: Duration = Duration::from_millis(200);
/// The time after which [`Printed`] assumes that the events of all earlier
/// messages have arrived. It is longer than [`LATE`], because events arrive
/// late if the machine is very busy.
const VERY_LATE: Duration = Duration::from_secs(2);

/// Messages that were read from the file and printed, but may also come as
/// events. These events must not be printed again.
#[derive(Debug)]
pub(super) struct Recent {
    lines: Vec<LogLine>,
    read_at: SystemTime,
}

impl Recent {
    /// Creates the list. `lines` were read from the file after the subscription
    /// to log events. At the time `read_at`, the events of these messages have
    /// arrived.
    pub(super) fn new(lines: Vec<LogLine>, read_at: SystemTime) -> Self {
        Recent { lines, read_at }
    }

    /// Returns true if the list contains the message of an event, and removes
    /// the message from the list. If the event came long after the file was
    /// read, the list is emptied first.
    pub(super) fn take(&mut self, line: &LogLine) -> bool {
        // The list no longer counts if the event arrived long after the list
        // was read. The time of arrival is compared, because the event may have
        // waited while earlier ones were printed.
        if line.time.duration_since(self.read_at).is_ok_and(|after| after > LATE) {
            self.lines.clear();
        }
        take(&mut self.lines, line)
    }
}

/// A record of the messages that have come as events. It tells which messages
/// in tor's log file weren't printed.
#[derive(Debug)]
pub(super) struct Printed {
    /// A position in the file. All messages before it have come as events.
    end: u64,
    /// The messages that have come as events and may be after `end`.
    lines: Vec<LogLine>,
    /// The next value of `end`: a length of the file, and the time when the
    /// file had this length. It is used when all events before this time have
    /// arrived.
    next: Option<(u64, SystemTime)>,
}

impl Printed {
    pub(super) fn new(end: u64) -> Self {
        Printed { end, lines: Vec::new(), next: None }
    }

    /// Adds the message of an event. Events are added in the order in which
    /// they came, but perhaps long after they came. `length` returns the length
    /// of the file.
    pub(super) fn add(&mut self, line: LogLine, length: impl FnOnce() -> Option<u64>) {
        if let Some((end, at)) = self.next
            && line.time.duration_since(at).is_ok_and(|after| after > VERY_LATE)
        {
            // All messages that were in the file at the time `at` have come as
            // events before this one, so `end` moves forward.
            self.end = end;
            self.lines.retain(|line| line.time > at);
            self.next = None;
        }
        self.lines.push(line);
        if self.next.is_none() {
            self.next = length().map(|length| (length, SystemTime::now()));
        }
    }

    /// Returns the messages in `all`, which were read from the file, that
    /// haven't come as events. From now on, they count as printed. `length` is
    /// the length that the file had before it was read.
    pub(super) fn missing(&mut self, length: u64, mut all: Vec<LogLine>) -> Vec<LogLine> {
        // A file that is shorter than before was begun anew, so none of its
        // messages has come.
        if length >= self.end {
            all.retain(|line| line.at >= self.end);
        }
        let mut lines = std::mem::take(&mut self.lines);
        all.retain(|line| !take(&mut lines, line));
        *self = Printed::new(length);
        self.lines = all.iter().filter(|line| line.at >= length).cloned().collect();
        all
    }
}

/// Removes the first message from `lines` that has the same text and severity
/// as `line`. Returns false if there is no such message.
fn take(lines: &mut Vec<LogLine>, line: &LogLine) -> bool {
    let is_it = |other: &LogLine| other.severity == line.severity && other.message == line.message;
    let known = lines.iter().position(is_it);
    known.map(|known| lines.remove(known)).is_some()
}

#[cfg(test)]
mod tests {
    use scape::event::Severity;

    use super::*;

    fn line(message: &str, at: u64, time: SystemTime) -> LogLine {
        LogLine { time, severity: Severity::Notice, message: message.into(), at }
    }

    #[test]
    fn event_of_a_message_in_the_file_is_found_by_its_arrival() {
        let now = SystemTime::now();
        // The events are examined much later than they arrived.
        let read_at = now - Duration::from_secs(60);
        let mut recent = Recent::new(vec![line("a", 0, now), line("a", 1, now)], read_at);
        assert!(recent.take(&line("a", 0, read_at)));
        // This message has the same text, but comes too late to be in the file.
        assert!(!recent.take(&line("a", 0, read_at + Duration::from_secs(1))));
        assert!(!recent.take(&line("a", 0, read_at)));
    }

    #[test]
    fn messages_without_an_event_are_missing_however_late_events_are_printed() {
        let begun = SystemTime::now() - Duration::from_secs(60);
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut printed = Printed::new(100);
        // The event is printed a minute late, so the file has grown in the
        // meantime.
        printed.add(line("a", 0, at(0)), || Some(400));
        printed.add(line("b", 0, at(10)), || None);
        let all = [("old", 90), ("a", 100), ("b", 200), ("b", 300), ("c", 400)];
        let all: Vec<_> = all.iter().map(|(text, at)| line(text, *at, begun)).collect();
        let missing = printed.missing(400, all.clone());
        assert_eq!(missing.iter().map(|line| line.at).collect::<Vec<_>>(), [300, 400]);
        // The last message was written while the file was read, and was
        // returned already.
        assert!(printed.missing(500, all.clone()).is_empty());
        assert!(printed.missing(500, all).is_empty());
        // A file that was begun anew is shorter than before.
        assert_eq!(printed.missing(20, vec![line("d", 0, begun)]).len(), 1);
    }

    #[test]
    fn messages_before_a_later_event_have_come() {
        let mut printed = Printed::new(0);
        let now = SystemTime::now();
        printed.add(line("a", 0, now), || Some(100));
        printed.add(line("b", 0, now + VERY_LATE * 2), || Some(200));
        assert_eq!((printed.end, printed.lines.len()), (100, 1));
        assert_eq!(printed.next.unwrap().0, 200);
    }
}
