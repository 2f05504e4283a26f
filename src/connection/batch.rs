//! Events that one read brought together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::item::EventItem;
use crate::event::Event;

/// Some events, in tor's order: what [`Subscription::receiver`](super::Subscription::receiver) gives.
///
/// A batch may also tell of gaps between the events, which [`pop_item`](Self::pop_item) returns and the other methods
/// skip. So a batch can be empty. A batch that is dropped before its end counts as read.
#[derive(Debug)]
pub struct Batch {
    events: VecDeque<Arc<Event>>,
    /// How many events were taken out so far.
    taken: usize,
    /// The gaps, each with the number of events that come before it, those included that were taken.
    gaps: VecDeque<(usize, EventItem)>,
    /// The number of events that wait in the queue, for its limit.
    waiting: Arc<AtomicUsize>,
}

impl Batch {
    pub(super) fn new(events: Vec<Arc<Event>>, waiting: Arc<AtomicUsize>) -> Self {
        Batch { events: events.into(), taken: 0, gaps: VecDeque::new(), waiting }
    }

    /// Adds a gap before the first event.
    pub(super) fn with_gap(mut self, gap: EventItem) -> Self {
        self.gaps.push_front((self.taken, gap));
        self
    }

    /// Takes out the next event, in tor's order. Skips gaps.
    pub fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        while self.gaps.front().is_some_and(|(before, _)| *before <= self.taken) {
            self.gaps.pop_front();
        }
        self.taken += 1;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        Some(event)
    }

    /// Takes out the next event or gap.
    pub fn pop_item(&mut self) -> Option<EventItem> {
        if self.gaps.front().is_some_and(|(before, _)| *before <= self.taken) {
            return self.gaps.pop_front().map(|(_, gap)| gap);
        }
        self.pop().map(EventItem::Event)
    }

    /// Appends the events of another batch of the same queue.
    pub(super) fn append(&mut self, mut later: Batch) {
        let before = self.taken + self.events.len();
        let gaps = later.gaps.drain(..).map(|(at, gap)| (before + at - later.taken, gap));
        self.gaps.extend(gaps);
        self.events.append(&mut later.events);
    }

    /// Returns true if neither events nor gaps are left.
    pub(super) fn is_used_up(&self) -> bool {
        self.events.is_empty() && self.gaps.is_empty()
    }

    /// Returns the number of events that are left.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns true if no events are left.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.events.len(), Ordering::AcqRel);
    }
}

impl IntoIterator for Batch {
    type Item = Arc<Event>;
    type IntoIter = BatchIter;

    fn into_iter(self) -> BatchIter {
        BatchIter(self)
    }
}

/// The events of a [`Batch`].
#[derive(Debug)]
pub struct BatchIter(Batch);

impl Iterator for BatchIter {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        self.0.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for BatchIter {}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(gap: u64) -> Batch {
        Batch::new(Vec::new(), Arc::default()).with_gap(EventItem::Missed(gap))
    }

    fn gap(item: Option<EventItem>) -> Option<u64> {
        match item {
            Some(EventItem::Missed(count)) => Some(count),
            _ => None,
        }
    }

    #[test]
    fn gaps_of_appended_batches_keep_their_order() {
        let mut first = batch(1);
        first.append(batch(2));
        assert!(first.is_empty() && first.pop().is_none() && !first.is_used_up());
        assert_eq!((gap(first.pop_item()), gap(first.pop_item())), (Some(1), Some(2)));
        assert!(first.pop_item().is_none() && first.is_used_up());
    }
}
