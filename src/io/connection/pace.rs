//! Measures that keep floods of events cheap, in time and in memory. The
//! effects are measured in `docs/benchmarks.md`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::routes::Queue;
use scape_proto::event::Event;

/// The maximum number of events that are handed over to subscriptions and
/// callbacks at once.
const BATCH: usize = 128;

/// The number of events that wait for one subscription, or for all callbacks
/// together, above which the reader thread parses further events itself.
/// Otherwise the threads that take the events parse them.
const SHARED: usize = 512;

/// The number of events that wait for one subscription, or for all callbacks
/// together, above which the reader thread pauses to let other threads run.
const BEHIND: usize = 1024;

/// The fewest events between two pauses, so that pauses take only a small part
/// of a flood's time.
const BETWEEN: usize = 512;

/// The length of a pause. (The operating system makes it a little longer.)
const PAUSE: Duration = Duration::from_micros(50);

/// The maximum number of pauses in a row in which no subscription and no
/// callback takes an event. After these, the thread that should take the events
/// probably hangs. The reader thread then pauses only after an event was taken
/// again.
const PATIENCE: u32 = 20;

/// The maximum number of events to which the reader thread keeps references
/// during a flood of events: see [`Recent`].
const KEPT: usize = 1024;

/// The size in bytes of the largest event to which the reader thread keeps a
/// reference: see [`Recent`].
const SMALL: usize = 2048;

/// The number of events in one read below which a flood of events is over.
const FLOOD: usize = 16;

/// The pace of the reader thread. In this module, a listener is a subscription
/// or a callback. If listeners fall behind, the reader thread does a part of
/// their work, and pauses for a moment so that they can run. But it never waits
/// until a listener has caught up.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The subscriptions that got events since the last call of
    /// [`look`](Self::look).
    queues: Vec<Arc<Queue>>,
    /// The longest queue without a limit among those that last got events.
    /// `None` before the first one got events.
    longest: Option<Arc<Queue>>,
    /// The number of calls of [`count`](Self::count) since the last call of
    /// [`look`](Self::look).
    given: usize,
    /// The larger of two numbers at the last call of [`look`](Self::look): the
    /// events in the longest queue, and the events that wait for callbacks.
    waited: usize,
    /// The number of events that were handed over since the last pause.
    since_pause: usize,
    /// The number of pauses since a listener last took an event.
    idle: u32,
}

impl Pace {
    /// Counts an event that will be handed over. Returns true if the counted
    /// events are enough for one batch.
    pub(super) fn count(&mut self) -> bool {
        self.given += 1;
        self.given >= BATCH
    }

    /// Records that events were handed to this subscription.
    pub(super) fn handed_to(&mut self, queue: Arc<Queue>) {
        self.queues.push(queue);
    }

    /// Finds out how far behind the listeners are, and pauses if necessary.
    /// Called after events were handed over. `callbacks` is the number of
    /// events that wait for callbacks.
    pub(super) fn look(&mut self, callbacks: usize) {
        let given = std::mem::take(&mut self.given);
        let mut waiting = callbacks;
        let mut longest = 0;
        for queue in self.queues.drain(..) {
            let count = queue.waiting();
            waiting = waiting.max(count);
            if count >= longest && !queue.is_limited() {
                (longest, self.longest) = (count, Some(queue));
            }
        }
        if waiting < self.waited + given {
            self.idle = 0;
        }
        self.since_pause += given;
        if self.since_pause >= BETWEEN && waiting > BEHIND && self.idle < PATIENCE {
            (self.idle, self.since_pause) = (self.idle + 1, 0);
            thread::sleep(PAUSE);
        }
        self.waited = waiting;
    }

    /// Returns the number of events that wait now in the queue that was the
    /// longest, among the queues without a limit.
    pub(super) fn backlog(&self) -> usize {
        self.longest.as_ref().map_or(0, |queue| queue.waiting())
    }

    /// Returns true if the reader thread should parse events. While listeners
    /// keep up, they parse events themselves, so that the threads share the
    /// work. And if a listener only looks at the kind of an event, the event
    /// need not be parsed at all.
    pub(super) fn is_behind(&self) -> bool {
        self.waited > SHARED
    }
}

/// References to the last events of a flood. The reader thread keeps them until
/// the flood is over.
///
/// The reader thread has allocated the events. Because it keeps references
/// longer than the listeners, it is also the thread that frees the events.
/// Freeing memory that another thread has allocated is expensive: with the
/// allocator of glibc, both threads wait for one lock.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: VecDeque<Arc<Event>>,
    /// The number of events in the current read.
    new: usize,
}

impl Recent {
    /// Keeps a reference to an event, unless the event is large. Drops the
    /// oldest reference if [`KEPT`] references are kept already.
    pub(super) fn keep(&mut self, event: &Arc<Event>) {
        self.new += 1;
        if event.reply().size() > SMALL {
            return;
        }
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event.clone());
    }

    /// Records the end of a read. Drops all references if the flood is over.
    pub(super) fn end_of_read(&mut self) {
        if self.new < FLOOD {
            self.events.clear();
        }
        self.new = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;
    use scape_proto::control::Decoder;

    fn queue_of(waiting: usize) -> Arc<Queue> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let queue = Queue::new(sender, None);
        // Leave the channel open. Nobody takes the events.
        std::mem::forget(receiver);
        queue.push((0..waiting).map(|_| event()).collect());
        Arc::new(queue)
    }

    fn event() -> Arc<Event> {
        let mut decoder = Decoder::default();
        decoder.feed(b"650 BW 1 2\r\n");
        Arc::new(Event::parse(decoder.next_reply().unwrap().unwrap(), SystemTime::now()))
    }

    #[test]
    fn reader_stops_pausing_for_a_listener_that_hangs() {
        let queue = queue_of(BEHIND + 1);
        let mut pace = Pace::default();
        let begun = Instant::now();
        for _ in 0..100_000 {
            pace.given = BETWEEN;
            pace.handed_to(queue.clone());
            pace.look(0);
            // The listener has taken nothing of what was handed over.
            pace.waited = 0;
        }
        assert_eq!(pace.idle, PATIENCE);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn backlog_is_that_of_the_longest_queue_without_a_limit() {
        let (sender, _receiver) = crossbeam_channel::unbounded();
        let limited = Arc::new(Queue::new(sender, Some(9)));
        limited.push(vec![event(); 9]);
        let mut pace = Pace::default();
        for queue in [queue_of(2), queue_of(5), limited, queue_of(3)] {
            pace.handed_to(queue);
        }
        pace.look(1);
        assert_eq!((pace.backlog(), pace.waited), (5, 9));
    }

    #[test]
    fn reader_parses_events_only_if_listeners_are_behind() {
        let mut pace = Pace::default();
        assert!(!pace.is_behind());
        pace.handed_to(queue_of(SHARED));
        pace.look(0);
        assert!(!pace.is_behind());
        pace.look(SHARED + 1);
        assert!(pace.is_behind());
        pace.look(0);
        assert!(!pace.is_behind());
    }

    #[test]
    fn flood_of_events_is_kept_up_to_a_limit_and_forgotten_at_its_end() {
        let mut recent = Recent::default();
        let first = event();
        recent.keep(&first);
        for _ in 0..KEPT - 1 {
            recent.keep(&event());
        }
        recent.end_of_read();
        assert_eq!((recent.events.len(), Arc::strong_count(&first)), (KEPT, 2));
        recent.keep(&event());
        assert_eq!((recent.events.len(), Arc::strong_count(&first)), (KEPT, 1));
        recent.end_of_read();
        assert!(recent.events.is_empty());
    }
}
