//! [`ScriptError`]: a script that wasn't followed.

use std::fmt;
use std::time::Duration;

/// A [`Script`](super::Script) that wasn't followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    connection: usize,
    step: usize,
    problem: ScriptProblem,
}

/// The way in which a conversation differed from its [`Script`](super::Script).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// Another command was sent.
    Unexpected {
        /// A description of the expected command.
        expected: String,
        /// The command that was sent.
        sent: String,
    },
    /// No command was sent in time.
    NothingSent {
        /// A description of the expected command.
        expected: String,
        /// The time limit.
        after: Duration,
    },
    /// The client closed the connection.
    HungUp {
        /// A description of the expected command.
        expected: String,
    },
    /// A gate wasn't opened in time.
    GateShut {
        /// The name of the gate.
        gate: String,
        /// The time limit.
        after: Duration,
    },
    /// The bytes of a step couldn't be written.
    NotTaken {
        /// The operating system's error.
        error: String,
    },
    /// A command was sent after the last step.
    AfterTheEnd {
        /// The command.
        sent: String,
    },
    /// No client connected for the script.
    NotConnected,
    /// The scripted tor was dropped or finished before the script ended.
    Abandoned,
}

impl ScriptError {
    pub(super) fn new(connection: usize, step: usize, problem: ScriptProblem) -> Self {
        ScriptError { connection, step, problem }
    }

    /// Returns the number of the connection. The first is 1.
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Returns the number of the step. The first is 1, and 0 is the time before
    /// it. [`login`](super::Script::login) has four steps.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Returns the problem.
    pub fn problem(&self) -> &ScriptProblem {
        &self.problem
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}, step {}: ", self.connection, self.step)?;
        match &self.problem {
            ScriptProblem::Unexpected { expected, sent } => {
                write!(f, "the script expects {expected}, but {sent:?} was sent")
            }
            ScriptProblem::NothingSent { expected, after } => {
                write!(f, "the script expects {expected}, but nothing was sent within {after:?}")
            }
            ScriptProblem::HungUp { expected } => {
                write!(f, "the script expects {expected}, but the client closed the connection")
            }
            ScriptProblem::GateShut { gate, after } => {
                write!(f, "the gate {gate:?} was not opened within {after:?}")
            }
            ScriptProblem::NotTaken { error } => {
                write!(f, "the script's bytes could not be written: {error}")
            }
            ScriptProblem::AfterTheEnd { sent } => {
                write!(f, "{sent:?} was sent after the script's end")
            }
            ScriptProblem::NotConnected => f.write_str("no client connected for the script"),
            ScriptProblem::Abandoned => f.write_str("the script was not played to its end"),
        }
    }
}

impl std::error::Error for ScriptError {}
