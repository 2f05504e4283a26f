//! [`Decision`]: an attacher's decision about a stream.

use super::AttachPoint;
use scape_proto::event::EndReason;

/// An attacher's decision about a stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Decision {
    /// Attach the stream to this circuit: see [`on`](Decision::on). If that
    /// fails, the stream is closed; it never uses another circuit.
    Circuit(AttachPoint),
    /// Let tor choose the circuit.
    Tor,
    /// Close the stream, and report this reason to its client.
    Refuse(EndReason),
    /// Ask the next attacher. After the last one, tor chooses the circuit.
    Pass,
    /// Decide later, with the [`StreamAnswer`](super::StreamAnswer) from
    /// [`StreamRequest::answer_later`](super::StreamRequest::answer_later). If
    /// that method wasn't called, the stream is closed, because nobody could
    /// decide.
    #[doc(alias = "DO_NOT_ATTACH")]
    Later,
}

impl Decision {
    /// Returns the decision to attach the stream to a circuit. The circuit is
    /// given as a [`Circuit`](crate::state::Circuit), a
    /// [`CircuitId`](crate::word::CircuitId), or an [`AttachPoint`] on a
    /// circuit.
    ///
    /// ```
    /// use scape::attach::{AttachPoint, Decision};
    /// use scape::word::CircuitId;
    ///
    /// let circuit = CircuitId::new(7);
    /// let (last_hop, second_hop) = (Decision::on(circuit), AttachPoint::from(circuit).hop(2));
    /// assert!(matches!(last_hop, Decision::Circuit(place) if place.circuit() == circuit));
    /// assert!(matches!(Decision::on(second_hop), Decision::Circuit(_)));
    /// ```
    pub fn on(circuit: impl Into<AttachPoint>) -> Decision {
        Decision::Circuit(circuit.into())
    }
}
