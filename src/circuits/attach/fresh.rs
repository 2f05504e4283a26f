//! Client requests that each use a new circuit.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::leave_unattached::{Afterwards, LeaveUnattachedGuard};
use super::registry::Registry;
use super::{AttachPoint, circuit_binder};
use crate::circuits::path::CircuitBuilder;
use crate::client::socks::{BoundRequest, Isolation, Request, RequestBinder, SocksError};
use crate::control::{StreamError, StreamProblem};
use crate::error::{Error, Result};
use crate::io::transport::{Deadline, Transport};
use crate::live::state::{Circuit, State};
use scape_proto::word::is_onion_name;

/// The [`RequestBinder`] of a client that builds a new circuit for each
/// request.
pub(crate) struct FreshCircuitBinder {
    hold: LeaveUnattachedGuard,
    state: State,
    builder: CircuitBuilder,
}

impl FreshCircuitBinder {
    /// Creates a binder whose circuits are built by `builder`. While the binder
    /// exists, every new stream of this tor waits until this program decides on
    /// the stream.
    pub(crate) fn new(
        state: &State,
        builder: CircuitBuilder,
        deadline: Deadline,
    ) -> Result<Arc<FreshCircuitBinder>> {
        let controller = state.controller().until(deadline);
        let hold = LeaveUnattachedGuard::hold(
            Registry::of(&controller)?,
            &controller,
            Afterwards::Linger,
        )?;
        Ok(Arc::new(FreshCircuitBinder { hold, state: state.clone(), builder }))
    }
}

impl RequestBinder for FreshCircuitBinder {
    fn bind(&self, request: &Request, deadline: Instant) -> Result<Box<dyn BoundRequest>> {
        if request.host_name().is_some_and(is_onion_name) {
            // Fail before a circuit is built, which the request couldn't use.
            return Err(StreamError::new(None, StreamProblem::Onion).into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = self.builder.circuit_timeout().min(left);
        let circuit = self.builder.clone().timeout(timeout).build(&self.state)?;
        let own = Mutex::new(OwnCircuit { circuit: Some(circuit.clone()) });
        let bound =
            circuit_binder::bind(&self.hold, &AttachPoint::from(circuit), request, deadline)?;
        Ok(Box::new(OnFresh { bound, own }))
    }
}

impl fmt::Debug for FreshCircuitBinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FreshCircuitBinder").field(&self.builder).finish()
    }
}

/// A circuit that was built for one request. Dropping this value closes the
/// circuit. When the request is confirmed, `circuit` is set to `None`, so that
/// the circuit stays open.
struct OwnCircuit {
    circuit: Option<Circuit>,
}

impl Drop for OwnCircuit {
    fn drop(&mut self) {
        if let Some(circuit) = self.circuit.take()
            && !circuit.is_ended()
        {
            // The reply isn't waited for, because the deadline of the request
            // may have passed.
            circuit.state().controller().begin_to_close_circuit(circuit.id());
        }
    }
}

struct OnFresh {
    // The order matters: the stream is closed before its circuit.
    bound: Box<dyn BoundRequest>,
    own: Mutex<OwnCircuit>,
}

impl BoundRequest for OnFresh {
    fn isolation(&self) -> &Isolation {
        self.bound.isolation()
    }

    fn connected(&self, transport: &Transport) -> io::Result<()> {
        self.bound.connected(transport)
    }

    fn confirm(&self, deadline: Instant) -> Result<()> {
        self.bound.confirm(deadline)?;
        self.own.lock().circuit = None;
        Ok(())
    }

    fn cause(&self, error: SocksError) -> Error {
        self.bound.cause(error)
    }
}
