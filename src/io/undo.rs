//! Undoing everything that a program has made, when the program is told to end:
//! see [`undo_all`].

use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use crate::error::{Phase, Result, Timeout};
use crate::io::transport::deadline_after;

/// Something that this program has made and that shouldn't be left behind.
pub(crate) trait Undo: Send + Sync {
    /// Removes or ends this object for good, within `timeout`. A second call
    /// does nothing.
    fn undo(&self, timeout: Duration) -> Result<()>;
}

/// The order of undoing: circuits first, then all connections, then all
/// processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Circuits that are being built. They come first, because a connection is
    /// needed to close them.
    Circuits,
    /// A control connection, with everything that ends with it.
    Connection,
    /// A process, with its files.
    Process,
}

thread_local! {
    /// The thread that waits for the current thread in [`undo_all`]. `None` on
    /// threads that `undo_all` hasn't started.
    static ON_BEHALF_OF: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// Returns true if the calling thread is `thread`, or if `thread` is waiting
/// for the calling thread to undo something. In both cases, a wait for the end
/// of `thread` would never return. Code that waits for a thread must check this
/// first.
pub(crate) fn is_own_thread(thread: ThreadId) -> bool {
    thread::current().id() == thread || ON_BEHALF_OF.get() == Some(thread)
}

static REGISTER: Mutex<Vec<(Rank, Weak<dyn Undo>)>> = Mutex::new(Vec::new());

/// Registers `thing`, so that [`undo_all`] undoes it. The register doesn't keep
/// `thing` alive.
pub(crate) fn register(rank: Rank, thing: &Arc<impl Undo + 'static>) {
    let thing: Arc<dyn Undo> = thing.clone();
    let mut register = REGISTER.lock();
    register.retain(|(_, known)| known.strong_count() > 0);
    register.push((rank, Arc::downgrade(&thing)));
}

/// Undoes everything that this process has made with this library and that
/// would outlive the process. Use it in programs that end by a signal or by
/// [`std::process::exit`], because neither runs destructors.
///
/// 1. Circuits that are being built are closed, and so are those of a
///    [`CircuitPool`](crate::path::CircuitPool) that are ready but not taken
///    yet.
/// 2. Every control connection is closed for good. Before that, tor's option
///    `__LeaveStreamsUnattached` is restored. This matters for a program that
///    attaches streams
///    ([`Controller::attach_streams`](crate::Controller::attach_streams),
///    [`TorClient::via`](crate::TorClient::via) and the like). If such a
///    program ends without this, it leaves behind a tor that **no program can
///    use** until somebody calls
///    [`Controller::release_streams`](crate::Controller::release_streams). When
///    a connection closes, tor removes its onion services, unless they are
///    detached.
/// 3. Every tor that was [launched](crate::Launch) is ended, and its temporary
///    directory is removed.
///
/// Calls in other threads that wait for tor fail with an error of the kind
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed). Everything in tor's
/// configuration, and everything that is meant to stay, is kept: options,
/// services on disk, detached services, address mappings, client keys.
///
/// The first two steps take at most half of `timeout`, and all steps together
/// take at most `timeout`. A tor that hasn't ended by then is killed, which
/// takes up to a few more seconds. A good timeout is five to ten seconds.
///
/// # Signals
///
/// The library installs no signal handlers; they are the program's business.
/// Call this function on a thread that waits for signals. Don't call it within
/// a signal handler, because it takes locks. Don't call it within a callback of
/// this library either, because closing a connection waits for its callbacks.
///
/// This is an example with the crate `signal-hook`. The example program
/// `signals` is a complete one.
///
/// ```no_run
/// use signal_hook::consts::{SIGINT, SIGTERM};
/// use std::time::Duration;
///
/// let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
/// std::thread::spawn(move || {
///     if let Some(signal) = signals.forever().next() {
///         let _ = scape::undo_all(Duration::from_secs(5));
///         let _ = signal_hook::low_level::emulate_default_handler(signal);
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Nothing can be undone after `SIGKILL`, an abort (such as a panic with
/// `panic = "abort"`) or a power failure.
///
/// # Threads
///
/// Each connection and each process is undone on its own thread, so that one
/// that hangs doesn't use up the time of the others. Any number of threads may
/// call this function.
///
/// # Errors
///
/// Returns the first error if something could not be undone, most often of the
/// kind [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). An error doesn't
/// keep the rest from being undone.
pub fn undo_all(timeout: Duration) -> Result<()> {
    let deadline = deadline_after(timeout);
    let left = || deadline.saturating_duration_since(Instant::now());
    let half = deadline_after(timeout / 2);
    let circuits = undo_rank(Rank::Circuits, timeout / 4);
    let connections = undo_rank(Rank::Connection, half.saturating_duration_since(Instant::now()));
    let processes = undo_rank(Rank::Process, left());
    circuits.and(connections).and(processes)
}

fn undo_rank(rank: Rank, timeout: Duration) -> Result<()> {
    let deadline = deadline_after(timeout);
    let left = move || deadline.saturating_duration_since(Instant::now());
    let mut things = Vec::new();
    for (known, thing) in &*REGISTER.lock() {
        if *known == rank {
            things.extend(thing.upgrade());
        }
    }
    let (sender, results) = bounded(things.len());
    let caller = thread::current().id();
    let mut outcome = Ok(());
    let mut begun = 0;
    for thing in things {
        let (for_thread, sender) = (thing.clone(), sender.clone());
        let undo = move || {
            ON_BEHALF_OF.set(Some(caller));
            drop(sender.send(for_thread.undo(left())));
        };
        match thread::Builder::new().name("scape-undo".to_owned()).spawn(undo) {
            Ok(_) => begun += 1,
            // Without a thread, the things are undone one after the other.
            Err(_) => outcome = outcome.and(thing.undo(left())),
        }
    }
    // A process that hasn't ended by the deadline is killed then, and needs a
    // little more time to end.
    let deadline = if rank == Rank::Process { deadline + AFTER_KILL } else { deadline + SLACK };
    for _ in 0..begun {
        let result = results.recv_deadline(deadline);
        outcome =
            outcome.and(result.unwrap_or_else(|_| Err(Timeout::new(Phase::Close, timeout).into())));
    }
    outcome
}

/// The time that [`undo_rank`] waits after its deadline for circuits and
/// connections, because they need a moment to notice that the deadline has
/// passed.
const SLACK: Duration = Duration::from_millis(250);
/// The time that [`undo_rank`] waits after its deadline for processes, because
/// a process that is killed at the deadline needs a moment to end.
const AFTER_KILL: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    struct Slow(Mutex<u32>, Duration);

    impl Undo for Slow {
        fn undo(&self, _: Duration) -> Result<()> {
            *self.0.lock() += 1;
            thread::sleep(self.1);
            Ok(())
        }
    }

    #[test]
    fn thing_that_hangs_takes_no_time_of_the_others() {
        // No other test of this program registers a process, so only these are
        // undone.
        let hangs = Arc::new(Slow(Mutex::default(), Duration::from_secs(60)));
        let quick: Vec<_> =
            (0..3).map(|_| Arc::new(Slow(Mutex::default(), Duration::ZERO))).collect();
        register(Rank::Process, &hangs);
        quick.iter().for_each(|thing| register(Rank::Process, thing));
        let begun = Instant::now();
        let outcome = undo_rank(Rank::Process, Duration::from_millis(50));
        assert!(outcome.as_ref().is_err_and(Error::is::<Timeout>), "{outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert!(quick.iter().all(|thing| *thing.0.lock() == 1));
    }
}
