//! The type [`Subscription`]: a queue of events.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, unbounded};
use parking_lot::Mutex;

use super::batch::Batch;
use super::hub::Hub;
use super::item::EventItem;
use super::outlets::Awaiting;
use super::routes::{Queue, RouteId, Target};
use crate::error::{Phase, Result, Timeout};
use crate::io::connection::Closed;
use crate::io::transport::{Deadline, deadline_after};
use scape_proto::event::{Event, EventKind};

/// The maximum number of events that may wait in the queue of a subscription,
/// or for a callback.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 1\r\n650 BW 2 2\r\n650 BW 3 3\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::event::EventKind;
/// use scape::connection::{EventItem, QueueLimit};
///
/// let events = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(2))?;
/// # controller.sync()?;
/// let items: Vec<_> = events.items().take(3).collect();
/// assert!(matches!(items[2], EventItem::Missed(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QueueLimit {
    /// No limit. No event is lost. But if events come faster than the program
    /// takes them, the queue needs more and more memory.
    #[default]
    Unbounded,
    /// At most this many events. While so many are waiting, further events are
    /// lost and [counted](Subscription::lost). With 0, all events are lost, and
    /// [`items`](Subscription::items) reports how many.
    Bounded(usize),
}

impl QueueLimit {
    /// Returns the limit as a number, or `None` if there is no limit.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            QueueLimit::Unbounded => None,
            QueueLimit::Bounded(limit) => Some(limit),
        }
    }
}

/// A queue that gets every event of the subscribed kinds, from the moment of
/// subscribing. Created by
/// [`Controller::subscribe`](crate::Controller::subscribe).
///
/// There are several ways to take events out of the queue. All of them return
/// the events in tor's order.
///
/// | method | waits for an event |
/// |---|---|
/// | [`iter`](Self::iter) | as long as it takes |
/// | [`try_iter`](Self::try_iter) | never |
/// | [`timeout_iter`](Self::timeout_iter), [`next_timeout`](Self::next_timeout) | until a timeout |
/// | [`items`](Self::items) | as long as it takes; also returns gaps between events |
/// | [`next_item`](Self::next_item) | until a timeout; also returns gaps between events |
/// | [`receiver`](Self::receiver) | in `select!`, with batches of events |
///
/// A subscription may be shared between threads. Each event goes to one of
/// them.
///
/// A subscription doesn't keep the connection open. So in
/// `scape::connect()?.subscribe(…)?`, the connection ends at once, because its
/// only [`Controller`](crate::Controller) is dropped.
///
/// When the connection ends, the events in the queue can still be read. Then
/// the iterators end, and [`cause`](Self::cause) returns the cause. A
/// connection that is opened again automatically
/// ([`Connect::reconnect`](crate::Connect::reconnect)) doesn't end its
/// subscriptions: the subscriptions continue when the connection is open again,
/// and [`items`](Self::items) shows the place of the gap.
///
/// Dropping the subscription unsubscribes. tor is told to stop sending these
/// events if nothing else on this connection wants them.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n650 BW 100 20\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::event::{EventBody, EventKind};
/// use std::time::Duration;
///
/// let events = controller.subscribe([EventKind::Bw])?;
/// let event = events.next_timeout(Duration::from_secs(10))?;
/// if let EventBody::Bw(bandwidth) = event.body() {
///     println!("{} bytes read in the last second", bandwidth.read);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    receiver: Receiver<Batch>,
    /// The events and gaps that were received from the channel but not yet
    /// returned. `None` before the first batch.
    front: Mutex<Option<Batch>>,
    kinds: Vec<EventKind>,
    registration: RouteGuard,
}

/// A registration for events: an entry in the register of
/// [`Routes`](super::routes::Routes). Dropping this value removes the entry.
/// tor is then told to stop sending the events that nothing else wants.
#[derive(Debug)]
pub(crate) struct RouteGuard {
    pub(super) id: RouteId,
    pub(super) hub: Weak<Hub>,
}

