//! Runs another program until it ends.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::context::Context;
use super::failure::{Exit, Failure};
use super::interrupt::{self, HELD};

/// The maximum interval at which scape checks if the program has ended or a
/// signal has come. The first intervals are shorter, because many programs end
/// soon.
const POLL: Duration = Duration::from_millis(50);
/// The time between a signal and the note that scape is still waiting for the
/// program.
const NOTED_AFTER: Duration = Duration::from_secs(2);
/// The last part of [`HELD`], which is reserved for ending tor. The program is
/// killed when this part begins.
const LAST: Duration = Duration::from_secs(3);
/// The exit code for a program that doesn't exist, as in shells.
const NOT_FOUND: u8 = 127;
/// The exit code for a program that can't be run, as in shells.
const NOT_RUNNABLE: u8 = 126;

/// Runs the program of `command` until it ends. The program inherits the
/// terminal. The first of the `words` names the program in error messages. If
/// the program's exit code isn't 0, returns a failure with this code.
///
/// Ctrl-C reaches the program directly, because the program is in the same
/// process group. After Ctrl-C or SIGTERM, scape also sends SIGTERM to the
/// program. If the program doesn't end, scape kills it after 12 seconds, or at
/// a second Ctrl-C or SIGTERM.
pub(crate) fn run(
    context: &Context,
    words: &[OsString],
    command: &mut Command,
) -> Result<(), Failure> {
    let _held = interrupt::hold();
    context.check_interrupt()?;
    let name = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let child = command.spawn().map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::NotFound => NOT_FOUND,
            _ => NOT_RUNNABLE,
        };
        Failure::new(Exit::Program(code), format!("cannot run {name:?}: {error}"))
    })?;
    let status = wait(context, &name, child)
        .map_err(|error| Failure::failed(format!("cannot wait for {name:?}: {error}")))?;
    match exit_code(status) {
        0 => Ok(()),
        code => Err(Failure::silent(Exit::Program(code))),
    }
}

/// Waits until the program ends. `name` is the program's name in messages.
/// After Ctrl-C or SIGTERM, sends SIGTERM to the program, and kills it later if
/// necessary. Signals are sent only while the program is known to run, because
/// a later process could get the same process id.
fn wait(context: &Context, name: &str, mut child: Child) -> io::Result<ExitStatus> {
    let mut told: Option<Instant> = None;
    let mut has_noted = false;
    let mut interval = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(interval);
        interval = POLL.min(interval * 2);
        if !context.token.is_cancelled() {
            continue;
        }
        let waited = match told {
            None => {
                told = Some(Instant::now());
                terminate(&child);
                continue;
            }
            Some(at) => at.elapsed(),
        };
        if waited + LAST > HELD || interrupt::is_urgent() {
            // This fails if the program has ended in the meantime.
            let _ = child.kill();
        } else if waited >= NOTED_AFTER && !has_noted {
            has_noted = true;
            context
                .out
                .note(format_args!("waiting for {name:?} to end; press Ctrl-C again to kill it"));
        }
    }
}

/// Returns the exit code of a program as shells report it. If a signal ended
/// the program, this is 128 plus the number of the signal.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Sends SIGTERM to a program. Must not be called after the end of the program
/// was seen, because another process may then have the same process id.
#[cfg(unix)]
fn terminate(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};

    // An error only means that the program has ended by itself.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// Does nothing, because other systems don't have this signal. The program must
/// end by itself.
#[cfg(not(unix))]
fn terminate(_child: &Child) {}
