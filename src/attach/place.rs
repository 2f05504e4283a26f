//! A circuit that a stream is to be put on.

use crate::controller::Controller;
use crate::error::{ArgumentError, Error, Result, StreamError, StreamProblem};
use crate::types::{CircuitId, CircuitStatus, StreamId};

/// A circuit, and at which of its relays a stream leaves it.
///
/// ```
/// use scape::attach::Place;
/// use scape::types::CircuitId;
///
/// let last = Place::from(CircuitId::new(7));
/// let middle = Place::from(CircuitId::new(7)).hop(2);
/// assert_eq!((last.circuit(), middle.circuit()), (CircuitId::new(7), CircuitId::new(7)));
/// ```
///
/// A stream that leaves a circuit elsewhere than at its end, or over a circuit that tor did not make, can be told from others, and may reveal
/// who uses it.
#[derive(Debug, Clone)]
pub struct Place {
    id: CircuitId,
    hop: Option<u32>,
}

impl Place {
    /// The same circuit, to be left at its `hop`th relay, the first being 1, instead of its last. (tor refuses the first.)
    #[must_use]
    pub fn hop(self, hop: u32) -> Place {
        Place { hop: Some(hop), ..self }
    }

    /// The circuit's number.
    pub fn circuit(&self) -> CircuitId {
        self.id
    }

    /// An error of a stream that was to go here.
    pub(super) fn error(&self, problem: StreamProblem) -> StreamError {
        StreamError::new(Some(self.id), problem)
    }

    /// Whether a stream can be put here, as far as is known without asking tor. `Err` with why not.
    pub(super) fn check(&self, _controller: &Controller) -> Result<()> {
        if self.id.get() == 0 {
            let why = "is 0, which would let tor choose";
            return Err(ArgumentError::invalid("ATTACHSTREAM", "circuit", why).into());
        }
        if self.hop == Some(0) {
            return Err(ArgumentError::invalid("ATTACHSTREAM", "hop", "is 0; the first relay is 1").into());
        }
        Ok(())
    }

    /// As [`check`](Self::check), and tor is asked where need be.
    pub(super) fn check_now(&self, controller: &Controller) -> Result<()> {
        self.check(controller)?;
        let circuit = controller.circuits()?.into_iter().find(|circuit| circuit.id == self.id);
        match circuit.map(|circuit| circuit.status) {
            Some(CircuitStatus::Built) => Ok(()),
            Some(status) => Err(self.error(StreamProblem::NotBuilt(status)).into()),
            None => Err(self.error(self.ended()).into()),
        }
    }

    /// That it has ended, and why, as far as is known.
    pub(super) fn ended(&self) -> StreamProblem {
        StreamProblem::CircuitEnded { reason: None, remote_reason: None }
    }

    /// Puts a stream here.
    pub(super) fn put(&self, controller: &Controller, stream: StreamId) -> Result<()> {
        match self.hop {
            Some(hop) => controller.attach_stream_at(stream, self.id, hop),
            None => controller.attach_stream(stream, self.id),
        }
        .map_err(|error| match error {
            Error::Refused(refusal) => self.error(StreamProblem::Refused(*refusal)).into(),
            error => error,
        })
    }
}

impl From<CircuitId> for Place {
    fn from(id: CircuitId) -> Place {
        Place { id, hop: None }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Place {
        place.clone()
    }
}