impl Drop for RouteGuard {
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
        let registration = RouteGuard { id, hub: Arc::downgrade(hub) };
        Ok(Subscription { queue, receiver, front: Mutex::new(None), kinds, registration })
    }

    /// Returns the kinds of events that were subscribed to.
    pub fn kinds(&self) -> &[EventKind] {
        &self.kinds
    }

    /// Returns an iterator over every event until the connection ends. Waits
    /// for each event as long as it takes. Gaps between events are skipped; see
    /// [`items`](Self::items).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 2\r\n650 BW 3 4\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// for event in events.iter().take(2) {
    ///     println!("{}", event.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }

    /// Returns an iterator over the events that are in the queue now. Never
    /// waits.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 2\r\n650 BW 3 4\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// controller.sync()?;
    /// assert_eq!(events.try_iter().count(), 2);
    /// assert_eq!(events.try_iter().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_iter(&self) -> TryIter<'_> {
        TryIter(self)
    }

    /// Returns an iterator over every event. It ends when no event comes for
    /// `timeout`, or when the connection has ended for good and the queue is
    /// empty.
    ///
    /// The timeout begins anew with each call of `next`. A queued event is
    /// returned at once, even if `timeout` is zero. So the iterator as a whole
    /// has no deadline: it continues as long as events keep coming.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 2\r\n650 BW 3 4\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// for event in events.timeout_iter(Duration::from_millis(10)) {
    ///     println!("{}", event.text());
    /// }
    /// // No event came for 10 milliseconds.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout_iter(&self, timeout: Duration) -> TimeoutIter<'_> {
        TimeoutIter { subscription: self, timeout }
    }

    /// Returns an iterator over every event and over the gaps between them. A
    /// gap is one of these: events that found no room in the queue, a
    /// connection that ended, a connection that was opened again. Waits for
    /// each item as long as it takes. The iterator ends when the connection has
    /// ended for good.
    ///
    /// A program with one thread sees a reconnect here, in its place among the
    /// events. The other iterators skip gaps.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n").listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use scape::event::EventKind;
    /// use scape::connection::EventItem;
    /// use scape::control::Reconnect;
    /// use scape::Connect;
    ///
    /// let controller = Connect::to(address)?.reconnect(Reconnect::new()).connect()?;
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// # tor.hang_up();
    /// for item in events.items() {
    ///     match item {
    ///         EventItem::Event(event) => println!("{}", event.text()),
    ///         EventItem::Missed(count) => println!("{count} events are missing"),
    ///         EventItem::Disconnected(cause) => println!("{cause}"),
    ///         EventItem::Reconnected(_) => break, // read everything again
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(&self) -> Items<'_> {
        Items(self)
    }

    /// Waits for at most `timeout` for the next event or gap, and returns it.
    /// See [`items`](Self::items) for the kinds of gaps.
    ///
    /// A queued item is returned at once, even if `timeout` is zero.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::connection::EventItem;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// match events.next_item(Duration::from_secs(10))? {
    ///     EventItem::Event(event) => assert_eq!(event.text(), "BW 1024 512"),
    ///     gap => println!("events are missing: {gap:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if nothing arrives
    /// within `timeout`, even while the connection is being opened again.
    /// Returns an error of the kind
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

    /// Waits for at most `timeout` for the next event, and returns it.
    ///
    /// A queued event is returned at once, even if `timeout` is zero or the
    /// connection has ended since. An event that is queued after the deadline
    /// is left for the next call. Gaps between events are skipped and don't end
    /// the wait: see [`next_item`](Self::next_item).
    ///
    /// A loop around this call has no deadline of its own, because each call
    /// waits anew and returns queued events without looking at the clock. To
    /// stop at a deadline no matter how many events come, look at the clock in
    /// the loop:
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on_prefix("SETEVENTS", "250 OK\r\n650 BW 1 2\r\n").start()?;
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
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no event arrives
    /// within `timeout`, even while the connection is being opened again.
    /// Returns an error of the kind
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

    /// Returns the channel of the queue, for [`crossbeam_channel::select!`]. It
    /// yields events in the batches in which they were read.
    ///
    /// The other methods take a whole batch out of the channel even if they
    /// return only one of its events. So either use only the channel, or take
    /// all events from [`try_iter`](Self::try_iter) before using the channel.
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

    /// Returns the number of events that were lost so far because the queue was
    /// full. Always 0 with [`QueueLimit::Unbounded`].
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// Returns the number of events that are in the queue now.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Returns the number of times that the connection has ended and the
    /// subscription has continued.
    ///
    /// Events are missing after each interruption. So a program that follows
    /// tor's state must read it again when this number changes.
    pub fn interruptions(&self) -> u64 {
        self.queue.interruptions()
    }

    /// Returns the cause of the connection's end, if no more events will be put
    /// into the queue. Returns `None` as long as the connection is open or is
    /// expected to be opened again.
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
            // This waits without the lock, so that other threads can take the
            // rest of the batch in the meantime.
            self.take_in(receive(&self.receiver)?);
        }
    }

    /// Returns the next event, or the cause of the connection's end if the end
    /// comes before the next event.
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

    /// Records that a call of this library waits for an event, as long as the
    /// returned value lives. In the meantime, the reader thread doesn't pause
    /// to hold tor back (see `hold.rs`). Returns `None` if the connection no
    /// longer exists.
    pub(super) fn awaiting(&self) -> Option<Awaiting> {
        self.registration.hub.upgrade().map(|hub| hub.outlets.awaiting())
    }

    fn take_in(&self, batch: Batch) {
        let mut front = self.front.lock();
        match &mut *front {
            // Another thread has received a batch before this one, so the
            // events of that batch come first.
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
            // This waits without the lock, so that other threads can take the
            // rest of the batch in the meantime.
            self.take_in(receive(&self.receiver)?);
        }
    }

    /// Unsubscribes and waits for tor's answer, for at most `timeout`. Returns
    /// false if the connection is down or has ended. Like dropping the
    /// subscription, but reports errors.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// assert!(events.close(Duration::from_secs(10))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// SETEVENTS within `timeout`, or
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refuses it. The
    /// subscription has ended anyway.
    pub fn close(self, timeout: Duration) -> Result<bool> {
        self.registration.close(Deadline::after(timeout))
    }
}

impl RouteGuard {
    /// Removes the entry. Like dropping this value, but waits for tor's answer
    /// and reports errors. Returns false if the connection is down or has
    /// ended.
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

/// An iterator over every event until the connection ends. Returned by
/// [`Subscription::iter`].
#[derive(Debug)]
pub struct Iter<'a>(&'a Subscription);

impl Iterator for Iter<'_> {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        self.0.next(Receiver::recv).ok()
    }
}

/// An iterator over every event and the gaps between them until the connection
/// ends. Returned by [`Subscription::items`].
#[derive(Debug)]
pub struct Items<'a>(&'a Subscription);

impl Iterator for Items<'_> {
    type Item = EventItem;

    fn next(&mut self) -> Option<EventItem> {
        self.0.next_item_with(Receiver::recv).ok()
    }
}

/// An iterator over the events that are in the queue now. Returned by
/// [`Subscription::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a>(&'a Subscription);

impl Iterator for TryIter<'_> {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        self.0.next::<TryRecvError>(Receiver::try_recv).ok()
    }
}

/// An iterator over every event until none comes within the timeout. Returned
/// by [`Subscription::timeout_iter`].
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
