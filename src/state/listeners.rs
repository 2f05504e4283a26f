//! Who is told of changes.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::State;
use super::change::Change;
use crate::connection::Callbacks;

/// What is called with every change.
type Function = Box<dyn FnMut(&State, &Change) + Send>;

/// The register of listeners.
#[derive(Default)]
pub(super) struct Listeners {
    slots: Mutex<Arc<[Arc<Slot>]>>,
    count: AtomicUsize,
}

/// One listener.
struct Slot {
    function: Mutex<Option<Function>>,
    active: AtomicBool,
}

/// A listener that is told of changes as long as this lives.
///
/// Dropping it removes the listener: no call begins afterwards. One that is running just now on another thread is not waited for. It may be
/// dropped by the listener itself.
#[must_use = "dropping this removes the listener at once"]
pub struct StateListener {
    slot: Arc<Slot>,
    listeners: Weak<Listeners>,
}

impl Listeners {
    /// Whether there is anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    pub(super) fn add(self: &Arc<Self>, function: Function) -> StateListener {
        let slot = Arc::new(Slot { function: Mutex::new(Some(function)), active: AtomicBool::new(true) });
        let mut slots = self.slots.lock();
        *slots = slots.iter().cloned().chain([slot.clone()]).collect();
        self.count.store(slots.len(), Ordering::SeqCst);
        StateListener { slot, listeners: Arc::downgrade(self) }
    }

    fn remove(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots.lock();
        let kept = slots.iter().filter(|known| !Arc::ptr_eq(known, slot)).cloned().collect();
        let before = std::mem::replace(&mut *slots, kept);
        self.count.store(slots.len(), Ordering::SeqCst);
        drop(slots);
        // Outside of the lock: a listener's own drop may do anything.
        drop(before);
    }

    /// Tells everybody, on the thread for callbacks.
    pub(super) fn tell(
        &self,
        callbacks: &Callbacks,
        changes: Vec<Change>,
        state: impl FnOnce() -> Option<State> + Send + 'static,
    ) {
        let slots = self.slots.lock().clone();
        if changes.is_empty() || slots.is_empty() {
            return;
        }
        callbacks.run(move || {
            let Some(state) = state() else { return };
            for change in &changes {
                for slot in slots.iter() {
                    slot.call(&state, change);
                }
            }
        });
    }
}

impl Slot {
    fn call(&self, state: &State, change: &Change) {
        if self.active.load(Ordering::SeqCst) {
            // Only the thread for callbacks calls, so the lock is free unless the listener is just being dropped.
            if let Some(mut function) = self.function.try_lock()
                && let Some(function) = function.as_mut()
            {
                crate::connection::caught(|| function(state, change));
            }
        }
        self.drop_if_inactive();
    }

    /// The listener is dropped without any lock held.
    fn drop_if_inactive(&self) {
        if !self.active.load(Ordering::SeqCst) {
            let function = self.function.try_lock().and_then(|mut function| function.take());
            drop(function);
        }
    }
}

impl Drop for StateListener {
    fn drop(&mut self) {
        self.slot.active.store(false, Ordering::SeqCst);
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.remove(&self.slot);
        }
        self.slot.drop_if_inactive();
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("count", &self.count).finish_non_exhaustive()
    }
}

impl fmt::Debug for StateListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateListener").field("active", &self.slot.active).finish_non_exhaustive()
    }
}
