//! A text on the terminal that is redrawn in place.

use std::fmt::Write as _;
use std::io;

use anstream::ColorChoice;

use crate::base::failure::Failure;
use crate::base::interrupt::{self, Restoring};
use crate::base::output::print_bytes;

/// The sequence that switches to the alternate screen and hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// The sequence that shows the cursor and switches back to the normal screen.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// The beginning of a change of the screen; [`END`] is its end. Terminals that
/// know these sequences show everything between them at once.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[?2026l";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The alternate screen of the terminal. The normal screen returns when the
/// value is dropped, or when a signal ends the program before that.
#[derive(Debug)]
pub(crate) struct Screen {
    has_styles: bool,
    _restoring: Restoring,
}

impl Screen {
    pub(crate) fn enter() -> Result<Self, Failure> {
        let has_styles = anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let restoring = interrupt::restore_with(|| {
            // Nothing can be done if the terminal is closed.
            let _ = print_bytes(LEAVE.into());
        });
        print_bytes(ENTER.into())?;
        Ok(Screen { has_styles, _restoring: restoring })
    }

    /// Shows a text in place of the previous one. If the text doesn't fit, the
    /// last line shows the number of lines that are left out.
    pub(crate) fn draw(&self, text: &str) -> Result<(), Failure> {
        let height = terminal_size::terminal_size().map_or(24, |(_, height)| height.0);
        let text = match self.has_styles {
            true => text.to_owned(),
            false => anstream::adapter::strip_str(text).to_string(),
        };
        print_bytes(frame(&text, height.into()).into_bytes())
    }
}

/// Returns the output that replaces the text on the screen. It doesn't clear
/// the screen first, because that would flicker. If the text has more than
/// `height` lines, the last row says how many lines are missing.
fn frame(text: &str, height: usize) -> String {
    let count = text.lines().count();
    let shown = if count > height { height.saturating_sub(1) } else { count };
    let mut frame = BEGIN.to_owned();
    for (number, line) in text.lines().take(shown).enumerate() {
        let end = if number == 0 { "" } else { "\r\n" };
        // Writing to a string can't fail.
        let _ = write!(frame, "{end}{line}{CLEAR_LINE}");
    }
    if count > shown {
        let _ = write!(frame, "\r\n({} more lines){CLEAR_LINE}", count - shown);
    }
    frame + CLEAR_BELOW + END
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_replace_lines_and_count_those_that_do_not_fit() {
        assert_eq!(frame("a\nb", 2), "\x1b[?2026h\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J\x1b[?2026l");
        assert_eq!(
            frame("a\nb\nc", 2),
            "\x1b[?2026h\x1b[Ha\x1b[K\r\n(2 more lines)\x1b[K\x1b[J\x1b[?2026l"
        );
    }
}
