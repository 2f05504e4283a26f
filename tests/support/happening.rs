//! Waits for an event that a test causes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scape::Controller;
use scape::event::{Event, EventBody, EventKind};

/// The time in which the event must arrive.
const SOON: Duration = Duration::from_secs(60);

/// Calls `act`, and returns the first event of `kind` for which `is_it` returns
/// true. Panics if no such event comes within [`SOON`].
pub(crate) fn event_of(
    tor: &Controller,
    kind: EventKind,
    act: impl FnOnce(),
    is_it: impl Fn(&EventBody) -> bool,
) -> Arc<Event> {
    let events = tor.subscribe([kind.clone()]).unwrap();
    act();
    let deadline = Instant::now() + SOON;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = events.next_timeout(left).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_ne!(event.body(), &EventBody::Unknown, "{event}");
        if is_it(event.body()) {
            return event;
        }
    }
}
