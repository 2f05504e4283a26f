//! Ctrl-C and SIGTERM: everything that a command has done is undone before the
//! program ends.
//!
//! A thread waits for the signals. At the first one, it cancels the token of
//! all calls and then undoes what the library has made, which also ends waits
//! for events. So the command returns, and its destructors run. At a second
//! signal, or if the command doesn't return soon, the program ends at once.
//!
//! A command that runs another program holds back the undoing with
//! [`hold`], because the other program gets the same signal from the
//! terminal and may need tor to end well.

use std::process;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::{Mutex, MutexGuard};
use scape::CancelToken;

use super::failure::{Exit, Failure};

/// The time for undoing everything.
const UNDO: Duration = Duration::from_secs(8);
/// The time that a command has to return after everything is undone.
const RETURN: Duration = Duration::from_secs(20);

/// The time that another program has to end after a signal.
pub(crate) const HELD: Duration = Duration::from_secs(15);

static HOLD: Mutex<()> = parking_lot::const_mutex(());

/// Holds back the undoing after a signal until the result is dropped, or for
/// [`HELD`] at most.
pub(crate) fn hold() -> MutexGuard<'static, ()> {
    HOLD.lock()
}

type Restore = Box<dyn FnOnce() + Send>;

static RESTORE: Mutex<Option<Restore>> = parking_lot::const_mutex(None);

/// Sets a function that restores the terminal. From now on, the program ends
/// after a signal as soon as everything is undone, because a command that reads
/// from a terminal doesn't return by itself.
pub(crate) fn end_with(restore: impl FnOnce() + Send + 'static) {
    *RESTORE.lock() = Some(Box::new(restore));
}

/// Restores the terminal, and ends the program.
fn exit() -> ! {
    if let Some(restore) = RESTORE.lock().take() {
        restore();
    }
    process::exit(Exit::Interrupted.code().into())
}

/// The handler of signals.
#[derive(Debug)]
pub(crate) struct Interrupt {
    token: CancelToken,
    /// Closed when everything is undone after a signal.
    undone: Receiver<()>,
}

impl Interrupt {
    /// Installs the handler. Must be called before anything is started.
    #[cfg(unix)]
    pub(crate) fn install() -> Result<Self, Failure> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| Failure::failed(format!("cannot handle signals: {error}")))?;
        let (interrupt, done) = Interrupt::new();
        let token = interrupt.token.clone();
        thread::spawn(move || {
            let mut signals = signals.forever();
            if signals.next().is_none() {
                return;
            }
            token.cancel();
            thread::spawn(move || {
                drop(HOLD.try_lock_for(HELD));
                // The command reports its own failure.
                let _ = scape::undo_all(UNDO);
                drop(done);
                if RESTORE.lock().is_none() {
                    thread::sleep(RETURN);
                }
                exit();
            });
            if signals.next().is_some() {
                exit();
            }
        });
        Ok(interrupt)
    }

    /// Does nothing, because other systems have no such signals.
    #[cfg(not(unix))]
    pub(crate) fn install() -> Result<Self, Failure> {
        Ok(Interrupt::new().0)
    }

    fn new() -> (Self, crossbeam_channel::Sender<()>) {
        let (done, undone) = bounded(0);
        (Interrupt { token: CancelToken::new(), undone }, done)
    }

    /// Returns the token that a signal cancels.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Returns the result of the command. After a signal, waits until
    /// everything is undone, and returns a failure with the exit code for
    /// interrupts.
    pub(crate) fn finish(self, result: Result<(), Failure>) -> Result<(), Failure> {
        if !self.token.is_cancelled() {
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
