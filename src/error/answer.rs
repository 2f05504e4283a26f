//! [`AnswerError`]: an answer from tor that can't be parsed.

use std::fmt;

use super::{Cause, Error, ErrorKind};
use scape_proto::control::excerpt;

/// The error for an answer from tor that can't be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerError {
    command: Box<str>,
    problem: Box<str>,
}

impl AnswerError {
    fn new(command: impl Into<String>, problem: impl Into<String>) -> Self {
        let short = |text: String| excerpt(&text).into_boxed_str();
        AnswerError { command: short(command.into()), problem: short(problem.into()) }
    }

    /// Returns the command that tor answered, for example `GETINFO version`.
    /// The text contains no secrets. A text of more than about 2000 bytes is
    /// cut off.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns a description of the problem, most often with the malformed part
    /// of the answer. A text of more than about 2000 bytes is cut off.
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

impl Error {
    /// Creates an error for an answer from tor that can't be parsed.
    pub(crate) fn answer(command: impl Into<String>, problem: impl Into<String>) -> Self {
        AnswerError::new(command, problem).into()
    }
}
