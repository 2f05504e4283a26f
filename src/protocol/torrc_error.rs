//! Texts that tor would not read as a torrc.

/// A text that tor would not read as a torrc. What it says is not in here: it
/// may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", named(.name))]
#[non_exhaustive]
pub struct ParseTorrcError {
    /// The number of the line; the first is 1.
    pub line: usize,
    /// The name of the option, or an empty text if the line has none.
    pub name: String,
    /// The problem.
    pub problem: TorrcProblem,
}

/// The problem of a [`ParseTorrcError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TorrcProblem {
    /// The value begins with a quote, and is no quoted string: it has no other
    /// quote on the line, or an escape that tor does not know.
    #[error(
        "the value in quotes has no end on this line, or an escape other than \\n, \\r, \\t, \\', \\\", \\\\, \\x41 and \\101"
    )]
    Quotes,
    /// Something other than a comment follows a value in quotes.
    #[error("something follows the value in quotes that is no comment")]
    AfterQuotes,
}

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

impl ParseTorrcError {
    pub(crate) fn new(line: usize, name: impl Into<String>, problem: TorrcProblem) -> Self {
        ParseTorrcError { line, name: name.into(), problem }
    }
}
