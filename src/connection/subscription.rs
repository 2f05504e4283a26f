//! Events in a queue of one's own.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, unbounded};
use parking_lot::Mutex;

use super::batch::Batch;
use super::event_wait::EventWait;
use super::hub::Hub;
use super::item::EventItem;
use super::routes::{Queue, RouteId, Target};
use crate::connection::Closed;
use crate::error::{Phase, Result, Timeout};
use crate::event::{Event, EventKind};
use crate::transport::{Deadline, deadline_after};

/// How many events may wait in a subscription's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QueueLimit {
    /// As many as come: nothing is lost, and a reader that does not keep up
    /// costs memory.
    #[default]
    Unbounded,
    /// At most this many. When they are waiting, later ones are lost, and
    /// [counted](Subscription::lost). With 0, all are lost:
    /// [`items`](Subscription::items) tells how many.
    Bounded(usize),
}

impl QueueLimit {
    /// The number, where there is one.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            QueueLimit::Unbounded => None,
            QueueLimit::Bounded(limit) => Some(limit),
        }
    }
}

/// Events of some kinds, from the moment of subscribing, in a queue of their
/// own. Made by [`Controller::subscribe`](crate::Controller::subscribe).
///
/// Events are iterated over ([`iter`](Self::iter),
/// [`try_iter`](Self::try_iter), [`timeout_iter`](Self::timeout_iter)), taken
/// one at a time ([`next_timeout`](Self::next_timeout)), or received in batches
/// through a channel that can be selected on ([`receiver`](Self::receiver)). It
/// may be shared between threads; each event goes to one of them.
///
/// When the connection ends, what is already in the queue can still be read;
/// then the iterators end, and [`cause`](Self::cause) tells why. A connection
/// that is made again by itself
/// ([`Connect::reconnect`](crate::Connect::reconnect)) does not end its
/// subscriptions: they go on when it is open again, and [`items`](Self::items)
/// shows where. Dropping the subscription ends it. tor is told if nobody else
/// wants these events.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    receiver: Receiver<Batch>,
    /// What is left of the batch that was received last.
    front: Mutex<Option<Batch>>,
    kinds: Vec<EventKind>,
    registration: Registration,
}

/// An entry in the register of routes, removed when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(super) id: RouteId,
    pub(super) hub: Weak<Hub>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.forget_interest(self.id);
        }
    }
}

impl Subscription {
    pub(super) fn new(
        hub: &Arc<Hub>,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        deadline: Deadline,
    ) -> Result<Self> {
        let (sender, receiver) = unbounded();
        let queue = Arc::new(Queue::new(sender, limit.count()));
        let id = hub.register_interest(&kinds, Target::Queue(queue.clone()), deadline)?;
        let registration = Registration { id, hub: Arc::downgrade(hub) };
        Ok(Subscription { queue, receiver, front: Mutex::new(None), kinds, registration })
    }

    /// The kinds that were subscribed to.
    pub fn kinds(&self) -> &[EventKind] {
        &self.kinds
    }

    /// Every event until the connection ends. Waits for each as long as it
    /// takes.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }

