//! A child process: signalled, waited for, and reaped, once each.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::exit::Exit;

/// How long a killed process may take to be gone.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// A running or ended process.
///
/// A thread of its own waits for its end and reaps it at once, so that no zombie is left, whether or not anybody asks.
/// Signals are sent only while it is known not to have been reaped, so that they never reach another process that
/// got its number.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pid: u32,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    child: std::process::Child,
    exit: Option<Exit>,
}

impl Child {
    /// Starts a process.
    pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
        let child = command.spawn()?;
        let pid = child.id();
        let shared =
            Arc::new(Shared { state: Mutex::new(State { child, exit: None }), ended: Condvar::new() });
        let for_reaper = shared.clone();
        let reaper = thread::Builder::new().name("scape-tor-reaper".into());
        let child = Child { pid, shared };
        match reaper.spawn(move || for_reaper.reap_at_the_end(pid)) {
            Ok(_) => Ok(child),
            Err(error) => {
                child.signal(Signal::Kill);
                child.shared.reap_at_the_end(pid);
                Err(error)
            }
        }
    }

    /// Its process id. (Another process may have it once this one has ended.)
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, once it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.shared.state.lock().exit
    }

    /// Waits for its end until `deadline`.
    pub(super) fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        let mut state = self.shared.state.lock();
        while state.exit.is_none() {
            if self.shared.ended.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.exit
    }

    /// Asks it to end, and after `grace` makes it.
    pub(super) fn end(&self, grace: Duration) -> Option<Exit> {
        self.signal(Signal::Terminate);
        if let Some(exit) = self.wait_until(Instant::now() + grace) {
            return Some(exit);
        }
        self.signal(Signal::Kill);
        self.wait_until(Instant::now() + KILLED_WITHIN)
    }

    fn signal(&self, signal: Signal) {
        let mut state = self.shared.state.lock();
        if state.exit.is_none() {
            // What fails here fails because it is gone, which is what is wanted.
            let _ = signal.send(self.pid, &mut state.child);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

impl Signal {
    #[cfg(unix)]
    fn send(self, pid: u32, child: &mut std::process::Child) -> io::Result<()> {
        use rustix::process::{Pid, kill_process};
        match (self, i32::try_from(pid).ok().and_then(Pid::from_raw)) {
            (Signal::Terminate, Some(pid)) => Ok(kill_process(pid, rustix::process::Signal::TERM)?),
            _ => child.kill(),
        }
    }

    #[cfg(not(unix))]
    fn send(self, _pid: u32, child: &mut std::process::Child) -> io::Result<()> {
        child.kill()
    }
}

impl Shared {
    fn reap_at_the_end(&self, pid: u32) {
        loop {
            wait_for_end(pid);
            let mut state = self.state.lock();
            match state.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => state.exit = Some(status.into()),
                Err(_) => state.exit = Some(Exit::UNKNOWN),
            }
            if state.exit.is_some() {
                self.ended.notify_all();
                return;
            }
        }
    }
}

/// Returns when the process has ended, and leaves it to be reaped.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "cygwin"))))]
fn wait_for_end(pid: u32) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let ended = pid.map(|pid| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
    if !matches!(ended, Some(Ok(_))) {
        // Interrupted, or reaped by another part of the program.
        thread::sleep(POLL);
    }
}

#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "cygwin")))))]
fn wait_for_end(_pid: u32) {
    thread::sleep(POLL);
}

/// How often to look where waiting is not possible.
const POLL: Duration = Duration::from_millis(20);
