//! Retakes: later attempts to restore what tor refused to take back when the
//! connection was opened again.
//!
//! tor may accept the same command later. For example, a connection over a
//! network was lost, but tor hasn't noticed yet. Then tor still has the onion
//! services of that connection (`550 Onion address collision`).
//!
//! This file has the schedule. `session/keeping.rs` makes the attempts.

use std::sync::Weak;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::shared::ReconnectHook;
use crate::error::Error;
use scape_proto::control::Refusal;
use scape_proto::word::OnionAddress;

/// The time for which attempts are made after a reconnect. It is longer than
/// the time until tor notices that the old connection was lost: TCP needs about
/// a quarter of an hour for that.
const TRY_FOR: Duration = Duration::from_secs(20 * 60);
/// The time between the refusal in a reconnect and the first further attempt.
/// After each failed attempt, the time until the next attempt doubles.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest time between two attempts to restore something that tor refused.
/// [`MAX_READ_DELAY`] is the limit for followers.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// The longest time between two attempts to update a follower: an object that
/// mirrors tor's state, such as the live state. It is shorter than
/// [`MAX_DELAY`] because callers may be waiting for the result.
const MAX_READ_DELAY: Duration = Duration::from_secs(5);

/// Something that a reconnect restores on the new connection.
#[derive(Clone)]
pub(super) enum Part {
    /// The subscriptions to events.
    Events,
    /// The entry of the restorables with this name. The address is `None` if
    /// the entry isn't an onion service.
    Restorable(String, Option<OnionAddress>),
    /// The option `__LeaveStreamsUnattached`.
    LeaveStreams,
    /// A follower, such as the live state. Restoring it means that it reads
    /// tor's state again.
    ReconnectHook(Weak<dyn ReconnectHook>),
}

impl Part {
    /// Returns the part's name, for users and for the log.
    pub(super) fn name(&self) -> String {
        match self {
            Part::Events => "the events".into(),
            Part::Restorable(what, _) => what.clone(),
            Part::LeaveStreams => "the option __LeaveStreamsUnattached".into(),
            Part::ReconnectHook(follower) => {
                follower.upgrade().map_or("", |follower| follower.name()).into()
            }
        }
    }
}

/// The parts (see [`Part`]) that tor refused to restore on the current
/// connection, and the times of the next attempts.
#[derive(Default)]
pub(super) struct Retakes(Mutex<State>);

#[derive(Default)]
struct State {
    /// The number of the socket on which tor refused the parts in `due`. After
    /// the next reconnect, a new list replaces `due`, because the reconnect
    /// tries to restore everything on its socket.
    link: u64,
    due: Vec<Due>,
}

/// A part to restore, and the times of the attempts.
pub(super) struct Due {
    pub(super) part: Part,
    /// The number of attempts since the reconnect. The attempt that the
    /// reconnect itself made doesn't count.
    pub(super) attempts: u32,
    /// The time of the next attempt.
    next: Instant,
    /// The time after which no further attempt is made.
    give_up: Instant,
}

impl Due {
    fn new(part: Part, now: Instant) -> Self {
        Due { part, attempts: 0, next: now + FIRST_DELAY, give_up: now + TRY_FOR }
    }

    /// Counts a refused attempt. Returns the time until the next one, or `None`
    /// if this was the last attempt.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.attempts += 1;
        let longest = match self.part {
            Part::ReconnectHook(_) => MAX_READ_DELAY,
            _ => MAX_DELAY,
        };
        let delay = FIRST_DELAY.saturating_mul(1 << self.attempts.min(20)).min(longest);
        self.next = now + delay;
        (self.next <= self.give_up).then_some(delay)
    }
}

impl Retakes {
    /// Replaces the list with the parts that tor refused on the socket with the
    /// number `link`. Leaves out those that tor would refuse again: see
    /// [`may_pass`]. Returns true if an attempt is planned.
    pub(super) fn begin(&self, link: u64, refused: Vec<(Part, Error)>) -> bool {
        let now = Instant::now();
        let due = refused.into_iter().filter(|(_, error)| may_pass(error));
        let state = State { link, due: due.map(|(part, _)| Due::new(part, now)).collect() };
        let any = !state.due.is_empty();
        *self.0.lock() = state;
        any
    }

    /// Returns the time of the next attempt, or `None` if no attempt is
    /// planned.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.lock().due.iter().map(|due| due.next).min()
    }

    /// Removes and returns the attempts that are due now, with the number of
    /// the socket to make them on.
    pub(super) fn take_due(&self) -> (u64, Vec<Due>) {
        let now = Instant::now();
        let mut state = self.0.lock();
        let (due, later) =
            std::mem::take(&mut state.due).into_iter().partition(|due| due.next <= now);
        state.due = later;
        (state.link, due)
    }

    /// Puts back a part that was refused again, unless the connection was
    /// opened again meanwhile.
    pub(super) fn put_back(&self, link: u64, due: Due) {
        let mut state = self.0.lock();
        if state.link == link {
            state.due.push(due);
        }
    }
}

/// Returns true if `error` is a refusal and the same command may succeed later.
/// Returns false if the command was refused because of its arguments, or if
/// `error` isn't a refusal.
pub(super) fn may_pass(error: &Error) -> bool {
    let code = error.exact().map(Refusal::code);
    code.is_some_and(|code| !matches!(code, 510..=519 | 552 | 554 | 555))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::control::Refusal;

    fn refused(code: u16) -> Error {
        Refusal::new("ADD_ONION", vec![(code, "no".to_owned())]).into()
    }

    #[test]
    fn retakes_end_after_twenty_minutes() {
        let mut now = Instant::now();
        let mut due = Due::new(Part::Events, now);
        let mut delays = Vec::new();
        while let Some(delay) = due.failed(now) {
            delays.push(delay);
            now += delay;
        }
        assert_eq!(delays[0], Duration::from_millis(200));
        assert!(
            delays.len() < 60 && delays.iter().sum::<Duration>() > Duration::from_secs(19 * 60)
        );
        assert!(delays.iter().all(|delay| *delay <= MAX_DELAY));
    }

    #[test]
    fn refused_arguments_are_not_retaken() {
        assert!(may_pass(&refused(550)) && may_pass(&refused(551)) && may_pass(&refused(451)));
        assert!(!may_pass(&refused(510)) && !may_pass(&refused(513)) && !may_pass(&refused(552)));
        let retakes = Retakes::default();
        assert!(!retakes.begin(2, vec![(Part::Events, refused(510))]));
        assert!(retakes.next().is_none());
        assert!(retakes.begin(3, vec![(Part::Events, refused(551))]));
        assert!(retakes.next().is_some());
    }
}
