//! A stream that did not go the way that was asked for.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use crate::event::{CircuitPurpose, CircuitReason, CircuitStatus, StreamReason};
use crate::protocol::Refusal;
use crate::word::{CircuitId, StreamId};

/// A stream could not go over the circuit that was chosen for it. It goes
/// nowhere then: never over another one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamError {
    /// The stream, if tor has given it a number by then.
    pub stream: Option<StreamId>,
    /// The target, as `host:port`, or empty if it is not known.
    pub target: Box<str>,
    /// The circuit that was chosen for it, if any.
    pub circuit: Option<CircuitId>,
    /// The problem.
    pub problem: StreamProblem,
}

/// The problem of a [`StreamError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StreamProblem {
    /// The circuit is not built yet, and this is how far it has come. Nothing
    /// was sent.
    NotBuilt(CircuitStatus),
    /// The circuit has ended: before, or while the stream was being opened. The
    /// reasons are tor's, where it told them.
    CircuitEnded {
        /// tor's reason.
        reason: Option<CircuitReason>,
        /// The reason of the relay that ended it.
        remote_reason: Option<CircuitReason>,
    },
    /// The circuit is one of another control connection's. Nothing was sent.
    OtherConnection,
    /// The target is an onion service: tor makes the circuits to those itself,
    /// and puts no stream to one on any other. Nothing was sent.
    Onion,
    /// The stream is a look-up, and tor 0.4.9 would abort if it were attached
    /// to a circuit with this purpose. `None` if tor, or a filter before it,
    /// doesn't tell the purpose. Nothing was sent.
    Purpose(Option<CircuitPurpose>),
    /// tor, or a filter before it, doesn't list the stream, so it may be a
    /// look-up, with which tor 0.4.9 would abort over a circuit with this
    /// purpose. `None` if the purpose isn't told either. The stream wasn't
    /// attached.
    Unlisted(Option<CircuitPurpose>),
    /// The target is an onion address with a trailing dot. tor takes it for an
    /// ordinary name and would ask an exit for it, which RFC 7686 forbids.
    OnionWithDot,
    /// tor refused to put the stream on the circuit.
    Refused(Refusal),
    /// The circuit was tried for this stream already, and its end there gave
    /// this reason.
    TriedBefore(Option<StreamReason>),
    /// The stream ended, or lost its circuit, before it was open.
    Ended {
        /// tor's reason.
        reason: Option<StreamReason>,
        /// The reason of the relay at the circuit's end.
        remote_reason: Option<StreamReason>,
    },
    /// The stream was put on this circuit instead, by another controller or by
    /// tor, and was closed for that.
    Elsewhere(Option<CircuitId>),
    /// The stream was gone before it was decided on: the client gave up, or the
    /// control connection was made again.
    Gone,
    /// The stream was decided on already.
    Answered,
    /// The attacher panicked, or let go of the stream without a decision.
    Undecided,
}

impl StreamError {
    /// Nothing is known of the stream but what was wrong.
    pub(crate) fn new(circuit: Option<CircuitId>, problem: StreamProblem) -> Self {
        StreamError { stream: None, target: "".into(), circuit, problem }
    }

    /// The same, for this stream.
    pub(crate) fn of(self, stream: StreamId, target: impl Into<Box<str>>) -> Self {
        StreamError { stream: Some(stream), target: target.into(), ..self }
    }

    /// Returns true if the circuit is gone: it has ended, or tor doesn't know
    /// it. With another circuit, the stream may succeed.
    pub fn is_circuit_gone(&self) -> bool {
        match &self.problem {
            StreamProblem::CircuitEnded { .. } => true,
            StreamProblem::Refused(refusal) => refusal.is_unknown_circuit(),
            _ => false,
        }
    }

    /// Returns true if the stream itself was gone already, so that nothing was
    /// left to be done.
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
                "it is for an onion service, and tor makes the circuits to those itself: connect with a client that is bound to none",
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
                write!(f, "another controller, or tor, put it on circuit {circuit}, so it was closed")
            }
            StreamProblem::Elsewhere(None) => {
                f.write_str("another controller, or tor, put it elsewhere, so it was closed")
            }
            StreamProblem::Gone => f.write_str("it was gone before that"),
            StreamProblem::Answered => f.write_str("it was decided on already"),
            StreamProblem::Undecided => f.write_str("its attacher let go of it without a decision, so it was closed"),
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
    fn it_says_which_stream_which_circuit_and_why() {
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
    fn a_stream_that_is_gone_is_told_from_a_circuit_that_is() {
        let refused = |text: &str| {
            let refusal = Refusal::new("ATTACHSTREAM 12 7", vec![(552, text.into())]);
            StreamError::new(None, StreamProblem::Refused(refusal))
        };
        assert!(refused("Unknown stream \"12\"").is_stream_gone());
        assert!(refused("Unknown circuit \"7\"").is_circuit_gone());
    }
}
