//! A handle on a circuit.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::circuit_table::CircuitCell;
use super::{Router, State, Stream};
use crate::controller::CircuitError;
use crate::error::{Phase, Result};
use crate::event::{CircuitInfo, CircuitPurpose, CircuitStatus, ConfluxId};
use crate::protocol::Refusal;
use crate::transport::Deadline;
use crate::word::{CircuitId, RelayName};

/// A circuit of tor's: what is known of it now, and what was known last when it
/// has ended. Made by [`State`].
///
/// Handles are cheap to clone, and any number of threads may hold one. Each
/// call gives what is known at that moment; [`info`](Self::info) gives all of
/// one moment. control-spec, events CIRC and CIRC_MINOR.
///
/// Two handles are equal if they are of the same circuit.
#[derive(Clone)]
pub struct Circuit {
    cell: Arc<CircuitCell>,
    state: State,
}

impl Circuit {
    pub(super) fn new(cell: Arc<CircuitCell>, state: State) -> Self {
        Circuit { cell, state }
    }

    pub(super) fn cell(&self) -> &Arc<CircuitCell> {
        &self.cell
    }

    /// Its number. tor uses numbers again.
    pub fn id(&self) -> CircuitId {
        self.cell.id()
    }

    /// All that is known of it. After its end it has the reasons; its path
    /// stays.
    ///
    /// Of some things tor sends no event, so they may be older than what
    /// [`Controller::circuits`](crate::Controller::circuits) gives: the round
    /// trip time of conflux, the SOCKS user name and password that it is
    /// isolated for, the proof of work; and `GUARD_WAIT`, while which this says
    /// `EXTENDED`.
    pub fn info(&self) -> Arc<CircuitInfo> {
        self.cell.info()
    }

    /// How far it has come.
    pub fn status(&self) -> CircuitStatus {
        self.cell.status()
    }

    /// Whether it can carry streams.
    pub fn is_built(&self) -> bool {
        self.status() == CircuitStatus::Built
    }

    /// Whether it has failed or was closed.
    pub fn is_ended(&self) -> bool {
        self.cell.is_ended()
    }

    /// The relays that it reaches, the first hop first. It survives the
    /// circuit's end.
    pub fn path(&self) -> Vec<RelayName> {
        self.info().path.clone()
    }

    /// The same, as routers. Relays that are not in the consensus are stubs;
    /// one that tor names without its fingerprint is left out.
    pub fn routers(&self) -> Vec<Router> {
        let info = self.info();
        info.path.iter().filter_map(|relay| Some(self.state.router(relay.fingerprint()?))).collect()
    }

    /// What it is for.
    pub fn purpose(&self) -> Option<CircuitPurpose> {
        self.info().purpose.clone()
    }

    /// When it was made, by tor's clock, or was last taken for something else.
    pub fn created(&self) -> Option<SystemTime> {
        self.info().created
    }

    /// How long ago that was; nothing where tor's clock is ahead of this
    /// machine's.
    pub fn age(&self) -> Option<Duration> {
        let created = self.created()?;
        Some(SystemTime::now().duration_since(created).unwrap_or_default())
    }

    /// What it has in common with the other legs of its conflux set.
    pub fn conflux_id(&self) -> Option<ConfluxId> {
        self.info().conflux_id
    }

    /// The streams that it carries now. (Those of a conflux set are told of one
    /// leg.)
    pub fn streams(&self) -> Vec<Stream> {
        let cells: Vec<_> = self.state.shared().model().streams.on(self.id()).cloned().collect();
        // Another circuit may have the number by now.
        if self.is_ended() {
            return Vec::new();
        }
        cells.into_iter().map(|cell| Stream::new(cell, self.state.clone())).collect()
    }

    /// The state that it is a part of.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Waits until the circuit can carry streams. May be called in callbacks.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`CircuitError`] (kind
    /// [`ErrorKind::Network`](crate::ErrorKind::Network)), which has the
    /// reasons, if the circuit fails or is closed, or was before. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it isn't built in
    /// time, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection ends.
    pub fn wait_built(&self, timeout: Duration) -> Result<()> {
        self.wait_built_until(Deadline::after(timeout))
    }

    /// Like [`wait_built`](Self::wait_built), until `deadline`.
    pub(crate) fn wait_built_until(&self, deadline: Deadline) -> Result<()> {
        self.state.shared().wait(deadline, Phase::Circuit, || match self.status() {
            CircuitStatus::Built => Some(Ok(())),
            status if status.is_end() => Some(Err(self.error().into())),
            _ => None,
        })
    }

    /// Waits until the circuit has failed or was closed, and returns its last
    /// known state. May be called in callbacks.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the circuit isn't
    /// closed in time, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends.
    pub fn wait_closed(&self, timeout: Duration) -> Result<Arc<CircuitInfo>> {
        self.wait_closed_until(Deadline::after(timeout))
    }

    /// Like [`wait_closed`](Self::wait_closed), until `deadline`.
    pub(crate) fn wait_closed_until(&self, deadline: Deadline) -> Result<Arc<CircuitInfo>> {
        let ended = || Some(self.info()).filter(|info| info.status.is_end()).map(Ok);
        self.state.shared().wait(deadline, Phase::Circuit, ended)
    }

    /// Closes the circuit, in use or not, and waits until tor says that it is
    /// closed, for at most the controller's timeout. Returns false if it was
    /// gone already.
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`Controller::close_circuit`](crate::Controller::close_circuit), except
    /// that an unknown circuit is no error, and as
    /// [`wait_closed`](Self::wait_closed). Most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn close(&self) -> Result<bool> {
        if self.is_ended() {
            return Ok(false);
        }
        let controller = self.state.controller().in_one_call();
        let was_there = match controller.close_circuit(self.id()) {
            Ok(()) => true,
            Err(error) if error.exact().is_some_and(Refusal::is_unknown) => false,
            Err(error) => return Err(error),
        };
        self.wait_closed_until(controller.deadline()).map(|_| was_there)
    }

    /// Begins to extend it by more relays, and returns when tor has begun:
    /// [`wait_built`](Self::wait_built) waits for the rest. Until then it is
    /// not built. (tor sends no event of that, so of an extension by another
    /// controller this learns when a hop is there.)
    ///
    /// A path that tor did not choose can be told from others, and may reveal
    /// who uses it.
    ///
    /// # Errors
    ///
    /// As [`Controller::extend_circuit`](crate::Controller::extend_circuit).
    pub fn extend<R: ToString>(&self, relays: impl IntoIterator<Item = R>) -> Result<()> {
        let hops_before = self.info().path.len();
        self.state.controller().extend_circuit(self.id(), relays)?;
        let shared = self.state.shared();
        let mut model = shared.model();
        model.circuits.extending(&self.cell, hops_before);
        shared.publish(model, shared.changes());
        Ok(())
    }

    /// Why it cannot be used.
    pub(crate) fn error(&self) -> CircuitError {
        let info = self.info();
        CircuitError {
            id: info.id,
            status: info.status.clone(),
            reason: info.reason.clone(),
            remote_reason: info.remote_reason.clone(),
            path: info.path.clone(),
        }
    }
}

impl PartialEq for Circuit {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl Eq for Circuit {}

impl Hash for Circuit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.cell).hash(state);
    }
}

impl fmt::Display for Circuit {
    /// As [`CircuitInfo`] is shown, in one line and without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Circuit").field(&self.info()).finish()
    }
}
