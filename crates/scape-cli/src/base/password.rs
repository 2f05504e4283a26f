//! The password of the control port, from a file or from the terminal.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use scape::control::PasswordRequest;
use scape::word::Secret;
use zeroize::Zeroizing;

use super::background;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::printable;

/// The maximum length of a password in bytes.
const LONGEST: usize = 4096;

/// Reads the password from the first line of a file. Stops after Ctrl-C or
/// after the time limit, because the file may be a pipe that nobody writes to.
pub(super) fn read(context: &Context, path: &Path) -> Result<Secret, Failure> {
    let file = path.to_owned();
    let line = background::run_within(context, context.timeout(), move || first_line(&file))?;
    match line {
        Some(Ok(Some(password))) => Ok(password),
        Some(Ok(None)) => Err(Failure::usage(format!(
            "{}: the password, which is the first line, is longer than {LONGEST} bytes",
            path.display()
        ))),
        Some(Err(error)) => Err(Failure::usage(format!("cannot read {}: {error}", path.display()))),
        None => Err(Failure::new(
            Exit::Timeout,
            format_args!(
                "no password was read from {} within {:?}: the first line must be the password",
                path.display(),
                context.timeout()
            ),
        )),
    }
}

/// Asks for the password at the terminal, without echo. Returns `None` after
/// Ctrl-C, or if there is no terminal. The echo is switched on again in any
/// case.
pub(super) fn ask(context: &Context, request: &PasswordRequest) -> Option<Secret> {
    let again = if request.refused.is_some() { "Wrong password. " } else { "" };
    let address = printable(&request.address);
    let prompt = format!("{again}Password of the tor at {address}: ");
    // After a signal, the new thread could switch the echo off when the
    // terminal was restored already.
    context.check_interrupt().ok()?;
    // Reading can't be interrupted, so another thread reads.
    let _restoring = restore_echo();
    let answer = background::run(context, move || rpassword::prompt_password(prompt));
    answer.ok()?.ok().map(Secret::from)
}

/// Saves the settings of the terminal, and restores them when the result is
/// dropped. This switches the echo on again after a password prompt.
#[cfg(unix)]
fn restore_echo() -> Option<super::interrupt::Restoring> {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let terminal = File::open("/dev/tty").ok()?;
    let settings = tcgetattr(&terminal).ok()?;
    Some(super::interrupt::restore_with(move || {
        // An error only means that the terminal is closed.
        let _ = tcsetattr(&terminal, OptionalActions::Now, &settings);
    }))
}

#[cfg(not(unix))]
fn restore_echo() {}

/// Returns the first line of a file without its line end. Returns `None` if the
/// line is longer than [`LONGEST`].
fn first_line(path: &Path) -> io::Result<Option<Secret>> {
    let mut file = File::open(path)?;
    // The buffer has room for the longest line and its line end.
    let mut buffer = Zeroizing::new([0; LONGEST + 2]);
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        let count = match file.read(free) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        length += count;
        if buffer.iter().take(length).any(|byte| *byte == b'\n') {
            break;
        }
    }
    let read = buffer.get(..length).unwrap_or_default();
    let line = read.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok((line.len() <= LONGEST).then(|| Secret::new(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_line_of(content: &[u8]) -> Option<Vec<u8>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, content).unwrap();
        first_line(file.path()).unwrap().map(|line| line.expose().to_vec())
    }

    #[test]
    fn password_is_the_first_line() {
        for (content, line) in
            [(&b"a b \nc"[..], &b"a b "[..]), (b"a\r\n", b"a"), (b"\xff", b"\xff"), (b"", b"")]
        {
            assert_eq!(first_line_of(content).as_deref(), Some(line));
        }
        let longest = vec![b'x'; LONGEST];
        for end in [&b""[..], b"\n", b"\r\n", b"\nmore"] {
            assert_eq!(first_line_of(&[&longest, end].concat()), Some(longest.clone()));
        }
        assert_eq!(first_line_of(&[&longest[..], b"x\n"].concat()), None);
        assert!(first_line(Path::new("/dev/zero")).unwrap().is_none());
    }
}
