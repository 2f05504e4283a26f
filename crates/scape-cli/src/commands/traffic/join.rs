//! Copies data in both directions between a stream through tor and a local
//! input and output.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::Mutex;
use scape::socks::SocksStream;

use crate::base::threads;

/// The reaction to the end of the input. tor can't close only one direction of
/// a stream: if the sending side is closed, tor closes the whole stream, and an
/// answer may be lost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AtEnd {
    /// Close the stream. Data that was already sent is still delivered.
    Close,
    /// Keep receiving until the other side closes the stream, or until nothing
    /// was received for this time.
    Receive(Duration),
}

/// Copies `input` to the stream on another thread, and the stream to `output`
/// on this thread. `at_end` says what happens at the end of `input`. Returns
/// when the stream ends, or when `output` can't be written. The other thread
/// may then still wait for `input`. If `input` can't be read or sent, closes
/// the stream and returns that error.
pub(crate) fn join(
    mut input: impl Read + Send + 'static,
    mut output: impl Write,
    stream: SocksStream,
    at_end: AtEnd,
) -> io::Result<()> {
    let mut sending = stream.try_clone()?;
    let heard = Arc::new(Mutex::new(Instant::now()));
    let last = heard.clone();
    let failure = Arc::new(Mutex::new(None));
    let failed = failure.clone();
    // `_open` is dropped when the stream has ended, which ends the wait for
    // silence.
    let (_open, ended) = bounded::<()>(0);
    threads::start(move || {
        let how = match (copy(&mut input, &mut sending, || ()), at_end) {
            (Ok(()), AtEnd::Close) => Shutdown::Write,
            (Ok(()), AtEnd::Receive(limit)) => {
                wait_for_silence(&last, limit, &ended);
                Shutdown::Both
            }
            // The input or the stream has failed.
            (Err(error), _) => {
                // This isn't a failure if the other side has closed the stream,
                // which it may do at any time.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    let text = format!("cannot send: {error}");
                    *failed.lock() = Some(io::Error::new(error.kind(), text));
                }
                Shutdown::Both
            }
        };
        let _ = sending.shutdown(how);
    })?;
    let mut receiving = &stream;
    let result = copy(&mut receiving, &mut output, || *heard.lock() = Instant::now());
    // Failures of the sender after this are ignored, because they only result
    // from the end of the stream.
    let failure = failure.lock().take();
    let _ = stream.shutdown(Shutdown::Both);
    failure.map_or(result, Err)
}

/// Waits until the stream has ended, or until nothing was received for the time
/// `limit`. `heard` is the time when data was last received. `ended` is closed
/// when the stream ends.
fn wait_for_silence(heard: &Mutex<Instant>, limit: Duration, ended: &Receiver<()>) {
    let begun = Instant::now();
    loop {
        let silent = heard.lock().max(begun).elapsed();
        let Some(left) = limit.checked_sub(silent).filter(|left| !left.is_zero()) else { return };
        if ended.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Copies `input` to `output` until the end of `input`. Calls `on_bytes` after
/// each read that returned data. Unlike [`io::copy`], flushes bytes as soon as
/// they arrive.
fn copy(
    input: &mut impl Read,
    output: &mut impl Write,
    mut on_bytes: impl FnMut(),
) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        on_bytes();
        output.write_all(buffer.get(..count).unwrap_or_default())?;
        output.flush()?;
    }
}
