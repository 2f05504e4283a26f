//! [`AttachPoint`]: a circuit and a hop, to which a stream is attached.

use crate::control::{Controller, StreamError, StreamProblem};
use crate::error::Result;
use crate::live::state::Circuit;
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::event::{CircuitPurpose, CircuitStatus};
use scape_proto::word::{CircuitId, StreamId};

/// Where to attach a stream: a circuit and, optionally, the hop at which the
/// stream leaves it.
///
/// ```
/// use scape::attach::AttachPoint;
/// use scape::word::CircuitId;
///
/// let last = AttachPoint::from(CircuitId::new(7));
/// let middle = AttachPoint::from(CircuitId::new(7)).hop(2);
/// assert_eq!((last.circuit(), middle.circuit()), (CircuitId::new(7), CircuitId::new(7)));
/// ```
///
/// Prefer a [`Circuit`] to an id, because a restarted tor uses the same ids for
/// other circuits. A [`Circuit`] also knows if and why it has closed, and which
/// control connection it belongs to.
///
/// Streams that leave a circuit before its last hop, or that use a circuit that
/// tor didn't choose, stand out and may reveal the user.
#[derive(Debug, Clone)]
pub struct AttachPoint {
    id: CircuitId,
    hop: Option<u32>,
    live: Option<Circuit>,
}

impl AttachPoint {
    /// Sets the hop at which the stream leaves the circuit. Hops are counted
    /// from 1, and the default is the last hop. Attaching a stream fails if
    /// `hop` is 0, and also if `hop` is 1, because tor refuses the first hop.
    ///
    /// ```
    /// use scape::attach::{AttachPoint, Decision};
    /// use scape::word::CircuitId;
    ///
    /// let second_relay = AttachPoint::from(CircuitId::new(7)).hop(2);
    /// let decision = Decision::on(second_relay);
    /// assert!(matches!(decision, Decision::Circuit(_)));
    /// ```
    #[must_use]
    pub fn hop(self, hop: u32) -> AttachPoint {
        AttachPoint { hop: Some(hop), ..self }
    }

    /// Returns the circuit's id.
    pub fn circuit(&self) -> CircuitId {
        self.id
    }

    /// Returns the error for a stream that can't be attached to this circuit
    /// because of `problem`.
    pub(super) fn error(&self, problem: StreamProblem) -> StreamError {
        StreamError::new(Some(self.id), problem)
    }

    /// Returns an error if a stream certainly can't be attached to this circuit
    /// and hop. Doesn't ask tor. If only the circuit's id is known, this check
    /// doesn't notice that the circuit has closed.
    pub(super) fn check(&self, controller: &Controller) -> Result<()> {
        if self.id.get() == 0 {
            let why = "is 0, which would let tor choose";
            return Err(ArgumentError::invalid("ATTACHSTREAM", "circuit", why).into());
        }
        if self.hop == Some(0) {
            return Err(ArgumentError::invalid(
                "ATTACHSTREAM",
                "hop",
                "is 0; the first relay is 1",
            )
            .into());
        }
        let Some(live) = &self.live else { return Ok(()) };
        if !live.state().controller().is_same(controller) {
            return Err(self.error(StreamProblem::OtherConnection).into());
        }
        if live.is_ended() {
            return Err(self.error(self.ended()).into());
        }
        Ok(())
    }

    /// Makes the same checks as [`check`](Self::check). Also returns an error
    /// if the circuit isn't built, or if it can't carry the request. The
    /// request is a DNS look-up if `is_look_up` is true, otherwise a
    /// connection. If only the circuit's id is known, tor is asked about the
    /// circuit.
    pub(super) fn check_now(&self, controller: &Controller, is_look_up: bool) -> Result<()> {
        self.check(controller)?;
        let known = match &self.live {
            Some(live) => Some((live.status(), live.purpose())),
            None => {
                let circuits = controller.circuits()?;
                let own = circuits.into_iter().find(|circuit| circuit.id == self.id);
                own.map(|circuit| (circuit.status, circuit.purpose))
            }
        };
        let carries_look_ups = |purpose: &Option<CircuitPurpose>| {
            use CircuitPurpose::{ConfluxLinked, Controller, General};
            matches!(purpose, None | Some(General | ConfluxLinked | Controller))
        };
        match known {
            Some((CircuitStatus::Built, purpose)) if is_look_up && !carries_look_ups(&purpose) => {
                Err(self.error(StreamProblem::Purpose(purpose)).into())
            }
            Some((CircuitStatus::Built, _)) => Ok(()),
            Some((status, _)) if !status.is_end() => {
                Err(self.error(StreamProblem::NotBuilt(status)).into())
            }
            _ => Err(self.error(self.ended()).into()),
        }
    }

    /// Returns the problem "the circuit has ended", with the reasons if they
    /// are known.
    fn ended(&self) -> StreamProblem {
        match self.live.as_ref().map(Circuit::info) {
            Some(info) => StreamProblem::CircuitEnded {
                reason: info.reason.clone(),
                remote_reason: info.remote_reason.clone(),
            },
            None => StreamProblem::CircuitEnded { reason: None, remote_reason: None },
        }
    }

    /// Returns true if `circuit` is this circuit, or another leg of this
    /// circuit's conflux set. All legs of a set have the same exit.
    pub(super) fn is(&self, circuit: Option<CircuitId>) -> bool {
        if circuit == Some(self.id) {
            return true;
        }
        let leg = self.live.as_ref().zip(circuit);
        let set = leg.and_then(|(live, other)| {
            Some((live.conflux_id()?, live.state().circuit(other)?.conflux_id()?))
        });
        set.is_some_and(|(own, other)| own == other)
    }

    /// Attaches a stream to this circuit and hop. `is_look_up` is true if the
    /// stream is a DNS look-up. A look-up on a circuit that can't carry
    /// look-ups would make tor abort. Such a look-up isn't attached, and an
    /// error is returned.
    pub(super) fn put(
        &self,
        controller: &Controller,
        stream: StreamId,
        is_look_up: bool,
    ) -> Result<()> {
        match is_look_up {
            true => controller.attach_look_up(stream, self.id, self.hop),
            false => controller.attach_connection(stream, self.id, self.hop),
        }
        .map_err(|error| match error.exact::<Refusal>() {
            Some(refusal) => self.error(StreamProblem::Refused(refusal.clone())).into(),
            None => error,
        })
    }
}

impl From<CircuitId> for AttachPoint {
    fn from(id: CircuitId) -> AttachPoint {
        AttachPoint { id, hop: None, live: None }
    }
}

impl From<&Circuit> for AttachPoint {
    fn from(circuit: &Circuit) -> AttachPoint {
        AttachPoint { id: circuit.id(), hop: None, live: Some(circuit.clone()) }
    }
}

impl From<Circuit> for AttachPoint {
    fn from(circuit: Circuit) -> AttachPoint {
        AttachPoint { id: circuit.id(), hop: None, live: Some(circuit) }
    }
}

impl From<&AttachPoint> for AttachPoint {
    fn from(place: &AttachPoint) -> AttachPoint {
        place.clone()
    }
}
