//! A process and everything that it starts. The process is always reaped, and
//! never signalled after that.

use std::fmt;
use std::io::{self, PipeReader};
use std::ops::Deref;
use std::process::{Child as StdChild, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::exit::Exit;
use super::log::{LineCallback, LogTail};
use crate::io::transport::deadline_after;

/// The time limit for a killed process to end.
const AFTER_KILL: Duration = Duration::from_secs(10);
/// The time for the rest of a process group to end after its leader has ended.
/// After that, the rest is killed.
#[cfg(unix)]
const REST: Duration = Duration::from_secs(3);
/// The time limit for the rest of a process group to end after it was killed.
#[cfg(unix)]
const REST_AFTER_KILL: Duration = Duration::from_secs(1);

/// A child process whose standard output and standard error are captured.
///
/// On Unix, the process leads a process group of its own. Signals go to the
/// whole group. When the leader has ended, the rest of the group is ended, too,
/// so a wrapper script that doesn't `exec` leaves nothing behind. Only a
/// process that moves to another group (`setsid`) escapes. If other code in
/// this program reaps all children (`waitpid(-1)`, SIGCHLD ignored), the rest
/// of the group isn't ended, because the group's identifier may already belong
/// to another group. The same is true on systems that can't wait for a process
/// without reaping it, such as OpenBSD.
///
/// A thread waits until the process ends, then ends the rest of the group (in
/// at most 4 seconds), and only then reaps the process. Until the process is
/// reaped, its identifier and the group's can't be reused. Other threads send
/// signals only while they hold the lock on `state`, and reaping takes the same
/// lock. So a signal never goes to another process or group that got the same
/// identifier.
pub(super) struct Child {
    handle: ChildHandle,
}

/// A handle to a child process for other threads. The process is killed when
/// the [`Child`] is dropped, even if there are handles.
#[derive(Clone)]
pub(super) struct ChildHandle {
    pid: u32,
    shared: Arc<Shared>,
    log: LogTail,
}

impl Deref for Child {
    type Target = ChildHandle;

    fn deref(&self) -> &ChildHandle {
        &self.handle
    }
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

enum State {
    Running(StdChild),
    Ended(Exit),
}

impl Child {
    /// Starts a process without input. Standard output and standard error go to
    /// a [`LogTail`] of `keep` lines, which also passes each line to
    /// `callback`.
    pub(super) fn spawn(
        command: &mut Command,
        keep: usize,
        callback: Option<LineCallback>,
    ) -> io::Result<Child> {
        Child::spawn_with_input(command, Stdio::null(), keep, callback)
    }

    /// Like [`spawn`](Self::spawn), but `input` is the process's standard
    /// input.
    pub(super) fn spawn_with_input(
        command: &mut Command,
        input: Stdio,
        keep: usize,
        callback: Option<LineCallback>,
    ) -> io::Result<Child> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        // Both streams share a pipe, because the dynamic linker writes to
        // standard error, although tor itself doesn't.
        let (output, theirs) = io::pipe()?;
        // The reaper polls this second reading end to find out whether a
        // process can still write to the pipe.
        let reading_end = output.try_clone()?;
        command.stdin(input).stdout(theirs.try_clone()?).stderr(theirs);
        let spawned = command.spawn();
        // Without this, the command would keep our copies of the pipe's writing
        // end, and reading would never end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = spawned?;
        let pid = child.id();
        let log = match LogTail::read(output, keep, callback) {
            Ok(log) => log,
            Err(error) => return Err(reap(child, error)),
        };
        let shared =
            Arc::new(Shared { state: Mutex::new(State::Running(child)), ended: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let reaper = thread::Builder::new()
            .name("scape-tor-wait".into())
            .spawn(move || theirs.reap(pid, &reading_end));
        match reaper {
            Ok(_) => Ok(Child { handle: ChildHandle { pid, shared, log } }),
            Err(error) => {
                ChildHandle { pid, shared, log }.reap_here();
                Err(error)
            }
        }
    }

    /// Returns a handle to the process for another thread.
    pub(super) fn handle(&self) -> ChildHandle {
        self.handle.clone()
    }
}

impl ChildHandle {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log(&self) -> &LogTail {
        &self.log
    }

    /// Returns the exit status if the process has ended, or `None` while it
    /// runs.
    pub(super) fn exit(&self) -> Option<Exit> {
        match &*self.shared.state.lock() {
            State::Running(_) => None,
            State::Ended(exit) => Some(*exit),
        }
    }

    /// Waits until the process has ended. Returns `None` if it is still running
    /// after `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Option<Exit> {
        let deadline = deadline_after(timeout);
        let mut state = self.shared.state.lock();
        loop {
            match &*state {
                State::Ended(exit) => return Some(*exit),
                State::Running(_) if Instant::now() >= deadline => return None,
                State::Running(_) => {}
            }
            self.shared.ended.wait_until(&mut state, deadline);
        }
    }

    /// Asks the whole process group to end (SIGTERM). Kills the process on
    /// systems without signals. Does nothing if the process has ended.
    pub(super) fn terminate(&self) -> io::Result<()> {
        match &mut *self.shared.state.lock() {
            State::Running(child) => terminate(child),
            State::Ended(_) => Ok(()),
        }
    }

    /// Suspends the whole process group (SIGSTOP) until
    /// [`resume`](Self::resume) is called. Does nothing if the process has
    /// ended.
    #[cfg(any(feature = "testing", test))]
    pub(super) fn pause(&self) -> io::Result<()> {
        match &mut *self.shared.state.lock() {
            State::Running(child) => pause_group(child),
            State::Ended(_) => Ok(()),
        }
    }

    /// Resumes a paused process group (SIGCONT). Does nothing if the group
    /// isn't paused or the process has ended.
    #[cfg(any(feature = "testing", test))]
    pub(super) fn resume(&self) -> io::Result<()> {
        match &mut *self.shared.state.lock() {
            State::Running(child) => resume_group(child),
            State::Ended(_) => Ok(()),
        }
    }

    /// Kills the whole process group. Does nothing if the process has ended.
    pub(super) fn kill(&self) -> io::Result<()> {
        match &mut *self.shared.state.lock() {
            State::Running(child) => kill(child),
            State::Ended(_) => Ok(()),
        }
    }

    /// Ends the process: asks it to end, waits for at most `grace`, then kills
    /// it. Returns true if the process ended when asked. Returns an error if
    /// the process can't be signalled, or still runs 10 seconds after it was
    /// killed.
    pub(super) fn end(&self, grace: Duration) -> io::Result<bool> {
        let asked = self.terminate();
        if asked.is_ok() && self.wait(grace).is_some() {
            return Ok(true);
        }
        self.kill()?;
        match self.wait(AFTER_KILL) {
            Some(_) => asked.map(|()| false),
            None => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the process is still running after it was killed",
            )),
        }
    }

    /// Kills and reaps the process on this thread. This is for the case that
    /// the reaper thread can't be started.
    fn reap_here(&self) {
        let mut state = self.shared.state.lock();
        if let State::Running(child) = &mut *state {
            let _ = kill(child);
            let exit = child.wait().map_or(Exit::UNKNOWN, Exit::from);
            *state = State::Ended(exit);
        }
    }
}

