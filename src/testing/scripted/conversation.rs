//! One connection: reads commands, and replies as its script or the builder's
//! answers say.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::line::Line;
use super::script::{Expected, Script, Step};
use super::shared::Shared;
use super::{ScriptError, ScriptProblem};
use crate::error::{Error, Result};
use crate::io::transport::{Transport, is_timeout};

/// A reader that splits the input into commands.
struct Commands<'a> {
    line: &'a Line,
    shared: &'a Shared,
    buffer: Vec<u8>,
}

/// The reason why [`Commands::next`] returns no command.
enum Silence {
    /// The connection has ended.
    HungUp,
    /// The deadline has passed.
    Late,
}

impl Commands<'_> {
    /// Returns the next command, with its data if it has any, and adds it to
    /// the list of sent commands.
    fn next(&mut self, deadline: Option<Instant>) -> Result<String, Silence> {
        let mut command = self.next_line(deadline)?;
        if command.starts_with('+') {
            loop {
                let line = self.next_line(deadline)?;
                command.push('\n');
                command.push_str(&line);
                if line == "." {
                    break;
                }
            }
        }
        self.shared.state.lock().sent.push(command.clone());
        self.shared.changed.notify_all();
        Ok(command)
    }

    fn next_line(&mut self, deadline: Option<Instant>) -> Result<String, Silence> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            let mut bytes = [0; 4096];
            let transport = &self.line.transport;
            let read = match deadline {
                Some(deadline) => transport.read_by(&mut bytes, deadline),
                // This ends when either side closes the connection.
                None => transport
                    .set_read_timeout(None)
                    .and_then(|()| (&mut &*transport).read(&mut bytes)),
            };
            match read {
                Ok(0) => return Err(Silence::HungUp),
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Err(Silence::Late),
                Err(_) => return Err(Silence::HungUp),
            }
        }
    }
}

/// The behavior after a script's last step.
enum Then {
    /// The client may send nothing more, except QUIT.
    Nothing,
    HangUp,
    Ignore,
    Answer,
}

/// Serves a connection on a thread of its own. The connection follows the next
/// script. If no script is left, it gets the builder's answers.
pub(super) fn serve(shared: &Arc<Shared>, transport: Transport) -> Result<()> {
    let line = Arc::new(Line::new(transport));
    let mut state = shared.state.lock();
    if state.stopped {
        return Ok(());
    }
    state.connections += 1;
    let number = state.connections;
    let script = state.scripts.pop_front();
    let scripted = script.is_some();
    let (their_shared, their_line) = (shared.clone(), line.clone());
    let thread = thread::Builder::new()
        .name("scape scripted tor".to_owned())
        .spawn(move || hold(&their_shared, &their_line, number, script))
        .map_err(|error| Error::io("start a thread for a scripted tor", error))?;
    // The thread takes the lock before it does anything, so it finds this
    // entry.
    state.playing += usize::from(scripted);
    state.open.push(line);
    state.threads.push(thread);
    Ok(())
}

/// Runs a whole conversation, then closes the connection. `number` is the
/// number of the connection.
fn hold(shared: &Shared, line: &Line, number: usize, script: Option<Script>) {
    let _end = End { shared, line, number };
    let mut commands = Commands { line, shared, buffer: Vec::new() };
    let then = match script {
        None => Then::Answer,
        Some(script) => {
            let steps = script.steps.len();
            let played = play(shared, &mut commands, script);
            let mut state = shared.state.lock();
            state.playing -= 1;
            match played {
                Ok(Then::Nothing) => {
                    drop(state);
                    shared.changed.notify_all();
                    after_the_end(&mut commands, number, steps);
                    Then::HangUp
                }
                Ok(then) => then,
                Err((step, problem)) => {
                    let problem = if state.stopped { ScriptProblem::Abandoned } else { problem };
                    state.failure.get_or_insert(ScriptError::new(number, step, problem));
                    Then::HangUp
                }
            }
        }
    };
    shared.changed.notify_all();
    match then {
        Then::Nothing | Then::HangUp => {}
        Then::Ignore => while commands.next(None).is_ok() {},
        Then::Answer => answer(shared, &mut commands),
    }
}

