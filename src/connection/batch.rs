//! Events that one read brought together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::event::Event;

/// Some events, in tor's order: what [`Subscription::receiver`](super::Subscription::receiver) gives.
///
/// A batch that is dropped before its end counts as read.
#[derive(Debug)]
pub struct Batch {
    events: VecDeque<Arc<Event>>,
    /// The number of events that wait in the queue, for its limit.
    waiting: Arc<AtomicUsize>,
}

impl Batch {
    pub(super) fn new(events: Vec<Arc<Event>>, waiting: Arc<AtomicUsize>) -> Self {
        Batch { events: events.into(), waiting }
    }

    /// The next event, in tor's order.
    pub fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        Some(event)
    }

    /// Appends the events of another batch of the same queue.
    pub(super) fn append(&mut self, mut later: Batch) {
        self.events.append(&mut later.events);
    }

    /// The number of events that are left.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none is left.
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
