//! `scape log` prints tor's log messages. Older messages come from tor's log
//! file, new messages come from events.

mod since;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use clap::Args;
use scape::event::{Event, EventBody, EventKind, Severity};

use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::commands::events::feed::{Feed, Item, controller};
use crate::commands::shared::log::file::LogFile;
use crate::commands::shared::log::line::LogLine;
use crate::commands::shared::log::severity::{self, rank};

/// The number of older messages that are printed by default.
const LINES: usize = 50;
/// The maximum time until the event of a message arrives that was already read
/// from the log file.
const LATE: Duration = Duration::from_secs(3);

/// Print tor's log messages
///
/// Older messages are read from tor's log file. For this, tor's option Log must
/// contain a file that scape can read. With --follow, new messages are printed
/// as soon as tor logs them. Times are local.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The lowest severity to print: debug, info, notice, warn or err
    #[arg(long, short, value_name = "SEVERITY", default_value = "notice")]
    #[arg(value_parser = severity::parse)]
    severity: Severity,

    /// Print older messages since this time: an age such as 2h, or a local time
    /// such as "2026-11-30 14:05"
    #[arg(long, value_name = "TIME", value_parser = since::parse)]
    since: Option<SystemTime>,

    /// The maximum number of older messages. Default: 50, or all with --since
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<usize>,

    /// Continue with new messages, and reconnect when tor restarts
    #[arg(long, short)]
    follow: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = controller(context, self.follow)?;
        let file = LogFile::find(&controller);
        if !self.follow {
            let older = file?.read(SystemTime::now())?;
            return self.print_older(context, older);
        }
        let kinds = EventKind::LOGS.into_iter().skip(rank(&self.severity)).collect();
        // Messages after this position may come as events, too.
        let begun = file.and_then(|file| Ok((file.length()?, file)));
        let feed = Feed::open(controller, kinds, None, true)?;
        let file = begun.and_then(|(length, file)| {
            let older = file.read(SystemTime::now())?;
            let recent =
                Recent::new(older.iter().filter(|line| line.at >= length).cloned().collect());
            self.print_older(context, older)?;
            Ok((file, recent))
        });
        match file {
            Ok((file, recent)) => self.print_new(context, &feed, Some(&file), recent),
            Err(failure) if failure.exit == Exit::Failed => {
                context.out.note(format_args!("older messages are missing: {}", failure.message));
                self.print_new(context, &feed, None, Recent::new(Vec::new()))
            }
            Err(failure) => Err(failure),
        }
    }

    fn print_older(&self, context: &Context, older: Vec<LogLine>) -> Result<(), Failure> {
        let most = self.lines.unwrap_or(if self.since.is_some() { usize::MAX } else { LINES });
        let mut chosen = VecDeque::new();
        for line in older {
            let is_too_old = self.since.is_some_and(|since| line.time < since);
            if is_too_old || !self.is_severe(&line) {
                continue;
            }
            chosen.push_back(line);
            if chosen.len() > most {
                chosen.pop_front();
            }
        }
        chosen.iter().try_for_each(|line| line.print(context))
    }

    /// Prints new messages from events. After an interruption, also prints the
    /// messages that tor has written into its file in the meantime. The
    /// messages in `recent` are already printed, so their events are skipped.
    fn print_new(
        &self,
        context: &Context,
        feed: &Feed,
        file: Option<&LogFile>,
        mut recent: Recent,
    ) -> Result<(), Failure> {
        let mut ended_at = 0;
        while let Some(item) = feed.next(context)? {
            match item {
                Item::Event(event) => match line(&event) {
                    Some(line) if !recent.take(&line) => line.print(context)?,
                    _ => {}
                },
                Item::Disconnected => {
                    ended_at = file.and_then(|file| file.length().ok()).unwrap_or_default();
                }
                Item::Reconnected => {
                    let missed = file.and_then(|file| file.read(SystemTime::now()).ok());
                    let mut missed = missed.unwrap_or_default();
                    // If the file is shorter now, tor has started it again, and
                    // all of its messages are new.
                    if missed.last().is_some_and(|last| last.at >= ended_at) {
                        missed.retain(|line| line.at >= ended_at);
                    }
                    missed.retain(|line| self.is_severe(line));
                    missed.iter().try_for_each(|line| line.print(context))?;
                    recent = Recent::new(missed);
                }
            }
        }
        Ok(())
    }

    fn is_severe(&self, line: &LogLine) -> bool {
        rank(&line.severity) >= rank(&self.severity)
    }
}

/// Messages that were read from the file a moment ago, and may come as events,
/// too.
#[derive(Debug)]
struct Recent {
    lines: Vec<LogLine>,
    read_at: SystemTime,
}

impl Recent {
    fn new(lines: Vec<LogLine>) -> Self {
        Recent { lines, read_at: SystemTime::now() }
    }

    /// Removes the message of an event from this list. Returns true if the list
    /// contained it.
    fn take(&mut self, line: &LogLine) -> bool {
        // The time of arrival counts, because the event may have waited for a
        // long time while earlier events were printed.
        if line.time.duration_since(self.read_at).is_ok_and(|after| after > LATE) {
            self.lines.clear();
        }
        let is_it =
            |other: &LogLine| other.severity == line.severity && other.message == line.message;
        let known = self.lines.iter().position(is_it);
        known.map(|known| self.lines.swap_remove(known)).is_some()
    }
}

fn line(event: &Event) -> Option<LogLine> {
    let EventBody::Log(log) = event.body() else { return None };
    Some(LogLine {
        time: event.arrived(),
        severity: log.severity.clone(),
        message: log.message.trim().to_owned(),
        at: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_of_a_message_in_the_file_is_found_by_its_arrival() {
        let line = |time| LogLine { time, severity: Severity::Notice, message: "a".into(), at: 0 };
        let mut recent = Recent::new(vec![line(SystemTime::UNIX_EPOCH); 2]);
        // The events are examined much later than they arrived.
        recent.read_at -= Duration::from_secs(60);
        let read_at = recent.read_at;
        assert!(recent.take(&line(read_at + Duration::from_secs(1))));
        assert!(!recent.take(&line(read_at + Duration::from_secs(10))));
        assert!(!recent.take(&line(read_at)));
    }
}
