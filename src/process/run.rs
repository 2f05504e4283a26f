//! Runs a program and waits for its end.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::Child;
use crate::error::{Error, Result};

/// The maximum number of output lines that are kept.
const KEPT_LINES: usize = 1000;
/// The size limit of the input. The whole input is written into a pipe before
/// the program starts to read, and on every system a pipe holds this many
/// bytes.
const INPUT_LIMIT: usize = 512;

/// Runs a program with `input` as its standard input. Returns the lines that
/// the program writes to standard output and standard error, at most the last
/// 1000 of them. The program and, on Unix, the rest of its process group don't
/// outlive this call: see [`Child`].
///
/// # Errors
///
/// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
/// `input` is longer than 512 bytes, or the program can't be run, fails, or is
/// still running after `timeout`.
pub(crate) fn run(mut command: Command, input: &[u8], timeout: Duration) -> Result<Vec<String>> {
    let what = format!("run {}", command.get_program().display());
    let fail = |error: io::Error| Error::io(what.clone(), error);
    if input.len() > INPUT_LIMIT {
        let why = format!("its input has {} bytes; the limit is {INPUT_LIMIT}", input.len());
        return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    let (theirs, mut ours) = io::pipe().map_err(fail)?;
    ours.write_all(input).map_err(fail)?;
    drop(ours);
    let child = Child::spawn_with_input(&mut command, Stdio::from(theirs), KEPT_LINES, None)
        .map_err(fail)?;
    let exit = child.wait(timeout);
    if exit.is_none() {
        child.end(Duration::ZERO).map_err(fail)?;
    }
    let lines = child.log().last_lines();
    match exit {
        Some(exit) if exit.is_success() => Ok(lines),
        Some(exit) => Err(fail(io::Error::other(format!("it {exit}: {}", lines.join("; "))))),
        None => Err(fail(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("it hasn't ended after {timeout:?}: {}", lines.join("; ")),
        ))),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn sh(script: &str, timeout: Duration) -> Result<Vec<String>> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, b"input\n", timeout)
    }

    #[test]
    fn program_reads_its_input_and_its_output_lines_are_returned() {
        let lines = sh("cat; echo error >&2", Duration::from_secs(60)).unwrap();
        assert_eq!(lines, ["input", "error"]);
    }

    #[test]
    fn input_that_is_too_long_is_an_error_that_names_the_limit() {
        let error =
            run(Command::new("/bin/cat"), &[b'x'; 513], Duration::from_secs(60)).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("513 bytes") && source.contains("512"), "{source}");
    }

    #[test]
    fn failing_program_is_an_error_with_its_lines() {
        let error = sh("echo why; exit 3", Duration::from_secs(60)).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("code 3") && source.contains("why"), "{source}");
    }

    #[test]
    fn slow_program_is_ended_with_all_its_processes() {
        let begun = std::time::Instant::now();
        let error = sh("(sleep 600; echo) & sleep 600", Duration::from_millis(100)).unwrap_err();
        assert!(
            std::error::Error::source(&error).unwrap().to_string().contains("hasn't ended"),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
