//! Remembers circuits and streams that have ended recently, for `--watch`.

use std::time::{Duration, Instant};

use scape::state::{Circuit, Stream};

/// The time for which `--watch` still shows a circuit or stream that has ended.
const SHOWN: Duration = Duration::from_secs(5);

/// A handle to a circuit or a stream, which knows if the circuit or stream has
/// ended.
pub(crate) trait Ends: Clone + PartialEq {
    fn is_ended(&self) -> bool;
}

impl Ends for Circuit {
    fn is_ended(&self) -> bool {
        Circuit::is_ended(self)
    }
}

impl Ends for Stream {
    fn is_ended(&self) -> bool {
        Stream::is_ended(self)
    }
}

/// The handles that [`add_to`](Self::add_to) returned last. For a circuit or
/// stream that has ended, also the time when its end was noticed.
#[derive(Debug)]
pub(crate) struct Ended<H> {
    known: Vec<(H, Option<Instant>)>,
}

impl<H> Default for Ended<H> {
    fn default() -> Self {
        Ended { known: Vec::new() }
    }
}

impl<H: Ends> Ended<H> {
    /// Returns those handles of the last call that have ended, and all handles
    /// in `open`. An ended handle is left out once its end was noticed five
    /// seconds ago. `now` is the present time.
    pub(crate) fn add_to(&mut self, open: Vec<H>, now: Instant) -> Vec<H> {
        let mut known: Vec<_> = std::mem::take(&mut self.known)
            .into_iter()
            .filter(|(handle, _)| handle.is_ended())
            .map(|(handle, ended)| (handle, Some(ended.unwrap_or(now))))
            .filter(|(_, ended)| ended.is_some_and(|ended| now.duration_since(ended) < SHOWN))
            .collect();
        // A circuit or stream may have ended after the list of open ones was
        // made, so it could be in both lists.
        let open = open.into_iter().filter(|handle| known.iter().all(|(it, _)| it != handle));
        let open: Vec<_> = open.map(|handle| (handle, None)).collect();
        known.extend(open);
        self.known = known;
        self.known.iter().map(|(handle, _)| handle.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Thing(u32, Rc<Cell<bool>>);

    impl Ends for Thing {
        fn is_ended(&self) -> bool {
            self.1.get()
        }
    }

    #[test]
    fn ended_things_are_shown_for_five_seconds() {
        let [one, two] = [1, 2].map(|id| Thing(id, Rc::default()));
        let mut ended = Ended::default();
        let start = Instant::now();
        let both = vec![one.clone(), two.clone()];
        assert_eq!(ended.add_to(both.clone(), start), both);
        one.1.set(true);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(ended.add_to(vec![two.clone()], at(60)), both);
        assert_eq!(ended.add_to(vec![two.clone()], at(64)), both);
        for seconds in [65, 66] {
            assert_eq!(ended.add_to(vec![two.clone()], at(seconds)), vec![two.clone()]);
        }
    }

    #[test]
    fn thing_that_ends_while_the_list_is_made_is_shown_once() {
        let thing = Thing(1, Rc::default());
        let mut ended = Ended::default();
        let now = Instant::now();
        ended.add_to(vec![thing.clone()], now);
        thing.1.set(true);
        assert_eq!(ended.add_to(vec![thing.clone()], now), vec![thing.clone()]);
        assert_eq!(ended.add_to(Vec::new(), now + SHOWN), Vec::new());
    }
}
