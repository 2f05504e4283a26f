//! [`ScriptError`]: a script that wasn't played as written.

use std::fmt;
use std::time::Duration;

/// A [`Script`](super::Script) that wasn't played as written, most often
/// because the client sent a command that the script doesn't expect.
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
    /// The client sent a command that isn't the expected one.
    Unexpected {
        /// A description of the expected command.
        expected: String,
        /// The command that was sent.
        sent: String,
    },
    /// The client sent no command within the builder's
    /// [`patience`](super::ScriptedTorBuilder::patience).
    NothingSent {
        /// A description of the expected command.
        expected: String,
        /// The time limit that passed: the builder's
        /// [`patience`](super::ScriptedTorBuilder::patience).
        after: Duration,
    },
    /// The client closed the connection instead of sending the expected
    /// command.
    HungUp {
        /// A description of the expected command.
        expected: String,
    },
    /// The test didn't open a [`gate`](super::Script::gate) of the script
    /// within the builder's [`patience`](super::ScriptedTorBuilder::patience).
    GateShut {
        /// The name of the gate that the script waited for.
        gate: String,
        /// The time limit that passed: the builder's
        /// [`patience`](super::ScriptedTorBuilder::patience).
        after: Duration,
    },
    /// The bytes of a step couldn't be written, for example because the client
    /// doesn't read them.
    NotTaken {
        /// The operating system's error.
        error: String,
    },
    /// The client sent a command after the last step.
    AfterTheEnd {
        /// The command that was sent.
        sent: String,
    },
    /// No client made the connection that the script was meant for.
    NotConnected,
    /// The scripted tor was dropped or finished before the script ended.
    Abandoned,
    /// The function that was given to
    /// [`on_any`](super::ScriptedTorBuilder::on_any) panicked. Its connection
    /// was closed.
    AnswerPanicked,
}

impl ScriptError {
    pub(super) fn new(connection: usize, step: usize, problem: ScriptProblem) -> Self {
        ScriptError { connection, step, problem }
    }

    /// Returns the number of the connection that followed the script. The first
    /// connection has the number 1.
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Returns the number of the step that failed. The first step has the
    /// number 1, and [`login`](super::Script::login) has four steps. The number
    /// is 0 if the script never began, or if a function that answers panicked.
    /// If the client sent a command after the
    /// script's end, the number is that of the last step.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Returns the difference between the script and the conversation.
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
            ScriptProblem::NotConnected => {
                f.write_str("no client made the connection that the script was meant for")
            }
            ScriptProblem::AnswerPanicked => f.write_str("the function that answers panicked"),
            ScriptProblem::Abandoned => f.write_str("the script was not played to its end"),
        }
    }
}

impl std::error::Error for ScriptError {}
