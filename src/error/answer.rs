//! Answers that can't be understood.

use std::fmt;

use super::{Cause, ErrorKind};
use crate::protocol::excerpt;

/// tor's answer to a command doesn't have the form that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerError {
    command: Box<str>,
    problem: Box<str>,
}

impl AnswerError {
    pub(super) fn new(command: impl Into<String>, problem: impl Into<String>) -> Self {
        let short = |text: String| excerpt(&text).into_boxed_str();
        AnswerError { command: short(command.into()), problem: short(problem.into()) }
    }

    /// Returns the command, with its secrets replaced.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns what is wrong with the answer, and the part of it that shows
    /// this.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tor's answer to {} is not understood: {}", self.command, self.problem)
    }
}

impl std::error::Error for AnswerError {}

impl Cause for AnswerError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Malformed
    }
}
