//! Runs work on other threads, so that the command can end at once after Ctrl-C
//! or SIGTERM.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::context::Context;
use super::failure::Failure;
use super::threads;

/// The interval at which a function that waits checks if a signal has cancelled
/// the command.
const POLL: Duration = Duration::from_millis(50);

/// Runs `work` on a new thread, waits for it, and returns the result. After
/// Ctrl-C or SIGTERM, returns a failure at once, without waiting for the
/// thread. The thread continues, but the end of the program may stop it before
/// its destructors run.
pub(crate) fn run<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (sender, done) = bounded(1);
    threads::start_or_fail(move || sender.send(work()))?;
    receive(context, &done)?.ok_or_else(|| Failure::failed("a thread has panicked"))
}

/// Like [`run`], but returns `None` if the work takes longer than `limit`. The
/// thread then continues, and its result is dropped.
pub(crate) fn run_within<T: Send + 'static>(
    context: &Context,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Failure> {
    let (sender, done) = bounded(1);
    threads::start_or_fail(move || sender.send(work()))?;
    let begun = Instant::now();
    loop {
        context.check_interrupt()?;
        match done.recv_timeout(POLL.min(limit.saturating_sub(begun.elapsed()))) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("a thread has panicked"));
            }
            Err(RecvTimeoutError::Timeout) if begun.elapsed() >= limit => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Waits for the next value from another thread. Returns `None` if the sender
/// was dropped. After Ctrl-C or SIGTERM, returns a failure even if there is a
/// value, because values may arrive faster than the caller processes them.
pub(crate) fn receive<T>(context: &Context, values: &Receiver<T>) -> Result<Option<T>, Failure> {
    loop {
        context.check_interrupt()?;
        match values.recv_timeout(POLL) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use scape::CancelToken;

    use super::*;
    use crate::base::failure::Exit;
    use crate::base::options::GlobalOptions;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: GlobalOptions,
    }

    #[test]
    fn interrupt_ends_the_wait_although_there_are_values() {
        let token = CancelToken::new();
        let context = Context::new(Line::parse_from(["scape"]).options, token.clone());
        let (sender, values) = bounded(2);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert_eq!(receive(&context, &values).unwrap(), Some(1));
        token.cancel();
        assert_eq!(receive(&context, &values).unwrap_err().exit, Exit::Interrupted);
        let result = run_within(&context, POLL, || 1);
        assert_eq!(result.unwrap_err().exit, Exit::Interrupted);
    }
}
