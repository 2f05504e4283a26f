//! The lines that the prompt runs without a terminal: those of `--run` or of
//! standard input.

use std::io::{self, BufRead as _};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::interpreter::Interpreter;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::threads;

/// The interval at which the wait for a line checks if the connection has ended
/// or a signal has come.
const POLL: Duration = Duration::from_millis(50);

/// The source of the lines that the prompt runs without a terminal.
pub(super) enum Lines {
    /// The lines of `--run`.
    Given(std::vec::IntoIter<String>),
    /// The lines of standard input. They come from a thread that reads them,
    /// because a read can't be interrupted.
    Read(Receiver<io::Result<Vec<u8>>>),
}

impl Lines {
    /// Starts a thread that reads lines from standard input.
    pub(super) fn of_stdin() -> Result<Self, Failure> {
        // The thread reads a line only after the previous line was taken.
        let (sender, lines) = bounded(0);
        threads::start_or_fail(move || {
            let mut input = io::stdin().lock();
            loop {
                let mut line = Vec::new();
                let read = input.read_until(b'\n', &mut line);
                let is_last = !matches!(read, Ok(count) if count > 0);
                let result = match read {
                    Ok(0) => break,
                    Ok(_) => Ok(without_end(line)),
                    Err(error) => Err(error),
                };
                if sender.send(result).is_err() || is_last {
                    break;
                }
            }
        })?;
        Ok(Lines::Read(lines))
    }

    /// Waits for the next line. Returns `None` after the last line, or if the
    /// connection has ended because the user told tor to end. Returns a failure
    /// after Ctrl-C, or if the connection has ended for another reason.
    pub(super) fn next(
        &mut self,
        context: &Context,
        interpreter: &Interpreter<'_>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let lines = match self {
            Lines::Given(lines) => return Ok(lines.next().map(String::into_bytes)),
            Lines::Read(lines) => lines,
        };
        loop {
            context.check_interrupt()?;
            match lines.recv_timeout(POLL) {
                Ok(Ok(line)) => return Ok(Some(line)),
                Ok(Err(error)) => {
                    return Err(Failure::failed(format!("cannot read standard input: {error}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return interpreter.check_connection().map(|()| None);
                }
                Err(RecvTimeoutError::Timeout) if !interpreter.is_connected() => {
                    return interpreter.check_connection().map(|()| None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Removes the LF or CRLF at the end of a line. A line without a line end stays
/// as it is.
fn without_end(mut line: Vec<u8>) -> Vec<u8> {
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_removed() {
        for (line, expected) in
            [("a\r\n", "a"), ("a\n", "a"), ("a\r", "a\r"), ("\n\n", "\n"), ("", "")]
        {
            assert_eq!(without_end(line.into()), expected.as_bytes());
        }
    }
}
