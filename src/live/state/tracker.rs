//! Applies tor's events on the reader thread, wakes waiting threads and
//! notifies listeners.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::change::{Change, Changes};
use super::model::{Model, Phase};
use super::router_table;
use super::snapshot::Snapshot;
use super::{Inner, State};
use crate::control::{Function, ListenerGuard, Listeners, Questions, ReconnectHook, Subject};
use crate::error::{self, Error, Result};
use crate::io::connection::{Callbacks, CloseCause, Closed, Tracker};
use crate::io::transport::Deadline;
use scape_proto::event::{Event, EventBody, EventKind};

/// The model, with the threads that wait for it to change. The lock is held for
/// microseconds only: never while a consensus is parsed, while a listener runs,
/// or while waiting. (An NS event copies the table of relays under the lock if
/// a snapshot of the table is in use.)
#[derive(Debug)]
pub(super) struct Shared {
    model: Mutex<Model>,
    changed: Condvar,
    /// Notified when the keeper has something to do.
    pub(super) keeper_wake: Condvar,
    pub(super) keeper: Mutex<KeeperTasks>,
    pub(super) listeners: Arc<Listeners<State, Change>>,
    callbacks: Callbacks,
    /// The number of times that the connection has ended. Changed under the
    /// model's lock.
    ends: AtomicU64,
    /// The state for the listeners' handles, as a weak reference.
    pub(super) inner: OnceLock<Weak<Inner>>,
}

/// The pending tasks of the keeper.
#[derive(Debug, Default)]
pub(super) struct KeeperTasks {
    /// tor's guards may have changed without an event.
    pub(super) guards_are_stale: bool,
    /// The time when the next address mapping expires has changed.
    pub(super) addresses_changed: bool,
    pub(super) stop: bool,
}

impl Shared {
    pub(super) fn new(callbacks: Callbacks) -> Arc<Shared> {
        Arc::new(Shared {
            model: Mutex::new(Model::new()),
            changed: Condvar::new(),
            keeper_wake: Condvar::new(),
            keeper: Mutex::default(),
            listeners: Arc::default(),
            callbacks,
            ends: AtomicU64::new(0),
            inner: OnceLock::new(),
        })
    }

    /// Adds a listener for `subject`, or for everything if it is `None`. The
    /// listener is called as long as the guard lives.
    pub(super) fn add_listener(
        &self,
        subject: Option<Subject>,
        function: Function<State, Change>,
    ) -> ListenerGuard<State, Change> {
        self.listeners.add(&self.callbacks, subject, function)
    }

    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock()
    }

    /// Returns a collector of changes, which is inactive if there are no
    /// listeners.
    pub(super) fn changes(&self) -> Changes {
        Changes::new(!self.listeners.is_empty())
    }

    /// Wakes waiting threads and notifies the listeners. Every change that a
    /// caller can see is published. The listeners are notified before the lock
    /// is released, so that they see changes in order.
    pub(super) fn publish(&self, mut model: MutexGuard<'_, Model>, changes: Changes) {
        model.version += 1;
        self.tell(changes.into_list());
        drop(model);
        self.changed.notify_all();
    }

    /// Loads the whole state.
    ///
    /// Returns false if the connection has ended meanwhile. The answer may then
    /// come from another tor, so it is ignored.
    pub(super) fn load(&self, tor: &Questions<'_>) -> Result<bool> {
        let ends = self.begin_loading();
        let snapshot = Snapshot::ask(tor)?;
        let mut changes = self.changes();
        // Only a snapshot and the reader thread change the relays, and the
        // reader thread is keeping its events for later now.
        let routers = self.model().routers.clone();
        let routers = routers.replaced(&snapshot.routers, &mut changes);
        let mut model = self.model();
        if self.ends.load(Ordering::SeqCst) != ends {
            return Ok(false);
        }
        model.load(snapshot, routers, SystemTime::now(), &mut changes);
        self.publish(model, changes);
        self.wake_keeper(|tasks| tasks.addresses_changed = true);
        Ok(true)
    }

    /// Starts to keep events until the snapshot has arrived. Returns the number
    /// of times that the connection has ended.
    fn begin_loading(&self) -> u64 {
        let mut model = self.model();
        if !matches!(model.phase, Phase::Loading(_)) {
            model.phase = Phase::Loading(Vec::new());
        }
        self.ends.load(Ordering::SeqCst)
    }

    /// Waits until `look` returns a value. It is called at once and after every
    /// change, without any lock held.
    pub(super) fn wait<T>(
        &self,
        deadline: Deadline,
        phase: error::Phase,
        mut look: impl FnMut() -> Option<Result<T>>,
    ) -> Result<T> {
        loop {
            let seen = self.model().version;
            if let Some(found) = look() {
                return found;
            }
            let mut model = self.model();
            while model.version == seen {
                if let Phase::Ended(closed) = &model.phase {
                    return Err(closed.clone().into());
                }
                if self.changed.wait_until(&mut model, deadline.instant()).timed_out() {
                    break;
                }
            }
            if deadline.has_passed() {
                drop(model);
                return look().unwrap_or_else(|| Err(deadline.error(phase)));
            }
        }
    }

    /// Notifies the listeners.
    fn tell(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            let inner = self.inner.get().cloned().unwrap_or_default();
            self.listeners.tell(&self.callbacks, changes, Change::subject, move || {
                inner.upgrade().map(State::of)
            });
        }
    }

    /// Adds a task for the keeper and wakes it.
    pub(super) fn wake_keeper(&self, task: impl FnOnce(&mut KeeperTasks)) {
        task(&mut self.keeper.lock());
        self.keeper_wake.notify_all();
    }

    /// Wakes the keeper if an event of this kind gives it something to do.
    fn note_for_keeper(&self, kind: &EventKind, next_end_changed: bool) {
        // A consensus or an option may change which relays can be guards. tor
        // sends GUARD events for only some of the changes that follow.
        if matches!(kind, EventKind::NewConsensus | EventKind::ConfChanged) {
            self.wake_keeper(|tasks| tasks.guards_are_stale = true);
        }
        if next_end_changed {
            self.wake_keeper(|tasks| tasks.addresses_changed = true);
        }
    }
}

