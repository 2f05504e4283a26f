//! The bounded pool of threads that ask attachers about streams.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::operations::Operations;
use super::pending::Pending;
use super::request::{Desk, Rest, ask};
use super::{Decision, PriorityAttacher, StreamAttacher as _};
use scape_proto::event::EndReason;

/// The threads that ask attachers, and the streams that wait for one of these
/// threads.
pub(super) struct Crew {
    operations: Arc<Operations>,
    users: PriorityAttacher,
    state: Mutex<State>,
}

/// The streams that wait for a thread, in order, and the number of threads.
#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
}

/// A stream that needs a decision.
pub(super) struct Job {
    pub(super) pending: Arc<Pending>,
    pub(super) who: Who,
    /// The object that carries out the decision if the attacher decides later.
    pub(super) desk: Arc<dyn Desk>,
}

/// The attachers to ask about a stream.
pub(super) enum Who {
    /// All attachers that are installed when a thread takes the stream from the
    /// queue.
    Everybody,
    /// The attachers after the one that passed the stream on with
    /// [`StreamAnswer::not_mine`](super::StreamAnswer::not_mine).
    After(Rest),
}

impl Crew {
    pub(super) fn new(operations: Arc<Operations>, users: PriorityAttacher) -> Self {
        Crew { operations, users, state: Mutex::default() }
    }

    /// Adds a stream to the queue. Starts another thread if fewer threads than
    /// the maximum are running.
    pub(super) fn take(self: &Arc<Self>, job: Job) {
        let most = self.users.max_concurrent().max(1);
        let mut state = self.state.lock();
        state.queue.push_back(job);
        if state.threads >= most {
            return;
        }
        state.threads += 1;
        drop(state);
        let for_thread = self.clone();
        let spawned = thread::Builder::new()
            .name("scape-attach-stream".to_owned())
            .spawn(move || run(&for_thread));
        if let Err(error) = spawned {
            self.has_no_thread(&error);
        }
    }

    /// Returns the next stream in the queue. Returns `None` if the queue is
    /// empty; the calling thread must then end.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.queue.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    /// Handles the failure to start a thread. If other threads run, they take
    /// the waiting streams. Otherwise all waiting streams are closed.
    fn has_no_thread(&self, error: &std::io::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        let left =
            if state.threads == 0 { std::mem::take(&mut state.queue) } else { VecDeque::new() };
        drop(state);
        for Job { pending, .. } in left {
            let id = pending.info.id;
            log::error!(
                target: "scape::attach",
                "stream {id} is closed, because no thread can be started to decide on it: {error}"
            );
            if pending.finish(None).is_ok() {
                self.operations.close_unheard(id, EndReason::RESOURCE_LIMIT);
            }
        }
    }

    /// Asks attachers for a decision and carries it out. Returns at once if an
    /// attacher decides later.
    fn decide(&self, desk: &Arc<dyn Desk>, pending: &Arc<Pending>, who: Who) {
        let decision = match who {
            Who::Everybody => ask(desk, pending, &self.users.now(), &None),
            Who::After(mut rest) => loop {
                let Some(others) = rest else { break Decision::Pass };
                match ask(desk, pending, &others.members, &others.then) {
                    Decision::Pass => rest = others.then.clone(),
                    decision => break decision,
                }
            },
        };
        if matches!(decision, Decision::Later) {
            return;
        }
        let decider = pending.take_decider();
        if let Err(error) = self.operations.act(pending, None, decision)
            && let Some(decider) = decider
        {
            super::catch_panic("the stream is closed already", || {
                decider.failed(&pending.info, &error);
            });
        }
    }
}

fn run(crew: &Crew) {
    while let Some(Job { pending, who, desk }) = crew.next() {
        let stream = pending.clone();
        // Dropping a removed attacher may also panic. The thread must survive
        // that, because it counts as running until it has found the queue
        // empty.
        let decided = super::catch_panic("the stream is closed", || {
            // A stream that has ended while it waited needs no decision.
            if !stream.is_over() {
                crew.decide(&desk, &stream, who);
            }
        });
        if decided.is_none() && pending.finish(None).is_ok() {
            crew.operations.close_unheard(pending.info.id, EndReason::INTERNAL);
        }
        super::catch_panic("it was dropped after its removal", || drop((stream, pending, desk)));
    }
}
