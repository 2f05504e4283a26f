//! The error for a stream that couldn't go over the chosen circuit.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use scape_proto::control::Refusal;
use scape_proto::event::{CircuitPurpose, CircuitReason, CircuitStatus, StreamReason};
use scape_proto::word::{CircuitId, StreamId};

/// The error for a stream that couldn't go over the circuit that was chosen for
/// it. The stream never goes over another circuit instead.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamError {
    /// The stream's id. `None` if the error occurred before the stream's id was
    /// known.
    pub stream: Option<StreamId>,
    /// The target as `host:port`, or empty if it isn't known.
    pub target: Box<str>,
    /// The circuit that was chosen for the stream. `None` if no circuit was
    /// chosen.
    pub circuit: Option<CircuitId>,
    /// The reason why the stream couldn't go over the circuit.
    pub problem: StreamProblem,
}

/// The reason, in a [`StreamError`], why a stream couldn't go over the chosen
/// circuit.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StreamProblem {
    /// The chosen circuit isn't built yet: it has this status. ATTACHSTREAM was
    /// not sent.
    NotBuilt(CircuitStatus),
    /// The chosen circuit has ended: before tor began to open the stream, or
    /// while tor was opening it.
    CircuitEnded {
        /// tor's reason for the end of the circuit. `None` if tor gave none.
        reason: Option<CircuitReason>,
        /// The reason of the relay that ended the circuit. `None` if tor gave
        /// no such reason.
        remote_reason: Option<CircuitReason>,
    },
    /// The handle of the chosen circuit comes from another control connection,
    /// which may lead to another tor. ATTACHSTREAM was not sent.
    OtherConnection,
    /// The target is an onion service. tor builds the circuit for such a stream
    /// itself, and never attaches the stream to another circuit. ATTACHSTREAM
    /// was not sent.
    Onion,
    /// The stream is a look-up (RESOLVE), and tor 0.4.9 would abort if a
    /// look-up were attached to a circuit with this purpose. `None` if tor, or
    /// a filter in front of it, doesn't report the purpose. ATTACHSTREAM was
    /// not sent.
    Purpose(Option<CircuitPurpose>),
    /// tor, or a filter in front of it, doesn't list the stream, so the stream
    /// may be a look-up (RESOLVE). tor 0.4.9 would abort if a look-up were
    /// attached to a circuit with this purpose. `None` if tor or the filter
    /// doesn't report the purpose either. ATTACHSTREAM was not sent.
    Unlisted(Option<CircuitPurpose>),
    /// The target is an onion address with a trailing dot. tor takes such an
    /// address for an ordinary name and would ask an exit for it. RFC 7686
    /// forbids that.
    OnionWithDot,
    /// tor refused to attach the stream to the chosen circuit.
    Refused(Refusal),
    /// The chosen circuit was already tried for this stream. tor detached the
    /// stream from this circuit for this reason. `None` if tor gave no reason.
    TriedBefore(Option<StreamReason>),
    /// The stream ended, or lost its circuit, before it was open.
    Ended {
        /// tor's reason for the end of the stream. `None` if tor gave none.
        reason: Option<StreamReason>,
        /// The reason of the relay at the circuit's end. `None` if tor gave no
        /// such reason.
        remote_reason: Option<StreamReason>,
    },
    /// Another controller, or tor, attached the stream to the circuit with this
    /// id instead of the chosen one. So the stream was closed. `None` if tor
    /// didn't name the circuit.
    Elsewhere(Option<CircuitId>),
    /// The stream was gone before a
    /// [`StreamAttacher`](crate::attach::StreamAttacher) decided on it: the
    /// client gave up, or the control connection was opened again.
    Gone,
    /// A decision on the stream was already made. Only the first decision
    /// counts.
    Answered,
    /// The [`StreamAttacher`](crate::attach::StreamAttacher) panicked, or
    /// dropped the stream without a decision. So the stream was closed.
    Undecided,
}

impl StreamError {
    /// Creates an error without the stream's id and target, which
    /// [`of`](Self::of) adds.
    pub(crate) fn new(circuit: Option<CircuitId>, problem: StreamProblem) -> Self {
        StreamError { stream: None, target: "".into(), circuit, problem }
    }

    /// Returns the same error with this stream's id and target.
    pub(crate) fn of(self, stream: StreamId, target: impl Into<Box<str>>) -> Self {
        StreamError { stream: Some(stream), target: target.into(), ..self }
    }

    /// Returns true if the circuit is gone: it has ended, or tor doesn't know
    /// it. With another circuit, the stream may succeed.
    ///
    /// ```
    /// use scape::control::StreamError;
    ///
    /// fn may_succeed_on_another_circuit(error: &scape::Error) -> bool {
    ///     error.get().is_some_and(StreamError::is_circuit_gone)
    /// }
    /// ```
    pub fn is_circuit_gone(&self) -> bool {
        match &self.problem {
            StreamProblem::CircuitEnded { .. } => true,
            StreamProblem::Refused(refusal) => refusal.is_unknown_circuit(),
            _ => false,
        }
    }

