//! The error for texts that tor can't parse as a torrc.

pub use crate::control::torrc_line::TorrcProblem;

/// The error for a text that tor can't parse as a torrc. The error doesn't
/// contain the text, which may be a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", named(.name))]
#[non_exhaustive]
pub struct ParseTorrcError {
    /// The number of the malformed line, counted from 1.
    pub line: usize,
    /// The name of the option on the line. It is empty if the line has no name.
    pub name: String,
    /// The problem with the line.
    pub problem: TorrcProblem,
}

error_debug!(ParseTorrcError);

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

impl ParseTorrcError {
    /// Creates an error for a line, which is counted from 1. `name` is the name
    /// of the option on the line.
    ///
    /// ```
    /// use scape_proto::torrc::{ParseTorrcError, TorrcProblem};
    ///
    /// let error = ParseTorrcError::new(2, "ContactInfo", TorrcProblem::Quotes);
    /// assert!(error.to_string().starts_with("line 2 (ContactInfo): the value in quotes"));
    /// ```
    pub fn new(line: usize, name: impl Into<String>, problem: TorrcProblem) -> Self {
        ParseTorrcError { line, name: name.into(), problem }
    }
}
