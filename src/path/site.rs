//! Circuits that nobody has been given yet.

use parking_lot::Mutex;

use crate::connection::Closed;
use crate::error::Result;
use crate::protocol::Command;
use crate::state::{Circuit, State};
use crate::transport::Deadline;

/// The circuits that are being built, or wait to be handed over. Once it is
/// closed they are all closed, and none is let in any more: so no circuit is
/// left that nobody knows of.
#[derive(Debug, Default)]
pub(super) struct Site {
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    is_closed: bool,
    circuits: Vec<Circuit>,
}

impl Site {
    /// Takes a circuit in. Whether that was still possible: if not, the caller
    /// has to close it.
    pub(super) fn enter(&self, circuit: &Circuit) -> bool {
        let mut work = self.work.lock();
        if !work.is_closed {
            work.circuits.push(circuit.clone());
        }
        !work.is_closed
    }

    /// Lets a circuit out: it has ended, or somebody has it. Whether it was
    /// there.
    pub(super) fn leave(&self, circuit: &Circuit) -> bool {
        let mut work = self.work.lock();
        let at = work.circuits.iter().position(|known| known == circuit);
        at.map(|at| work.circuits.swap_remove(at)).is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.work.lock().is_closed
    }

    /// Lets nobody in any more, and begins to close all circuits that are
    /// there; whoever waits for one learns it by that. Never waits for tor.
    /// Returns the circuits that had not ended.
    pub(super) fn close(&self, state: &State) -> Vec<Circuit> {
        let circuits = {
            let mut work = self.work.lock();
            work.is_closed = true;
            let mut circuits = std::mem::take(&mut work.circuits);
            circuits.retain(|circuit| !circuit.is_ended());
            circuits
        };
        if let Err(error) = begin_to_close(state, &circuits) {
            log::debug!(target: "scape::path", "{} circuits could not be closed: {error}", circuits.len());
        }
        circuits
    }
}

/// Tells tor to close these circuits, without waiting for its answers.
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

/// Waits until these circuits have ended, all of them by `deadline`. Returns
/// false if there was none. Returns the first error. The connection's end is no
/// error, since the circuits are nobody's any more then.
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
