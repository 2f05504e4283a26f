//! [`LateReplies`]: replies that are still expected although the calls that
//! waited for them have given up.
//!
//! Each session has one thread for all such replies. tor answers the commands
//! of a connection in order, so a reply that doesn't come holds up no other
//! reply. Undoing one command delays the undoing of others, but only for a
//! moment: see [`undoing`](super::Controller::undoing).

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::io::connection::PendingReply;
use scape_proto::control::Reply;

/// The late replies: those that are still expected although their calls have
/// given up. One thread waits for them. The thread is started for the first
/// such reply, and ends when no replies are left.
#[derive(Default)]
pub(super) struct LateReplies(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    /// The replies in the order in which the calls have given up, which is
    /// mostly the order of their commands.
    expected: VecDeque<Late>,
    is_running: bool,
}

/// A late reply that is still expected, and the function that undoes the effect
/// of its command.
struct Late {
    pending: PendingReply,
    undo: Box<dyn FnOnce(&Reply) + Send>,
}

impl LateReplies {
    /// Calls `undo` with the reply when the reply has come. If the connection
    /// ends first, `undo` isn't called. Returns an error if the thread can't be
    /// started.
    pub(super) fn expect(
        &self,
        pending: PendingReply,
        undo: impl FnOnce(&Reply) + Send + 'static,
    ) -> io::Result<()> {
        let late = Late { pending, undo: Box::new(undo) };
        let mut queue = self.0.lock();
        if !queue.is_running {
            let theirs = self.0.clone();
            // The thread waits for the lock that this call holds.
            thread::Builder::new().name("scape-undo".into()).spawn(move || run(&theirs))?;
            queue.is_running = true;
        }
        queue.expected.push_back(late);
        Ok(())
    }
}

/// Waits for the late replies one after the other, and undoes the effects of
/// their commands. Returns when no replies are left. This is the function of
/// the thread.
fn run(queue: &Mutex<Queue>) {
    loop {
        let next = {
            let mut queue = queue.lock();
            let next = queue.expected.pop_front();
            queue.is_running = next.is_some();
            next
        };
        let Some(late) = next else { return };
        if let Ok(reply) = late.pending.wait_late(Duration::MAX) {
            // A panic is printed by the panic hook. It would end this thread,
            // so that nobody would wait for the other replies.
            let _ = catch_unwind(AssertUnwindSafe(|| (late.undo)(&reply)));
        }
    }
}
