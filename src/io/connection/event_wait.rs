//! Waiting for an event until a deadline, no matter how many other events come.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::batch::Batch;
use super::outlets::Awaiting;
use super::subscription::Subscription;
use crate::error::{Phase, Result};
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use scape_proto::event::Event;

/// The maximum number of events that a wait returns after its deadline. Only
/// events that were in the queue at the deadline are returned.
const LATE: usize = 4096;

/// A wait for events of a subscription. The wait ends at a deadline even if
/// events keep coming.
///
/// An event that tor sent before the deadline may still be in the queue when
/// the deadline passes. One cause is that the operating system didn't run the
/// waiting thread. So events that are in the queue at the deadline are still
/// returned, up to [`LATE`] of them. Events that come later are not returned.
///
/// A wait also ends with the connection, even if the connection is opened
/// again. The reason is that most waits belong to a command that was sent on
/// the old connection. The next connection may be to another tor, in whose
/// events the same ids stand for other circuits and streams. So the command
/// must be sent with a handle that uses the same connection: see
/// [`on_this_link`](crate::Controller::on_this_link). With
/// [`over_reconnects`](Self::over_reconnects), a wait continues on the next
/// connection.
///
/// Every call that waits for an event uses this type.
/// [`Subscription::next_timeout`] in a loop would never look at the clock as
/// long as events are queued.
pub(crate) struct EventWait<'a> {
    subscription: &'a Subscription,
    deadline: Deadline,
    phase: Phase,
    /// Set once [`next_before`](Self::next_before) is called after its `moment`
    /// has passed: that `moment`, and the number of queued events that further
    /// calls with the same `moment` may still return. `None` while calls begin
    /// before their `moment`.
    late: Option<(Instant, usize)>,
    /// True if the wait continues after a reconnect. False if the wait ends
    /// with the connection on which it began.
    goes_on: bool,
    /// The cause of the end of the connection on which the wait began. `None`
    /// until the wait has seen this end.
    ended: Option<Closed>,
    /// A guard that keeps the reader thread from pausing during a flood of
    /// events, because this wait needs the next event soon. `None` if the
    /// connection no longer exists.
    _awaiting: Option<Awaiting>,
}

impl Subscription {
    /// Begins a wait for events until `deadline`. After that, the wait fails
    /// with a timeout error that names `phase`.
    pub(crate) fn wait(&self, deadline: Deadline, phase: Phase) -> EventWait<'_> {
        EventWait::new(self, deadline, phase)
    }
}

impl<'a> EventWait<'a> {
    /// Creates a wait for events until `deadline`. After that, the wait fails
    /// with a timeout error that names `phase`.
    pub(crate) fn new(subscription: &'a Subscription, deadline: Deadline, phase: Phase) -> Self {
        let _awaiting = subscription.awaiting();
        EventWait {
            subscription,
            deadline,
            phase,
            late: None,
            goes_on: false,
            ended: None,
            _awaiting,
        }
    }

    /// Makes this a wait that continues after a reconnect. Events of the next
    /// connection are then returned as well.
    pub(crate) fn over_reconnects(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// Returns an error of one of these kinds:
    ///
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) once the deadline
    ///   has passed.
    /// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) once the token
    ///   of the deadline was cancelled, even if events are queued.
    /// * [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the connection
    ///   has ended and all earlier events were returned.
    pub(crate) fn next(&mut self) -> Result<Arc<Event>> {
        let event = self.next_before(self.deadline.instant())?;
        event.ok_or_else(|| self.deadline.error(self.phase))
    }

    /// Waits for the next event until `moment`, or until the deadline if the
    /// deadline is earlier. Returns `None` if no event has come by then.
    ///
    /// # Errors
    ///
    /// Returns an error of one of these kinds:
    ///
    /// * [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the connection
    ///   has ended and all earlier events were returned.
    /// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) once the token
    ///   of the deadline was cancelled, even if events are queued.
    pub(crate) fn next_before(&mut self, moment: Instant) -> Result<Option<Arc<Event>>> {
        self.deadline.check_cancelled(self.phase)?;
        let moment = moment.min(self.deadline.instant());
        let end = if Instant::now() < moment {
            self.late = None;
            let deadline = self.deadline;
            match self.take(|receiver| deadline.receive(receiver, moment)) {
                Ok(event) => return event.map(Some),
                Err(end) => end,
            }
        } else {
            let left = match self.late {
                Some((passed, left)) if passed == moment => left,
                _ => self.subscription.waiting().min(LATE),
            };
            let Some(rest) = left.checked_sub(1) else { return Ok(None) };
            self.late = Some((moment, rest));
            match self.take(Receiver::try_recv) {
                Ok(event) => return event.map(Some),
                Err(TryRecvError::Empty) => RecvTimeoutError::Timeout,
                Err(TryRecvError::Disconnected) => RecvTimeoutError::Disconnected,
            }
        };
        match (end, self.subscription.cause()) {
            (RecvTimeoutError::Disconnected, Some(closed)) => Err(closed.into()),
            _ => self.deadline.check_cancelled(self.phase).map(|()| None),
        }
    }