/// Dropping this value ends a connection. This also happens if one of the
/// test's closures panics, so that the client doesn't wait for its timeout. The
/// panic is recorded as a failure, unless an earlier failure is already
/// recorded.
struct End<'a> {
    shared: &'a Shared,
    line: &'a Line,
    number: usize,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.line.shutdown();
        let mut state = self.shared.state.lock();
        state.open.retain(|open| !std::ptr::eq(&**open, self.line));
        if thread::panicking() {
            let error = ScriptError::new(self.number, 0, ScriptProblem::AnswerPanicked);
            state.failure.get_or_insert(error);
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

/// Sends the builder's answers until the client closes the connection or sends
/// QUIT.
fn answer(shared: &Shared, commands: &mut Commands<'_>) {
    while let Ok(command) = commands.next(None) {
        let reply = shared.answers.lock().to(&command);
        let written = commands.line.write(&reply, shared.chunk, shared.deadline());
        if written.is_err() || command.eq_ignore_ascii_case("QUIT") {
            return;
        }
    }
}

/// Waits for the next command after the script's end. Any command except QUIT
/// is recorded as a failure, unless an earlier failure is already recorded.
fn after_the_end(commands: &mut Commands<'_>, number: usize, steps: usize) {
    let Ok(sent) = commands.next(None) else { return };
    if !sent.eq_ignore_ascii_case("QUIT") {
        let error = ScriptError::new(number, steps, ScriptProblem::AfterTheEnd { sent });
        commands.shared.state.lock().failure.get_or_insert(error);
    }
}

/// Runs the steps of a script. An error has the number of the step that failed.
fn play(
    shared: &Shared,
    commands: &mut Commands<'_>,
    script: Script,
) -> Result<Then, (usize, ScriptProblem)> {
    let mut chunk = shared.chunk;
    for (number, step) in (1..).zip(script.steps) {
        let taken = match step {
            Step::Expect(expected) => expect(shared, commands, &expected),
            Step::Send(bytes) => say(shared, commands, &bytes, chunk),
            Step::SendSplit(bytes, at) => {
                let (first, second) = bytes.split_at(at.min(bytes.len()));
                let written = commands.line.write_pieces(&[first, second], shared.deadline());
                written.map_err(not_taken)
            }
            Step::Chunks(bytes) => {
                chunk = Some(bytes);
                Ok(())
            }
            Step::Pause(time) => {
                pause(shared, time);
                Ok(())
            }
            Step::Gate(gate) => wait_at(shared, gate),
            Step::EndOfSending => {
                let _ = commands.line.transport.shutdown_write();
                Ok(())
            }
            Step::HangUp => return Ok(Then::HangUp),
            Step::Ignore => return Ok(Then::Ignore),
            Step::Answer => return Ok(Then::Answer),
        };
        taken.map_err(|problem| (number, problem))?;
    }
    Ok(Then::Nothing)
}

fn expect(
    shared: &Shared,
    commands: &mut Commands<'_>,
    expected: &Expected,
) -> Result<(), ScriptProblem> {
    match commands.next(Some(shared.deadline())) {
        Ok(command) if expected.fits(&command) => Ok(()),
        Ok(sent) => Err(ScriptProblem::Unexpected { expected: expected.describe(), sent }),
        Err(Silence::Late) => Err(ScriptProblem::NothingSent {
            expected: expected.describe(),
            after: shared.patience,
        }),
        Err(Silence::HungUp) => Err(ScriptProblem::HungUp { expected: expected.describe() }),
    }
}

fn say(
    shared: &Shared,
    commands: &Commands<'_>,
    bytes: &[u8],
    chunk: Option<usize>,
) -> Result<(), ScriptProblem> {
    commands.line.write(bytes, chunk, shared.deadline()).map_err(not_taken)
}

fn not_taken(error: io::Error) -> ScriptProblem {
    ScriptProblem::NotTaken { error: error.to_string() }
}

/// Waits for `time`, or until the scripted tor ends.
fn pause(shared: &Shared, time: Duration) {
    let deadline = crate::io::transport::deadline_after(time);
    let mut state = shared.state.lock();
    while !state.stopped && !shared.changed.wait_until(&mut state, deadline).timed_out() {}
}

fn wait_at(shared: &Shared, gate: String) -> Result<(), ScriptProblem> {
    let deadline = shared.deadline();
    let mut state = shared.state.lock();
    while !state.gates.contains(&gate) {
        if state.stopped {
            return Err(ScriptProblem::Abandoned);
        }
        if shared.changed.wait_until(&mut state, deadline).timed_out() {
            return Err(ScriptProblem::GateShut { gate, after: shared.patience });
        }
    }
    Ok(())
}
