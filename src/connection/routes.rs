//! Who wants which events.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::batch::Batch;
use super::dispatcher::Callback;
use super::item::EventItem;
use super::status::Reconnected;
use crate::error::Closed;
use crate::event::Event;
use crate::types::EventKind;

/// The register of subscriptions and callbacks. The reader thread works with a table of its own and looks here only
/// when the version has changed, so that an event costs no lock.
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

/// An entry of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouteId(u64);

/// What is told of events on the reader thread, before anybody else: live state, caches. It must not block, and not call
/// the connection.
pub(crate) trait Tracker: Send + Sync {
    /// An event of a kind that it is registered for.
    fn event(&self, event: &Arc<Event>);

    /// The connection has ended, so events will be missing; `returns` where another is expected to follow.
    fn ended(&self, _closed: &Closed, _returns: bool) {}

    /// The connection was made again and is open to callers from now on. This
    /// tracker may have got events of the new connection already, because
    /// trackers get events while everything is given back.
    fn resumed(&self) {}
}

/// Where events go.
#[derive(Clone)]
pub(super) enum Target {
    Tracker(Arc<dyn Tracker>),
    Queue(Arc<Queue>),
    Callback(Arc<Callback>),
}

/// What the reader thread looks events up in.
#[derive(Default)]
pub(super) struct RouteTable {
    version: u64,
    by_kind: HashMap<Box<[u8]>, Route>,
}

/// Everybody who wants one kind of event.
#[derive(Default)]
pub(super) struct Route {
    pub(super) trackers: Vec<Arc<dyn Tracker>>,
    pub(super) queues: Vec<Arc<Queue>>,
    pub(super) callbacks: Arc<[Arc<Callback>]>,
}

impl RouteTable {
    /// Who wants the events of this name.
    pub(super) fn route(&self, kind: &[u8]) -> Option<&Route> {
        self.by_kind.get(kind)
    }
}

impl Routes {
    /// Adds an entry; from now on its events go to `target`.
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

    /// Removes an entry; what the reader already has in hand may still come.
    pub(super) fn remove(&self, id: RouteId) {
        let mut register = self.register.lock();
        let removed = register.routes.iter().position(|(known, ..)| *known == id);
        let removed = removed.map(|at| register.routes.remove(at));
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(register);
        // Outside of the lock: it may be the last that holds a user's closure.
        drop(removed);
    }

    /// Every kind that somebody wants.
    pub(super) fn union(&self) -> BTreeSet<EventKind> {
        let register = self.register.lock();
        register.routes.iter().flat_map(|(_, kinds, _)| kinds).cloned().collect()
    }

    /// Brings a reader's table up to date.
    pub(super) fn refresh(&self, table: &mut Arc<RouteTable>) {
        if table.version == self.version.load(Ordering::SeqCst) {
            return;
        }
        let register = self.register.lock();
        let version = self.version.load(Ordering::SeqCst);
        let mut by_kind: HashMap<Box<[u8]>, Route> = HashMap::new();
        let mut callbacks: HashMap<&EventKind, Vec<Arc<Callback>>> = HashMap::new();
        for (_, kinds, target) in &register.routes {
            for kind in kinds {
                let route = by_kind.entry(kind.as_str().as_bytes().into()).or_default();
                match target {
                    Target::Tracker(tracker) => route.trackers.push(tracker.clone()),
                    Target::Queue(queue) => route.queues.push(queue.clone()),
                    Target::Callback(callback) => callbacks.entry(kind).or_default().push(callback.clone()),
                }
            }
        }
        for (kind, callbacks) in callbacks {
            if let Some(route) = by_kind.get_mut(kind.as_str().as_bytes()) {
                route.callbacks = callbacks.into();
            }
        }
        drop(register);
        *table = Arc::new(RouteTable { version, by_kind });
    }

    /// Ends every queue and tracker, with the cause, forgets everything, and refuses new entries.
    pub(super) fn end(&self, closed: &Closed) {
        end_targets(self.take(closed, |_| true), closed);
    }

    /// Ends every queue, with the cause, and refuses new entries. Callbacks and trackers stay, should the connection be
    /// made again.
    pub(super) fn end_queues(&self, closed: &Closed) {
        end_targets(self.take(closed, |target| matches!(target, Target::Queue(_))), closed);
        for tracker in self.trackers() {
            tracker.ended(closed, false);
        }
    }

    /// Events will be missing, but others are expected.
    pub(super) fn interrupt(&self, closed: &Closed) {
        self.each_queue(|queue| queue.interrupt(closed));
        for tracker in self.trackers() {
            tracker.ended(closed, true);
        }
    }

    /// Forgets the events that came on a link that was never open to callers; `returns` if another is expected.
    pub(super) fn forget_restoring(&self, closed: &Closed, returns: bool) {
        self.each_queue(Queue::forget_kept);
        for tracker in self.trackers() {
            tracker.ended(closed, returns);
        }
    }

    /// Forgets what the reader of a link that has ended may have kept for the next one.
    pub(super) fn forget_kept(&self) {
        self.each_queue(Queue::forget_kept);
    }

    /// Tells that the connection is open again, and takes new entries again.
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
        let (taken, kept) =
            std::mem::take(&mut register.routes).into_iter().partition(|(_, _, target)| is_taken(target));
        register.routes = kept;
        let taken: Vec<(RouteId, Vec<EventKind>, Target)> = taken;
        taken.into_iter().map(|(_, _, target)| target).collect()
    }
}

