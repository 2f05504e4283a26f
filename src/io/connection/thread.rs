//! Threads that can be waited for with a limit.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, bounded};

use super::waiters::YIELD_FOR;
use crate::io::undo::is_own_thread;

/// The time for which the end of a connection waits for its threads. They end
/// at once unless a callback is running.
pub(crate) const JOIN_FOR: Duration = Duration::from_secs(1);

/// The time for a woken thread to end before it is woken again. It grows from
/// the first value to the last.
const FIRST_PATIENCE: Duration = Duration::from_millis(5);
const LAST_PATIENCE: Duration = Duration::from_millis(200);

/// A thread, and a channel that is disconnected when the thread ends.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: JoinHandle<()>,
    done: Receiver<()>,
}

impl Thread {
    /// Starts a thread.
    pub(crate) fn spawn(
        name: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Thread> {
        let (alive, done) = bounded(0);
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            run();
            drop(alive);
        })?;
        Ok(Thread { handle, done })
    }

    /// Returns true if the caller is this thread, or if this thread waits for
    /// the caller in [`undo_all`](crate::undo_all).
    pub(crate) fn is_current(&self) -> bool {
        is_own_thread(self.handle.thread().id())
    }

    /// Waits for the end of the thread for at most `time`, but not for the
    /// current thread. Returns true if the thread has ended.
    pub(crate) fn ended_within(&self, time: Duration) -> bool {
        if self.is_current() {
            return false;
        }
        // Nothing is ever sent on this channel: this waits until the other end
        // is dropped. Yielding mostly takes less time than sleeping and being
        // woken.
        let stop_yielding = Instant::now() + time.min(YIELD_FOR);
        while self.done.try_recv() == Err(TryRecvError::Empty) && Instant::now() < stop_yielding {
            thread::yield_now();
        }
        // Dropping the other end is the thread's last action. The operating
        // system does the rest, which need not be waited for.
        self.done.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits for the end of a thread that accepts connections. `wake` connects
    /// to it, again and again, because another program that shares its socket
    /// may take the connection away. Returns false if the thread hasn't ended
    /// within `time`.
    pub(crate) fn ended_by_waking(&self, time: Duration, mut wake: impl FnMut()) -> bool {
        let deadline = Instant::now() + time;
        let mut patience = Duration::ZERO;
        while !self.ended_within(patience) {
            if self.is_current() || Instant::now() >= deadline {
                return false;
            }
            wake();
            patience = (patience * 2).clamp(FIRST_PATIENCE, LAST_PATIENCE);
        }
        true
    }
}
