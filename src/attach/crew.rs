//! The threads that ask attachers about streams: a bounded number of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::StreamAttacher as _;
use super::registry::Registry;
use super::request::{Pending, Rest};
use crate::event::EndReason;

/// Streams that wait for a thread, in order, and the number of threads.
#[derive(Default)]
pub(super) struct Crew(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
}

/// A stream that the attachers are to be asked about.
pub(super) struct Job {
    pub(super) pending: Arc<Pending>,
    pub(super) who: Who,
}

/// The attachers to ask.
pub(super) enum Who {
    /// Those that there are when it is the stream's turn.
    Everybody,
    /// Those after the one that said that the stream is not its own.
    After(Rest),
}

impl Crew {
    /// Adds a stream. Starts a thread unless there are enough.
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

    /// The next stream; `None` ends the thread that asks.
    fn next(&self) -> Option<Job> {
        let mut state = self.0.lock();
        let job = state.queue.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    /// A thread could not be started. If there are others, they will come to
    /// the stream; else the streams are closed.
    fn has_no_thread(&self, registry: &Registry, error: &std::io::Error) {
        let mut state = self.0.lock();
        state.threads -= 1;
        let left =
            if state.threads == 0 { std::mem::take(&mut state.queue) } else { VecDeque::new() };
        drop(state);
        for Job { pending, .. } in left {
            let id = pending.info.id;
            log::error!(target: "scape::attach", "stream {id} is closed: no thread to decide on it: {error}");
            if pending.finish(None).is_ok() {
                registry.close_unheard(id, EndReason::RESOURCE_LIMIT);
            }
        }
    }
}

fn run(registry: &Arc<Registry>) {
    while let Some(Job { pending, who }) = registry.crew.next() {
        let stream = pending.clone();
        // Also the drop of an attacher that was removed may panic. The thread
        // goes on, because it counts as long as it hasn't seen an empty queue.
        let decided = super::caught("the stream is closed", || {
            // Of a stream that has ended while it waited for its turn, nobody
            // is asked.
            if !stream.is_over() {
                registry.decide(&stream, who);
            }
        });
        if decided.is_none() && pending.finish(None).is_ok() {
            registry.close_unheard(pending.info.id, EndReason::INTERNAL);
        }
        super::caught("it was not asked any more", || drop((stream, pending)));
    }
}