    /// The events that are there now; never waits.
    pub fn try_iter(&self) -> TryIter<'_> {
        TryIter(self)
    }

    /// Returns an iterator over every event until none comes for `timeout`, or
    /// the connection has ended for good and the queue is empty.
    ///
    /// The time begins anew with each call of `next`. An event that is queued
    /// is returned at once, also if `timeout` is zero. So the iterator as a
    /// whole has no deadline: it goes on for as long as events keep coming.
    pub fn timeout_iter(&self, timeout: Duration) -> TimeoutIter<'_> {
        TimeoutIter { subscription: self, timeout }
    }

    /// Returns an iterator over every event, and over the gaps between them:
    /// events that found no room in the queue, a connection that ended, a
    /// connection that was made again. Waits for each item as long as it takes.
    /// Ends with the connection.
    ///
    /// A program of one thread sees a reconnect here, in its place among the
    /// events. The other iterators skip gaps.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n").listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use scape::event::EventKind;
    /// use scape::{Connect, EventItem, Reconnect};
    ///
    /// let controller = Connect::to(address)?.reconnect(Reconnect::new()).connect()?;
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// # tor.hang_up();
    /// for item in events.items() {
    ///     match item {
    ///         EventItem::Event(event) => println!("{}", event.text()),
    ///         EventItem::Missed(count) => println!("{count} events are missing"),
    ///         EventItem::Disconnected(cause) => println!("{cause}"),
    ///         EventItem::Reconnected(_) => break, // everything is read anew
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(&self) -> Items<'_> {
        Items(self)
    }

    /// Returns the next event or gap. Waits for it for at most `timeout`. See
    /// [`items`](Self::items).
    ///
    /// Queued events are returned at once, also if `timeout` is zero, like by
    /// [`next_timeout`](Self::next_timeout).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if nothing comes in
    /// time, also while the connection is being made again, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), with the cause, once
    /// the connection has ended for good and the queue is empty.
    pub fn next_item(&self, timeout: Duration) -> Result<EventItem> {
        let deadline = deadline_after(timeout);
        self.next_item_with(|receiver| receiver.recv_deadline(deadline)).map_err(|end| {
            match (end, self.cause()) {
                (RecvTimeoutError::Disconnected, Some(closed)) => closed.into(),
                _ => Timeout::new(Phase::Event, timeout).into(),
            }
        })
    }

    /// Returns the next event. Waits for it for at most `timeout`.
    ///
    /// An event that is queued is returned at once, also if `timeout` is zero,
    /// if the event came long ago, or if the connection has ended since. An
    /// event that is queued after the deadline is left for the next call. Gaps
    /// between events are skipped and don't end the wait: see
    /// [`next_item`](Self::next_item).
    ///
    /// A loop around this call has no deadline of its own, because each call
    /// waits anew and returns queued events without looking at the clock. To
    /// stop at a deadline however many events come, look at the clock in the
    /// loop:
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n650 BW 1 2\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::{Duration, Instant};
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// let deadline = Instant::now() + Duration::from_millis(50);
    /// loop {
    ///     let left = deadline.saturating_duration_since(Instant::now());
    ///     match events.next_timeout(left) {
    ///         Ok(event) if !left.is_zero() => println!("{}", event.text()),
    ///         Err(error) if !error.is_timeout() => return Err(error.into()),
    ///         _ => break, // the time is over
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no event comes in
    /// time, also while the connection is being made again, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), with the cause, once
    /// the connection has ended for good and the queue is empty.
    pub fn next_timeout(&self, timeout: Duration) -> Result<Arc<Event>> {
        let deadline = deadline_after(timeout);
        self.next(|receiver| receiver.recv_deadline(deadline)).map_err(|end| match end {
            RecvTimeoutError::Timeout => Timeout::new(Phase::Event, timeout).into(),
            RecvTimeoutError::Disconnected => match self.cause() {
                Some(closed) => closed.into(),
                None => Timeout::new(Phase::Event, timeout).into(),
            },
        })
    }

    #[cfg(test)]
    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// A wait for events until `deadline`, after which it fails with a timeout
    /// in `phase`.
    pub(crate) fn wait(&self, deadline: Deadline, phase: Phase) -> EventWait<'_> {
        EventWait::new(self, deadline, phase)
    }

    /// The channel itself, for [`crossbeam_channel::select!`]: events come in
    /// the batches in which they were read.
    ///
    /// What the other methods have begun to take from a batch is not in the
    /// channel any more: use either it or them, or empty
    /// [`try_iter`](Self::try_iter) first.
    ///
    /// ```no_run
    /// use crossbeam_channel::{select, tick};
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let controller = scape::connect()?;
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// let ticks = tick(Duration::from_secs(60));
    /// loop {
    ///     select! {
    ///         recv(events.receiver()) -> batch => match batch {
    ///             Ok(batch) => for event in batch { println!("{}", event.text()) },
    ///             Err(_) => break,
    ///         },
    ///         recv(ticks) -> _ => println!("a minute"),
    ///     }
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn receiver(&self) -> &Receiver<Batch> {
        &self.receiver
    }

    /// How many events were lost so far because the queue was full. Always 0
    /// for [`QueueLimit::Unbounded`].
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many events wait in the queue now.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Returns how often the connection has ended since the subscription was
    /// made without ending the subscription. The events in between are missing,
    /// so a program that follows tor's state must read it again when this
    /// number changes.
    pub fn interruptions(&self) -> u64 {
        self.queue.interruptions()
    }

    /// Why no more events come, once the connection has ended.
    pub fn cause(&self) -> Option<Closed> {
        self.queue.cause()
    }

    pub(super) fn next<E>(
        &self,
        receive: impl Fn(&Receiver<Batch>) -> Result<Batch, E>,
    ) -> Result<Arc<Event>, E> {
        loop {
            if let Some(event) = self.front.lock().as_mut().and_then(Batch::pop) {
                return Ok(event);
            }
            // Not under the lock: other threads may take what is left
            // meanwhile.
            self.take_in(receive(&self.receiver)?);
        }
    }

    /// Returns the next event, or the cause of the connection's end if that
    /// comes before any event.
    pub(super) fn next_before_end<E>(
        &self,
        receive: impl Fn(&Receiver<Batch>) -> Result<Batch, E>,
    ) -> Result<Result<Arc<Event>, Closed>, E> {
        loop {
            match self.next_item_with(&receive)? {
                EventItem::Event(event) => return Ok(Ok(event)),
                EventItem::Disconnected(closed) => return Ok(Err(closed)),
                EventItem::Missed(_) | EventItem::Reconnected(_) => {}
            }
        }
    }

    fn take_in(&self, batch: Batch) {
        let mut front = self.front.lock();
        match &mut *front {
            // Another thread was quicker; then its events come first.
            Some(earlier) if !earlier.is_used_up() => earlier.append(batch),
            front => *front = Some(batch),
        }
    }

    fn next_item_with<E>(
        &self,
        receive: impl Fn(&Receiver<Batch>) -> Result<Batch, E>,
    ) -> Result<EventItem, E> {
        loop {
            if let Some(item) = self.front.lock().as_mut().and_then(Batch::pop_item) {
                return Ok(item);
            }
            // Not under the lock: other threads may take what is left
            // meanwhile.
            self.take_in(receive(&self.receiver)?);
        }
    }

    /// Unsubscribes and waits for tor's answer, for at most `timeout`. Returns
    /// false if the connection has ended already.
    ///
    /// # Errors
    ///
    /// Those of the SETEVENTS command. The subscription has ended anyway.
    pub fn close(self, timeout: Duration) -> Result<bool> {
        self.registration.close(Deadline::after(timeout))
    }
}

