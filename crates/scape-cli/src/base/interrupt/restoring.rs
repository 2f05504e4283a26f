//! Restores the terminal before the program ends, if a command has changed it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

type Restore = Box<dyn FnOnce() + Send>;

/// The functions that restore the terminal, in the order of their registration.
/// Each has a number that identifies it.
static RESTORE: Mutex<Vec<(u64, Restore)>> = parking_lot::const_mutex(Vec::new());
/// The number for the next function that is registered.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// The maximum time between the end of the undoing and the return of the
/// command, if [`end_with`] has set it.
static RETURN_WITHIN: Mutex<Option<Duration>> = parking_lot::const_mutex(None);

/// The registration of a function that restores the terminal. Dropping it calls
/// the function, unless a signal has already ended the program.
#[derive(Debug)]
#[must_use]
pub(crate) struct Restoring(u64);

/// Registers a function that restores the terminal. The function is called
/// once: when the result is dropped, or when a signal ends the program before
/// that.
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

/// Registers a function that restores the terminal when a signal ends the
/// program. Also limits the time that the command then has to return: `limit`,
/// counted from the end of the undoing. The limit is needed because the
/// terminal may block the command forever.
pub(crate) fn end_with(limit: Duration, restore: impl FnOnce() + Send + 'static) {
    std::mem::forget(restore_with(restore));
    *RETURN_WITHIN.lock() = Some(limit);
}

/// Returns the limit that [`end_with`] set last. Returns `None` if it was never
/// called.
#[cfg(unix)]
pub(super) fn return_within() -> Option<Duration> {
    *RETURN_WITHIN.lock()
}

/// Calls the registered functions, the last one first, and ends the program
/// with the exit code for interrupts.
#[cfg(unix)]
pub(super) fn exit() -> ! {
    use std::process;

    use crossbeam_channel::bounded;

    use crate::base::failure::Exit;
    use crate::base::threads;

    /// The time limit for restoring the terminal. Without a limit, writing to a
    /// terminal whose output is stopped could block forever.
    const RESTORING: Duration = Duration::from_secs(1);

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
