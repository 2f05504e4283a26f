//! Listeners for changes of the live state and the live configuration.
//!
//! A listener is told about every change, or only about the changes of one
//! subject, such as a circuit or a stream. A change costs time only for the
//! listeners that are told about it. Listeners of other subjects cost nothing,
//! however many there are.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::error::Result;
use crate::io::connection::{Callbacks, Registered, catch_panic};
use crate::io::transport::Deadline;

/// The function of a listener. It is called with a value of type `S`, such as a
/// circuit, and a change `C` of that value.
pub(crate) type Function<S, C> = Box<dyn FnMut(&S, &C) + Send>;
/// A list of listeners. Adding or removing a listener replaces the whole list.
/// So a thread can iterate over a list without holding the lock.
type Slots<S, C> = Arc<[Arc<Slot<S, C>>]>;

/// A change, and the listeners of its subject. `None` if the subject has no
/// listeners of its own.
type Due<S, C> = (C, Option<Slots<S, C>>);

/// A number that stands for the subject of a listener, such as a circuit. No
/// two subjects have the same number at the same time, because the number is
/// normally the address in memory of the subject's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject(usize);

impl Subject {
    /// Returns the number for the subject whose value is in `cell`.
    pub(crate) fn of<T>(cell: &Arc<T>) -> Subject {
        Subject(Arc::as_ptr(cell).addr())
    }
}

/// The listeners that are registered for changes of the type `C`. A listener is
/// called with a change and with a value of the type `S`.
pub(crate) struct Listeners<S, C> {
    table: Mutex<Table<S, C>>,
    count: AtomicUsize,
}

/// The lists of listeners. Each list is in the order in which its listeners
/// were added.
struct Table<S, C> {
    /// The listeners that are told about every change.
    of_all: Slots<S, C>,
    by_subject: HashMap<Subject, Slots<S, C>>,
    /// The number of listeners that were ever added. The next listener gets
    /// this number.
    added: u64,
}

/// A registered listener: its function, and the subject whose changes the
/// function is told about.
struct Slot<S, C> {
    /// The position in the order in which all listeners were added.
    number: u64,
    /// The subject of the listener. `None` if the listener is told about every
    /// change.
    subject: Option<Subject>,
    function: Mutex<Option<Function<S, C>>>,
    active: AtomicBool,
}

/// The registration of a listener. The listener is called as long as this value
/// lives. The listener's own function may drop this value. If the function is
/// running on another thread, the drop doesn't wait for its end.
pub(crate) struct ListenerGuard<S, C> {
    slot: Arc<Slot<S, C>>,
    listeners: Weak<Listeners<S, C>>,
    callbacks: Callbacks,
}

impl<S, C> Default for Listeners<S, C> {
    fn default() -> Self {
        let table = Table { of_all: Arc::new([]), by_subject: HashMap::new(), added: 0 };
        Listeners { table: Mutex::new(table), count: AtomicUsize::new(0) }
    }
}

impl<S: 'static, C: Send + 'static> Listeners<S, C> {
    /// Returns true if there are no listeners.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Adds a listener that is told about the changes of `subject`, or about
    /// every change if `subject` is `None`. The listener runs on the thread of
    /// `callbacks`.
    pub(crate) fn add(
        self: &Arc<Self>,
        callbacks: &Callbacks,
        subject: Option<Subject>,
        function: Function<S, C>,
    ) -> ListenerGuard<S, C> {
        let (function, active) = (Mutex::new(Some(function)), AtomicBool::new(true));
        let mut table = self.table.lock();
        let slot = Arc::new(Slot { number: table.added, subject, function, active });
        table.added += 1;
        let slots = match subject {
            None => &mut table.of_all,
            Some(subject) => table.by_subject.entry(subject).or_insert_with(|| Arc::new([])),
        };
        *slots = slots.iter().cloned().chain([slot.clone()]).collect();
        self.count.fetch_add(1, Ordering::SeqCst);
        ListenerGuard { slot, listeners: Arc::downgrade(self), callbacks: callbacks.clone() }
    }

    /// Returns the listeners that are told about every change, and the list of
    /// the changes, each with the listeners of its subject. Changes without any
    /// listener are left out.
    fn due(
        &self,
        changes: Vec<C>,
        subject_of: impl Fn(&C) -> Option<Subject>,
    ) -> (Slots<S, C>, Vec<Due<S, C>>) {
        let table = self.table.lock();
        let of_subject = |change: &C| table.by_subject.get(&subject_of(change)?).cloned();
        let due = changes.into_iter().map(|change| {
            let own = of_subject(&change);
            (change, own)
        });
        let is_heard = |(_, own): &Due<S, C>| own.is_some() || !table.of_all.is_empty();
        (table.of_all.clone(), due.filter(is_heard).collect())
    }
}

