//! The scripted tor's end of a connection.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::io::transport::Transport;

/// The pause between the pieces of a reply, so that the client can read them
/// one by one.
const BETWEEN_PIECES: Duration = Duration::from_micros(100);

/// The scripted tor's end of a connection. Only the connection's own thread
/// reads from it. The test's threads write to it, too.
pub(super) struct Line {
    pub(super) transport: Transport,
    /// Held while writing, so that bytes from several threads are not mixed.
    speaking: Mutex<()>,
}

impl Line {
    pub(super) fn new(transport: Transport) -> Self {
        Line { transport, speaking: Mutex::new(()) }
    }

    /// Writes `bytes`, at most `chunk` bytes at a time.
    pub(super) fn write(
        &self,
        bytes: &[u8],
        chunk: Option<usize>,
        deadline: Instant,
    ) -> io::Result<()> {
        let pieces: Vec<&[u8]> = bytes.chunks(chunk.unwrap_or(bytes.len()).max(1)).collect();
        self.write_pieces(&pieces, deadline)
    }

    pub(super) fn write_pieces(&self, pieces: &[&[u8]], deadline: Instant) -> io::Result<()> {
        let _speaking = self.speaking.lock();
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 {
                thread::sleep(BETWEEN_PIECES);
            }
            self.transport.write_all_by(piece, deadline)?;
        }
        Ok(())
    }

    pub(super) fn shutdown(&self) {
        let _ = self.transport.shutdown();
    }
}
