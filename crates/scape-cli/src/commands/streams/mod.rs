//! `scape streams` lists streams. Its subcommands close, attach and release
//! them.

mod attach;
mod close;
mod filter;
mod release;
mod row;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use clap::{Args, Subcommand};
use scape::State;
use scape::state::Stream;
use scape::word::StreamId;

use self::filter::Filter;
use self::row::{Program, StreamRow};
use super::shared::column::Column;
use super::shared::ended::Ended;
use super::shared::listing::{ListOptions, Listing, show};
use crate::base::context::Context;
use crate::base::failure::Failure;

/// List tor's streams, close them, attach them to circuits, or release them
///
/// tor reports the source of a stream only when the stream begins. So the
/// source and the age are shown only for streams that began while --watch was
/// running. The program is shown if it runs on this machine and scape may
/// inspect its connection.
///
/// A stream is shown if it matches all filters.
///
/// With --watch, streams that have ended are shown for five more seconds, with
/// the reason.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    list: ListOptions,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Close(close::Arguments),
    Attach(attach::Arguments),
    Release(release::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let has_filters = self.filter != Filter::default();
        match self.action {
            None => {
                let state = State::new(&context.controller()?)?;
                self.filter.check(&state)?;
                let mut streams = Streams { filter: self.filter, ..Streams::default() };
                show(context, &self.list, &state, &mut streams)
            }
            Some(Action::Close(arguments)) => {
                self.list.must_be_absent(has_filters, "streams close")?;
                arguments.run(context)
            }
            Some(Action::Attach(arguments)) => {
                self.list.must_be_absent(has_filters, "streams attach")?;
                arguments.run(context)
            }
            Some(Action::Release(arguments)) => {
                self.list.must_be_absent(has_filters, "streams release")?;
                arguments.run(context)
            }
        }
    }
}

/// Returns the stream with this id. Returns a failure if tor has no such
/// stream.
fn find(state: &State, id: StreamId) -> Result<Stream, Failure> {
    state.stream(id).ok_or_else(|| {
        Failure::failed(format!("tor has no stream {id}; `scape streams` lists the streams"))
    })
}

/// The list that `scape streams` prints.
#[derive(Default)]
struct Streams {
    filter: Filter,
    ended: Ended<Stream>,
    /// The time and the program of each stream in the list, which are found out
    /// only once.
    seen: HashMap<StreamId, Seen>,
    is_begun: bool,
}

#[derive(Debug, Clone)]
struct Seen {
    /// The time when the stream was first seen. `None` for a stream that
    /// existed when the command was started.
    opened: Option<SystemTime>,
    program: Option<Program>,
}

impl Listing for Streams {
    type Row = StreamRow;

    const NOUN: &'static str = "streams";

    fn columns(&self) -> Vec<Column<StreamRow>> {
        row::columns()
    }

    fn rows(&mut self, state: &State, now: Instant) -> Result<Rc<[StreamRow]>, Failure> {
        let streams = self.ended.add_to(state.streams(), now);
        let mut seen = HashMap::new();
        let rows = streams.iter().map(|stream| {
            let known = self.seen.remove(&stream.id()).unwrap_or_else(|| Seen {
                opened: self.is_begun.then(SystemTime::now),
                program: Program::of(stream),
            });
            seen.insert(stream.id(), known.clone());
            self.filter.fits(stream).then(|| StreamRow::new(stream, known.opened, known.program))
        });
        let rows = rows.flatten().collect();
        self.seen = seen;
        self.is_begun = true;
        Ok(rows)
    }

    fn count(&self, state: &State) -> usize {
        state.streams().len()
    }
}
