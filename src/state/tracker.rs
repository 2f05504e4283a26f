//! What applies tor's events, on the reader thread, and whom it wakes and
//! tells.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::change::{Change, Changes};
use super::model::{Model, Phase};
use super::router_table;
use super::snapshot::Snapshot;
use super::{Inner, State};
use crate::connection::{Callbacks, CloseCause, Closed, Tracker};
use crate::controller::{Follower, Function, ListenerGuard, Listeners, Subject};
use crate::error::{self, Error, Result};
use crate::event::{Event, EventBody, EventKind};
use crate::protocol::{Command, Reply};
use crate::transport::Deadline;

/// The model, and those who wait for it to change. The lock is held for
/// microseconds only: never while a consensus is read, a listener called, or
/// anything awaited. (An NS event copies the table of routers under the lock if
/// a snapshot of the table is in use.)
#[derive(Debug)]
pub(super) struct Shared {
    model: Mutex<Model>,
    changed: Condvar,
    /// Told when there is something for the keeper to do.
    pub(super) keeper_wake: Condvar,
    pub(super) keeper: Mutex<KeeperTasks>,
    pub(super) listeners: Arc<Listeners<State, Change>>,
    callbacks: Callbacks,
    /// The number of times that the connection has ended. Changed under the
    /// model's lock.
    ends: AtomicU64,
    /// For the listeners' handles. It is not kept alive by this.
    pub(super) inner: OnceLock<Weak<Inner>>,
}

/// What the keeper is to do.
#[derive(Debug, Default)]
pub(super) struct KeeperTasks {
    /// tor's guards may have changed without an event.
    pub(super) guards_are_stale: bool,
    /// The next mapping to expire, or the time it does so, has changed.
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

    /// Adds a listener of `subject`, or of everything, which is told as long as
    /// the guard lives.
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

    /// Gathers changes for the listeners, if there are any.
    pub(super) fn changes(&self) -> Changes {
        Changes::new(!self.listeners.is_empty())
    }

    /// Wakes those who wait, and tells the listeners, in the order of the
    /// changes: so the lock is given away only here.
    pub(super) fn publish(&self, mut model: MutexGuard<'_, Model>, changes: Changes) {
        model.version += 1;
        self.tell(changes.into_list());
        drop(model);
        self.changed.notify_all();
    }

    /// Reads everything anew. `ask` sends a command and waits for the answer.
    ///
    /// Returns false if the connection has ended meanwhile: then the answer may
    /// be another tor's, and counts for nothing.
    pub(super) fn load(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<bool> {
        let ends = self.begin_loading();
        let snapshot = Snapshot::ask(ask)?;
        let mut changes = self.changes();
        // Only a snapshot and the reader thread change what is known of
        // routers; the latter keeps its events for later now.
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

    /// Keeps events from now on, to be applied after the answer. Returns how
    /// often the connection has ended so far.
    fn begin_loading(&self) -> u64 {
        let mut model = self.model();
        if !matches!(model.phase, Phase::Loading(_)) {
            model.phase = Phase::Loading(Vec::new());
        }
        self.ends.load(Ordering::SeqCst)
    }

    /// Waits for `look` to find something; it is asked at once, and after every
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

    /// Tells the listeners.
    pub(super) fn tell(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            let inner = self.inner.get().cloned().unwrap_or_default();
            self.listeners.tell(&self.callbacks, changes, Change::subject, move || {
                inner.upgrade().map(State::of)
            });
        }
    }

    /// Gives the keeper something to do.
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
            // Reading takes up to some milliseconds, so it is done without the
            // lock. Only a load changes the routers besides this thread, and a
            // load begins with a new connection.
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

impl Follower for Shared {
    fn name(&self) -> &'static str {
        "the live state"
    }

    fn reconnected(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<()> {
        match self.load(ask) {
            // If the new connection has ended, the next command reports that.
            Ok(_) => Ok(()),
            // What is known does not change any more: who waits must not wait
            // for it.
            Err(error) => {
                // After these, the connection ends, or it is tried again.
                if !error.is_closed() && !error.is_unanswered() {
                    self.unreadable(&error);
                }
                Err(error)
            }
        }
    }

    /// Ends the waits, and keeps no more events for a snapshot that may come
    /// much later.
    fn unreadable(&self, error: &Error) {
        let why = format!("the live state cannot be read any more: {error}");
        self.ended(&Closed::new(CloseCause::Protocol(why)), false);
    }
}
