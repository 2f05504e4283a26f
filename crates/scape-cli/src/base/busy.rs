//! Shows the progress of long work on standard error.

use std::fmt;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scape::word::Progress;

use super::output::printable;
use super::threads;

/// The delay before progress is shown. Work that ends earlier shows no
/// progress.
const SHOWN_AFTER: Duration = Duration::from_millis(500);
/// The interval at which the spinner of a shown line is redrawn.
const REDRAWN_EVERY: Duration = Duration::from_millis(100);

/// A line on standard error that says what a command is waiting for. The line
/// appears after half a second, and only if standard error is a terminal.
/// Dropping the value removes the line.
#[derive(Debug)]
pub(crate) struct Busy {
    bar: ProgressBar,
    /// Never used for sending. Dropping it tells the thread that shows the line
    /// after [`SHOWN_AFTER`] that the line isn't needed any more.
    _show: Sender<()>,
}

impl Busy {
    /// Creates the line, with `what` as its text. Control characters are
    /// escaped.
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::hidden());
        set_style(&bar, "{spinner} {wide_msg}");
        bar.set_message(printable(&what.to_string()));
        let (show, dropped) = bounded(0);
        let shown = bar.clone();
        // The line isn't shown if no thread can be started.
        let _ = threads::start(move || {
            if dropped.recv_timeout(SHOWN_AFTER) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(REDRAWN_EVERY);
                // If the value was dropped in the meantime, the line has to be
                // removed here.
                if dropped.try_recv().is_err_and(|error| error.is_disconnected()) {
                    shown.finish_and_clear();
                }
            }
        });
        Busy { bar, _show: show }
    }

    /// Shows the percentage and the text of `progress`, and the problem if
    /// there is one, in the line.
    pub(crate) fn update(&self, progress: &Progress) {
        set_style(&self.bar, "[{bar:24}] {pos:>3} % {wide_msg}");
        self.bar.set_position(progress.percent.into());
        let problem = progress.problem.as_deref().map(|problem| format!(" ({problem})"));
        self.say(format_args!("{}{}", progress.text, problem.unwrap_or_default()));
    }

    /// Replaces the text of the line. Control characters are escaped.
    pub(crate) fn say(&self, what: impl fmt::Display) {
        self.bar.set_message(printable(&what.to_string()));
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    // This can't fail, because the templates are valid constants.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}
