//! Limits the number of connections that are served at the same time. Each
//! connection has its own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::threads;

/// A limit on the number of connections that are served at the same time. Each
/// of these connections takes a place.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place that a connection has taken from [`Places`]. Dropping it makes room
/// for another connection.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Places { taken: Arc::default(), most }
    }

    /// Takes a place for a connection. Returns `None` if all places are taken.
    pub(crate) fn take(&self) -> Option<Place> {
        let place = Place(self.taken.clone());
        let others = self.taken.fetch_add(1, Ordering::AcqRel);
        (others < self.most).then_some(place)
    }
}

impl Place {
    /// Runs `work` on a new thread, and then frees the place. If the system
    /// can't start a thread, drops `work`, which closes the connection in it.
    /// The visitor can then try again.
    pub(crate) fn serve(self, work: impl FnOnce() + Send + 'static) {
        let _ = threads::start(move || {
            let _place = self;
            work();
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn places_are_limited_and_free_again_even_after_a_panic() {
        let places = Places::new(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none() && places.take().is_none());
        drop(first);
        let (sender, ended) = bounded::<()>(0);
        second.serve(move || {
            let _sender = sender;
            panic!("a panic of the test");
        });
        ended.recv().unwrap_err();
        let deadline = Instant::now() + Duration::from_secs(60);
        while places.taken.load(Ordering::Acquire) > 0 {
            assert!(Instant::now() < deadline);
            thread::yield_now();
        }
        assert!(places.take().is_some());
    }
}