    /// Receives the next event. If the connection's end comes first, the inner
    /// error is the cause of the end. The outer error is that of `receive`.
    fn take<E>(
        &mut self,
        receive: impl Fn(&Receiver<Batch>) -> Result<Batch, E>,
    ) -> Result<Result<Arc<Event>>, E> {
        if self.goes_on {
            return self.subscription.next(receive).map(Ok);
        }
        if let Some(closed) = &self.ended {
            return Ok(Err(closed.clone().into()));
        }
        Ok(self.subscription.next_before_end(receive)?.map_err(|closed| {
            self.ended = Some(closed.clone());
            closed.into()
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Timeout;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, SystemTime};

    use super::super::hub::Hub;
    use super::super::subscription::QueueLimit;
    use super::*;
    use crate::io::transport::Transport;
    use scape_proto::control::{Decoder, Limits};

    fn event(line: &str) -> Arc<Event> {
        let mut decoder = Decoder::default();
        decoder.feed(line.as_bytes());
        Arc::new(Event::parse(decoder.next_reply().unwrap().unwrap(), SystemTime::now()))
    }

    /// Returns a subscription to no kinds of events on an open link, and the
    /// peer's transport. The link stays open as long as that transport lives.
    fn subscription() -> (Subscription, Transport) {
        let hub = Arc::new(Hub::default());
        let (ours, theirs) = Transport::pair();
        hub.adopt(hub.start_link(ours, Limits::default()).unwrap()).unwrap();
        let limit = QueueLimit::Unbounded;
        (
            Subscription::new(&hub, Vec::new(), limit, Deadline::after(Duration::ZERO)).unwrap(),
            theirs,
        )
    }

    #[test]
    fn wait_ends_although_the_queue_is_never_empty() {
        let (subscription, _theirs) = subscription();
        let is_over = AtomicBool::new(false);
        let begun = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                let event = event("650 BW 1 2\r\n");
                // Queue more events than anybody takes, but never so many that
                // memory runs out.
                while !is_over.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(20) {
                    if subscription.waiting() < 100_000 {
                        subscription.queue().push(vec![event.clone(); 10_000]);
                    }
                }
            });
            while subscription.waiting() == 0 {
                thread::yield_now();
            }
            let mut wait =
                subscription.wait(Deadline::after(Duration::from_millis(100)), Phase::Signal);
            let error = loop {
                if let Err(error) = wait.next() {
                    break error;
                }
            };
            is_over.store(true, Ordering::SeqCst);
            assert_eq!(error.exact().map(Timeout::phase), Some(Phase::Signal));
        });
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn events_that_were_queued_at_the_deadline_are_returned_once_and_no_later_ones() {
        let (subscription, _theirs) = subscription();
        let event = event("650 BW 1 2\r\n");
        subscription.queue().push(vec![event.clone(); 3]);
        let mut wait = subscription.wait(Deadline::after(Duration::ZERO), Phase::Event);
        for _ in 0..3 {
            wait.next().unwrap();
            subscription.queue().push(vec![event.clone()]);
        }
        assert!(wait.next().is_err());
        assert!(wait.next_before(Instant::now()).unwrap().is_none());
        assert_eq!(subscription.waiting(), 3);
    }

    #[test]
    fn number_of_events_after_the_deadline_is_limited() {
        let (subscription, _theirs) = subscription();
        subscription.queue().push(vec![event("650 BW 1 2\r\n"); 2 * LATE]);
        let mut wait = subscription.wait(Deadline::after(Duration::ZERO), Phase::Event);
        let mut count = 0;
        while wait.next().is_ok() {
            count += 1;
        }
        assert_eq!(count, LATE);
    }

    #[test]
    fn earlier_moment_ends_before_the_deadline() {
        let (subscription, _theirs) = subscription();
        let mut wait = subscription.wait(Deadline::after(Duration::from_secs(60)), Phase::Event);
        let begun = Instant::now();
        assert!(wait.next_before(begun + Duration::from_millis(20)).unwrap().is_none());
        assert!(begun.elapsed() < Duration::from_secs(10));
        subscription.queue().push(vec![event("650 BW 1 2\r\n")]);
        assert!(wait.next_before(begun).unwrap().is_some());
    }
}
