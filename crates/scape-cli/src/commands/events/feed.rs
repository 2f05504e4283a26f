//! Receives events until a deadline, and tells the user when the connection is
//! interrupted.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use scape::connection::EventItem;
use scape::control::Reconnect;
use scape::event::{Event, EventKind};
use scape::{Controller, ErrorKind, Subscription};

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::tell;

/// The maximum interval at which the wait for an event checks if a signal has
/// come.
const POLL: Duration = Duration::from_secs(1);

/// Connects to tor. If `follow` is true, the controller reconnects whenever the
/// connection ends.
pub(crate) fn controller(context: &Context, follow: bool) -> Result<Controller, Failure> {
    if !follow {
        return context.controller();
    }
    context.open_with(&context.connect()?.reconnect(Reconnect::new()))
}

/// An event or an interruption in a [`Feed`].
#[derive(Debug)]
pub(crate) enum Item {
    Event(Arc<Event>),
    /// The connection has ended. The controller is trying to reconnect.
    Disconnected,
    /// The connection is open again.
    Reconnected,
}

/// A subscription to events of some kinds, until a deadline.
#[derive(Debug)]
pub(crate) struct Feed {
    events: Subscription,
    deadline: Option<Instant>,
    follows: bool,
    /// Keeps the connection open, because it closes when the last controller is
    /// dropped. Also sends the requests of the caller.
    controller: Controller,
}

impl Feed {
    /// Subscribes to these kinds of events. The feed ends after `time`.
    /// `follows` is true if the controller reconnects. Then the feed goes on
    /// when the connection has ended.
    pub(crate) fn open(
        controller: Controller,
        kinds: Vec<EventKind>,
        time: Option<Duration>,
        follows: bool,
    ) -> Result<Self, Failure> {
        let events = controller.subscribe(kinds)?;
        // A time that is too long for the clock counts as no limit.
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        Ok(Feed { events, deadline, follows, controller })
    }

    /// Waits until all events that tor has sent so far have arrived. Returns
    /// the time at the end of the wait.
    pub(crate) fn catch_up(&self) -> SystemTime {
        // If the connection has ended, no events come at all.
        let _ = self.controller.sync();
        SystemTime::now()
    }

    pub(crate) fn controller(&self) -> &Controller {
        &self.controller
    }

    pub(crate) fn kinds(&self) -> &[EventKind] {
        self.events.kinds()
    }

    /// Returns the events that have arrived and weren't returned yet, up to the
    /// first interruption. Doesn't wait.
    pub(crate) fn arrived(&self, context: &Context) -> Result<Vec<Arc<Event>>, Failure> {
        let mut events = Vec::new();
        for _ in 0..self.events.waiting() {
            match self.next(context)? {
                Some(Item::Event(event)) => events.push(event),
                _ => break,
            }
        }
        Ok(events)
    }

    /// Waits for the next event or interruption. Tells the user about
    /// interruptions and missing events. Returns `None` at the deadline.
    /// Returns a failure if the connection has ended and isn't opened again.
    pub(crate) fn next(&self, context: &Context) -> Result<Option<Item>, Failure> {
        loop {
            context.check_interrupt()?;
            let left = self.deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            match self.events.next_item(left.unwrap_or(POLL).min(POLL)) {
                Ok(EventItem::Event(event)) => return Ok(Some(Item::Event(event))),
                Ok(EventItem::Missed(count)) => {
                    let verb = if count == 1 { "event is" } else { "events are" };
                    tell(format_args!("{count} {verb} missing"));
                }
                Ok(EventItem::Disconnected(cause)) if self.follows => {
                    // After a signal, scape has closed the connection.
                    context.check_interrupt()?;
                    tell(format_args!("{cause}; waiting for tor"));
                    return Ok(Some(Item::Disconnected));
                }
                Ok(EventItem::Reconnected(_)) => {
                    tell("connected again");
                    return Ok(Some(Item::Reconnected));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Timeout => {}
                Err(error) => {
                    context.check_interrupt()?;
                    let mut failure = Failure::from(error);
                    if !self.follows {
                        failure.message += "; with --follow, scape waits until tor runs again";
                    }
                    return Err(failure);
                }
            }
        }
    }
}
