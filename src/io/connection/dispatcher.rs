//! The dispatcher thread, which runs the users' callbacks one at a time, in
//! tor's order.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender, bounded, unbounded};
use parking_lot::Mutex;

use super::status::{ConnectionStatus, Reconnected};
use super::thread::Thread;
use crate::error::{Error, Phase, Result};
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use scape_proto::control::Signal;
use scape_proto::event::{Event, EventBody};

/// The queue of calls of users' callbacks, and the thread that makes these
/// calls. The thread is started when the first callback is registered.
#[derive(Default)]
pub(super) struct Dispatcher {
    state: Mutex<State>,
    /// True once this program has closed the connection. Undelivered events are
    /// thrown away then.
    discard: Arc<AtomicBool>,
    /// The number of events that wait for callbacks.
    waiting: Arc<AtomicUsize>,
    /// The number of waiting events for which all callbacks have a limit
    /// (`Callback::limit`).
    limited: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    tasks: Option<Sender<Task>>,
    thread: Option<Thread>,
    status_callbacks: Vec<Arc<Callback>>,
    closed: bool,
    /// The tasks that are stored while a reconnect restores what this
    /// controller made. They run after callers may send commands again, because
    /// a callback that ran earlier would find the controller closed. `None` at
    /// all other times: tasks then go to the thread at once.
    kept: Option<Vec<Task>>,
}

enum Task {
    Calls(Vec<Call>),
    Status(ConnectionStatus, Vec<Arc<Callback>>),
    /// A function that calls callbacks which aren't registered in this module,
    /// such as those of the live state.
    Run(Box<dyn FnOnce() + Send>),
    /// A marker in the queue, dropped when all tasks before it are done.
    /// Dropping the marker wakes the thread that waits for these tasks.
    Marker(Sender<()>),
}

/// An event, and the callbacks that will be called with it.
pub(super) struct Call {
    pub(super) event: Arc<Event>,
    pub(super) callbacks: Arc<[Arc<Callback>]>,
    /// True if all of the callbacks have a limit (`Callback::limit`).
    is_limited: bool,
}

/// A user's callback, for events or for the connection's status.
pub(super) struct Callback {
    function: Mutex<Option<Function>>,
    active: AtomicBool,
    /// The maximum number of events that may wait for this callback. `None` if
    /// there is no limit.
    limit: Option<usize>,
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Call {
    /// Creates a call of every callback whose limit allows one more waiting
    /// event. The other callbacks lose the event. Returns `None` if every
    /// callback loses it.
    pub(super) fn new(event: Arc<Event>, callbacks: &Arc<[Arc<Callback>]>) -> Option<Self> {
        let (callbacks, is_limited) = if callbacks.iter().all(|callback| callback.limit.is_none()) {
            (callbacks.clone(), false)
        } else {
            let is_limited = callbacks.iter().all(|callback| callback.limit.is_some());
            let callbacks = callbacks.iter().filter(|callback| callback.take_room());
            (callbacks.cloned().collect(), is_limited)
        };
        (!callbacks.is_empty()).then_some(Call { event, callbacks, is_limited })
    }

    /// Drops a call that won't be made. Its event no longer counts towards the
    /// limits of its callbacks.
    pub(super) fn forget(self) {
        self.callbacks.iter().for_each(|callback| callback.give_room());
    }
}

/// A user's closure, for events or for the connection's status.
pub(super) enum Function {
    Event(Box<dyn FnMut(&Event) + Send>),
    Status(Box<dyn FnMut(&ConnectionStatus) + Send>),
}

impl Function {
    fn event(&mut self, event: &Event) {
        match self {
            Function::Event(function) => function(event),
            // Status callbacks are also registered for the event that reports a
            // reload. So they learn of the reload in tor's order, between the
            // right events.
            Function::Status(function) => {
                if matches!(event.body(), EventBody::Signal(Signal::Reload)) {
                    function(&ConnectionStatus::Reloaded);
                }
            }
        }
    }
}

impl Callback {
    pub(super) fn new(function: Function, limit: Option<usize>) -> Arc<Self> {
        Arc::new(Callback {
            function: Mutex::new(Some(function)),
            active: AtomicBool::new(true),
            limit,
            waiting: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        })
    }