    /// Returns true if the stream itself was already gone. In that case another
    /// circuit doesn't help.
    ///
    /// ```
    /// use scape::control::StreamError;
    ///
    /// // For example in `StreamAttacher::failed`.
    /// fn report(error: &scape::Error) {
    ///     if !error.get().is_some_and(StreamError::is_stream_gone) {
    ///         eprintln!("{error}");
    ///     }
    /// }
    /// ```
    pub fn is_stream_gone(&self) -> bool {
        match &self.problem {
            StreamProblem::Gone => true,
            StreamProblem::Refused(refusal) => refusal.is_unknown_stream(),
            _ => false,
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream")?;
        if let Some(stream) = self.stream {
            write!(f, " {stream}")?;
        }
        if !self.target.is_empty() {
            write!(f, " to {}", self.target)?;
        }
        match self.circuit {
            Some(circuit) => write!(f, " did not go over circuit {circuit}: ")?,
            None => f.write_str(" was not attached: ")?,
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for StreamProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamProblem::NotBuilt(status) => {
                write!(f, "the circuit is not built yet (its status is {status}); wait for that first")
            }
            StreamProblem::CircuitEnded { reason, remote_reason } => {
                f.write_str("the circuit has ended")?;
                write_reasons(f, reason.as_ref(), remote_reason.as_ref())
            }
            StreamProblem::OtherConnection => f.write_str("the circuit belongs to another control connection"),
            StreamProblem::Onion => f.write_str(
                "it is for an onion service, and tor makes the circuits to those itself: connect with a client that is bound to no circuit",
            ),
            StreamProblem::Purpose(purpose) => {
                match purpose {
                    Some(purpose) => write!(f, "the circuit's purpose is {purpose}")?,
                    None => f.write_str("the circuit's purpose isn't known")?,
                }
                f.write_str(", and tor can look something up over a general circuit only; use another circuit")
            }
            StreamProblem::Unlisted(purpose) => {
                f.write_str(
                    "tor, or a filter before it, doesn't list the stream: if it is a look-up, tor would abort, because \
                     the circuit's purpose ",
                )?;
                match purpose {
                    Some(purpose) => write!(f, "is {purpose}")?,
                    None => f.write_str("isn't known")?,
                }
                f.write_str("; use a general circuit, or a filter that allows circuit-status and stream-status")
            }
            StreamProblem::OnionWithDot => f.write_str(
                "tor would ask an exit for this onion address, because of its trailing dot: ask for it without the dot",
            ),
            StreamProblem::Refused(refusal) => {
                write!(f, "tor says {} {}", refusal.code(), refusal.excerpt())
            }
            StreamProblem::TriedBefore(reason) => {
                f.write_str("the circuit was tried already")?;
                write_reasons(f, reason.as_ref(), None::<&StreamReason>)
            }
            StreamProblem::Ended { reason, remote_reason } => {
                f.write_str("it ended before it was open")?;
                write_reasons(f, reason.as_ref(), remote_reason.as_ref())
            }
            StreamProblem::Elsewhere(Some(circuit)) => {
                write!(f, "another controller, or tor, attached it to circuit {circuit}, so it was closed")
            }
            StreamProblem::Elsewhere(None) => {
                f.write_str("another controller, or tor, attached it to another circuit, so it was closed")
            }
            StreamProblem::Gone => f.write_str("it was gone before it could be attached"),
            StreamProblem::Answered => f.write_str("it was decided on already"),
            StreamProblem::Undecided => f.write_str("its attacher made no decision on it, so it was closed"),
        }
    }
}

fn write_reasons<R: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    reason: Option<&R>,
    remote: Option<&R>,
) -> fmt::Result {
    if let Some(reason) = reason {
        write!(f, ", reason {reason}")?;
    }
    match remote {
        Some(remote) => write!(f, ", the relay's reason {remote}"),
        None => Ok(()),
    }
}

impl std::error::Error for StreamError {}

impl Cause for StreamError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            StreamProblem::NotBuilt(_)
            | StreamProblem::OtherConnection
            | StreamProblem::Onion
            | StreamProblem::Purpose(_)
            | StreamProblem::Unlisted(_)
            | StreamProblem::OnionWithDot
            | StreamProblem::Answered => ErrorKind::Argument,
            StreamProblem::Refused(_) => ErrorKind::Refused,
            _ => ErrorKind::Network,
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.problem {
            StreamProblem::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_stream_circuit_and_problem() {
        let ended = StreamProblem::CircuitEnded {
            reason: Some(CircuitReason::Destroyed),
            remote_reason: None,
        };
        let error = StreamError::new(Some(CircuitId::new(7)), ended)
            .of(StreamId::new(12), "example.com:80");
        let text = "the stream 12 to example.com:80 did not go over circuit 7: the circuit has ended, reason DESTROYED";
        assert_eq!(error.to_string(), text);
        assert!(error.is_circuit_gone() && !error.is_stream_gone());
        let error = StreamError::new(None, StreamProblem::Undecided);
        assert!(error.to_string().starts_with("the stream was not attached: "));
    }

    #[test]
    fn refusals_tell_lost_streams_from_lost_circuits() {
        let refused = |text: &str| {
            let refusal = Refusal::new("ATTACHSTREAM 12 7", vec![(552, text.into())]);
            StreamError::new(None, StreamProblem::Refused(refusal))
        };
        assert!(refused("Unknown stream \"12\"").is_stream_gone());
        assert!(refused("Unknown circuit \"7\"").is_circuit_gone());
    }
}
