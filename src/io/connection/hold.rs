//! Holding back tor during a flood of events, so that the waiting events need
//! only a fixed amount of memory.
//!
//! The reader thread doesn't read for a moment while too many events wait. In
//! this time, tor's events fill the buffers of the socket and then wait in
//! tor's own memory. Nothing is lost.

use std::thread;
use std::time::{Duration, Instant};

/// The number of waiting events above which the reader thread stops reading.
pub(super) const MOST: usize = 2560;

/// The number of waiting events at which the reader thread resumes reading.
const ENOUGH: usize = MOST / 2;

/// The number of waiting events up to which a listener that was too slow counts
/// as having caught up. A listener is a subscription or a callback.
const CAUGHT_UP: usize = 1024;

/// The length of a pause after which the reader thread looks again. (The
/// operating system makes the pause a little longer.) A caller that sends a
/// command in the meantime waits for at most this time.
const PAUSE: Duration = Duration::from_micros(100);

/// The time in which a listener must take half of the waiting events. That is a
/// rate of about 6,400 events a second. A listener that takes longer is slow,
/// hangs, or waits for something that only comes with further events. The
/// reader thread no longer pauses for such a listener until it has caught up.
/// Otherwise a slow listener would delay the events of all others.
const PATIENCE: Duration = Duration::from_millis(200);

/// The time after a reply in which tor isn't held back. Otherwise a callback
/// that sends one command after the other would be slow: each reply would come
/// after all the events that pile up during a pause.
const AFTER_REPLY: Duration = Duration::from_millis(20);

/// The state from which one reader thread decides when to hold tor back.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// True if a listener has not taken enough events within [`PATIENCE`], and
    /// has not caught up since.
    is_given_up: bool,
    /// The time until which tor isn't held back, because tor has just sent a
    /// reply: see [`AFTER_REPLY`]. `None` if no reply has come during a flood.
    spared: Option<Instant>,
}

impl Hold {
    /// Waits while too many events wait and their listeners take them. Called
    /// after the events of one read were handed over, while no lock is held.
    ///
    /// `answered` is true if a reply was among what was read. `waiting` returns
    /// the number of events that wait. While `is_urgent` returns true, a call
    /// waits for a reply or an event, and this method doesn't wait.
    pub(super) fn back(
        &mut self,
        answered: bool,
        waiting: impl Fn() -> usize,
        is_urgent: impl Fn() -> bool,
    ) {
        let count = waiting();
        if count <= CAUGHT_UP {
            self.is_given_up = false;
        }
        if count <= MOST || self.is_given_up {
            return;
        }
        let begun = Instant::now();
        if answered {
            self.spared = Some(begun + AFTER_REPLY);
        }
        if self.spared.is_some_and(|end| begun < end) {
            return;
        }
        while waiting() > ENOUGH && !is_urgent() {
            if begun.elapsed() >= PATIENCE {
                self.is_given_up = true;
                log::debug!(target: "scape::events", "more than {ENOUGH} events wait, and hardly any are taken");
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Calls [`Hold::back`] while `waiting` events wait. Each time that `back`
    /// asks for their number, `taken` of them are taken. Returns the number of
    /// events that still wait afterwards.
    fn left(hold: &mut Hold, answered: bool, waiting: usize, taken: usize) -> usize {
        let count = Cell::new(waiting);
        let look = || count.replace(count.get().saturating_sub(taken));
        hold.back(answered, look, || false);
        count.get()
    }

    #[test]
    fn tor_is_held_back_until_half_of_the_events_are_taken() {
        let mut hold = Hold::default();
        // The listener takes many events at a time, so that there are few
        // pauses. Each may take long on a busy machine.
        assert!(left(&mut hold, false, MOST + 1, 1000) <= ENOUGH);
        assert_eq!(left(&mut hold, false, MOST, 1000), MOST - 1000);
    }

    #[test]
    fn tor_is_not_held_back_for_a_listener_that_takes_nothing() {
        let mut hold = Hold::default();
        let begun = Instant::now();
        for _ in 0..100 {
            assert_eq!(left(&mut hold, false, 2 * MOST, 0), 2 * MOST);
        }
        let took = begun.elapsed();
        assert!(took >= PATIENCE && took < 10 * PATIENCE, "{took:?}");
        // The listener has taken some events, but it hasn't caught up.
        assert_eq!(left(&mut hold, false, MOST + 100, 1), MOST + 99);
        assert_eq!(left(&mut hold, false, CAUGHT_UP, 0), CAUGHT_UP);
        assert!(left(&mut hold, false, MOST + 1, 1000) <= ENOUGH);
    }

    #[test]
    fn tor_is_not_held_back_while_somebody_waits_for_it() {
        let mut hold = Hold::default();
        let looks = Cell::new(0);
        let is_urgent = || looks.replace(looks.get() + 1) > 0;
        hold.back(false, || 2 * MOST, is_urgent);
        assert_eq!((looks.get(), hold.is_given_up), (2, false));
    }

    #[test]
    fn tor_is_not_held_back_shortly_after_a_reply() {
        let mut hold = Hold::default();
        assert_eq!(left(&mut hold, true, 2 * MOST, 2000), 2 * MOST - 2000);
        assert!(hold.spared.is_some());
        hold.spared = Some(Instant::now() + Duration::from_secs(3600));
        assert_eq!(left(&mut hold, false, 2 * MOST, 2000), 2 * MOST - 2000);
        hold.spared = Some(Instant::now());
        assert!(left(&mut hold, false, 2 * MOST, 2000) <= ENOUGH);
        // A reply before the flood has no effect.
        left(&mut hold, true, 1, 0);
        assert!(left(&mut hold, false, 2 * MOST, 2000) <= ENOUGH);
    }
}
