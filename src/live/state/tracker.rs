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

/// The data of the live state (the model), and what is needed to wait for
/// changes of it. The model's lock is mostly held for microseconds. It is not
/// held while a consensus is parsed, a listener runs or a thread waits. It is
/// held longest when an NS event arrives while a program still has a
/// [`Routers`](super::Routers) snapshot. In that case, the table of relays is
/// copied.
#[derive(Debug)]
pub(super) struct Shared {
    model: Mutex<Model>,
    changed: Condvar,
    /// Notified when the [keeper](super::keeper) thread has something to do.
    pub(super) keeper_wake: Condvar,
    pub(super) keeper: Mutex<KeeperTasks>,
    pub(super) listeners: Arc<Listeners<State, Change>>,
    callbacks: Callbacks,
    /// The number of times that the connection has ended. Changed under the
    /// model's lock.
    ends: AtomicU64,
    /// The state that is passed to listeners with each change. The reference is
    /// weak, because the state itself holds this [`Shared`].
    pub(super) inner: OnceLock<Weak<Inner>>,
}

/// The pending tasks of the [keeper](super::keeper) thread.
#[derive(Debug, Default)]
pub(super) struct KeeperTasks {
    /// True if tor's guards may have changed without an event.
    pub(super) guards_are_stale: bool,
    /// True if the earliest expiry time of the address mappings has changed.
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

    /// Adds a listener for changes of `subject`, which is a circuit or a
    /// stream. If `subject` is `None`, adds a listener for all changes. The
    /// listener is called as long as the returned guard lives.
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

    /// Returns the number of times that the connection has ended. If the number
    /// has changed since a question was sent, the answer may come from another
    /// tor. Callers compare the numbers while they hold the model's lock.
    pub(super) fn ends(&self) -> u64 {
        self.ends.load(Ordering::SeqCst)
    }

    /// Returns a collector of changes, which is inactive if there are no
    /// listeners.
    pub(super) fn changes(&self) -> Changes {
        Changes::new(!self.listeners.is_empty())
    }

    /// Tells the listeners about `changes` and wakes waiting threads. Called
    /// after the model has changed, with its lock still held. The listeners are
    /// told before the lock is released, so that they get the changes in order.
    pub(super) fn publish(&self, mut model: MutexGuard<'_, Model>, changes: Changes) {
        model.version += 1;
        self.tell(changes.into_list());
        drop(model);
        self.changed.notify_all();
    }

    /// Loads the whole state.
    ///
    /// Returns false if the connection has ended meanwhile. tor's answer is
    /// then ignored, because it may come from another tor.
    pub(super) fn load(&self, tor: &Questions<'_>) -> Result<bool> {
        let ends = self.begin_loading();
        let snapshot = Snapshot::ask(tor)?;
        let mut changes = self.changes();
        // Only a snapshot and the reader thread change the relays, and the
        // reader thread is keeping its events for later now.
        let routers = self.model().routers.clone();
        let routers = routers.replaced(&snapshot.routers, &mut changes);
        let mut model = self.model();
        if self.ends() != ends {
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
        self.ends()
    }

    /// Waits until `look` returns a value, and returns this value. `look` is
    /// called at once and after every change, without any lock held. At
    /// `deadline`, returns an error that names `phase`. Also returns an error
    /// if the connection ends and doesn't reconnect.
    pub(super) fn wait<T>(
        &self,
        deadline: Deadline,
        phase: error::Phase,
        mut look: impl FnMut() -> Option<Result<T>>,
    ) -> Result<T> {
        let _awaiting = self.callbacks.awaiting();
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

    /// Tells the listeners about `changes`. Does nothing if there are no
    /// changes.
    fn tell(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            let inner = self.inner.get().cloned().unwrap_or_default();
            self.listeners.tell(&self.callbacks, changes, Change::subject, move || {
                inner.upgrade().map(State::of)
            });
        }
    }

    /// Adds a task for the [keeper](super::keeper) thread and wakes this
    /// thread.
    pub(super) fn wake_keeper(&self, task: impl FnOnce(&mut KeeperTasks)) {
        task(&mut self.keeper.lock());
        self.keeper_wake.notify_all();
    }

    /// Wakes the [keeper](super::keeper) thread if an event gives it something
    /// to do. `kind` is the kind of the event. `next_end_changed` is true if
    /// the event has changed the earliest expiry time of the address mappings.
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

    /// Marks the state as ended. Called when loading it after a reconnect has
    /// failed with `error`. From then on, waiting calls fail. Events are no
    /// longer kept, because the next snapshot may arrive much later.
    fn unreadable(&self, error: &Error) {
        let why = format!("the live state can no longer be loaded: {error}");
        self.ended(&Closed::new(CloseCause::Protocol(why)), false);
    }
}
