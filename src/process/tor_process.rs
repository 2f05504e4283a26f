//! A running tor that belongs to this program: [`TorProcess`].

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::child::{Child, ChildHandle};
use super::exit::Exit;
use super::private_dir::PrivateDir;
use crate::controller::{AuthError, Controller};
use crate::error::{Error, Phase, Result, Timeout};
use crate::process::{LaunchError, LaunchProblem};
use crate::transport::{Address, Deadline};
use crate::undo::{self, Rank, Undo};

/// The time that a tor whose control connection has ended has to be gone, on a
/// busy machine.
const LAST_BREATH: Duration = Duration::from_secs(3);

/// A running tor that this program started, made by [`Launch`](super::Launch).
///
/// Dropping it tells tor to end (SIGTERM) and kills it if it hasn't ended
/// within the [`stop_timeout`](super::Launch::stop_timeout). The process is
/// reaped and the temporary files are removed. [`stop`](Self::stop) does the
/// same and reports errors. A `TorProcess` may be shared between threads.
///
/// tor also ends when this program does, however that happens, because this
/// program owns the control connection.
///
/// # Crashes
///
/// When tor ends by itself, the calls of the [`controller`](Self::controller)
/// fail with an error of the kind
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed). The
/// [cause](crate::connection::Closed::cause) is
/// [`CloseCause::Exited`](crate::connection::CloseCause::Exited), with the exit
/// status or the signal and the last lines of the log. [`wait`](Self::wait)
/// waits for that end.
#[must_use = "tor ends when this is dropped"]
#[derive(Debug)]
pub struct TorProcess {
    pub(super) controller: Controller,
    pub(super) control_address: Option<Address>,
    pub(super) data_directory: PathBuf,
    pub(super) running: Owner,
}

/// Owns a [`Running`]. Dropping it ends the process. A launch that fails drops
/// this, too, so it leaves nothing behind either.
///
/// The process is ended before the last reference to it is gone, so
/// [`undo_all`](crate::undo_all) can kill one that another thread is ending
/// slowly.
#[derive(Debug)]
pub(super) struct Owner(Arc<Running>);

/// A process and the directory of its files. The process ends before the
/// directory is removed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) stop_timeout: Duration,
    /// `None` after it was removed. Locked while the process is ended, so that
    /// a second caller waits for that.
    pub(super) directory: Mutex<Option<PrivateDir>>,
}

impl TorProcess {
    /// Returns the control connection. It may be cloned and kept. Its calls
    /// fail after tor has ended.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns the address for other controllers, which authenticate with the
    /// cookie that PROTOCOLINFO names. Returns `None` with
    /// [`Control::SocketPair`](super::Control::SocketPair).
    pub fn control_address(&self) -> Option<&Address> {
        self.control_address.as_ref()
    }

    /// Returns the process identifier. (If the program is a wrapper script that
    /// doesn't `exec` tor, that of the script.)
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// Returns the data directory. It is removed with the process, unless it
    /// was set with [`Launch::data_directory`](super::Launch::data_directory).
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// Returns the last lines that tor wrote to its standard output, oldest
    /// first. By default, this is its log from level notice on.
    pub fn log_tail(&self) -> Vec<String> {
        self.running.child.log().lines()
    }

    /// Returns true if tor is running.
    pub fn is_running(&self) -> bool {
        self.try_wait().is_none()
    }

    /// Returns how tor ended, or `None` while it runs. Does not wait.
    pub fn try_wait(&self) -> Option<Exit> {
        self.running.child.exit()
    }

    /// Waits until tor has ended by itself or was ended by somebody else (a
    /// signal, a controller's SIGNAL SHUTDOWN).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor still runs
    /// after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Result<Exit> {
        match self.running.child.wait(timeout) {
            Some(exit) => Ok(exit),
            None => Err(Timeout::new(Phase::Exit, timeout).into()),
        }
    }

    /// Ends tor and removes the temporary files.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`LaunchError`] of [`LaunchProblem::Exited`]
    /// (kind [`ErrorKind::Launch`](crate::ErrorKind::Launch)) if tor had
    /// already crashed or ended with an error, of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor was killed
    /// because it didn't end within the
    /// [`stop_timeout`](super::Launch::stop_timeout), and of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system refused
    /// something. In any case, tor has ended and nothing is left behind that
    /// could be removed.
    pub fn stop(self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }
}

/// Control of a test network's nodes.
#[cfg(feature = "testing")]
impl TorProcess {
    /// Does what [`stop`](Self::stop) does, for an owner that keeps the log.
    pub(crate) fn end(&self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }

    /// Kills tor, as a crash would end it. [`end`](Self::end) reports that.
    pub(crate) fn kill(&self) -> Result<()> {
        self.running.child.kill().map_err(|error| Error::io("kill tor", error))
    }

    /// Stops the process until [`resume`](Self::resume).
    pub(crate) fn pause(&self) -> Result<()> {
        self.running.child.pause().map_err(|error| Error::io("pause tor", error))
    }

    /// Lets a paused process go on.
    pub(crate) fn resume(&self) -> Result<()> {
        self.running.child.resume().map_err(|error| Error::io("resume tor", error))
    }

