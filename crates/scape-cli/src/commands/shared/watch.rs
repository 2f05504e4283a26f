//! `--watch`: a list that is printed again whenever it changes.

use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use scape::{ErrorKind, State};

use super::column::{Column, Order, table};
use super::json::Snapshot;
use super::listing::Listing;
use super::screen::Screen;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::units;

/// The time between two snapshots, however fast the list changes.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints the list whenever it has changed, and at least after each `every`,
/// until an interrupt or the end of the connection.
pub(super) fn watch<L: Listing>(
    context: &Context,
    state: &State,
    listing: &mut L,
    columns: &[Column<L::Row>],
    order: &Order<L::Row>,
    every: Duration,
) -> Result<(), Failure> {
    let is_on_screen = context.out.is_terminal() && !context.out.is_json();
    let screen = if is_on_screen { Some(Screen::enter()?) } else { None };
    let mut last = None;
    let mut is_first = true;
    loop {
        let rows = next(state, listing, last.as_ref(), every.saturating_sub(PAUSE))?;
        context.check_interrupt()?;
        let mut sorted = rows.to_vec();
        order.sort(&mut sorted);
        let sorted = listing.first(&sorted);
        let time = SystemTime::now();
        if context.out.is_json() {
            context.out.value(&Snapshot { time, noun: L::NOUN, rows: sorted })?;
        } else {
            let title = format!("{}  {} {}", units::time(time), sorted.len(), L::NOUN);
            let text = format!("{title}\n{}", table(&context.out, columns, sorted));
            match &screen {
                Some(screen) => screen.draw(&text)?,
                None if is_first => context.out.line(text)?,
                // Snapshots are separated by an empty line.
                None => context.out.line(format_args!("\n{text}"))?,
            }
        }
        last = Some(rows);
        is_first = false;
        thread::sleep(PAUSE.min(every));
    }
}

/// Waits until the list differs from `last`, or until `longest` has passed.
fn next<L: Listing>(
    state: &State,
    listing: &mut L,
    last: Option<&Rc<[L::Row]>>,
    longest: Duration,
) -> Result<Rc<[L::Row]>, Failure> {
    let is_new =
        |rows: &Rc<[L::Row]>| last.is_none_or(|last| !Rc::ptr_eq(last, rows) && last != rows);
    let changed = state.wait(longest, |state| match listing.rows(state, Instant::now()) {
        Ok(rows) => is_new(&rows).then_some(Ok(rows)),
        Err(failure) => Some(Err(failure)),
    });
    match changed {
        Ok(rows) => rows,
        Err(error) if error.kind() == ErrorKind::Timeout => listing.rows(state, Instant::now()),
        Err(error) => Err(error.into()),
    }
}
