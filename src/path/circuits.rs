//! Several circuits at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::attempts::build_one;
use super::circuit_builder::CircuitBuilder;
use super::site::{Site, wait_until_closed};
use crate::connection::Thread;
use crate::error::{Error, Result};
use crate::state::{Circuit, State};

/// Circuits that are being built: iterating gives each when it is there, or has
/// failed for good. Made by [`CircuitBuilder::build_many`].
///
/// Dropping it gives up what is not there yet, and closes the circuits that
/// were not taken.
#[derive(Debug)]
#[must_use = "dropping this closes the circuits"]
pub struct Circuits {
    state: State,
    site: Arc<Site>,
    results: Receiver<Result<Circuit>>,
    /// How many are to come.
    left: usize,
}

/// What each of the threads needs.
#[derive(Debug, Clone)]
struct Worker {
    builder: CircuitBuilder,
    state: State,
    site: Arc<Site>,
    /// How many circuits nobody has begun yet.
    open: Arc<AtomicUsize>,
    results: Sender<Result<Circuit>>,
}

impl Circuits {
    pub(super) fn start(builder: CircuitBuilder, state: State, count: usize) -> Result<Circuits> {
        let (sender, results) = unbounded();
        let site = Arc::new(Site::default());
        let threads = builder.concurrency.min(count);
        let worker = Worker {
            builder,
            state: state.clone(),
            site: site.clone(),
            open: Arc::new(AtomicUsize::new(count)),
            results: sender,
        };
        let circuits = Circuits { state, site, results, left: count };
        for number in 0..threads {
            let worker = worker.clone();
            match Thread::spawn("scape-build", move || worker.run()) {
                Ok(_) => {}
                // Fewer will do.
                Err(error) if number > 0 => {
                    log::debug!(target: "scape::path", "{number} threads build circuits: {error}");
                    break;
                }
                Err(error) => return Err(Error::io("start a thread to build circuits", error)),
            }
        }
        Ok(circuits)
    }

    /// How many are to come.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Gives up what is not there yet, closes the circuits that were not taken,
    /// and waits until tor says that they are closed. All of this takes at most
    /// the controller's timeout. Returns false if there was none left to close,
    /// also because the control connection has ended.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't say so
    /// in time.
    pub fn close(mut self) -> Result<bool> {
        self.left = 0;
        let deadline = self.state.controller().deadline();
        wait_until_closed(&self.site.close(&self.state), deadline)
    }
}

impl Worker {
    fn run(&self) {
        while !self.site.is_closed() && self.begin_one() {
            let built = build_one(&self.builder, &self.state, &self.site, self.builder.deadline());
            if self.results.send(built).is_err() {
                // Nobody listens: then the circuit was closed, together with
                // the site.
                return;
            }
        }
    }

    /// Takes one of those that nobody has begun yet, if there is one.
    fn begin_one(&self) -> bool {
        self.open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| open.checked_sub(1))
            .is_ok()
    }
}

impl Iterator for Circuits {
    type Item = Result<Circuit>;

    /// Waits for the next circuit, or the next failure: for as long as
    /// [`CircuitBuilder::timeout`] allows.
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let result = self.results.recv().ok()?;
        if let Ok(circuit) = &result {
            self.site.leave(circuit);
        }
        Some(result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Circuits {}

impl Drop for Circuits {
    fn drop(&mut self) {
        self.site.close(&self.state);
    }
}
