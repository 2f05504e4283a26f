//! Waiting for an event until a deadline, whatever else comes.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::subscription::Subscription;
use crate::error::{Error, Phase, Result};
use crate::event::Event;
use crate::transport::Deadline;

/// How many events that were queued when the deadline passed are still looked at.
const LATE: usize = 4096;

/// A wait over the events of a subscription that ends at a deadline even if events keep coming.
///
/// An event that tor sent in time may still be in the queue when the deadline passes, for example because this thread got
/// no processor. So the events that are in the queue at that moment, up to [`LATE`] of them, are still returned. Events that
/// come later are not.
///
/// Every call that waits for an event uses this type. [`Subscription::next_timeout`] in a loop would never look at the
/// clock as long as events are queued.
pub(crate) struct EventWait<'a> {
    subscription: &'a Subscription,
    deadline: Deadline,
    phase: Phase,
    /// The moment that has passed, and how many of the events that were queued then are left to look at.
    late: Option<(Instant, usize)>,
}

impl<'a> EventWait<'a> {
    /// A wait until `deadline`, which fails with a timeout in `phase` then.
    pub(crate) fn new(subscription: &'a Subscription, deadline: Deadline, phase: Phase) -> Self {
        EventWait { subscription, deadline, phase, late: None }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] once the deadline has passed; [`Error::Closed`] once the connection has ended for good and the
    /// queue is empty.
    pub(crate) fn next(&mut self) -> Result<Arc<Event>> {
        let event = self.next_before(self.deadline.instant())?;
        event.ok_or_else(|| self.deadline.error(self.phase))
    }

    /// Waits for the next event until `moment`, or until the deadline if that is earlier. Returns `None` when the time is
    /// over.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once the connection has ended for good and the queue is empty.
    pub(crate) fn next_before(&mut self, moment: Instant) -> Result<Option<Arc<Event>>> {
        let moment = moment.min(self.deadline.instant());
        let end = if Instant::now() < moment {
            self.late = None;
            match self.subscription.next(|receiver| receiver.recv_deadline(moment)) {
                Ok(event) => return Ok(Some(event)),
                Err(end) => end,
            }
        } else {
            let left = match self.late {
                Some((passed, left)) if passed == moment => left,
                _ => self.subscription.waiting().min(LATE),
            };
            let Some(rest) = left.checked_sub(1) else { return Ok(None) };
            self.late = Some((moment, rest));
            match self.subscription.next(Receiver::try_recv) {
                Ok(event) => return Ok(Some(event)),
                Err(TryRecvError::Empty) => RecvTimeoutError::Timeout,
                Err(TryRecvError::Disconnected) => RecvTimeoutError::Disconnected,
            }
        };
        match (end, self.subscription.cause()) {
            (RecvTimeoutError::Disconnected, Some(closed)) => Err(Error::Closed(closed)),
            _ => Ok(None),
        }
    }
}
