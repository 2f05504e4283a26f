//! Handles Ctrl-C, SIGTERM and SIGHUP: before the program ends, everything that
//! the command has done in tor is undone.
//!
//! A thread waits for the signals. At the first signal, the thread cancels the
//! token, which ends all calls of the library. Another thread then undoes what
//! the library has made, which also ends waits for events. So the command
//! returns, and its destructors run. After a second signal, the program waits
//! only briefly for the command and for a program that it runs, but still
//! undoes everything. At a third signal, the program restores the terminal and
//! ends at once: see [`restore_with`].
//!
//! A command that runs another program delays the undoing with [`hold`],
//! because the other program gets the same signal from the terminal and may
//! need tor until it has ended. After a second signal, the command kills the
//! other program: see [`is_urgent`].
//!
//! SIGINT and SIGHUP stay ignored if the program was started to ignore them.
//! For example, `nohup` makes programs ignore SIGHUP, and shells make programs
//! in the background ignore SIGINT.

#[cfg(unix)]
mod ignored;
mod restoring;
#[cfg(unix)]
mod signals;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Mutex, MutexGuard};
use scape::CancelToken;

use super::failure::{Exit, Failure};

#[cfg(unix)]
pub(super) use self::ignored::is_ignored;
pub(crate) use self::restoring::{Restoring, end_with, restore_with};

/// The time limit for undoing everything that the library has done in tor.
const UNDO: Duration = Duration::from_secs(8);

/// The time that a program started by scape has to end after a signal. After
/// this time, everything in tor is undone, even if the program still runs.
pub(crate) const HELD: Duration = Duration::from_secs(15);

static HOLD: Mutex<()> = parking_lot::const_mutex(());

/// True after the first SIGINT, SIGTERM or SIGHUP.
static HAS_COME: AtomicBool = AtomicBool::new(false);
/// True after a second SIGINT, SIGTERM or SIGHUP.
static IS_URGENT: AtomicBool = AtomicBool::new(false);

/// Delays the undoing after a signal until the returned guard is dropped, but
/// for at most [`HELD`]. Taken while another program runs that may need tor.
pub(crate) fn hold() -> MutexGuard<'static, ()> {
    HOLD.lock()
}

/// Returns true after the first SIGINT, SIGTERM or SIGHUP.
pub(super) fn has_come() -> bool {
    HAS_COME.load(Ordering::SeqCst)
}

/// Returns true after a second signal, which means that the user doesn't want
/// to wait.
pub(crate) fn is_urgent() -> bool {
    IS_URGENT.load(Ordering::SeqCst)
}

/// The handler of SIGINT, SIGTERM and SIGHUP.
#[derive(Debug)]
pub(crate) struct Interrupt {
    token: CancelToken,
    /// Closed when everything is undone after a signal. Nothing is ever sent on
    /// this channel.
    undone: Receiver<()>,
}

impl Interrupt {
    /// Installs the handler. Must be called before the command starts anything.
    #[cfg(unix)]
    pub(crate) fn install() -> Result<Self, Failure> {
        let (interrupt, done) = Interrupt::new();
        signals::handle(interrupt.token.clone(), done, interrupt.undone.clone())?;
        Ok(interrupt)
    }

    /// Installs no handler, because other systems don't have these signals.
    #[cfg(not(unix))]
    pub(crate) fn install() -> Result<Self, Failure> {
        Ok(Interrupt::new().0)
    }

    fn new() -> (Self, Sender<()>) {
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
