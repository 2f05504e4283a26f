//! Starts threads without panicking. The operating system may refuse to start a
//! thread, for example because of a limit.

use std::io;
use std::thread;

use super::failure::Failure;

/// Starts a thread that calls `work`. Unlike [`thread::spawn`], returns an
/// error if the system can't start one.
pub(crate) fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

/// Like [`start`], but converts the error to a failure for the user.
pub(crate) fn start_or_fail<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(), Failure> {
    start(work).map_err(|error| failure(&error))
}

/// Returns the failure for a thread that the system can't start.
pub(crate) fn failure(error: &io::Error) -> Failure {
    Failure::failed(format_args!("cannot start a thread: {error}"))
}
