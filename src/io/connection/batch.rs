//! The type [`Batch`]: events that arrived with one read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::item::EventItem;
use scape_proto::event::Event;

/// Events that were read together, in tor's order. Received from
/// [`Subscription::receiver`](super::Subscription::receiver).
///
/// A batch may also have gaps: places where events are missing.
/// [`pop_item`](Self::pop_item) returns events and gaps. The other methods skip
/// gaps, so a batch that has only gaps is empty for them. Dropping a batch
/// discards the events that are left in it.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::event::EventKind;
///
/// let events = controller.subscribe([EventKind::Bw])?;
/// for event in events.receiver().recv()? {
///     assert_eq!(event.text(), "BW 1024 512");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    events: VecDeque<Arc<Event>>,
    /// The number of events that were taken out so far.
    taken: usize,
    /// The gaps, in order. Each comes with the number of this batch's events
    /// that precede the gap, including those that were taken out.
    gaps: VecDeque<(usize, Gap)>,
    /// The number of events that wait in all batches of one queue. The queue
    /// compares this number with its limit.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Gap {
    Item(EventItem),
    Lost(Arc<Lost>),
}

/// The number of events that are missing in one gap. The number may grow until
/// the gap is read, and is 0 after that.
#[derive(Debug)]
pub(super) struct Lost(AtomicU64);

impl Lost {
    pub(super) fn new(count: u64) -> Arc<Self> {
        Arc::new(Lost(AtomicU64::new(count)))
    }

    /// Adds `count` to the number of missing events. Returns false, and adds
    /// nothing, if the gap was read already.
    pub(super) fn add(&self, count: u64) -> bool {
        let add = |known: u64| (known > 0).then_some(known + count);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_ok()
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

impl Batch {
    pub(super) fn new(events: Vec<Arc<Event>>, waiting: Arc<AtomicUsize>) -> Self {
        Batch { events: events.into(), taken: 0, gaps: VecDeque::new(), waiting }
    }

    /// Creates a batch that has only `gap`, and no events.
    pub(super) fn gap(gap: EventItem, waiting: Arc<AtomicUsize>) -> Self {
        Self::with_gap(Gap::Item(gap), waiting)
    }

    /// Creates a batch that has only a gap, in which `lost` events are missing.
    pub(super) fn lost(lost: Arc<Lost>, waiting: Arc<AtomicUsize>) -> Self {
        Self::with_gap(Gap::Lost(lost), waiting)
    }

    fn with_gap(gap: Gap, waiting: Arc<AtomicUsize>) -> Self {
        let mut batch = Self::new(Vec::new(), waiting);
        batch.gaps.push_back((0, gap));
        batch
    }

    /// Removes and returns the next event, in tor's order, or `None` if no
    /// events are left. Skips gaps.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// let mut batch = events.receiver().recv()?;
    /// assert_eq!(batch.pop().map(|event| event.text()).as_deref(), Some("BW 1024 512"));
    /// assert!(batch.pop().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        while self.gaps.front().is_some_and(|(before, _)| *before <= self.taken) {
            self.gaps.pop_front();
        }
        self.taken += 1;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        Some(event)
    }

    /// Removes and returns the next event or gap, or `None` if neither is left.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::connection::EventItem;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// let mut batch = events.receiver().recv()?;
    /// while let Some(item) = batch.pop_item() {
    ///     match item {
    ///         EventItem::Event(event) => assert_eq!(event.text(), "BW 1024 512"),
    ///         gap => println!("events are missing: {gap:?}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_item(&mut self) -> Option<EventItem> {
        if self.gaps.front().is_some_and(|(before, _)| *before <= self.taken) {
            return self.gaps.pop_front().map(|(_, gap)| match gap {
                Gap::Item(item) => item,
                Gap::Lost(lost) => EventItem::Missed(lost.take()),
            });
        }
        self.pop().map(EventItem::Event)
    }

    /// Appends the events and gaps of a later batch of the same queue.
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

/// An iterator over the events of a [`Batch`].
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
        Batch::lost(Lost::new(gap), Arc::default())
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
