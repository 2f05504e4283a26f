//! The stages of the stream watch: idle, being started or ended, or on. The
//! watch is the thread in [`watch`](super::watch).
//! [`leave_unattached`](super::leave_unattached) starts and ends the watch.

use std::time::Instant;

use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};

use super::message::Message;
use crate::io::connection::{RouteGuard, Thread};

/// The number of guards
/// ([`LeaveUnattachedGuard`](super::leave_unattached::LeaveUnattachedGuard))
/// and the stage of the thread that watches streams. The lock is never held
/// while waiting for tor.
#[derive(Default)]
pub(super) struct Run {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) holders: usize,
    pub(super) stage: Stage,
    /// True if the latest circuit-bound client was created within five seconds
    /// after the previous one was dropped.
    pub(super) is_burst: bool,
    /// The time when the thread that watches streams ends, unless a
    /// `LeaveUnattachedGuard` is created before. `None` if no end is scheduled.
    pub(super) ends_at: Option<Instant>,
    /// True if the thread `scape-attach-linger` is running. This thread waits
    /// until `ends_at` and then ends the thread that watches streams.
    pub(super) has_lingerer: bool,
}

#[derive(Default)]
pub(super) enum Stage {
    #[default]
    Idle,
    /// Another thread is starting or ending the thread that watches streams.
    Busy,
    On(Watch),
}

/// The thread that watches streams, with its channel and its event
/// subscription.
pub(super) struct Watch {
    pub(super) sender: Sender<Message>,
    pub(super) thread: Thread,
    pub(super) registration: RouteGuard,
}

impl State {
    /// Takes the [`Watch`] out of the stage, so that the caller can end the
    /// watch. Returns `None` and keeps the stage if there is no `Watch`.
    pub(super) fn take_watch(&mut self) -> Option<Watch> {
        match std::mem::replace(&mut self.stage, Stage::Busy) {
            Stage::On(watch) => Some(watch),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

impl Run {
    /// Sends a message to the thread that watches streams. Returns false if
    /// this thread doesn't run.
    pub(super) fn tell(&self, message: Message) -> bool {
        match &self.state.lock().stage {
            Stage::On(watch) => watch.sender.send(message).is_ok(),
            _ => false,
        }
    }

    /// Returns true if the thread that watches streams runs and isn't ending.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.state.lock().stage, Stage::On(_))
    }

    /// Returns true if another thread is starting or ending the thread that
    /// watches streams.
    pub(super) fn is_changing(&self) -> bool {
        matches!(self.state.lock().stage, Stage::Busy)
    }

    /// Returns true if a `LeaveUnattachedGuard` exists. If not, nothing needs
    /// the thread that watches streams, although it may still run for up to
    /// five seconds.
    pub(super) fn is_held(&self) -> bool {
        self.state.lock().holders > 0
    }

    /// Ends the thread that watches streams now if its end is scheduled for
    /// later. Called if the connection is about to end or has ended, or if
    /// another controller has reset `__LeaveStreamsUnattached`.
    pub(super) fn hurry(&self) {
        let mut state = self.state.lock();
        if state.ends_at.is_some() {
            state.ends_at = Some(Instant::now());
            self.changed.notify_all();
        }
    }

    /// Records that the thread that watches streams has ended.
    pub(super) fn has_ended(&self) {
        let mut state = self.state.lock();
        state.stage = Stage::Idle;
        state.ends_at = None;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_watch_without_a_watch_keeps_the_stage() {
        let mut state = State::default();
        assert!(state.take_watch().is_none());
        // With the stage `Busy`, the next guard would wait for a thread that
        // doesn't exist.
        assert!(matches!(state.stage, Stage::Idle));
        state.stage = Stage::Busy;
        assert!(state.take_watch().is_none() && matches!(state.stage, Stage::Busy));
    }
}