    /// Returns the torrc as it is now.
    pub(crate) fn torrc(&self) -> Result<String> {
        let directory = self.running.directory.lock();
        let path = directory.as_ref().map(|directory| directory.join(super::command::TORRC));
        let read = path.ok_or_else(|| std::io::ErrorKind::NotFound.into());
        let read = read.and_then(std::fs::read_to_string);
        read.map_err(|error| Error::io("read the torrc", error))
    }
}

/// Returns how a process ended and what it last logged, if it ends within
/// `timeout`.
pub(super) fn end_of(child: &ChildHandle, timeout: Duration) -> Option<LaunchError> {
    let Exit { code, signal } = child.wait(timeout)?;
    Some(LaunchError::new(LaunchProblem::Exited { code, signal }, child.log().last_lines()))
}

impl Running {
    /// Returns the error of a launch that failed with `error`: tor's own end,
    /// if it has ended. Without an error, the launch was cancelled unless tor
    /// has ended.
    pub(super) fn failure(
        &self,
        error: Option<Error>,
        after: Duration,
        progress: Option<u8>,
    ) -> LaunchError {
        // The connection ends a moment before the process does.
        let hung_up = error.as_ref().is_some_and(|error| {
            error.is_closed()
                || matches!(
                    error.get::<AuthError>(),
                    Some(AuthError::NotAControlPort { .. } | AuthError::Closed(_))
                )
        });
        let grace = if hung_up { LAST_BREATH } else { Duration::ZERO };
        if let Some(ended) = end_of(&self.child, grace) {
            return ended;
        }
        let problem = match error {
            Some(error) if error.is::<Timeout>() => LaunchProblem::Timeout { after, progress },
            Some(error) => LaunchProblem::Control(error),
            None => LaunchProblem::Cancelled,
        };
        LaunchError::new(problem, self.child.log().lines())
    }

    /// Ends the process, within `timeout` or by killing it, then removes its
    /// files. Does nothing the second time.
    fn stop(&self, timeout: Duration) -> Result<()> {
        self.end(self.directory.lock(), timeout)
    }

    fn end(&self, mut held: MutexGuard<'_, Option<PrivateDir>>, timeout: Duration) -> Result<()> {
        let Some(directory) = held.take() else { return Ok(()) };
        let before = self.child.exit();
        let ended = self.child.end(timeout);
        let removed = directory.close();
        match before {
            Some(Exit { code, signal }) if code != Some(0) => {
                let problem = LaunchProblem::Exited { code, signal };
                return Err(LaunchError::new(problem, self.child.log().last_lines()).into());
            }
            _ => {}
        }
        let asked = ended.map_err(|error| Error::io("cannot end tor", error))?;
        removed.map_err(|error| Error::io("cannot remove tor's temporary files", error))?;
        if asked { Ok(()) } else { Err(Timeout::new(Phase::Exit, timeout).into()) }
    }
}

/// The time for another thread that ends the process to be done after the
/// process was killed.
const AFTER_KILL: Duration = Duration::from_secs(2);

impl Undo for Running {
    fn undo(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout.min(self.stop_timeout));
        if let Some(held) = self.directory.try_lock_until(deadline.instant()) {
            return self.end(held, deadline.left());
        }
        // Another thread is ending it and takes longer.
        self.child.kill().map_err(|error| Error::io("kill tor", error))?;
        // That thread reports what it finds.
        drop(self.directory.try_lock_for(AFTER_KILL));
        Err(deadline.error(Phase::Exit))
    }
}

impl Owner {
    /// Owns a process, which [`undo_all`](crate::undo_all) ends, too.
    pub(super) fn new(running: Running) -> Self {
        let running = Arc::new(running);
        undo::register(Rank::Process, &running);
        Owner(running)
    }
}

impl Deref for Owner {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.stop(self.stop_timeout) {
            log::warn!(target: "scape::process", "while ending tor: {error}");
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A process that ignores SIGTERM.
    fn stubborn() -> Owner {
        let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
        let child = Child::spawn(Command::new("/bin/sh").arg("-c").arg(script), 8, None).unwrap();
        let deadline = Deadline::after(LONG);
        while child.log().lines().is_empty() {
            assert!(!deadline.has_passed(), "the shell says nothing");
            thread::sleep(Duration::from_millis(2));
        }
        let directory = Mutex::new(Some(PrivateDir::new("").unwrap()));
        Owner::new(Running { child, stop_timeout: LONG, directory })
    }

    #[test]
    fn undo_kills_a_process_that_another_thread_is_ending() {
        let owner = stubborn();
        let running = Arc::downgrade(&owner.0);
        let child = owner.child.handle();
        let directory =
            owner.directory.lock().as_ref().map(|directory| directory.path().to_owned()).unwrap();
        let ending = thread::spawn(move || drop(owner));
        // The other thread holds the lock as soon as it ends the process.
        let deadline = Deadline::after(LONG);
        while running.upgrade().is_some_and(|running| running.directory.try_lock().is_some()) {
            assert!(!deadline.has_passed(), "nobody ends it");
            thread::sleep(Duration::from_millis(2));
        }
        let begun = Instant::now();
        let undone = running.upgrade().expect("undo_all finds it").undo(Duration::from_millis(100));
        assert!(undone.as_ref().is_err_and(Error::is::<Timeout>), "{undone:?}");
        assert_eq!(child.exit().and_then(|exit| exit.signal), Some(9));
        ending.join().unwrap();
        assert!(begun.elapsed() < LONG / 2);
        assert!(!directory.exists());
    }
}
