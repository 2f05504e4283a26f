//! [`Cancelled`]: the error of a cancelled call.

use std::fmt;

use super::{Cause, Error, ErrorKind, Phase, Timeout};

/// The error for a call that was cancelled with a
/// [`CancelToken`](crate::CancelToken). The steps that the call had already
/// taken were undone if tor still answered after the cancellation.
///
/// A cancelled launch has a different error, which contains tor's log:
/// [`LaunchProblem::Cancelled`](crate::process::LaunchProblem::Cancelled).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    phase: Phase,
}

impl Cancelled {
    pub(crate) fn new(phase: Phase) -> Self {
        Cancelled { phase }
    }

    /// Returns the phase in which the call was cancelled. The phase says what
    /// the call was waiting for.
    pub fn phase(&self) -> Phase {
        self.phase
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled while waiting for {}", self.phase.noun())
    }
}

impl std::error::Error for Cancelled {}

impl Cause for Cancelled {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Cancelled
    }
}

impl Error {
    /// Returns true if a call timed out or was cancelled before tor answered.
    /// tor may still execute the command, so the caller must undo the command's
    /// effect.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.is::<Timeout>() || self.is::<Cancelled>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_message_names_the_phase() {
        let text = Cancelled::new(Phase::Publish).to_string();
        assert_eq!(text, "cancelled while waiting for the descriptor to be published");
    }
}
