//! Circuits that are being built and have no owner yet.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::error::Result;
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use crate::io::undo::{self, Rank, Undo};
use crate::live::state::{Circuit, State};
use scape_proto::control::Command;

/// The circuits that are being built, or that are built and wait until their
/// owner takes them. Variables of this type are called `site`.
///
/// [`close`](Self::close) closes all of these circuits and rejects further
/// ones. So no circuit is left open without an owner.
/// [`undo_all`](crate::undo_all) calls `close`.
#[derive(Debug)]
pub(super) struct InFlight {
    state: State,
    work: Mutex<Work>,
    /// Notified when a [`Starting`] is dropped.
    started: Condvar,
}

/// A value that exists while a circuit is started: from before EXTENDCIRCUIT is
/// sent until the circuit is in the list of its [`InFlight`].
pub(super) struct Starting<'a>(&'a InFlight);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.work.lock().starting -= 1;
        self.0.started.notify_all();
    }
}

#[derive(Debug, Default)]
struct Work {
    is_closed: bool,
    /// The number of circuits that are being started and aren't in `circuits`
    /// yet.
    starting: usize,
    circuits: Vec<Circuit>,
}

impl InFlight {
    /// Creates an empty list for the circuits of the tor that `state` observes.
    pub(super) fn new(state: &State) -> Arc<Self> {
        let site = Arc::new(InFlight {
            state: state.clone(),
            work: Mutex::default(),
            started: Condvar::new(),
        });
        undo::register(Rank::Circuits, &site);
        site
    }

    /// Announces that a circuit will be started. Must be called before
    /// EXTENDCIRCUIT is sent. Returns `None` if [`close`](Self::close) was
    /// called. The command must then not be sent.
    pub(super) fn starting(&self) -> Option<Starting<'_>> {
        let mut work = self.work.lock();
        if work.is_closed {
            return None;
        }
        work.starting += 1;
        Some(Starting(self))
    }

    /// Adds a circuit. Returns false if [`close`](Self::close) was called. The
    /// caller must then close the circuit.
    pub(super) fn enter(&self, circuit: &Circuit) -> bool {
        let mut work = self.work.lock();
        if !work.is_closed {
            work.circuits.push(circuit.clone());
        }
        !work.is_closed
    }

    /// Removes a circuit because it has ended or has an owner. Returns false if
    /// the circuit wasn't registered.
    pub(super) fn leave(&self, circuit: &Circuit) -> bool {
        let mut work = self.work.lock();
        let at = work.circuits.iter().position(|known| known == circuit);
        at.map(|at| work.circuits.swap_remove(at)).is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.work.lock().is_closed
    }

    /// Rejects further circuits and begins to close the registered ones.
    /// Threads that wait for such a circuit wake up when the circuit is closed.
    /// Never waits for tor. Returns the circuits that had not ended.
    pub(super) fn close(&self) -> Vec<Circuit> {
        let circuits = {
            let mut work = self.work.lock();
            work.is_closed = true;
            let mut circuits = std::mem::take(&mut work.circuits);
            circuits.retain(|circuit| !circuit.is_ended());
            circuits
        };
        if let Err(error) = begin_to_close(&self.state, &circuits) {
            log::debug!(target: "scape::path", "{} circuits could not be closed: {error}", circuits.len());
        }
        circuits
    }
}

impl Undo for InFlight {
    fn undo(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        let circuits = self.close();
        // A circuit that is being started is closed by the thread that starts
        // it, which needs the connection for this.
        let mut work = self.work.lock();
        while work.starting > 0
            && !self.started.wait_until(&mut work, deadline.instant()).timed_out()
        {}
        drop(work);
        wait_until_closed(&circuits, deadline).map(drop)
    }
}

/// Tells tor to close these circuits, without waiting for tor's replies.
pub(super) fn begin_to_close(state: &State, circuits: &[Circuit]) -> Result<()> {
    let open = circuits.iter().filter(|circuit| !circuit.is_ended());
    let commands: Result<Vec<Command>, _> = open
        .map(|circuit| {
            Command::build("CLOSECIRCUIT").word("circuit", &circuit.id().to_string()).finish()
        })
        .collect();
    let commands = commands?;
    if !commands.is_empty() {
        state.controller().undoing().send_all(commands)?;
    }
    Ok(())
}

/// Waits until all of these circuits have ended, or until `deadline`. Returns
/// the first error, most often because `deadline` has passed. Otherwise returns
/// true if tor has reported the end of at least one circuit. Returns false if
/// there was no circuit, or if the connection ended before any of the circuits.
pub(super) fn wait_until_closed(circuits: &[Circuit], deadline: Deadline) -> Result<bool> {
    let mut result = Ok(false);
    for circuit in circuits {
        match circuit.wait_closed_until(deadline) {
            Ok(_) => result = result.map(|_| true),
            Err(error) if error.is::<Closed>() => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}