impl Tracker for Shared {
    fn event(&self, event: &Arc<Event>) {
        let mut changes = self.changes();
        let mut model = self.model();
        match &mut model.phase {
            Phase::Loading(events) => return events.push(event.clone()),
            // The event may come from another tor, so the last known state
            // stays.
            Phase::Ended(_) => return,
            Phase::Live => {}
        }
        let next_end = model.addresses.next_end();
        match event.body() {
            // Parsing takes up to some milliseconds, so it is done without the
            // lock. Besides this thread, only a load changes the relays, and a
            // load starts with a new connection.
            EventBody::Ns(told) => {
                drop(model);
                let entries = router_table::entries(told.entries());
                model = self.model();
                model.change_routers(entries, &mut changes);
            }
            EventBody::NewConsensus(told) => {
                let routers = model.routers.clone();
                drop(model);
                let routers = routers.replaced(told.entries(), &mut changes);
                model = self.model();
                model.set_routers(routers);
                model.routers.tidy();
            }
            _ => model.apply(event, &mut changes),
        }
        let next_end_changed = model.addresses.next_end() != next_end;
        self.publish(model, changes);
        self.note_for_keeper(event.kind(), next_end_changed);
    }

    fn ended(&self, closed: &Closed, returns: bool) {
        let mut model = self.model();
        self.ends.fetch_add(1, Ordering::SeqCst);
        model.phase =
            if returns { Phase::Loading(Vec::new()) } else { Phase::Ended(closed.clone()) };
        model.version += 1;
        drop(model);
        self.changed.notify_all();
    }
}

impl ReconnectHook for Shared {
    fn name(&self) -> &'static str {
        "the live state"
    }

    fn reconnected(&self, tor: &Questions<'_>) -> Result<()> {
        match self.load(tor) {
            // If the new connection has ended, the next command reports that.
            Ok(_) => Ok(()),
            // The state doesn't change any more, so waiting threads must be
            // woken.
            Err(error) => {
                // After these errors, the connection ends, or loading is
                // retried.
                if !error.is_closed() && !error.is_unanswered() {
                    self.unreadable(&error);
                }
                Err(error)
            }
        }
    }

    /// Makes waiting calls fail, and stops keeping events for a snapshot that
    /// may arrive much later.
    fn unreadable(&self, error: &Error) {
        let why = format!("the live state can no longer be loaded: {error}");
        self.ended(&Closed::new(CloseCause::Protocol(why)), false);
    }
}
