//! The routes: which trackers, subscriptions and callbacks want which events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::batch::{Batch, Lost};
use super::dispatcher::Callback;
use super::item::EventItem;
use super::status::Reconnected;
use crate::io::connection::{CloseCause, Closed};
use scape_proto::event::{Event, EventKind};

/// The register of trackers, subscriptions and callbacks. The reader thread
/// works with a copy, a [`RouteTable`], and takes the lock of the register only
/// when `version` has changed. So an event costs no lock.
#[derive(Default)]
pub(super) struct Routes {
    version: AtomicU64,
    register: Mutex<Register>,
}

#[derive(Default)]
struct Register {
    next_id: u64,
    routes: Vec<(RouteId, Vec<EventKind>, Target)>,
    closed: Option<Closed>,
}

/// The id of an entry of [`Routes`]. An entry is a tracker, a subscription or a
/// callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouteId(u64);

/// A consumer of events on the reader thread, such as live state or a cache. A
/// tracker gets each event before subscriptions and callbacks do. The methods
/// of a tracker must not block, and must not call methods of the connection.
pub(crate) trait Tracker: Send + Sync {
    /// Called with each event of a kind that the tracker is registered for.
    fn event(&self, event: &Arc<Event>);

    /// Called when the connection has ended, or when a reconnect has failed
    /// before the connection was open to callers. The tracker misses the events
    /// that tor sends until the next connection. `returns` is true if another
    /// connection is expected to follow, and false if not.
    fn ended(&self, _closed: &Closed, _returns: bool) {}

    /// Called when the connection was opened again and is open to callers. The
    /// tracker may have got events of the new connection before this call,
    /// because trackers also get events while a reconnect is restoring what
    /// this controller made.
    fn resumed(&self) {}
}

/// A destination of events: a tracker, the queue of a subscription, or a
/// callback.
#[derive(Clone)]
pub(super) enum Target {
    Tracker(Arc<dyn Tracker>),
    Queue(Arc<Queue>),
    Callback(Arc<Callback>),
}

/// The table in which the reader thread looks up the destinations of events.
#[derive(Default)]
pub(super) struct RouteTable {
    version: u64,
    /// The destinations by the names of events, sorted by name. There are fewer
    /// than fifty kinds of events, so a search takes a few comparisons. Hashing
    /// the name of each event takes longer.
    by_kind: Vec<(Box<[u8]>, Route)>,
}

/// The destinations of one kind of event.
#[derive(Default)]
pub(super) struct Route {
    pub(super) trackers: Vec<Arc<dyn Tracker>>,
    pub(super) queues: Vec<Arc<Queue>>,
    pub(super) callbacks: Arc<[Arc<Callback>]>,
}

impl RouteTable {
    /// Returns the destinations of the events with this name, or `None` if
    /// nothing wants them.
    pub(super) fn route(&self, kind: &[u8]) -> Option<&Route> {
        let at = self.by_kind.binary_search_by(|(name, _)| name.as_ref().cmp(kind)).ok()?;
        self.by_kind.get(at).map(|(_, route)| route)
    }
}

impl Routes {
    /// Adds an entry, so that events of these kinds go to `target` from now on.
    /// Fails with the cause if the connection has ended.
    pub(super) fn add(&self, kinds: Vec<EventKind>, target: Target) -> Result<RouteId, Closed> {
        let mut register = self.register.lock();
        if let Some(closed) = &register.closed {
            return Err(closed.clone());
        }
        register.next_id += 1;
        let id = RouteId(register.next_id);
        register.routes.push((id, kinds, target));
        self.version.fetch_add(1, Ordering::SeqCst);
        Ok(id)
    }

    /// Removes an entry. The target may still get events that the reader thread
    /// is handing over at this moment.
    pub(super) fn remove(&self, id: RouteId) {
        let mut register = self.register.lock();
        let removed = register.routes.iter().position(|(known, ..)| *known == id);
        let removed = removed.map(|at| register.routes.remove(at));
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(register);
        // The target is dropped without the lock, because this may drop a
        // user's closure.
        drop(removed);
    }

    /// Returns all kinds of events that any tracker, subscription or callback
    /// wants.
    pub(super) fn union(&self) -> BTreeSet<EventKind> {
        let register = self.register.lock();
        register.routes.iter().flat_map(|(_, kinds, _)| kinds).cloned().collect()
    }

