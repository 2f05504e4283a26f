//! `scape events` prints events.

mod current;
pub(crate) mod feed;
mod kinds;

use std::fmt;
use std::time::{Duration, SystemTime};

use clap::Args;
use scape::ErrorKind;
use scape::event::{Event, EventBody, EventKind};
use serde::Serialize;

use self::current::Current;
use self::feed::{Feed, Item, controller};
use self::kinds::{chosen, is_noisy, meaning};
use crate::base::clock;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::options::duration;
use crate::base::output::printable;
use crate::base::table::Table;

/// Print tor's events as they come, one per line
///
/// With --json, each line is an object with the kind, the time of arrival, and
/// a body whose fields depend on the kind. Passwords and keys are not shown.
/// The command ends after Ctrl-C, when --count or --for is reached, or when tor
/// ends. tor keeps no old events, so only events from now on can be printed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The kinds of events, such as CIRC or notice. Default: all kinds except
    /// the noisy ones, which come every second or are very long
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,

    /// List the kinds that this tor knows, with their meaning
    #[arg(long, conflicts_with_all = ["kinds", "count", "time", "text", "follow", "with_current"])]
    list: bool,

    /// End after this number of events
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,

    /// End after this time, such as 10s or 5min
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,

    /// Print only events whose line contains this text. Case is ignored
    #[arg(long = "match", value_name = "TEXT")]
    text: Option<String>,

    /// Reconnect when tor restarts
    #[arg(long, short)]
    follow: bool,

    /// First print the circuits, streams, connections to relays and address
    /// mappings that exist already, as events
    ///
    /// These are the kinds CIRC, STREAM, ORCONN and ADDRMAP. Afterwards, only
    /// what has changed is printed, and no change is missed. With --json, the
    /// first lines have a field is_current, which is true. --match and --count
    /// apply to all lines. With --follow, the state is printed again whenever
    /// tor has restarted.
    #[arg(long)]
    with_current: bool,
}

/// A kind of events, as it is printed with `--list --json`.
#[derive(Debug, Serialize)]
struct Kind {
    /// The name of the kind, such as `CIRC`.
    kind: EventKind,
    /// A short description. `null` if this version of scape doesn't know the
    /// kind.
    meaning: Option<&'static str>,
    /// True if events of this kind are printed only if the user names the kind.
    is_noisy: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let controller = controller(context, self.follow)?;
        let known = controller.info().known_events()?;
        if self.list {
            return list(context, &known);
        }
        let kinds = chosen(&known, &self.kinds)?;
        if self.with_current {
            current::check(&kinds)?;
        }
        let feed = Feed::open(controller, kinds, self.time, self.follow)?;
        let wanted = self.text.map(|text| text.to_lowercase());
        let mut printer = Printer { context, wanted, left: self.count };
        if self.with_current {
            print_current(&feed, &mut printer)?;
        }
        while printer.is_open() {
            match feed.next(context)? {
                Some(Item::Event(event)) => printer.event(&event)?,
                Some(Item::Reconnected) if self.with_current => {
                    print_current(&feed, &mut printer)?;
                }
                Some(Item::Disconnected | Item::Reconnected) => {}
                None => break,
            }
        }
        Ok(())
    }
}

/// Prints the present state of tor. Then prints the events that came during the
/// requests for the state and tell something new.
fn print_current(feed: &Feed, printer: &mut Printer<'_>) -> Result<(), Failure> {
    let current = match Current::read(feed.controller(), feed.kinds()) {
        Ok(current) => current,
        // The feed reports the end of the connection. With --follow, the state
        // is printed when the connection is open again.
        Err(error) if error.kind() == ErrorKind::Closed => return Ok(()),
        // The error itself has the time that was left for the last question.
        Err(error) if error.is_timeout() => {
            let limit = feed.controller().timeout();
            let why = format_args!("tor hasn't told its state in {limit:?}; see --timeout");
            return Err(Failure::new(Exit::Timeout, why));
        }
        Err(error) => return Err(error.into()),
    };
    // tor has now sent all events for changes that its answers contain.
    feed.catch_up();
    let events = feed.arrived(printer.context)?;
    for entry in &current.entries {
        printer.print(entry.arrived, &entry.text(), entry)?;
    }
    for event in current.new_events(events) {
        printer.event(&event)?;
    }
    Ok(())
}

/// Prints the events that contain a text, up to a maximum number.
struct Printer<'a> {
    context: &'a Context,
    /// The text that printed events contain, in lower case. If it is `None`,
    /// all events are printed.
    wanted: Option<String>,
    /// The number of events that may still be printed. `None` means no maximum.
    left: Option<u64>,
}

impl Printer<'_> {
    /// Returns true until the maximum number of events is printed.
    fn is_open(&self) -> bool {
        self.left != Some(0)
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        self.print(event.arrived(), &text(event), event)
    }

    /// Prints `text` after the time or, with `--json`, prints `value`. Does
    /// nothing if `text` doesn't contain the wanted text, or if the maximum
    /// number is reached.
    fn print(
        &mut self,
        arrived: SystemTime,
        text: &str,
        value: &impl Serialize,
    ) -> Result<(), Failure> {
        let wanted = self.wanted.as_ref();
        let is_wanted = wanted.is_none_or(|wanted| text.to_lowercase().contains(wanted));
        if !is_wanted || !self.is_open() {
            return Ok(());
        }
        self.left = self.left.map(|left| left - 1);
        match self.context.out.is_json() {
            true => self.context.out.value(value),
            false => {
                let time = clock::local(arrived);
                self.context.out.line(format_args!("{time}  {}", printable(text)))
            }
        }
    }
}

/// Returns the kind and the text of an event. Secrets are replaced. If the
/// library doesn't know the kind, returns the event as tor sent it.
fn text(event: &Event) -> String {
    match event.body() {
        EventBody::Unknown => event.to_string(),
        // The kind of a log event is its severity, so the severity isn't
        // repeated.
        EventBody::Log(log) => line(event.kind(), &log.message),
        body => line(event.kind(), body),
    }
}

fn line(kind: &EventKind, text: &dyn fmt::Display) -> String {
    format!("{kind:<14}{text}")
}

fn list(context: &Context, known: &[EventKind]) -> Result<(), Failure> {
    let kinds = known.iter().map(|kind| Kind {
        kind: kind.clone(),
        meaning: meaning(kind),
        is_noisy: is_noisy(kind),
    });
    if context.out.is_json() {
        return context.out.values(kinds);
    }
    let mut table = Table::new(&["kind", "noisy", "meaning"]);
    for kind in kinds {
        let noisy = if kind.is_noisy { "noisy" } else { "" };
        table.row([&kind.kind.to_string(), noisy, kind.meaning.unwrap_or_default()]);
    }
    context.out.line(table.text(&context.out))
}
