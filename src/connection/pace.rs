//! What keeps floods of events cheap, in time and in memory. What it is good
//! for was measured: `docs/benchmarks.md`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::routes::Queue;
use crate::event::Event;

/// How many events are handed over at once, at most.
const BATCH: usize = 128;

/// How many events may wait until the reader thread reads what they say,
/// instead of leaving that to their listener.
const SHARED: usize = 512;

/// How many events may wait until the reader thread lets listeners run.
const BEHIND: usize = 1024;

/// How many events it gives before it does so again: pauses take a small part
/// of a flood's time, at most.
const BETWEEN: usize = 512;

/// How long it lets them. (The system makes it a little longer.)
const PAUSE: Duration = Duration::from_micros(50);

/// How often it lets one run that takes nothing meanwhile: one that hangs is
/// not waited for any more.
const PATIENCE: u32 = 20;

/// How many events the reader thread holds on to.
const KEPT: usize = 1024;

/// An event of more bytes than this is not held on to.
const SMALL: usize = 2048;

/// Fewer events than this are the end of a flood.
const FLOOD: usize = 16;

/// The reader thread's pace: it may do a part of the listeners' work, and let
/// them run for a moment, but waits for nobody.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The subscriptions that the events went to that were handed over last.
    queues: Vec<Arc<Queue>>,
    /// How many events were given since the last look.
    given: usize,
    /// How many waited, at the last look.
    waited: usize,
    /// How many were given since the last pause.
    since_pause: usize,
    /// How often it paused since a listener took anything.
    idle: u32,
}

impl Pace {
    /// There is one more event to be handed over. Whether there are enough of
    /// them.
    pub(super) fn count(&mut self) -> bool {
        self.given += 1;
        self.given >= BATCH
    }

    /// Events were handed to this subscription.
    pub(super) fn handed_to(&mut self, queue: Arc<Queue>) {
        self.queues.push(queue);
    }

    /// Looks how far listeners are behind; `callbacks` events wait for
    /// callbacks.
    pub(super) fn look(&mut self, callbacks: usize) {
        let given = std::mem::take(&mut self.given);
        let waiting =
            self.queues.drain(..).map(|queue| queue.waiting()).max().unwrap_or(0).max(callbacks);
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

    /// Whether the reader thread should read what an event says. As long as
    /// listeners keep up, that is theirs, so that both threads share the work;
    /// and one who looks at nothing but the kind saves it.
    pub(super) fn is_behind(&self) -> bool {
        self.waited > SHARED
    }
}

/// The last events of a flood, held on to by the reader thread.
///
/// When their listeners have dropped them, their memory is given back by the
/// thread that took it. For an allocator, to give back another thread's memory
/// is dear: with glibc's, both threads wait for one lock.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: VecDeque<Arc<Event>>,
    /// How many came since the last read.
    new: usize,
}

impl Recent {
    /// Holds on to an event.
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

    /// Everything that one read brought has been kept. Nothing stays when the
    /// flood is over.
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
    use crate::protocol::Decoder;

    fn queue_of(waiting: usize) -> Arc<Queue> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let queue = Queue::new(sender, None);
        // Nobody takes them.
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
    fn a_listener_that_hangs_is_not_waited_for_again_and_again() {
        let queue = queue_of(BEHIND + 1);
        let mut pace = Pace::default();
        let begun = Instant::now();
        for _ in 0..100_000 {
            pace.given = BETWEEN;
            pace.handed_to(queue.clone());
            pace.look(0);
            // It has taken nothing of what was given.
            pace.waited = 0;
        }
        assert_eq!(pace.idle, PATIENCE);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn who_keeps_up_reads_for_himself() {
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
    fn a_flood_is_kept_up_to_a_limit_and_forgotten_at_its_end() {
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