/// Calls the listeners that are told about every change, and the listeners of
/// this change's subject, all in the order in which they were added.
fn call_all<S, C>(of_all: &[Arc<Slot<S, C>>], (change, own): &Due<S, C>, subject: &S) {
    let (mut of_all, mut own) =
        (of_all.iter().peekable(), own.iter().flat_map(|own| own.iter()).peekable());
    loop {
        let next = match (of_all.peek(), own.peek()) {
            (Some(one), Some(other)) if one.number > other.number => own.next(),
            (Some(_), _) => of_all.next(),
            (None, _) => own.next(),
        };
        let Some(slot) = next else { return };
        slot.call(subject, change);
    }
}

impl<S, C> Listeners<S, C> {
    fn remove(&self, slot: &Arc<Slot<S, C>>) {
        let mut table = self.table.lock();
        let without = |slots: &Slots<S, C>| -> Slots<S, C> {
            slots.iter().filter(|known| !Arc::ptr_eq(known, slot)).cloned().collect()
        };
        let before = match slot.subject {
            None => {
                let kept = without(&table.of_all);
                Some(std::mem::replace(&mut table.of_all, kept))
            }
            Some(subject) => {
                let kept = table.by_subject.get(&subject).map(without).unwrap_or_default();
                match kept.is_empty() {
                    true => table.by_subject.remove(&subject),
                    false => table.by_subject.insert(subject, kept),
                }
            }
        };
        drop(table);
        self.count.fetch_sub(1, Ordering::SeqCst);
        // The listener is dropped after the lock was released, because the drop
        // of a listener may do anything.
        drop(before);
    }
}

impl<S: 'static, C: Send + 'static> Listeners<S, C> {
    /// Calls the listeners of these changes on the thread for callbacks.
    /// `owner` returns the value that each listener gets together with the
    /// change. If `owner` returns `None`, no listener is called.
    pub(crate) fn tell(
        &self,
        callbacks: &Callbacks,
        changes: Vec<C>,
        subject_of: impl Fn(&C) -> Option<Subject>,
        owner: impl FnOnce() -> Option<S> + Send + 'static,
    ) {
        let (of_all, due) = self.due(changes, subject_of);
        if due.is_empty() {
            return;
        }
        callbacks.run(move || {
            let Some(owner) = owner() else { return };
            due.iter().for_each(|due| call_all(&of_all, due, &owner));
        });
    }
}

impl<S, C> Slot<S, C> {
    fn call(&self, subject: &S, change: &C) {
        if self.active.load(Ordering::SeqCst) {
            // Only the thread for callbacks calls listeners. So the lock is
            // free unless the listener is being dropped.
            if let Some(mut function) = self.function.try_lock()
                && let Some(function) = function.as_mut()
            {
                catch_panic(|| function(subject, change));
            }
        }
        self.drop_if_inactive();
    }

    /// Makes sure that no further call of the listener's function begins.
    fn deactivate(&self) {
        self.active.store(false, Ordering::SeqCst);
        self.drop_if_inactive();
    }

    /// Drops the listener's function if the listener was deactivated. No lock
    /// is held while the function is dropped. A panic is caught, because it
    /// would end the thread for callbacks.
    fn drop_if_inactive(&self) {
        if !self.active.load(Ordering::SeqCst) {
            let function = self.function.try_lock().and_then(|mut function| function.take());
            catch_panic(|| drop(function));
        }
    }
}

impl<S: 'static, C: 'static> Registered for ListenerGuard<S, C> {
    /// Returns 0, because changes are never lost.
    fn lost(&self) -> u64 {
        0
    }

    fn finish(self: Box<Self>, deadline: Deadline) -> Result<()> {
        let (callbacks, slot) = (self.callbacks.clone(), self.slot.clone());
        let finished = callbacks.after_due(move || drop(self), deadline);
        if finished.is_err() {
            slot.deactivate();
        }
        finished
    }

