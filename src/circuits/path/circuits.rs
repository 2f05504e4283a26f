//! [`Circuits`]: several circuits that are built at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::attempts::build_one_or_fail;
use super::in_flight::{InFlight, wait_until_closed};
use super::settings::CircuitSettings;
use crate::error::{Error, Result};
use crate::io::connection::Thread;
use crate::live::state::{Circuit, State};

/// An iterator over circuits that are being built. It returns each circuit when
/// it is ready or has finally failed. Created by
/// [`CircuitBuilder::build_many`](crate::CircuitBuilder::build_many).
///
/// Dropping the iterator cancels the circuits that aren't ready, and closes the
/// circuits that it hasn't returned.
#[derive(Debug)]
#[must_use = "dropping this closes the circuits"]
pub struct Circuits {
    state: State,
    site: Arc<InFlight>,
    results: Receiver<Result<Circuit>>,
    /// The number of results that are still to come.
    left: usize,
}

/// The state of one of the threads that build circuits for [`Circuits`].
#[derive(Debug, Clone)]
struct Worker {
    settings: CircuitSettings,
    state: State,
    site: Arc<InFlight>,
    /// The number of circuits that no thread has started yet.
    open: Arc<AtomicUsize>,
    results: Sender<Result<Circuit>>,
}

impl Circuits {
    pub(super) fn start(settings: CircuitSettings, state: State, count: usize) -> Result<Circuits> {
        let (sender, results) = unbounded();
        let site = InFlight::new(&state);
        let threads = settings.concurrency.min(count);
        let worker = Worker {
            settings,
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
                // The threads that were started build all circuits, more
                // slowly.
                Err(error) if number > 0 => {
                    log::debug!(target: "scape::path", "{number} threads build circuits: {error}");
                    break;
                }
                Err(error) => return Err(Error::io("start a thread to build circuits", error)),
            }
        }
        Ok(circuits)
    }

    /// Returns the number of results that are still to come.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Cancels the circuits that aren't ready, closes the circuits that weren't
    /// returned, and waits until tor reports that all of these are closed. All
    /// of this takes at most the controller's timeout. Returns false if there
    /// was no circuit to close, or if the control connection has ended.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "").info("stream-status", "").info("address-mappings/all", "")
    /// #     .info("entry-guards", "").info("circuit-status", "").on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("CLOSECIRCUIT 7", "250 OK\r\n650 CIRC 7 CLOSED PURPOSE=GENERAL REASON=REQUESTED\r\n")
    /// #     .on("EXTENDCIRCUIT 0", concat!("250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED PURPOSE=GENERAL\r\n",
    /// #         "650 CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL\r\n"))
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::CircuitBuilder;
    ///
    /// let circuits = CircuitBuilder::new().build_many(&state, 1)?;
    /// circuits.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't report
    /// within the controller's timeout that the circuits are closed.
    pub fn close(mut self) -> Result<bool> {
        self.left = 0;
        let deadline = self.state.controller().deadline();
        wait_until_closed(&self.site.close(), deadline)
    }
}

impl Worker {
    fn run(&self) {
        while !self.site.is_closed() && self.begin_one() {
            let deadline = self.settings.deadline();
            let built = build_one_or_fail(&self.settings, &self.state, &self.site, deadline);
            if self.results.send(built).is_err() {
                // The [`Circuits`] value was dropped, which closes all circuits
                // in `site`, including this one.
                return;
            }
        }
    }

    /// Claims a circuit that no thread has started. Returns false if no circuit
    /// is left.
    fn begin_one(&self) -> bool {
        self.open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| open.checked_sub(1))
            .is_ok()
    }
}

impl Iterator for Circuits {
    type Item = Result<Circuit>;

    /// Waits until another circuit is built or has finally failed.
    /// [`CircuitBuilder::timeout`](crate::CircuitBuilder::timeout) limits the
    /// wait, because it limits the time for each circuit.
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
        self.site.close();
    }
}
