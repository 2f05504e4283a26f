//! Handles Ctrl-Z for commands that change the terminal: restores the terminal
//! before the shell gets it.

#[cfg(unix)]
use super::failure::Failure;

/// Calls `restore` whenever Ctrl-Z is about to stop the program. Holds what
/// `restore` returns until the program is continued, so a guard keeps other
/// threads from writing to the terminal. Does nothing if the program was
/// started to ignore Ctrl-Z.
#[cfg(unix)]
pub(crate) fn restore_before<G>(restore: impl Fn() -> G + Send + 'static) -> Result<(), Failure> {
    use signal_hook::consts::SIGTSTP;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use super::interrupt;
    use super::threads;

    if interrupt::is_ignored(SIGTSTP) {
        return Ok(());
    }
    let mut signals = Signals::new([SIGTSTP])
        .map_err(|error| Failure::failed(format!("cannot handle Ctrl-Z: {error}")))?;
    threads::start_or_fail(move || {
        for signal in signals.forever() {
            let guard = restore();
            // This stops the whole program, and returns when it is continued.
            // It fails only for unknown signals.
            let _ = emulate_default_handler(signal);
            drop(guard);
        }
    })
}

/// Returns false if the program runs in the background of a shell and standard
/// output is the shell's terminal.
#[cfg(unix)]
pub(crate) fn is_in_foreground() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;

    // This fails for terminals that have no shell, and then the program counts
    // as in the foreground.
    tcgetpgrp(std::io::stdout()).map_or(true, |group| group == getpgrp())
}

/// Returns true, because other systems can't stop programs.
#[cfg(not(unix))]
pub(crate) fn is_in_foreground() -> bool {
    true
}