    /// Removes the listener. Sends nothing to tor, because the live state or
    /// configuration that the listener belongs to stays subscribed to tor's
    /// events.
    fn close(self: Box<Self>, _: Deadline) -> Result<bool> {
        Ok(self.callbacks.is_open())
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::io::connection::Connection;

    type Told = Arc<Mutex<Vec<(usize, usize)>>>;
    /// Listeners for these tests. A change is a number: that of its subject, or
    /// 0 if it has no subject.
    type Numbers = Arc<Listeners<(), usize>>;

    fn subject_of(change: &usize) -> Option<Subject> {
        (*change > 0).then_some(Subject(*change))
    }

    fn tell(listeners: &Numbers, changes: impl Iterator<Item = usize>) {
        let (of_all, due) = listeners.due(changes.collect(), subject_of);
        due.iter().for_each(|due| call_all(&of_all, due, &()));
    }

    #[test]
    fn listeners_are_called_in_the_order_in_which_they_were_added() {
        let connection = Connection::default();
        let callbacks = connection.callbacks().unwrap();
        let (listeners, told) = (Numbers::default(), Told::default());
        let add = |name: usize, subject: Option<usize>| {
            let told = told.clone();
            let note = move |_: &(), change: &usize| told.lock().push((name, *change));
            listeners.add(&callbacks, subject.map(Subject), Box::new(note))
        };
        let guards = [
            add(1, Some(7)),
            add(2, None),
            add(3, Some(8)),
            add(4, Some(7)),
            add(5, None),
            add(6, Some(7)),
        ];
        tell(&listeners, [7, 0, 9, 8].into_iter());
        let expected = [
            (1, 7),
            (2, 7),
            (4, 7),
            (5, 7),
            (6, 7),
            (2, 0),
            (5, 0),
            (2, 9),
            (5, 9),
            (2, 8),
            (3, 8),
            (5, 8),
        ];
        assert_eq!(std::mem::take(&mut *told.lock()), expected);
        // Changes without a listener are skipped, and so are listeners that
        // were removed.
        let [first, second, _third, _fourth, fifth, sixth] = guards;
        let (of_all, due) = listeners.due(vec![7], subject_of);
        drop((first, second, fifth));
        due.iter().for_each(|due| call_all(&of_all, due, &()));
        tell(&listeners, [0, 9, 7].into_iter());
        assert_eq!(std::mem::take(&mut *told.lock()), [(4, 7), (6, 7), (4, 7), (6, 7)]);
        drop(sixth);
        assert!(!listeners.is_empty());
        drop((_third, _fourth));
        assert!(listeners.is_empty() && listeners.table.lock().by_subject.is_empty());
    }

    /// Measures the cost of an event with different numbers of listeners. Then
    /// compares the cost with the most listeners to the cost with the fewest.
    /// The environment variable `SCAPE_LISTENERS` sets the numbers of
    /// listeners. Default: `10,1000,10000`.
    #[test]
    fn event_cost_does_not_grow_with_the_listeners_of_other_subjects() {
        const EVENTS: usize = 2000;
        let connection = Connection::default();
        let callbacks = connection.callbacks().unwrap();
        let sizes = std::env::var("SCAPE_LISTENERS").unwrap_or("10,1000,10000".into());
        let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
        let mut costs = Vec::new();
        for &size in &sizes {
            let (listeners, calls) = (Numbers::default(), Arc::<AtomicUsize>::default());
            let begun = Instant::now();
            let guards: Vec<_> = (1..=size)
                .map(|subject| {
                    let calls = calls.clone();
                    let count = move |_: &(), _: &usize| {
                        calls.fetch_add(1, Ordering::Relaxed);
                    };
                    listeners.add(&callbacks, Some(Subject(subject)), Box::new(count))
                })
                .collect();
            let added = begun.elapsed() / u32::try_from(size).unwrap();
            let mut best = Duration::MAX;
            for _ in 0..5 {
                let begun = Instant::now();
                // Each change comes in its own event.
                (0..EVENTS).for_each(|n| tell(&listeners, [n % size + 1].into_iter()));
                best = best.min(begun.elapsed());
            }
            assert_eq!(calls.load(Ordering::Relaxed), 5 * EVENTS);
            let begun = Instant::now();
            drop(guards);
            let removed = begun.elapsed() / u32::try_from(size).unwrap();
            let cost = best / u32::try_from(EVENTS).unwrap();
            println!(
                "{size} listeners: {cost:?} an event, {added:?} to add one, {removed:?} to remove one"
            );
            costs.push(best);
        }
        // A linear cost would be a thousand times as high.
        assert!(costs[costs.len() - 1] < costs[0] * 12, "{costs:?} with {sizes:?} listeners");
    }
}
