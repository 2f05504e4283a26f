//! Who is told of changes of what is kept live: of the live state, of the configuration.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::connection::{Callbacks, caught};
use crate::error::Result;
use crate::transport::Deadline;

/// What is called with every change `C` of an `S`.
pub(crate) type Function<S, C> = Box<dyn FnMut(&S, &C) + Send>;
/// Replaced as a whole, so that it can be gone through without the lock.
type Slots<S, C> = Arc<[Arc<Slot<S, C>>]>;

/// The register of listeners.
pub(crate) struct Listeners<S, C> {
    slots: Mutex<Slots<S, C>>,
    count: AtomicUsize,
}

/// One listener.
struct Slot<S, C> {
    function: Mutex<Option<Function<S, C>>>,
    active: AtomicBool,
}

/// A listener that is told of changes as long as this lives. It may be dropped by the listener itself; a call that is running just now on another
/// thread is not waited for.
pub(crate) struct ListenerGuard<S, C> {
    slot: Arc<Slot<S, C>>,
    listeners: Weak<Listeners<S, C>>,
    callbacks: Callbacks,
}

impl<S, C> Default for Listeners<S, C> {
    fn default() -> Self {
        Listeners { slots: Mutex::new(Arc::new([])), count: AtomicUsize::new(0) }
    }
}

impl<S: 'static, C: Send + 'static> Listeners<S, C> {
    /// Whether there is anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Adds a listener, which runs on the thread of `callbacks`.
    pub(crate) fn add(
        self: &Arc<Self>,
        callbacks: &Callbacks,
        function: Function<S, C>,
    ) -> ListenerGuard<S, C> {
        let slot = Arc::new(Slot { function: Mutex::new(Some(function)), active: AtomicBool::new(true) });
        let mut slots = self.slots.lock();
        *slots = slots.iter().cloned().chain([slot.clone()]).collect();
        self.count.store(slots.len(), Ordering::SeqCst);
        ListenerGuard { slot, listeners: Arc::downgrade(self), callbacks: callbacks.clone() }
    }
}

impl<S, C> Listeners<S, C> {
    fn remove(&self, slot: &Arc<Slot<S, C>>) {
        let mut slots = self.slots.lock();
        let kept = slots.iter().filter(|known| !Arc::ptr_eq(known, slot)).cloned().collect();
        let before = std::mem::replace(&mut *slots, kept);
        self.count.store(slots.len(), Ordering::SeqCst);
        drop(slots);
        // Outside of the lock: a listener's own drop may do anything.
        drop(before);
    }
}

impl<S: 'static, C: Send + 'static> Listeners<S, C> {
    /// Tells everybody, on the thread for callbacks.
    pub(crate) fn tell(
        &self,
        callbacks: &Callbacks,
        changes: Vec<C>,
        subject: impl FnOnce() -> Option<S> + Send + 'static,
    ) {
        let slots = self.slots.lock().clone();
        if changes.is_empty() || slots.is_empty() {
            return;
        }
        callbacks.run(move || {
            let Some(subject) = subject() else { return };
            for change in &changes {
                for slot in slots.iter() {
                    slot.call(&subject, change);
                }
            }
        });
    }
}

impl<S, C> Slot<S, C> {
    fn call(&self, subject: &S, change: &C) {
        if self.active.load(Ordering::SeqCst) {
            // Only the thread for callbacks calls, so the lock is free unless the listener is just being dropped.
            if let Some(mut function) = self.function.try_lock()
                && let Some(function) = function.as_mut()
            {
                caught(|| function(subject, change));
            }
        }
        self.drop_if_inactive();
    }

    /// No call begins any more.
    fn deactivate(&self) {
        self.active.store(false, Ordering::SeqCst);
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

impl<S: 'static, C: 'static> ListenerGuard<S, C> {
    /// Removes the listener once it was told of everything that tor sent before this call, and waits for that. If the
    /// deadline passes first, the listener is removed at once.
    pub(crate) fn finish(self, deadline: Deadline) -> Result<()> {
        let (callbacks, slot) = (self.callbacks.clone(), self.slot.clone());
        let finished = callbacks.after_due(move || drop(self), deadline);
        if finished.is_err() {
            slot.deactivate();
        }
        finished
    }
}

impl<S, C> Drop for ListenerGuard<S, C> {
    fn drop(&mut self) {
        self.slot.deactivate();
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.remove(&self.slot);
        }
        self.slot.drop_if_inactive();
    }
}

impl<S, C> fmt::Debug for Listeners<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<S, C> fmt::Debug for ListenerGuard<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerGuard").field("active", &self.slot.active).finish_non_exhaustive()
    }
}