    /// Updates the reader thread's table if the register has changed since the
    /// last call.
    pub(super) fn refresh(&self, table: &mut Arc<RouteTable>) {
        if table.version == self.version.load(Ordering::SeqCst) {
            return;
        }
        let register = self.register.lock();
        let version = self.version.load(Ordering::SeqCst);
        // The map is sorted by name, as the table must be.
        let mut by_kind: BTreeMap<&[u8], (Route, Vec<Arc<Callback>>)> = BTreeMap::new();
        for (_, kinds, target) in &register.routes {
            for kind in kinds {
                let (route, callbacks) = by_kind.entry(kind.as_str().as_bytes()).or_default();
                match target {
                    Target::Tracker(tracker) => route.trackers.push(tracker.clone()),
                    Target::Queue(queue) => route.queues.push(queue.clone()),
                    Target::Callback(callback) => callbacks.push(callback.clone()),
                }
            }
        }
        let by_kind = by_kind.into_iter().map(|(name, (route, callbacks))| {
            (name.into(), Route { callbacks: callbacks.into(), ..route })
        });
        let by_kind = by_kind.collect();
        drop(register);
        *table = Arc::new(RouteTable { version, by_kind });
    }

    /// Ends every queue and tracker with this cause, removes all entries, and
    /// refuses new ones from now on.
    pub(super) fn end(&self, closed: &Closed) {
        end_targets(self.take(closed, |_| true), closed);
    }

    /// Ends every queue with this cause, and refuses new entries until
    /// [`resume`](Self::resume). Tells trackers of the end. Trackers and
    /// callbacks stay, because the connection may be opened again.
    pub(super) fn end_queues(&self, closed: &Closed) {
        end_targets(self.take(closed, |target| matches!(target, Target::Queue(_))), closed);
        for tracker in self.trackers() {
            tracker.ended(closed, false);
        }
    }

    /// Tells queues and trackers that the link has ended and another is
    /// expected. The events that tor sends until that link is authenticated are
    /// missing.
    pub(super) fn interrupt(&self, closed: &Closed) {
        self.each_queue(|queue| queue.interrupt(closed));
        for tracker in self.trackers() {
            tracker.ended(closed, true);
        }
    }

    /// Drops the stored events of a link that ended before it was open to
    /// callers, and tells trackers of this end. `returns` is true if another
    /// link is expected, and false if not.
    pub(super) fn forget_restoring(&self, closed: &Closed, returns: bool) {
        self.each_queue(Queue::forget_kept);
        for tracker in self.trackers() {
            tracker.ended(closed, returns);
        }
    }

    /// Tells queues and trackers that the connection is open again. Accepts new
    /// entries again if [`end_queues`](Self::end_queues) had refused them.
    pub(super) fn resume(&self, reconnected: &Reconnected) {
        self.register.lock().closed = None;
        self.each_queue(|queue| queue.resume(reconnected));
        for tracker in self.trackers() {
            tracker.resumed();
        }
    }

    fn each_queue(&self, tell: impl Fn(&Queue)) {
        for (_, _, target) in &self.register.lock().routes {
            if let Target::Queue(queue) = target {
                tell(queue);
            }
        }
    }

    fn trackers(&self) -> Vec<Arc<dyn Tracker>> {
        let register = self.register.lock();
        let trackers = register.routes.iter().filter_map(|(_, _, target)| match target {
            Target::Tracker(tracker) => Some(tracker.clone()),
            _ => None,
        });
        trackers.collect()
    }

    fn take(&self, closed: &Closed, is_taken: impl Fn(&Target) -> bool) -> Vec<Target> {
        let mut register = self.register.lock();
        register.closed = Some(closed.clone());
        self.version.fetch_add(1, Ordering::SeqCst);
        let (taken, kept) = std::mem::take(&mut register.routes)
            .into_iter()
            .partition(|(_, _, target)| is_taken(target));
        register.routes = kept;
        let taken: Vec<(RouteId, Vec<EventKind>, Target)> = taken;
        taken.into_iter().map(|(_, _, target)| target).collect()
    }
}