/// Kills and reaps a process whose output can't be read. Returns `error`
/// unchanged.
fn reap(mut child: StdChild, error: io::Error) -> io::Error {
    let _ = kill(&mut child);
    let _ = child.wait();
    error
}

impl Shared {
    /// Waits for the end of the process, ends the rest of its group, and reaps
    /// the process.
    fn reap(&self, pid: u32, reading_end: &PipeReader) {
        loop {
            // The rest of the group is ended before the leader is reaped. Until
            // then, the leader's and the group's identifiers can't be reused.
            if wait_without_reaping(pid) {
                end_rest(pid, reading_end);
            }
            let mut state = self.state.lock();
            let State::Running(child) = &mut *state else { return };
            let exit = match child.try_wait() {
                Ok(None) => continue,
                Ok(Some(status)) => Exit::from(status),
                // Other code in this program waits for all children, and has
                // reaped this one.
                Err(_) => Exit::UNKNOWN,
            };
            log::debug!(target: "scape::process", "tor (process {pid}) {exit}");
            *state = State::Ended(exit);
            self.ended.notify_all();
            return;
        }
    }
}

/// Waits until the process has ended, without reaping it. Returns true if it
/// has ended and wasn't reaped by other code.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox", target_os = "cygwin"))))]
fn wait_without_reaping(pid: u32) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        pause();
        return false;
    };
    match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
        // Only EXITED is requested, so this is the status of an ended process.
        Ok(_) => true,
        Err(rustix::io::Errno::CHILD) => false,
        Err(_) => {
            pause();
            false
        }
    }
}

/// Sleeps for 20 milliseconds and returns false. This is for systems that can't
/// wait for the end of a process without reaping it.
#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox", target_os = "cygwin")))))]
fn wait_without_reaping(_pid: u32) -> bool {
    pause();
    false
}

/// Sleeps for 20 milliseconds, the pause between two checks of a process.
fn pause() {
    thread::sleep(Duration::from_millis(20));
}

/// Ends the rest of a process group whose leader has ended and isn't reaped
/// yet: a tor that a wrapper script started, or pluggable transports.
///
/// All of these processes get SIGTERM first. Then this function waits for at
/// most 3 seconds until all processes that hold the output pipe have ended, and
/// sends SIGKILL to the rest. So a process that doesn't hold that pipe may be
/// killed without any time to end.
#[cfg(unix)]
fn end_rest(pid: u32, reading_end: &PipeReader) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // An error means that the group has no other process.
    let _ = kill_process_group(group, Signal::TERM);
    wait_for_no_writer(reading_end, REST);
    let _ = kill_process_group(group, Signal::KILL);
    wait_for_no_writer(reading_end, REST_AFTER_KILL);
}