    /// Counts one more waiting event if the limit allows it. Otherwise counts
    /// the event as lost and returns false.
    fn take_room(&self) -> bool {
        let Some(limit) = self.limit else { return true };
        if self.waiting.load(Ordering::Acquire) < limit {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            return true;
        }
        if self.lost.fetch_add(1, Ordering::AcqRel) == 0 {
            log::warn!(target: "scape::events", "events are lost: {limit} events wait for a callback");
        }
        false
    }

    fn give_room(&self) {
        if self.limit.is_some() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Returns the number of events that this callback has lost so far because
    /// of its limit.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }

    /// Makes sure that the callback isn't called again, and drops its closure.
    /// If the callback is running now, the closure is dropped when it returns.
    pub(super) fn deactivate(&self) {
        self.active.store(false, Ordering::SeqCst);
        self.drop_if_inactive();
    }

    /// Drops the user's closure if the callback is inactive. The caller must
    /// hold no lock of the connection, because the closure's destructor may run
    /// any code. A panic of the destructor is caught, because it would end the
    /// thread for callbacks.
    fn drop_if_inactive(&self) {
        if !self.active.load(Ordering::SeqCst) {
            let function = self.function.try_lock().and_then(|mut f| f.take());
            catch_panic(|| drop(function));
        }
    }

    fn call(&self, run: impl FnOnce(&mut Function)) {
        if self.active.load(Ordering::SeqCst) {
            // Only the dispatcher thread calls, so the lock is free unless the
            // callback is being dropped right now.
            if let Some(mut function) = self.function.try_lock()
                && let Some(function) = function.as_mut()
            {
                catch_panic(|| run(function));
            }
        }
        self.drop_if_inactive();
    }
}

/// Runs a user's function, and catches and logs a panic.
pub(crate) fn catch_panic(call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        log::error!(target: "scape::events", "a callback panicked: {}", panic_text(&*panic));
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

impl Dispatcher {
    /// Starts the dispatcher's thread, unless the thread is running or the
    /// connection was closed.
    pub(super) fn start(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.tasks.is_some() || state.closed {
            return Ok(());
        }
        let (sender, receiver) = unbounded();
        let (discard, waiting) = (self.discard.clone(), self.waiting.clone());
        let limited = self.limited.clone();
        let run = move || run(&receiver, &discard, &waiting, &limited);
        let thread = Thread::spawn("scape-events", run)
            .map_err(|e| Error::io("start the thread for callbacks", e))?;
        state.tasks = Some(sender);
        state.thread = Some(thread);
        Ok(())
    }

    /// Queues calls after all tasks that are already queued.
    pub(super) fn call(&self, calls: Vec<Call>) {
        self.waiting.fetch_add(calls.len(), Ordering::AcqRel);
        let limited = calls.iter().filter(|call| call.is_limited).count();
        if limited > 0 {
            self.limited.fetch_add(limited, Ordering::AcqRel);
        }
        self.push(Task::Calls(calls));
    }

    /// Queues a task after all tasks that are already queued. If this program
    /// closes the connection before the task begins, the task doesn't run.
    pub(super) fn run(&self, task: Box<dyn FnOnce() + Send>) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if !self.push(Task::Run(task)) {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Pauses the dispatcher: new tasks are stored until
    /// [`resume`](Self::resume) or [`give_up`](Self::give_up) is called. Status
    /// callbacks are still called.
    pub(super) fn pause(&self) {
        self.state.lock().kept.get_or_insert_default();
    }

    /// Tells the status callbacks that the connection was opened again, and
    /// runs the tasks that were stored since [`pause`](Self::pause).
    pub(super) fn resume(&self, reconnected: &Reconnected) {
        self.status(ConnectionStatus::Reconnected(reconnected.clone()));
        self.release(|_| true);
    }

    /// Ends the pause because the reconnect has failed. Throws away the events
    /// that were stored since [`pause`](Self::pause). Runs the other stored
    /// tasks, because they report things that have happened.
    pub(super) fn give_up(&self) {
        self.release(|task| !matches!(task, Task::Calls(_)));
    }

    fn release(&self, is_due: impl Fn(&Task) -> bool) {
        let mut state = self.state.lock();
        let mut dropped = Vec::new();
        for task in state.kept.take().unwrap_or_default() {
            match &state.tasks {
                Some(tasks) if is_due(&task) => {
                    let _ = tasks.send(task);
                }
                _ => dropped.push(task),
            }
        }
        drop(state);
        for task in dropped {
            self.forget(&task);
        }
    }

    /// Subtracts the events of a task that won't run from the numbers of
    /// waiting events.
    fn forget(&self, task: &Task) {
        match task {
            Task::Calls(calls) => {
                self.waiting.fetch_sub(calls.len(), Ordering::AcqRel);
                let limited = calls.iter().filter(|call| call.is_limited).count();
                self.limited.fetch_sub(limited, Ordering::AcqRel);
                calls
                    .iter()
                    .flat_map(|call| call.callbacks.iter())
                    .for_each(|callback| callback.give_room());
            }
            Task::Run(_) => {
                self.waiting.fetch_sub(1, Ordering::AcqRel);
            }
            Task::Status(..) | Task::Marker(_) => {}
        }
    }

    /// Returns the number of events that wait for callbacks.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Returns the number of events that wait for callbacks without a limit.
    /// Returns 0 while the dispatcher is [paused](Self::pause), because no
    /// callback can take events then.
    pub(super) fn backlog(&self) -> usize {
        let limited = self.limited.load(Ordering::Acquire);
        let count = self.waiting().saturating_sub(limited);
        if count > 0 && self.state.lock().kept.is_some() { 0 } else { count }
    }

    /// Adds a callback for the connection's status.
    pub(super) fn add_status(&self, callback: Arc<Callback>) {
        self.state.lock().status_callbacks.push(callback);
    }

    /// Removes a callback for the connection's status.
    pub(super) fn remove_status(&self, callback: &Arc<Callback>) {
        let mut state = self.state.lock();
        let kept =
            state.status_callbacks.drain(..).partition(|known| !Arc::ptr_eq(known, callback));
        let (kept, removed): (Vec<_>, Vec<_>) = kept;
        state.status_callbacks = kept;
        drop(state);
        drop(removed);
    }

    /// Queues a call of every status callback with `status`. These calls come
    /// after all tasks that are already queued.
    pub(super) fn status(&self, status: ConnectionStatus) {
        let state = self.state.lock();
        if let Some(tasks) = &state.tasks {
            let _ = tasks.send(Task::Status(status, state.status_callbacks.clone()));
        }
    }

    /// Queues a call of one status callback with `status`. This call comes
    /// after all tasks that are already queued.
    pub(super) fn status_to(&self, callback: &Arc<Callback>, status: ConnectionStatus) {
        self.push(Task::Status(status, vec![callback.clone()]));
    }

    /// Ends the dispatcher, because this program closed the connection. Throws
    /// away undelivered events. Reports the end to status callbacks with the
    /// cause `closed`. If `closed` is `None`, the end was reported already and
    /// isn't reported again.
    pub(super) fn end(&self, closed: Option<&Closed>) {
        self.discard.store(true, Ordering::SeqCst);
        let mut state = self.state.lock();
        state.closed = true;
        let callbacks = std::mem::take(&mut state.status_callbacks);
        // Dropping the only sender ends the thread after all queued tasks.
        let tasks = state.tasks.take();
        let kept = state.kept.take();
        drop(state);
        drop(kept);
        if let (Some(tasks), Some(closed)) = (tasks, closed) {
            let _ = tasks.send(Task::Status(ConnectionStatus::Closed(closed.clone()), callbacks));
        }
    }

    /// Waits until all tasks that are queued now are done. Returns an error at
    /// `deadline`.
    pub(super) fn wait_until_idle(&self, deadline: Deadline) -> Result<()> {
        let (marker, done) = bounded(0);
        if !self.push(Task::Marker(marker)) {
            return Ok(());
        }
        match deadline.receive(&done, deadline.instant()) {
            Err(RecvTimeoutError::Timeout) => Err(deadline.error(Phase::Event)),
            // The marker was dropped, so everything before it is done.
            _ => Ok(()),
        }
    }

    /// Returns true if the caller is on the dispatcher thread.
    pub(super) fn is_current(&self) -> bool {
        self.state.lock().thread.as_ref().is_some_and(Thread::is_current)
    }

    /// Takes the thread out, so that the caller can wait for its end. Returns
    /// `None` if the caller is on this thread, because a thread can't wait for
    /// itself. Also returns `None` if the thread was never started or was taken
    /// by an earlier call.
    pub(super) fn take_thread(&self) -> Option<Thread> {
        let mut state = self.state.lock();
        if state.thread.as_ref().is_some_and(Thread::is_current) {
            return None;
        }
        state.thread.take()
    }

    /// Queues a task. While the dispatcher is [paused](Self::pause), stores the
    /// task instead, except a task that calls status callbacks. If the
    /// dispatcher's thread isn't running, drops the task and returns false.
    fn push(&self, task: Task) -> bool {
        let mut state = self.state.lock();
        if let (Some(kept), Task::Calls(_) | Task::Run(_) | Task::Marker(_)) =
            (&mut state.kept, &task)
        {
            kept.push(task);
            return true;
        }
        let sent = match &state.tasks {
            Some(tasks) => tasks.send(task),
            None => Err(SendError(task)),
        };
        drop(state);
        // If the thread isn't running, the task is dropped here, after the lock
        // is released, because its destructor may run any code.
        sent.is_ok()
    }
}

fn run(tasks: &Receiver<Task>, discard: &AtomicBool, waiting: &AtomicUsize, limited: &AtomicUsize) {
    for task in tasks {
        match task {
            Task::Calls(calls) => {
                for call in calls {
                    waiting.fetch_sub(1, Ordering::AcqRel);
                    if call.is_limited {
                        limited.fetch_sub(1, Ordering::AcqRel);
                    }
                    for callback in call.callbacks.iter() {
                        callback.give_room();
                        if !discard.load(Ordering::SeqCst) {
                            callback.call(|function| function.event(&call.event));
                        }
                    }
                }
            }
            Task::Status(status, callbacks) => {
                for callback in callbacks {
                    callback.call(|function| {
                        if let Function::Status(function) = function {
                            function(&status);
                        }
                    });
                }
            }
            Task::Run(task) => {
                waiting.fetch_sub(1, Ordering::AcqRel);
                // A task that doesn't run is dropped in there, too, because the
                // destructors of what it owns may panic.
                catch_panic(|| {
                    if !discard.load(Ordering::SeqCst) {
                        task();
                    }
                });
            }
            Task::Marker(marker) => drop(marker),
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("running", &self.state.lock().tasks.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("active", &self.active).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use scape_proto::control::Decoder;

    #[test]
    fn event_without_room_in_any_callback_is_dropped() {
        let callback = Callback::new(Function::Event(Box::new(|_| ())), Some(2));
        let callbacks: Arc<[_]> = Arc::from([callback.clone()]);
        let mut decoder = Decoder::default();
        decoder.feed(b"650 BW 1 2\r\n");
        let event =
            Arc::new(Event::parse(decoder.next_reply().unwrap().unwrap(), SystemTime::now()));
        // The dispatcher also stores such calls while the connection isn't open
        // to callers, so the limit must hold for calls that nobody runs.
        let calls: Vec<_> = (0..5).filter_map(|_| Call::new(event.clone(), &callbacks)).collect();
        assert_eq!((calls.len(), callback.lost(), Arc::strong_count(&event)), (2, 3, 3));
    }
}
