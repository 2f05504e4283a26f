//! Threads whose end can be waited for, up to a time limit.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, bounded};

use super::waiters::YIELD_FOR;
use crate::io::undo::is_own_thread;

/// The maximum time to wait for a thread of a connection if the caller has
/// given no time limit, for example when a connection is dropped. A thread ends
/// at once unless it is running a callback. Closing a connection also limits
/// two of its steps to this time: preparing tor for the end, and resetting
/// `__LeaveStreamsUnattached` over a separate connection.
pub(crate) const JOIN_FOR: Duration = Duration::from_secs(1);

/// The time between the first and the second attempt to wake a thread. The time
/// doubles with each attempt, up to [`LAST_PATIENCE`].
const FIRST_PATIENCE: Duration = Duration::from_millis(5);
const LAST_PATIENCE: Duration = Duration::from_millis(200);

/// A thread, and a channel that is disconnected when the thread ends.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: JoinHandle<()>,
    done: Receiver<()>,
}

impl Thread {
    /// Starts a thread with this name. The thread calls `run`, and ends when
    /// `run` returns.
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

    /// Returns true if the calling thread must not wait for the end of this
    /// thread, because the wait would never end. Either the two are the same
    /// thread, or this thread has called [`undo_all`](crate::undo_all), which
    /// started the calling thread and waits for it.
    pub(crate) fn is_current(&self) -> bool {
        is_own_thread(self.handle.thread().id())
    }

    /// Waits until the thread has ended, for at most `time`. Returns true if it
    /// has ended. Returns false at once if the caller [is this
    /// thread](Self::is_current).
    pub(crate) fn ended_within(&self, time: Duration) -> bool {
        if self.is_current() {
            return false;
        }
        // Nothing is ever sent on this channel: this waits until the thread
        // drops the sender. Yielding mostly takes less time than sleeping and
        // being woken.
        let stop_yielding = Instant::now() + time.min(YIELD_FOR);
        while self.done.try_recv() == Err(TryRecvError::Empty) && Instant::now() < stop_yielding {
            thread::yield_now();
        }
        // Dropping the sender is the thread's last action. The operating system
        // then removes the thread, which need not be waited for.
        self.done.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits until a thread that accepts connections has ended, for at most
    /// `time`. Calls `wake` to make a connection that wakes the thread. Calls
    /// it repeatedly, because another process that shares the listening socket
    /// may accept the connection instead. Returns false if the thread hasn't
    /// ended within `time`.
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
