//! Prints lists, such as those of circuits and relays, sorts them, and watches
//! them for changes.

use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use scape::State;
use serde::Serialize;

use super::column::{Column, Order, table};
use super::watch::watch;
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::options::duration;

/// The options of all commands that print lists.
#[derive(Debug, Clone, PartialEq, Default, Args)]
#[command(next_help_heading = "List options")]
pub(crate) struct ListOptions {
    /// Sort by this column, in ascending order
    #[arg(long, value_name = "COLUMN")]
    pub(crate) sort: Option<String>,

    /// Reverse the order
    #[arg(long)]
    pub(crate) reverse: bool,

    /// Print the list again when it changes, and at least every SECONDS
    /// [default: 2]
    ///
    /// On a terminal, the table is redrawn in place. Other outputs get a new
    /// table each time. With --json, each line is an object with the time and
    /// the list. Ctrl-C ends the command.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = duration,
    )]
    pub(crate) watch: Option<Duration>,
}

impl ListOptions {
    /// Returns a failure if the user gave one of these options. Also returns
    /// one if `has_filters` is true. Called for the subcommand `command`, which
    /// prints no list, such as `circuits close`.
    pub(crate) fn must_be_absent(&self, has_filters: bool, command: &str) -> Result<(), Failure> {
        if *self != ListOptions::default() {
            let message = format!("--sort, --reverse and --watch can't be used with {command}");
            return Err(Failure::usage(message));
        }
        match has_filters {
            true => Err(Failure::usage(format!("filters can't be used with {command}"))),
            false => Ok(()),
        }
    }
}

/// A list that a command prints, such as that of circuits.
pub(crate) trait Listing {
    /// An entry of the list. It must not contain values that change by
    /// themselves, such as an age, because the list is printed again when a row
    /// changes.
    type Row: Clone + PartialEq + Serialize;

    /// The name of the list in the plural, such as `circuits`. It is also the
    /// key of the rows in JSON.
    const NOUN: &'static str;

    /// Returns the columns of the table.
    fn columns(&self) -> Vec<Column<Self::Row>>;

    /// Returns the rows that fit the filters, in tor's order. Returns the same
    /// `Rc` as before if nothing can have changed.
    fn rows(&mut self, state: &State, now: Instant) -> Result<Rc<[Self::Row]>, Failure>;

    /// Returns the part of the sorted rows that is printed. By default, all
    /// rows are printed.
    fn first<'a>(&self, rows: &'a [Self::Row]) -> &'a [Self::Row] {
        rows
    }

    /// Returns the number of rows that there would be without the filters. Must
    /// be called after [`rows`](Self::rows).
    fn count(&self, state: &State) -> usize;

    /// Returns the note that is printed if the list is empty.
    fn empty(&self, state: &State) -> String {
        none_fit(Self::NOUN, self.count(state))
    }
}

/// Returns the note for a list in which no row fits the filters. `count` is the
/// number of rows without the filters.
pub(crate) fn none_fit(noun: &str, count: usize) -> String {
    match count {
        0 => format!("no {noun}"),
        count => format!("no {noun} fit the options ({count} in all)"),
    }
}

/// Prints the list once. With `--watch`, prints it whenever it changes.
pub(crate) fn show<L: Listing>(
    context: &Context,
    options: &ListOptions,
    state: &State,
    listing: &mut L,
) -> Result<(), Failure> {
    let columns = listing.columns();
    let order = Order::new(&columns, options.sort.as_deref(), options.reverse)?;
    if let Some(every) = options.watch {
        return watch(context, state, listing, &columns, &order, every);
    }
    let mut rows = read(listing, state)?;
    order.sort(&mut rows);
    let rows = listing.first(&rows);
    match context.out.is_json() {
        true => context.out.values(rows),
        false => {
            let note = rows.is_empty().then(|| listing.empty(state));
            context.out.table(&table(&context.out, &columns, rows), note)
        }
    }
}

/// Reads the rows of the list. Shows on standard error that it is reading if
/// this takes long.
pub(crate) fn read<L: Listing>(listing: &mut L, state: &State) -> Result<Vec<L::Row>, Failure> {
    let _busy = Busy::new(format_args!("reading the {}", L::NOUN));
    Ok(listing.rows(state, Instant::now())?.to_vec())
}

/// Prints rows as a table. With `--json`, prints one line of JSON for each row.
pub(crate) fn print<R: Serialize>(
    context: &Context,
    columns: &[Column<R>],
    rows: &[R],
) -> Result<(), Failure> {
    match context.out.is_json() {
        true => context.out.values(rows),
        false => context.out.line(table(&context.out, columns, rows)),
    }
}
