//! Questions at the terminal.

use std::io::{self, Write as _};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::threads;

/// The interval between two checks for a signal.
const POLL: Duration = Duration::from_millis(50);

/// Asks a question on standard error, and returns true if the answer is yes.
/// The end of the input counts as no. Ctrl-C ends the wait.
pub(super) fn yes(context: &Context, question: &str) -> Result<bool, Failure> {
    anstream::eprint!("{question} ");
    // The question is only shown late if this fails.
    let _ = io::stderr().flush();
    let (sender, answer) = bounded(1);
    threads::start_or_fail(move || {
        let mut line = String::new();
        let result = io::stdin().read_line(&mut line);
        sender.send(result.map(|_| line))
    })?;
    loop {
        match answer.recv_timeout(POLL) {
            Ok(Ok(line)) => {
                let word = line.trim().to_ascii_lowercase();
                return Ok(matches!(word.as_str(), "y" | "yes"));
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => context.check_interrupt()?,
        }
    }
}
