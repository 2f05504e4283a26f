//! `scape events` prints events.

pub(crate) mod feed;
mod kinds;

use std::time::Duration;

use clap::Args;
use scape::event::{Event, EventBody, EventKind};
use serde::Serialize;

use self::feed::{Feed, Item, controller};
use self::kinds::{chosen, is_noisy, meaning};
use crate::base::clock;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::options::duration;
use crate::base::output::printable;
use crate::base::table::Table;

/// Print tor's events as they come, one per line
///
/// With --json, each line is an object with the kind, the time of arrival, and
/// a body whose fields depend on the kind. Passwords and keys are not shown.
/// The command ends after Ctrl-C, when --count or --for is reached, or when tor
/// ends.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The kinds of events, such as CIRC or notice. Default: all kinds except
    /// the noisy ones, which come every second or are very long
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,

    /// List the kinds that this tor knows, with their meaning
    #[arg(long, conflicts_with_all = ["kinds", "count", "time", "text", "follow"])]
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
}

/// A kind of events, as it is printed with `--list --json`.
#[derive(Debug, Serialize)]
struct Kind {
    /// The name, such as `CIRC`.
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
        let feed = Feed::open(controller, chosen(&known, &self.kinds)?, self.time, self.follow)?;
        let wanted = self.text.map(|text| text.to_lowercase());
        let mut left = self.count;
        while left != Some(0) {
            let event = match feed.next(context)? {
                Some(Item::Event(event)) => event,
                Some(Item::Disconnected | Item::Reconnected) => continue,
                None => break,
            };
            let text = text(&event);
            if wanted.as_ref().is_some_and(|wanted| !text.to_lowercase().contains(wanted)) {
                continue;
            }
            match context.out.is_json() {
                true => context.out.value(&*event)?,
                false => {
                    let time = clock::local(event.arrived());
                    context.out.line(format_args!("{time}  {}", printable(&text)))?;
                }
            }
            left = left.map(|left| left - 1);
        }
        Ok(())
    }
}

/// Returns the kind and the text of an event, without secrets. An event that
/// the library doesn't know is returned as tor sent it.
fn text(event: &Event) -> String {
    match event.body() {
        EventBody::Unknown => event.to_string(),
        // The kind of a log event is its severity, so the severity isn't
        // repeated.
        EventBody::Log(log) => format!("{:<14}{}", event.kind(), log.message),
        body => format!("{:<14}{body}", event.kind()),
    }
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