#[cfg(not(unix))]
fn end_rest(_pid: u32, _reading_end: &PipeReader) {}

/// Waits until no process can write to `pipe` any more, for at most `timeout`.
/// Doesn't read the pipe.
#[cfg(unix)]
fn wait_for_no_writer(pipe: &PipeReader, timeout: Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let deadline = deadline_after(timeout);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(left_spec) = Timespec::try_from(left) else { return };
        // Without any requested event, poll reports only the hang-up.
        match poll(&mut [PollFd::new(pipe, PollFlags::empty())], Some(&left_spec)) {
            Err(rustix::io::Errno::INTR) if !left.is_zero() => {}
            _ => return,
        }
    }
}

#[cfg(unix)]
fn signal_group(child: &mut StdChild, signal: rustix::process::Signal) -> io::Result<()> {
    use rustix::process::{Pid, kill_process_group};

    match i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        Some(group) => match kill_process_group(group, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        },
        None => child.kill(),
    }
}

#[cfg(unix)]
fn terminate(child: &mut StdChild) -> io::Result<()> {
    signal_group(child, rustix::process::Signal::TERM)
}

#[cfg(all(unix, any(feature = "testing", test)))]
fn pause_group(child: &mut StdChild) -> io::Result<()> {
    signal_group(child, rustix::process::Signal::STOP)
}

#[cfg(all(unix, any(feature = "testing", test)))]
fn resume_group(child: &mut StdChild) -> io::Result<()> {
    signal_group(child, rustix::process::Signal::CONT)
}

#[cfg(unix)]
fn kill(child: &mut StdChild) -> io::Result<()> {
    signal_group(child, rustix::process::Signal::KILL)
}

#[cfg(not(unix))]
fn terminate(child: &mut StdChild) -> io::Result<()> {
    child.kill()
}

#[cfg(all(not(unix), any(feature = "testing", test)))]
fn pause_group(_child: &mut StdChild) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(not(unix), any(feature = "testing", test)))]
fn resume_group(_child: &mut StdChild) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn kill(child: &mut StdChild) -> io::Result<()> {
    child.kill()
}

impl fmt::Debug for ChildHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildHandle").field("pid", &self.pid).field("exit", &self.exit()).finish()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("pid", &self.pid).field("exit", &self.exit()).finish()
    }
}

/// Kills the process. The thread that waits for its end reaps it.
impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[allow(clippy::unwrap_used, reason = "only tests call it")]
    fn sh(script: &str) -> Child {
        Child::spawn(Command::new("/bin/sh").arg("-c").arg(script), 8, None).unwrap()
    }

    #[test]
    fn exit_status_and_last_lines_of_a_process_are_kept() {
        let child = sh("echo one; echo two; exit 3");
        let exit = child.wait(LONG).unwrap();
        assert_eq!((exit.code, exit.signal, child.exit()), (Some(3), None, Some(exit)));
        assert_eq!(child.log().last_lines(), ["one", "two"]);
        assert!(child.end(LONG).unwrap(), "ending it again does nothing");
    }

    #[test]
    fn process_is_reaped_without_being_waited_for() {
        let child = sh("exit 0");
        let state = format!("/proc/{}/stat", child.pid());
        let deadline = Instant::now() + LONG;
        while std::path::Path::new(&state).exists() && cfg!(target_os = "linux") {
            assert!(Instant::now() < deadline, "a zombie");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn process_is_asked_to_end_and_then_killed() {
        let child = sh("sleep 60");
        assert_eq!(child.wait(Duration::from_millis(5)), None);
        assert!(child.end(LONG).unwrap());
        assert_eq!(child.exit().unwrap().signal, Some(15));

        let child = sh("trap '' TERM; echo ready; while :; do sleep 0.05; done");
        let deadline = Instant::now() + LONG;
        while child.log().lines().is_empty() {
            assert!(Instant::now() < deadline, "the shell says nothing");
            thread::sleep(Duration::from_millis(2));
        }
        assert!(!child.end(Duration::from_millis(20)).unwrap());
        assert_eq!(child.exit().unwrap().signal, Some(9));
    }

    #[test]
    fn paused_process_resumes_and_ends() {
        let child = sh("sleep 60");
        child.pause().unwrap();
        child.terminate().unwrap();
        child.resume().unwrap();
        assert_eq!(child.wait(LONG).unwrap().signal, Some(15));
        // Both do nothing after the process has ended.
        child.pause().unwrap();
        child.resume().unwrap();
    }

    #[test]
    fn dropping_a_child_kills_the_process() {
        let child = sh("sleep 60");
        let shared = Arc::clone(&child.shared);
        drop(child);
        let mut state = shared.state.lock();
        while matches!(*state, State::Running(_)) {
            assert!(!shared.ended.wait_for(&mut state, LONG).timed_out());
        }
    }
}