/// Tells queues and trackers of the connection's end, and drops all `targets`.
/// The caller must not hold the register's lock, because dropping a callback
/// drops a user's closure, which may run any code.
fn end_targets(targets: Vec<Target>, closed: &Closed) {
    for target in targets {
        match target {
            Target::Queue(queue) => queue.end(closed.clone()),
            Target::Tracker(tracker) => tracker.ended(closed, false),
            Target::Callback(_) => {}
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("entries", &self.register.lock().routes.len())
            .finish_non_exhaustive()
    }
}

/// The side of a subscription's queue into which the reader thread puts events.
#[derive(Debug)]
pub(super) struct Queue {
    /// The maximum number of events that may wait in the queue. `None` if there
    /// is no limit.
    limit: Option<usize>,
    waiting: Arc<AtomicUsize>,
    lost: AtomicU64,
    /// The number of times that the connection ended while another connection
    /// was expected to follow.
    interruptions: AtomicU64,
    end: Mutex<QueueEnd>,
}

#[derive(Debug)]
enum QueueEnd {
    Open(Outlet),
    /// The connection has ended, and another is expected. Events of the next
    /// connection are stored here until it is open to callers.
    Down(Outlet, Kept),
    Closed(Closed),
}

/// The sending end of a queue.
#[derive(Debug)]
struct Outlet {
    sender: Sender<Batch>,
    /// The number of events that were lost after the last batch that was sent.
    /// `None` if none was lost.
    lost: Option<Arc<Lost>>,
}

/// The stored events of a connection that isn't open to callers yet.
#[derive(Debug, Default)]
struct Kept {
    batches: Vec<Vec<Arc<Event>>>,
    count: usize,
    /// The number of events that came after the stored ones and found no room.
    lost: u64,
}

impl Queue {
    pub(super) fn new(sender: Sender<Batch>, limit: Option<usize>) -> Self {
        Queue {
            limit,
            waiting: Arc::default(),
            lost: AtomicU64::new(0),
            interruptions: AtomicU64::new(0),
            end: Mutex::new(QueueEnd::Open(Outlet { sender, lost: None })),
        }
    }

    /// Appends events. Events that find no room are dropped and counted as
    /// lost.
    pub(super) fn push(&self, events: Vec<Arc<Event>>) {
        match &mut *self.end.lock() {
            QueueEnd::Open(outlet) => self.send(outlet, events),
            QueueEnd::Down(_, kept) => self.keep(kept, events),
            QueueEnd::Closed(_) => {}
        }
    }

    fn send(&self, outlet: &mut Outlet, mut events: Vec<Arc<Event>>) {
        let lost = self.take_room(&mut events, 0);
        if !events.is_empty() {
            self.waiting.fetch_add(events.len(), Ordering::AcqRel);
            outlet.lost = None;
            // Sending only fails if the subscription is being dropped.
            let _ = outlet.sender.send(Batch::new(events, self.waiting.clone()));
        }
        self.tell_lost(outlet, lost);
    }

    /// Stores events until the connection is open to callers. Events that find
    /// no room are counted as lost.
    fn keep(&self, kept: &mut Kept, mut events: Vec<Arc<Event>>) {
        kept.lost += self.take_room(&mut events, kept.count);
        kept.count += events.len();
        if !events.is_empty() {
            kept.batches.push(events);
        }
    }

    /// Removes the events for which the queue has no room, and returns their
    /// number. `kept` is the number of events that are stored until the
    /// connection is open again. They take up room like waiting events.
    fn take_room(&self, events: &mut Vec<Arc<Event>>, kept: usize) -> u64 {
        let Some(limit) = self.limit else { return 0 };
        let room = limit.saturating_sub(self.waiting.load(Ordering::Acquire)).saturating_sub(kept);
        let lost = events.len().saturating_sub(room) as u64;
        events.truncate(room);
        lost
    }

    /// Counts lost events and queues a gap for them. If the queue already ends
    /// with a gap of lost events, this gap grows instead. A new gap wakes a
    /// thread that waits for an event.
    fn tell_lost(&self, outlet: &mut Outlet, lost: u64) {
        if lost == 0 {
            return;
        }
        if self.lost.fetch_add(lost, Ordering::AcqRel) == 0
            && let Some(limit) = self.limit
        {
            log::warn!(target: "scape::events", "events are lost: a subscription's queue of {limit} events is full");
        }
        if outlet.lost.as_ref().is_some_and(|known| known.add(lost)) {
            return;
        }
        let told = Lost::new(lost);
        outlet.lost = Some(told.clone());
        let _ = outlet.sender.send(Batch::lost(told, self.waiting.clone()));
    }

    fn send_gap(&self, outlet: &mut Outlet, gap: EventItem) {
        outlet.lost = None;
        let _ = outlet.sender.send(Batch::gap(gap, self.waiting.clone()));
    }

    /// Records that the connection has ended and another is expected.
    fn interrupt(&self, closed: &Closed) {
        self.interruptions.fetch_add(1, Ordering::AcqRel);
        self.change(|end| match end {
            QueueEnd::Open(mut outlet) => {
                self.send_gap(&mut outlet, EventItem::Disconnected(closed.clone()));
                QueueEnd::Down(outlet, Kept::default())
            }
            end => end,
        });
    }

    /// Drops the stored events of a connection that ended before it was open to
    /// callers.
    fn forget_kept(&self) {
        if let QueueEnd::Down(_, kept) = &mut *self.end.lock() {
            *kept = Kept::default();
        }
    }

    /// Records that the connection is open again, and queues the events that
    /// were stored during the reconnect.
    fn resume(&self, reconnected: &Reconnected) {
        self.change(|end| {
            let (mut outlet, kept) = match end {
                QueueEnd::Open(outlet) => (outlet, Kept::default()),
                QueueEnd::Down(outlet, kept) => (outlet, kept),
                QueueEnd::Closed(closed) => return QueueEnd::Closed(closed),
            };
            self.send_gap(&mut outlet, EventItem::Reconnected(reconnected.clone()));
            for events in kept.batches {
                self.send(&mut outlet, events);
            }
            self.tell_lost(&mut outlet, kept.lost);
            QueueEnd::Open(outlet)
        });
    }

    /// Records that the connection has ended for good.
    fn end(&self, closed: Closed) {
        self.change(|end| {
            if let QueueEnd::Open(mut outlet) = end {
                self.send_gap(&mut outlet, EventItem::Disconnected(closed.clone()));
            }
            QueueEnd::Closed(closed)
        });
    }

    fn change(&self, change: impl FnOnce(QueueEnd) -> QueueEnd) {
        let mut end = self.end.lock();
        // Nobody sees this placeholder, because it is replaced under the same
        // lock.
        let present =
            std::mem::replace(&mut *end, QueueEnd::Closed(Closed::new(CloseCause::Local)));
        *end = change(present);
    }

    /// Returns the cause of the queue's end, or `None` as long as events may
    /// still come.
    pub(super) fn cause(&self) -> Option<Closed> {
        match &*self.end.lock() {
            QueueEnd::Open(_) | QueueEnd::Down(..) => None,
            QueueEnd::Closed(closed) => Some(closed.clone()),
        }
    }

    /// Returns the number of times that the connection has ended so far while
    /// another connection was expected to follow.
    pub(super) fn interruptions(&self) -> u64 {
        self.interruptions.load(Ordering::Acquire)
    }

    /// Returns true if the queue has a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Returns the number of events in the queue.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Returns the number of events that were lost so far because the queue was
    /// full.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use crossbeam_channel::unbounded;

    use super::*;
    use scape_proto::control::Decoder;

    fn event() -> Arc<Event> {
        let mut decoder = Decoder::default();
        decoder.feed(b"650 BW 1 2\r\n");
        Arc::new(Event::parse(decoder.next_reply().unwrap().unwrap(), SystemTime::now()))
    }

    #[test]
    fn queue_limit_holds_while_the_connection_is_restored() {
        let (sender, receiver) = unbounded();
        let queue = Queue::new(sender, Some(2));
        queue.interrupt(&Closed::new(CloseCause::Truncated));
        let event = event();
        for _ in 0..5 {
            queue.push(vec![event.clone(); 2]);
        }
        // One reference is the variable, and two are in the queue.
        assert_eq!(Arc::strong_count(&event), 3);
        queue.resume(&Reconnected { failures: Vec::new() });
        assert_eq!((queue.waiting(), queue.lost()), (2, 8));
        let mut items = receiver
            .try_iter()
            .flat_map(|mut batch| std::iter::from_fn(move || batch.pop_item()).collect::<Vec<_>>());
        assert!(matches!(items.next(), Some(EventItem::Disconnected(_))));
        assert!(matches!(items.next(), Some(EventItem::Reconnected(_))));
        assert!(matches!(items.next(), Some(EventItem::Event(_))));
        assert!(matches!(items.next(), Some(EventItem::Event(_))));
        assert!(matches!(items.next(), Some(EventItem::Missed(8))));
        assert!(items.next().is_none());
    }
}
