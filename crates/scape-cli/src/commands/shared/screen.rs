//! A text on the terminal that is redrawn in place.

use std::fmt::Write as _;
use std::io;

use anstream::ColorChoice;
use parking_lot::{Mutex, MutexGuard};

use crate::base::failure::Failure;
use crate::base::interrupt::{self, Restoring};
use crate::base::output::print_bytes;
use crate::base::suspension;
use crate::base::table::cut;

/// The escape sequences that switch to the alternate screen and hide the
/// cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// The escape sequences that show the cursor and switch back to the normal
/// screen.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// The escape sequences at the beginning of a change of the screen; [`END`] is
/// sent afterwards. Terminals that know these sequences show the whole change
/// at once.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[?2026l";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// True while the terminal shows the alternate screen. A thread must hold the
/// lock while it writes to the terminal.
static IS_SHOWN: Mutex<bool> = parking_lot::const_mutex(false);

/// The alternate screen of the terminal. The normal screen returns when the
/// value is dropped, when a signal ends the program before that, and while
/// Ctrl-Z stops the program.
#[derive(Debug)]
pub(crate) struct Screen {
    has_styles: bool,
    _restoring: Restoring,
}

impl Screen {
    /// Prepares the alternate screen. The terminal switches to it at the first
    /// [`draw`](Self::draw).
    pub(crate) fn new() -> Result<Self, Failure> {
        let has_styles = anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let restoring = interrupt::restore_with(|| drop(leave()));
        #[cfg(unix)]
        suspension::restore_before(leave)?;
        Ok(Screen { has_styles, _restoring: restoring })
    }

    /// Shows a text instead of the previous one. If the text doesn't fit on the
    /// screen, the last line shows the number of missing lines. Does nothing if
    /// a shell has continued the program in the background.
    pub(crate) fn draw(&self, text: &str) -> Result<(), Failure> {
        let mut is_shown = IS_SHOWN.lock();
        if !suspension::may_draw() {
            return Ok(());
        }
        let size = terminal_size::terminal_size();
        let (width, height) = size.map_or((80, 24), |(width, height)| (width.0, height.0));
        let text = match self.has_styles {
            true => text.to_owned(),
            false => anstream::adapter::strip_str(text).to_string(),
        };
        let enter = if *is_shown { "" } else { ENTER };
        *is_shown = true;
        print_bytes(format!("{enter}{}", frame(&text, width.into(), height.into())).into_bytes())
    }

    /// Returns true if Ctrl-Z has stopped the program and it is in the
    /// foreground again. The caller must then draw the text again.
    pub(crate) fn is_back(&self) -> bool {
        !*IS_SHOWN.lock() && suspension::may_draw()
    }
}

/// Switches back to the normal screen. Returns the lock of [`IS_SHOWN`], so
/// that nothing is drawn until it is dropped.
fn leave() -> MutexGuard<'static, bool> {
    let mut is_shown = IS_SHOWN.lock();
    if *is_shown {
        // An error only means that the terminal is closed.
        let _ = print_bytes(LEAVE.into());
        *is_shown = false;
    }
    is_shown
}

/// Returns the escape sequences and lines that replace the text on the screen.
/// They don't clear the screen first, because that would flicker. If the text
/// has more than `height` lines, the last row shows the number of missing
/// lines. The caller must have cut the lines at `width` columns.
fn frame(text: &str, width: usize, height: usize) -> String {
    let count = text.lines().count();
    let shown = if count > height { height.saturating_sub(1) } else { count };
    let mut frame = BEGIN.to_owned();
    for (number, line) in text.lines().take(shown).enumerate() {
        let end = if number == 0 { "" } else { "\r\n" };
        // Writing to a string can't fail.
        let _ = write!(frame, "{end}{line}{CLEAR_LINE}");
    }
    if count > shown {
        let missing = format!("({} more lines)", count - shown);
        let _ = write!(frame, "\r\n{}{CLEAR_LINE}", cut(&missing, width));
    }
    frame + CLEAR_BELOW + END
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_replace_lines_and_count_those_that_do_not_fit() {
        assert_eq!(frame("a\nb", 20, 2), "\x1b[?2026h\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J\x1b[?2026l");
        assert_eq!(
            frame("a\nb\nc", 20, 2),
            "\x1b[?2026h\x1b[Ha\x1b[K\r\n(2 more lines)\x1b[K\x1b[J\x1b[?2026l"
        );
        // A line that is too long would scroll the screen.
        assert!(frame("a\nb\nc", 4, 2).contains("\r\n(2 m\x1b[K"));
    }
}
