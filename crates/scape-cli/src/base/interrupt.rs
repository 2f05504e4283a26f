//! Handles Ctrl-C, SIGTERM and SIGHUP: undoes what a command has done before
//! the program ends.
//!
//! A thread waits for the signals. At the first signal, it cancels the token,
//! which ends all calls of the library. Another thread then undoes what the
//! library has made, which also ends waits for events. So the command returns,
//! and its destructors run. After a second signal, the program waits only
//! briefly for the command and for a program that it runs, but still undoes
//! everything. At a third signal, the program restores the terminal and ends at
//! once: see [`restore_with`].
//!
//! A command that runs another program delays the undoing with [`hold`],
//! because the other program gets the same signal from the terminal and may
//! need tor until it has ended. After a second signal, the command kills the
//! other program: see [`is_urgent`].
//!
//! SIGINT and SIGHUP stay ignored if the program was started to ignore them.
//! For example, `nohup` makes programs ignore SIGHUP, and shells make programs
//! in the background ignore SIGINT.

use std::io::Write as _;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::{Mutex, MutexGuard};
use scape::CancelToken;

use super::failure::{Exit, Failure};
use super::threads;

/// The time limit for undoing everything.
const UNDO: Duration = Duration::from_secs(8);
/// The time that a command has to return after everything is undone. After this
/// time, the program ends.
const RETURN: Duration = Duration::from_secs(20);
/// The time limit that replaces [`RETURN`] and [`HELD`] after a second signal.
const URGENT: Duration = Duration::from_secs(2);
/// The interval between two checks for a second signal.
const POLL: Duration = Duration::from_millis(50);

/// The time that a program started by scape has to end after a signal.
pub(crate) const HELD: Duration = Duration::from_secs(15);

static HOLD: Mutex<()> = parking_lot::const_mutex(());

/// True after a signal.
static HAS_COME: AtomicBool = AtomicBool::new(false);
/// True after a second signal.
static IS_URGENT: AtomicBool = AtomicBool::new(false);

/// Delays the undoing after a signal until the returned guard is dropped, but
/// for at most [`HELD`].
pub(crate) fn hold() -> MutexGuard<'static, ()> {
    HOLD.lock()
}

/// Returns true after a signal.
pub(super) fn has_come() -> bool {
    HAS_COME.load(Ordering::SeqCst)
}

/// Returns true after a second signal, which means that the user doesn't want
/// to wait.
pub(crate) fn is_urgent() -> bool {
    IS_URGENT.load(Ordering::SeqCst)
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

type Restore = Box<dyn FnOnce() + Send>;

/// The time limit for restoring the terminal before the program ends. Without a
/// limit, writing to a terminal whose output is stopped could block forever.
const RESTORING: Duration = Duration::from_secs(1);

/// The functions that restore the terminal, in the order of their registration.
static RESTORE: Mutex<Vec<(u64, Restore)>> = parking_lot::const_mutex(Vec::new());
/// The number that the next function gets when it is registered.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// The time that replaces [`RETURN`] after a call of [`end_with`].
static RETURN_SOON: Mutex<Option<Duration>> = parking_lot::const_mutex(None);

/// A change of the terminal. It is undone when the value is dropped, or when a
/// signal ends the program before that.
#[derive(Debug)]
#[must_use]
pub(crate) struct Restoring(u64);

/// Registers a function that restores the terminal. It is called when the
/// result is dropped, or when a signal ends the program before that.
pub(crate) fn restore_with(restore: impl FnOnce() + Send + 'static) -> Restoring {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    RESTORE.lock().push((number, Box::new(restore)));
    Restoring(number)
}

impl Drop for Restoring {
    fn drop(&mut self) {
        let mut all = RESTORE.lock();
        let place = all.iter().position(|(number, _)| *number == self.0);
        let restore = place.map(|place| all.remove(place).1);
        drop(all);
        if let Some(restore) = restore {
            restore();
        }
    }
}

/// Registers a function that restores the terminal. From then on, the program
/// ends soon after everything is undone after a signal. It waits for the
/// command for at most `limit`, because a command that uses a terminal may be
/// blocked by the terminal and not return by itself.
pub(crate) fn end_with(limit: Duration, restore: impl FnOnce() + Send + 'static) {
    std::mem::forget(restore_with(restore));
    *RETURN_SOON.lock() = Some(limit);
}

/// Restores the terminal, and ends the program.
fn exit() -> ! {
    let all = std::mem::take(&mut *RESTORE.lock());
    let (sender, done) = bounded::<()>(0);
    let restoring = threads::start(move || {
        all.into_iter().rev().for_each(|(_, restore)| restore());
        drop(sender);
    });
    if restoring.is_ok() {
        let _ = done.recv_timeout(RESTORING);
    }
    process::exit(Exit::Interrupted.code().into())
}

/// The handler of signals.
#[derive(Debug)]
pub(crate) struct Interrupt {
    token: CancelToken,
    /// The channel that is closed when everything is undone after a signal.
    undone: Receiver<()>,
}

impl Interrupt {
    /// Installs the handler. Must be called before the command starts anything.
    #[cfg(unix)]
    pub(crate) fn install() -> Result<Self, Failure> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        let handled = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|signal| *signal == SIGTERM || !is_ignored(*signal));
        let mut signals = Signals::new(handled)
            .map_err(|error| Failure::failed(format!("cannot handle signals: {error}")))?;
        let (interrupt, done) = Interrupt::new();
        let (token, undone) = (interrupt.token.clone(), interrupt.undone.clone());
        // The threads for undoing are started now, because a signal may come
        // when the system can't start any more threads.
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
        Ok(interrupt)
    }

    /// Installs no handler, because other systems don't have these signals.
    #[cfg(not(unix))]
    pub(crate) fn install() -> Result<Self, Failure> {
        Ok(Interrupt::new().0)
    }

    fn new() -> (Self, crossbeam_channel::Sender<()>) {
        let (done, undone) = bounded(0);
        (Interrupt { token: CancelToken::new(), undone }, done)
    }

    /// Returns the token that a signal cancels. A command may cancel it, too.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Returns the result of the command. After a signal, waits until
    /// everything is undone, and returns a failure with the exit code for
    /// interrupts.
    pub(crate) fn finish(self, result: Result<(), Failure>) -> Result<(), Failure> {
        // Nothing is undone if the command itself has cancelled the token.
        if !has_come() {
            return result;
        }
        let _ = self.undone.recv_timeout(UNDO + HELD);
        match result {
            // A program that scape has run has its own exit code.
            Err(failure) if matches!(failure.exit, Exit::Program(_)) => Err(failure),
            _ => Err(Failure::silent(Exit::Interrupted)),
        }
    }
}

