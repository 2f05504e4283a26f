//! A reader of standard input that Ctrl-C can interrupt.

use std::io::{self, Read};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use scape::CancelToken;

use crate::base::threads;

/// The interval at which a read checks if a signal has come.
const POLL: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 << 10;

/// A reader of standard input. After Ctrl-C, a read fails soon. The thread that
/// reads from the operating system keeps waiting.
#[derive(Debug)]
pub(super) struct Stdin {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
    token: CancelToken,
}

impl Stdin {
    pub(super) fn new(token: CancelToken) -> Self {
        let (sender, chunks) = bounded(4);
        let problem = sender.clone();
        let started = threads::start(move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let result = io::stdin().read(&mut chunk).map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                let is_end = result.as_ref().map_or(true, Vec::is_empty);
                // The receiver may have been dropped.
                if sender.send(result).is_err() || is_end {
                    break;
                }
            }
        });
        if let Err(error) = started {
            // This doesn't block, because the channel is empty. The next read
            // returns the error.
            let _ = problem.send(Err(error));
        }
        Stdin { chunks, chunk: io::Cursor::default(), token }
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.chunk.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.chunks.recv_timeout(POLL) {
                Ok(chunk) => {
                    let chunk = chunk?;
                    if chunk.is_empty() {
                        return Ok(0);
                    }
                    self.chunk = io::Cursor::new(chunk);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.token.is_cancelled() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
