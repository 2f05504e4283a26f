//! Work on other threads, which Ctrl-C and SIGTERM must not wait for.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::context::Context;
use super::failure::Failure;

/// The interval between two checks for a signal.
const POLL: Duration = Duration::from_millis(50);

/// Runs work on a thread of its own, and returns its result. After Ctrl-C or
/// SIGTERM, returns a failure at once. The thread then ends with the program,
/// and destructors on it may not run.
pub(crate) fn run<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (sender, done) = bounded(1);
    thread::Builder::new()
        .spawn(move || sender.send(work()))
        .map_err(|error| Failure::failed(format_args!("cannot start a thread: {error}")))?;
    receive(context, &done)?.ok_or_else(|| Failure::failed("a thread has panicked"))
}

/// Like [`run`], but returns `None` if the work takes longer than `limit`.
pub(crate) fn run_within<T: Send + 'static>(
    context: &Context,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Failure> {
    let (sender, done) = bounded(1);
    thread::spawn(move || sender.send(work()));
    let begun = Instant::now();
    loop {
        match done.recv_timeout(POLL.min(limit.saturating_sub(begun.elapsed()))) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("a thread has panicked"));
            }
            Err(RecvTimeoutError::Timeout) if begun.elapsed() >= limit => return Ok(None),
            Err(RecvTimeoutError::Timeout) => context.check_interrupt()?,
        }
    }
}

/// Waits for the next value from another thread. Returns `None` if the sender
/// is gone, and a failure after Ctrl-C or SIGTERM.
pub(crate) fn receive<T>(context: &Context, values: &Receiver<T>) -> Result<Option<T>, Failure> {
    loop {
        match values.recv_timeout(POLL) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => context.check_interrupt()?,
        }
    }
}
