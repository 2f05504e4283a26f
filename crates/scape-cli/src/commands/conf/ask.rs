//! Asks the user questions at the terminal.

use std::io::{self, Write as _};

use crate::base::background;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Asks a question on standard error, and returns true if the answer is yes.
/// The end of the input counts as no. Returns a failure after Ctrl-C.
pub(super) fn yes(context: &Context, question: &str) -> Result<bool, Failure> {
    let mut error = anstream::stderr();
    // The answer is read even if the question can't be printed.
    let _ = write!(error, "{question} ").and_then(|()| error.flush());
    let line = background::run(context, || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    })?;
    // A line that can't be read counts as no.
    let word = line.unwrap_or_default().trim().to_ascii_lowercase();
    Ok(matches!(word.as_str(), "y" | "yes"))
}
