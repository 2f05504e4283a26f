//! Prints a list again whenever it changes, for `--watch`.

use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use scape::{ErrorKind, State};
use terminal_size::{Height, Width, terminal_size};

use super::column::{Column, Order, table};
use super::json::Snapshot;
use super::listing::Listing;
use super::screen::Screen;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::table::cut;
use crate::base::units;

/// The minimum time between printing the list twice.
const PAUSE: Duration = Duration::from_millis(100);

/// The interval at which `--watch` checks if the terminal has a new size, or if
/// a stopped program is in the foreground again.
const SCREEN_POLL: Duration = Duration::from_millis(200);

/// The width and the height of the terminal.
type Size = (Width, Height);

/// Prints the list whenever it has changed, and at least once in the time
/// `every`. Only returns with a failure: after Ctrl-C, or when the connection
/// to tor ends.
pub(super) fn watch<L: Listing>(
    context: &Context,
    state: &State,
    listing: &mut L,
    columns: &[Column<L::Row>],
    order: &Order<L::Row>,
    every: Duration,
) -> Result<(), Failure> {
    let is_on_screen = context.out.is_terminal() && !context.out.is_json();
    let screen = if is_on_screen { Some(Screen::new()?) } else { None };
    // The size of the terminal when the list was last drawn.
    let mut size = terminal_size();
    let mut last = None;
    let mut is_first = true;
    loop {
        let longest = every.saturating_sub(PAUSE);
        let rows = next(state, listing, last.as_ref(), longest, screen.as_ref(), size)?;
        size = terminal_size();
        context.check_interrupt()?;
        let mut sorted = rows.to_vec();
        order.sort(&mut sorted);
        let sorted = listing.first(&sorted);
        let time = SystemTime::now();
        if context.out.is_json() {
            context.out.value(&Snapshot { time, noun: L::NOUN, rows: sorted })?;
        } else {
            let title = title(time, sorted.len(), L::NOUN, context.out.width());
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
        thread::sleep(PAUSE);
    }
}

/// Returns the line above the table: the time and the number of rows. It is cut
/// at `width` columns.
fn title(time: SystemTime, count: usize, noun: &str, width: Option<u16>) -> String {
    let title = format!("{}  {count} {noun}", units::time(time));
    cut(&title, width.map_or(usize::MAX, usize::from)).to_owned()
}

/// Waits until the list must be printed again, and returns the rows. This is
/// the case if the list differs from `last`, or after the time `longest`. With
/// a `screen`, it is also the case if the size of the terminal isn't `size` any
/// more, or if a stopped program is in the foreground again.
fn next<L: Listing>(
    state: &State,
    listing: &mut L,
    last: Option<&Rc<[L::Row]>>,
    longest: Duration,
    screen: Option<&Screen>,
    size: Option<Size>,
) -> Result<Rc<[L::Row]>, Failure> {
    let is_new =
        |rows: &Rc<[L::Row]>| last.is_none_or(|last| !Rc::ptr_eq(last, rows) && last != rows);
    let begun = Instant::now();
    loop {
        let left = longest.saturating_sub(begun.elapsed());
        let part = if screen.is_some() { left.min(SCREEN_POLL) } else { left };
        let changed = state.wait(part, |state| match listing.rows(state, Instant::now()) {
            Ok(rows) => is_new(&rows).then_some(Ok(rows)),
            Err(failure) => Some(Err(failure)),
        });
        match changed {
            Ok(rows) => return rows,
            Err(error) if error.kind() != ErrorKind::Timeout => return Err(error.into()),
            Err(_) => {}
        }
        let is_lost = |screen: &Screen| screen.is_back() || terminal_size() != size;
        if screen.is_some_and(is_lost) || begun.elapsed() >= longest {
            return listing.rows(state, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_is_cut_at_the_width_of_the_terminal() {
        let time = SystemTime::UNIX_EPOCH;
        assert_eq!(title(time, 2, "circuits", None), "1970-01-01T00:00:00Z  2 circuits");
        assert_eq!(title(time, 2, "circuits", Some(24)), "1970-01-01T00:00:00Z  2 ");
    }
}