/// Returns true if this program was started to ignore a signal. Must be called
/// before the signal is handled.
#[cfg(unix)]
pub(super) fn is_ignored(signal: i32) -> bool {
    ignored::contains(ignored::signals(), signal)
}

/// Undoes everything. Then ends the program, unless the command returns before
/// that.
#[cfg(unix)]
fn undo(done: crossbeam_channel::Sender<()>) {
    wait(HELD, || HOLD.try_lock().is_some());
    // Errors aren't reported here, because the command reports its own failure.
    let _ = scape::undo_all(UNDO);
    drop(done);
    let limit = *RETURN_SOON.lock();
    wait(limit.unwrap_or(RETURN), || false);
    exit();
}

/// Tells the user how to end the program at once if undoing takes longer than
/// [`URGENT`].
#[cfg(unix)]
fn tell_if_slow(undone: &Receiver<()>) {
    if undone.recv_timeout(URGENT) == Err(RecvTimeoutError::Timeout) {
        // An error only means that standard error is closed.
        let _ = writeln!(
            anstream::stderr(),
            "undoing what was done; press Ctrl-C again to end at once"
        );
    }
}

/// The signals that this program was started to ignore.
#[cfg(unix)]
mod ignored {
    use std::fs::File;
    use std::io::Read as _;

    /// Returns the ignored signals as a bit mask, in which bit 0 stands for
    /// signal 1. The mask is empty on systems other than Linux, which have no
    /// file with this information.
    pub(super) fn signals() -> u64 {
        // Every read is a system call, so reserve room for the whole text.
        let mut status = Vec::with_capacity(4096);
        let read = File::open("/proc/self/status").and_then(|mut it| it.read_to_end(&mut status));
        match read {
            Ok(_) => of_status(&String::from_utf8_lossy(&status)),
            Err(_) => 0,
        }
    }

    fn of_status(status: &str) -> u64 {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    }

    pub(super) fn contains(signals: u64, signal: i32) -> bool {
        u32::try_from(signal - 1)
            .ok()
            .and_then(|bit| signals.checked_shr(bit))
            .is_some_and(|rest| rest & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ignored_signals_are_read_from_the_status_of_the_process() {
            let signals = of_status("Name:\tscape\nSigIgn:\t0000000000001001\nSigCgt:\tffff\n");
            assert!(contains(signals, 1) && contains(signals, 13));
            assert!(!contains(signals, 2) && !contains(signals, 0));
            assert_eq!((of_status(""), of_status("SigIgn:\tx")), (0, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn terminal_is_restored_once() {
        let count = Arc::new(AtomicU64::new(0));
        let counted = |count: &Arc<AtomicU64>| {
            let count = Arc::clone(count);
            restore_with(move || {
                count.fetch_add(1, Ordering::SeqCst);
            })
        };
        let (first, second) = (counted(&count), counted(&count));
        drop(first);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        // A signal that ends the program calls the functions like this.
        std::mem::take(&mut *RESTORE.lock()).into_iter().for_each(|(_, restore)| restore());
        drop(second);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}
