//! How a script was not followed.

use std::fmt;
use std::time::Duration;

/// A [`Script`](super::Script) was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    connection: usize,
    step: usize,
    problem: ScriptProblem,
}

/// What happened instead of what a [`Script`](super::Script) says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// Something else was sent.
    Unexpected {
        /// What should have been sent, in words.
        expected: String,
        /// What was.
        sent: String,
    },
    /// Nothing was sent in time.
    NothingSent {
        /// What should have been sent, in words.
        expected: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The other end hung up.
    HungUp {
        /// What should have been sent, in words.
        expected: String,
    },
    /// A gate was not opened in time.
    GateShut {
        /// Its name.
        gate: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// What was to be said was not taken.
    NotTaken {
        /// The operating system's words.
        error: String,
    },
    /// A command came after the last step.
    AfterTheEnd {
        /// Which.
        sent: String,
    },
    /// There was no connection for the script.
    NotConnected,
    /// The scripted tor was dropped or finished before.
    Abandoned,
}

impl ScriptError {
    pub(super) fn new(connection: usize, step: usize, problem: ScriptProblem) -> Self {
        ScriptError { connection, step, problem }
    }

    /// On which connection: 1 is the first.
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// At which step of its script: 1 is the first, and 0 is before it.
    /// ([`login`](super::Script::login) is four.)
    pub fn step(&self) -> usize {
        self.step
    }

    /// What happened.
    pub fn problem(&self) -> &ScriptProblem {
        &self.problem
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}, step {}: ", self.connection, self.step)?;
        match &self.problem {
            ScriptProblem::Unexpected { expected, sent } => {
                write!(f, "the script expects {expected}, and {sent:?} was sent")
            }
            ScriptProblem::NothingSent { expected, after } => {
                write!(f, "the script expects {expected}, and nothing was sent within {after:?}")
            }
            ScriptProblem::HungUp { expected } => {
                write!(f, "the script expects {expected}, and the other end hung up")
            }
            ScriptProblem::GateShut { gate, after } => {
                write!(f, "the gate {gate:?} was not opened within {after:?}")
            }
            ScriptProblem::NotTaken { error } => {
                write!(f, "what the script says was not taken: {error}")
            }
            ScriptProblem::AfterTheEnd { sent } => {
                write!(f, "{sent:?} was sent after the script's end")
            }
            ScriptProblem::NotConnected => f.write_str("nobody connected"),
            ScriptProblem::Abandoned => f.write_str("the script was not played to its end"),
        }
    }
}

impl std::error::Error for ScriptError {}