/// Outside of the lock: a target may be the last that holds a user's closure.
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
        f.debug_struct("Routes").field("entries", &self.register.lock().routes.len()).finish_non_exhaustive()
    }
}

/// A subscription's queue, as the reader thread sees it.
#[derive(Debug)]
pub(super) struct Queue {
    /// At most this many events may wait.
    limit: Option<usize>,
    waiting: Arc<AtomicUsize>,
    lost: AtomicU64,
    /// How many of the lost events the subscription has not been told of.
    missed: AtomicU64,
    /// How often the connection ended meanwhile, and was awaited again.
    interruptions: AtomicU64,
    end: Mutex<QueueEnd>,
}

#[derive(Debug)]
enum QueueEnd {
    Open(Sender<Batch>),
    /// The connection has ended, and another is expected. What comes on that one is kept until it is open to callers.
    Down(Sender<Batch>, Vec<Vec<Arc<Event>>>),
    Closed(Closed),
}

impl Queue {
    pub(super) fn new(sender: Sender<Batch>, limit: Option<usize>) -> Self {
        Queue {
            limit,
            waiting: Arc::default(),
            lost: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            interruptions: AtomicU64::new(0),
            end: Mutex::new(QueueEnd::Open(sender)),
        }
    }

    /// Appends events. Those that find no room are counted and lost.
    pub(super) fn push(&self, events: Vec<Arc<Event>>) {
        match &mut *self.end.lock() {
            QueueEnd::Open(sender) => self.send(sender, events),
            QueueEnd::Down(_, kept) => kept.push(events),
            QueueEnd::Closed(_) => {}
        }
    }

    fn send(&self, sender: &Sender<Batch>, mut events: Vec<Arc<Event>>) {
        let lost = self.take_room(&mut events);
        if !events.is_empty() {
            self.waiting.fetch_add(events.len(), Ordering::AcqRel);
            let batch = Batch::new(events, self.waiting.clone());
            let batch = match self.take_missed() {
                Some(missed) => batch.with_gap(EventItem::Missed(missed)),
                None => batch,
            };
            // Nobody receives: the subscription is being dropped.
            let _ = sender.send(batch);
        }
        self.missed.fetch_add(lost, Ordering::AcqRel);
    }

    /// Takes away the events that find no room. Returns how many these are.
    fn take_room(&self, events: &mut Vec<Arc<Event>>) -> u64 {
        let Some(limit) = self.limit else { return 0 };
        let room = limit.saturating_sub(self.waiting.load(Ordering::Acquire));
        let lost = events.len().saturating_sub(room) as u64;
        if lost > 0 {
            if self.lost.fetch_add(lost, Ordering::AcqRel) == 0 {
                log::warn!(target: "scape::events", "a subscription's queue of {limit} events is full; events are lost");
            }
            events.truncate(room);
        }
        lost
    }

    fn send_gap(&self, sender: &Sender<Batch>, gap: EventItem) {
        let mut batch = Batch::new(Vec::new(), self.waiting.clone()).with_gap(gap);
        if let Some(missed) = self.take_missed() {
            batch = batch.with_gap(EventItem::Missed(missed));
        }
        let _ = sender.send(batch);
    }

    /// Returns how many events were lost since this was last asked.
    pub(super) fn take_missed(&self) -> Option<u64> {
        Some(self.missed.swap(0, Ordering::AcqRel)).filter(|missed| *missed > 0)
    }

    /// Tells that the connection has ended and another is expected.
    fn interrupt(&self, closed: &Closed) {
        self.interruptions.fetch_add(1, Ordering::AcqRel);
        let mut end = self.end.lock();
        if let QueueEnd::Open(sender) = &*end {
            self.send_gap(sender, EventItem::Disconnected(closed.clone()));
            *end = QueueEnd::Down(sender.clone(), Vec::new());
        }
    }

    /// Forgets the events of a connection that was never open to callers.
    fn forget_kept(&self) {
        if let QueueEnd::Down(_, kept) = &mut *self.end.lock() {
            kept.clear();
        }
    }

    /// Tells that the connection is open again, and hands over what came on it so far.
    fn resume(&self, reconnected: &Reconnected) {
        let mut end = self.end.lock();
        let (sender, kept) = match &mut *end {
            QueueEnd::Open(sender) => (sender.clone(), Vec::new()),
            QueueEnd::Down(sender, kept) => (sender.clone(), std::mem::take(kept)),
            QueueEnd::Closed(_) => return,
        };
        self.send_gap(&sender, EventItem::Reconnected(reconnected.clone()));
        for events in kept {
            self.send(&sender, events);
        }
        *end = QueueEnd::Open(sender);
    }

    /// Nothing follows, because of this.
    fn end(&self, closed: Closed) {
        let mut end = self.end.lock();
        if let QueueEnd::Open(sender) = &*end {
            self.send_gap(sender, EventItem::Disconnected(closed.clone()));
        }
        *end = QueueEnd::Closed(closed);
    }

    /// Why nothing follows.
    pub(super) fn cause(&self) -> Option<Closed> {
        match &*self.end.lock() {
            QueueEnd::Open(_) | QueueEnd::Down(..) => None,
            QueueEnd::Closed(closed) => Some(closed.clone()),
        }
    }

    /// How often the connection was interrupted so far.
    pub(super) fn interruptions(&self) -> u64 {
        self.interruptions.load(Ordering::Acquire)
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How many events were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }
}