impl Registration {
    /// Unsubscribes. Like dropping the registration, but waits for tor's answer
    /// and reports errors.
    pub(super) fn close(&self, deadline: Deadline) -> Result<bool> {
        match self.hub.upgrade() {
            Some(hub) => hub.end_interest(self.id, deadline),
            None => Ok(false),
        }
    }
}

impl<'a> IntoIterator for &'a Subscription {
    type Item = Arc<Event>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Every event until the connection ends. See [`Subscription::iter`].
#[derive(Debug)]
pub struct Iter<'a>(&'a Subscription);

impl Iterator for Iter<'_> {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        self.0.next(Receiver::recv).ok()
    }
}

/// Every event, and the gaps between them, until the connection ends. See
/// [`Subscription::items`].
#[derive(Debug)]
pub struct Items<'a>(&'a Subscription);

impl Iterator for Items<'_> {
    type Item = EventItem;

    fn next(&mut self) -> Option<EventItem> {
        self.0.next_item_with(Receiver::recv).ok()
    }
}

/// The events that are there now. See [`Subscription::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a>(&'a Subscription);

impl Iterator for TryIter<'_> {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        self.0.next::<TryRecvError>(Receiver::try_recv).ok()
    }
}

/// Every event until none comes for a while. See
/// [`Subscription::timeout_iter`].
#[derive(Debug)]
pub struct TimeoutIter<'a> {
    subscription: &'a Subscription,
    timeout: Duration,
}

impl Iterator for TimeoutIter<'_> {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        let deadline = deadline_after(self.timeout);
        self.subscription.next(|receiver| receiver.recv_deadline(deadline)).ok()
    }
}
