//! The threads that wait for signals, and then undo what the library has done
//! in tor.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use scape::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ignored::is_ignored;
use super::restoring::{exit, return_within};
use super::{HAS_COME, HELD, HOLD, IS_URGENT, UNDO, is_urgent};
use crate::base::failure::Failure;
use crate::base::threads;

/// The time that a command has to return after everything that it did in tor is
/// undone. After this time, the program ends.
const RETURN: Duration = Duration::from_secs(20);
/// The time limit that replaces [`RETURN`] and [`HELD`] after a second signal.
const URGENT: Duration = Duration::from_secs(2);
/// The interval between two checks for a second signal.
const POLL: Duration = Duration::from_millis(50);

/// Installs the handler of signals. The first signal cancels `token`. Then
/// everything that was done in tor is undone, and `done` is dropped, which
/// closes the channel `undone`.
pub(super) fn handle(
    token: CancelToken,
    done: Sender<()>,
    undone: Receiver<()>,
) -> Result<(), Failure> {
    let handled = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| *signal == SIGTERM || !is_ignored(*signal));
    let mut signals = Signals::new(handled)
        .map_err(|error| Failure::failed(format!("cannot handle signals: {error}")))?;
    // The threads for undoing are started now, because a signal may come when
    // the system can't start any more threads.
    let (undo_now, undoing) = bounded::<()>(1);
    threads::start_or_fail(move || {
        if undoing.recv().is_ok() {
            undo(done);
        }
    })?;
    threads::start_or_fail(move || {
        let mut signals = signals.forever();
        if signals.next().is_none() {
            return;
        }
        HAS_COME.store(true, Ordering::SeqCst);
        token.cancel();
        // This wakes the thread above.
        let _ = undo_now.send(());
        if signals.next().is_none() {
            return;
        }
        IS_URGENT.store(true, Ordering::SeqCst);
        // The hint is left out if no thread can be started.
        let _ = threads::start(move || tell_if_slow(&undone));
        if signals.next().is_some() {
            exit();
        }
    })?;
    Ok(())
}

/// Waits until `is_over` returns true, but for at most `limit`. Once there is a
/// second signal, waits for at most [`URGENT`] from then on.
fn wait(limit: Duration, mut is_over: impl FnMut() -> bool) {
    let begun = Instant::now();
    let mut urgent_since = None;
    while !is_over() && begun.elapsed() < limit {
        if is_urgent() && urgent_since.get_or_insert_with(Instant::now).elapsed() >= URGENT {
            return;
        }
        thread::sleep(POLL);
    }
}

/// Undoes everything that was done in tor, and drops `done`. Then waits for the
/// command to return, which ends the program. If the command takes longer than
/// its limit, ends the program here.
fn undo(done: Sender<()>) {
    wait(HELD, || HOLD.try_lock().is_some());
    // Errors aren't reported here, because the command reports its own failure.
    let _ = scape::undo_all(UNDO);
    drop(done);
    wait(return_within().unwrap_or(RETURN), || false);
    exit();
}

/// Tells the user how to end the program at once if undoing takes longer than
/// [`URGENT`].
fn tell_if_slow(undone: &Receiver<()>) {
    if undone.recv_timeout(URGENT) == Err(RecvTimeoutError::Timeout) {
        // An error only means that standard error is closed.
        let _ = writeln!(
            anstream::stderr(),
            "undoing what was done; press Ctrl-C again to end at once"
        );
    }
}
