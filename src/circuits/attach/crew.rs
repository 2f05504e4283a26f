//! The bounded pool of threads that ask attachers about streams.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::StreamAttacher as _;
use super::registry::Registry;
use super::request::{Pending, Rest};
use scape_proto::event::EndReason;

/// The streams that wait for a thread, in order, and the number of threads.
#[derive(Default)]
pub(super) struct Crew(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
}

/// A stream that needs a decision.
pub(super) struct Job {
    pub(super) pending: Arc<Pending>,
    pub(super) who: Who,
}

/// The attachers to ask.
pub(super) enum Who {
    /// All attachers that are installed when the stream's turn comes.
    Everybody,
    /// The attachers after the one that returned `Pass`.
    After(Rest),
}

impl Crew {
    /// Adds a stream, and starts a thread unless there are enough.
    pub(super) fn take(registry: &Arc<Registry>, job: Job) {
        let most = registry.users.max_concurrent().max(1);
        let mut state = registry.crew.0.lock();
        state.queue.push_back(job);
        if state.threads >= most {
            return;
        }
        state.threads += 1;
        drop(state);
        let for_thread = registry.clone();
        let spawned = thread::Builder::new()
            .name("scape-attach-stream".to_owned())
            .spawn(move || run(&for_thread));
        if let Err(error) = spawned {
            registry.crew.has_no_thread(registry, &error);
        }
    }

    /// Returns the next stream, or `None` if the calling thread must end.
    fn next(&self) -> Option<Job> {
        let mut state = self.0.lock();
        let job = state.queue.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    /// Handles a thread that couldn't be started. If there are other threads,
    /// they will take the stream. Otherwise all waiting streams are closed.
    fn has_no_thread(&self, registry: &Registry, error: &std::io::Error) {
        let mut state = self.0.lock();
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
                registry.close_unheard(id, EndReason::RESOURCE_LIMIT);
            }
        }
    }
}

fn run(registry: &Arc<Registry>) {
    while let Some(Job { pending, who }) = registry.crew.next() {
        let stream = pending.clone();
        // Dropping a removed attacher may also panic. The thread must go on
        // then, because it counts as running until it has seen an empty queue.
        let decided = super::catch_panic("the stream is closed", || {
            // A stream that has ended while it waited needs no decision.
            if !stream.is_over() {
                registry.decide(&stream, who);
            }
        });
        if decided.is_none() && pending.finish(None).is_ok() {
            registry.close_unheard(pending.info.id, EndReason::INTERNAL);
        }
        super::catch_panic("it was removed already", || drop((stream, pending)));
    }
}
