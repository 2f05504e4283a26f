//! Two ends of a byte stream within the process, which behave as sockets do.
//!
//! Each direction is a [`Pipe`] of limited size. A reader waits for bytes, and
//! a writer waits for room. Neither waits longer than the timeout that was set
//! on its end. If an end is dropped or shut down, the other end behaves like a
//! socket: its reads return the end of the stream after the last byte, and its
//! writes fail with a broken pipe.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// The number of bytes that may wait in one direction before a writer blocks.
const CAPACITY: usize = 64 * 1024;

/// One end of a stream in memory. Clones are handles on the same end, which is
/// closed when the last handle is dropped.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    end: Arc<End>,
}

#[derive(Debug)]
struct End {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
    read_timeout: Mutex<Option<Duration>>,
    write_timeout: Mutex<Option<Duration>>,
}

/// One direction of a stream, from one end to the other.
#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<Flow>,
    /// Notified of every change of `state`, for which readers and writers wait.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    /// True if the writing end was closed, so no more bytes will come.
    writer_gone: bool,
    /// True if the reading end was closed, so no more bytes will be read.
    reader_gone: bool,
}

impl Memory {
    pub(super) fn pair() -> (Memory, Memory) {
        let (here, there) = (Arc::new(Pipe::default()), Arc::new(Pipe::default()));
        let end = |incoming: &Arc<Pipe>, outgoing: &Arc<Pipe>| Memory {
            end: Arc::new(End {
                incoming: incoming.clone(),
                outgoing: outgoing.clone(),
                read_timeout: Mutex::new(None),
                write_timeout: Mutex::new(None),
            }),
        };
        (end(&here, &there), end(&there, &here))
    }

    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        *self.end.read_timeout.lock() = not_zero(timeout)?;
        Ok(())
    }

    pub(super) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        *self.end.write_timeout.lock() = not_zero(timeout)?;
        Ok(())
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = *self.end.read_timeout.lock();
        self.end.incoming.read(buffer, timeout.and_then(|t| Instant::now().checked_add(t)))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = *self.end.write_timeout.lock();
        self.end.outgoing.write(bytes, timeout.and_then(|t| Instant::now().checked_add(t)))
    }

    pub(super) fn shutdown(&self, how: Shutdown) {
        self.end.shutdown(how);
    }
}

/// Returns this timeout, or an error if it is zero, as sockets do.
fn not_zero(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    if timeout == Some(Duration::ZERO) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
    }
    Ok(timeout)
}

impl End {
    fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Write {
            self.incoming.change(|flow| flow.reader_gone = true);
        }
        if how != Shutdown::Read {
            self.outgoing.change(|flow| flow.writer_gone = true);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Both);
    }
}

impl Pipe {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let mut flow = self.state.lock();
        while flow.bytes.is_empty() {
            if flow.writer_gone || flow.reader_gone {
                return Ok(0);
            }
            self.wait(&mut flow, deadline)?;
        }
        let count = flow.bytes.read(buffer)?;
        self.changed.notify_all();
        Ok(count)
    }

    fn write(&self, bytes: &[u8], deadline: Option<Instant>) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut flow = self.state.lock();
        loop {
            if flow.reader_gone || flow.writer_gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let room = CAPACITY.saturating_sub(flow.bytes.len());
            if room > 0 {
                let count = room.min(bytes.len());
                flow.bytes.extend(&bytes[..count]);
                self.changed.notify_all();
                return Ok(count);
            }
            self.wait(&mut flow, deadline)?;
        }
    }

    fn wait(&self, flow: &mut MutexGuard<'_, Flow>, deadline: Option<Instant>) -> io::Result<()> {
        let Some(deadline) = deadline else {
            self.changed.wait(flow);
            return Ok(());
        };
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.changed.wait_until(flow, deadline);
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Flow)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }
}
