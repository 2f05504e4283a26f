//! The error for a circuit that failed or was closed.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use scape_proto::event::{CircuitReason, CircuitStatus};
use scape_proto::word::{CircuitId, RelayName};

/// The error for a circuit that can't be used because it failed or was closed.
#[doc(alias = "CircuitExtensionFailed")]
#[doc(alias = "CircuitBuildTimedOutError")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitError {
    /// The circuit's id.
    pub id: CircuitId,
    /// The circuit's status: `FAILED`, `CLOSED`, or the last status that was
    /// seen before the circuit was gone.
    pub status: CircuitStatus,
    /// tor's reason why the circuit ended. `None` if tor gave no reason.
    pub reason: Option<CircuitReason>,
    /// The reason of the relay that ended the circuit. `None` unless `reason`
    /// is [`CircuitReason::Destroyed`].
    pub remote_reason: Option<CircuitReason>,
    /// The relays to which the circuit had been extended, in order. Empty if
    /// there were none, or if tor doesn't know the circuit.
    pub path: Vec<RelayName>,
}

impl CircuitError {
    /// Creates the error for a circuit that tor doesn't know. The error has no
    /// reasons.
    pub(crate) fn unknown(id: CircuitId) -> Self {
        CircuitError {
            id,
            status: CircuitStatus::Closed,
            reason: None,
            remote_reason: None,
            path: Vec::new(),
        }
    }
}

impl fmt::Display for CircuitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit {} is {}", self.id, self.status)?;
        if let Some(reason) = &self.reason {
            write!(f, ", reason {reason}")?;
        }
        if let Some(reason) = &self.remote_reason {
            write!(f, ", the relay's reason {reason}")?;
        }
        match self.path.last() {
            Some(only) if self.path.len() == 1 => write!(f, "; it had reached one hop, {only}"),
            Some(last) => write!(f, "; it had reached {} hops, the last {last}", self.path.len()),
            None => write!(f, "; it had reached no hop"),
        }
    }
}

impl std::error::Error for CircuitError {}

impl Cause for CircuitError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Network
    }
}
