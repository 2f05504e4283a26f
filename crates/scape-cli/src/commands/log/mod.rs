//! `scape log` prints tor's log messages. Older messages come from tor's log
//! file, new messages come from events.

mod overlap;
mod since;

use std::collections::VecDeque;
use std::time::SystemTime;

use clap::Args;
use scape::event::{Event, EventBody, EventKind, Severity};

use self::overlap::{Printed, Recent};
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::output::tell;
use crate::commands::events::feed::{Feed, Item, controller};
use crate::commands::shared::log::file::LogFile;
use crate::commands::shared::log::line::LogLine;
use crate::commands::shared::log::severity::{self, rank};

/// The maximum number of older messages that are printed without `--lines` and
/// `--since`.
const LINES: usize = 50;

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
            let recent = older.iter().filter(|line| line.at >= length).cloned().collect();
            let recent = Recent::new(recent, feed.catch_up());
            self.print_older(context, older)?;
            Ok((file, length, recent))
        });
        match file {
            Ok((file, length, recent)) => {
                self.print_new(context, &feed, Some((&file, length)), recent)
            }
            Err(failure) if failure.exit == Exit::Failed => {
                tell(format_args!("older messages are missing: {}", failure.message));
                self.print_new(context, &feed, None, Recent::new(Vec::new(), SystemTime::now()))
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
    /// messages that tor has written into its file in the meantime. `file`
    /// contains the log file and a position in it. Messages before this
    /// position, and those in `recent`, are already printed.
    fn print_new(
        &self,
        context: &Context,
        feed: &Feed,
        file: Option<(&LogFile, u64)>,
        mut recent: Recent,
    ) -> Result<(), Failure> {
        let (file, length) = file.unzip();
        let mut printed = Printed::new(length.unwrap_or_default());
        while let Some(item) = feed.next(context)? {
            match item {
                Item::Event(event) => {
                    let Some(line) = line(&event) else { continue };
                    if !recent.take(&line) {
                        line.print(context)?;
                    }
                    if let Some(file) = file {
                        printed.add(line, || file.length().ok());
                    }
                }
                // The length of the file is of no use here, because the file
                // may have grown while this item waited for earlier events to
                // be printed.
                Item::Disconnected => {}
                Item::Reconnected => {
                    let Some(file) = file else { continue };
                    let Ok(length) = file.length() else { continue };
                    let Ok(all) = file.read(SystemTime::now()) else { continue };
                    let read_at = feed.catch_up();
                    let missed = printed.missing(length, all);
                    missed
                        .iter()
                        .filter(|line| self.is_severe(line))
                        .try_for_each(|line| line.print(context))?;
                    recent = Recent::new(missed, read_at);
                }
            }
        }
        Ok(())
    }

    fn is_severe(&self, line: &LogLine) -> bool {
        rank(&line.severity) >= rank(&self.severity)
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
