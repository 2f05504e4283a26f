//! Work on other threads, which Ctrl-C and SIGTERM must not wait for.

use std::thread;
use std::time::Duration;

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
