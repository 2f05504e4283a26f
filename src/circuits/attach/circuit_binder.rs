//! [`CircuitBinder`]: sends the requests of a client over one circuit, and
//! registers these requests.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::AttachPoint;
use super::bound_stream::{BoundStream, PREFIX};
use super::leave_unattached::{Afterwards, LeaveUnattachedGuard};
use super::registry::Registry;
use crate::client::socks::{BoundRequest, Isolation, Request, RequestBinder, SocksError};
use crate::control::{Controller, StreamError, StreamProblem};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed};
use crate::io::transport::{Deadline, Transport};
use scape_proto::event::EndReason;
use scape_proto::word::is_onion_name;

/// The [`RequestBinder`] of a client whose requests all go over one circuit.
pub(crate) struct CircuitBinder {
    hold: LeaveUnattachedGuard,
    place: AttachPoint,
}

impl CircuitBinder {
    /// Creates a binder for the circuit of `place`. While the binder exists,
    /// every new stream of this tor waits until this program decides on the
    /// stream.
    pub(crate) fn new(controller: &Controller, place: AttachPoint) -> Result<Arc<CircuitBinder>> {
        place.check(controller)?;
        let hold =
            LeaveUnattachedGuard::hold(Registry::of(controller)?, controller, Afterwards::Linger)?;
        Ok(Arc::new(CircuitBinder { hold, place }))
    }
}

impl RequestBinder for CircuitBinder {
    fn bind(&self, request: &Request, deadline: Instant) -> Result<Box<dyn BoundRequest>> {
        bind(&self.hold, &self.place, request, deadline)
    }
}

impl fmt::Debug for CircuitBinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CircuitBinder").field(&self.place).finish()
    }
}

/// Checks the circuit of `place` and registers a request over it. If tor must
/// be asked about the circuit, waits for tor's reply until `deadline`.
pub(super) fn bind(
    hold: &LeaveUnattachedGuard,
    place: &AttachPoint,
    request: &Request,
    deadline: Instant,
) -> Result<Box<dyn BoundRequest>> {
    let registry = hold.registry();
    let target = request.to_string();
    let target = target.split_once(' ').map_or("", |(_, target)| target);
    if request.host_name().is_some_and(is_onion_name) {
        let error = place.error(StreamProblem::Onion);
        return Err(StreamError { target: target.into(), ..error }.into());
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let tor = hold.controller().until(Deadline::at(deadline, left));
    // The number of ends is read before the check. So `add` notices if the
    // connection ends after this.
    let ends = registry.bound.ends();
    place.check_now(&tor, request.is_look_up()).map_err(|error| {
        match error.exact::<StreamError>() {
            Some(error) => StreamError { target: target.into(), ..error.clone() }.into(),
            None => error,
        }
    })?;
    let user: Box<str> = format!("{PREFIX}{}", hex::encode(rand::random::<[u8; 16]>())).into();
    let isolation = Isolation::new(user.as_bytes(), "0")?;
    let via = registry.bound.add(user.clone(), place.clone(), request.is_look_up(), ends);
    let closed = || {
        let remote = || Closed::new(CloseCause::Remote { last_words: None });
        Error::from(tor.closed().unwrap_or_else(remote))
    };
    let via = via.ok_or_else(closed)?;
    let (registry, controller) = (registry.clone(), hold.controller().clone());
    Ok(Box::new(Ticket { registry, controller, user, isolation, via, deadline }))
}

/// The registration of one request. Dropping this value removes the request
/// from the registry.
struct Ticket {
    registry: Arc<Registry>,
    controller: Controller,
    user: Box<str>,
    isolation: Isolation,
    via: Arc<BoundStream>,
    /// The deadline of the request. It also limits the wait for tor's reason
    /// after a failure.
    deadline: Instant,
}

impl BoundRequest for Ticket {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn connected(&self, transport: &Transport) -> io::Result<()> {
        self.via.connected(transport)
    }

    fn confirm(&self, deadline: Instant) -> Result<()> {
        let confirmed = self.via.confirm(deadline);
        if confirmed.is_ok() {
            self.via.leave_to_user();
        }
        confirmed
    }

    fn cause(&self, error: SocksError) -> Error {
        self.via.cause(error, &self.controller, self.deadline)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.registry.bound.remove(&self.user);
        if let Some(stream) = self.via.abandon() {
            self.registry.operations.close_unheard(stream, EndReason::DONE);
        }
    }
}
