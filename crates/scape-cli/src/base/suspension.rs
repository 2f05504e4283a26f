//! Handles Ctrl-Z for commands that change the terminal: restores the terminal
//! before the shell gets it.

#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use super::failure::Failure;

/// True after Ctrl-Z has stopped the program at least once.
#[cfg(unix)]
static HAS_COME: AtomicBool = AtomicBool::new(false);

/// Calls `restore` whenever Ctrl-Z is about to stop the program. The result of
/// `restore` is dropped when the program is continued. It can be a lock guard
/// that keeps other threads from writing to the terminal. On Linux, does
/// nothing if the program was started to ignore Ctrl-Z.
#[cfg(unix)]
pub(crate) fn restore_before<G>(restore: impl Fn() -> G + Send + 'static) -> Result<(), Failure> {
    use signal_hook::consts::{SIGTSTP, SIGTTOU};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::raise;

    use super::interrupt;
    use super::threads;

    if interrupt::is_ignored(SIGTSTP) {
        return Ok(());
    }
    let mut signals = Signals::new([SIGTSTP])
        .map_err(|error| Failure::failed(format!("cannot handle Ctrl-Z: {error}")))?;
    threads::start_or_fail(move || {
        for _ in signals.forever() {
            let guard = restore();
            HAS_COME.store(true, Ordering::SeqCst);
            // SIGTSTP is handled, so another signal stops the whole program.
            // This returns when the program is continued. Unlike SIGSTOP, the
            // system ignores SIGTTOU if no shell could continue the program.
            let _ = raise(SIGTTOU);
            drop(guard);
        }
    })
}

/// Returns true if the program may draw on the terminal. This is false if a
/// shell has continued the program in the background after Ctrl-Z, because the
/// shell then uses the terminal.
///
/// Before the first Ctrl-Z, the program may draw even if it isn't in the
/// foreground. For example, `timeout` in a script puts the programs that it
/// runs into the background.
#[cfg(unix)]
pub(crate) fn may_draw() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;

    // This fails for terminals that have no shell, and then the program counts
    // as in the foreground.
    let is_in_foreground = || tcgetpgrp(std::io::stdout()).map_or(true, |it| it == getpgrp());
    !HAS_COME.load(Ordering::SeqCst) || is_in_foreground()
}

/// Returns true, because other systems can't stop programs.
#[cfg(not(unix))]
pub(crate) fn may_draw() -> bool {
    true
}
