//! [`TorProcess`]: a running tor that belongs to this program.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::child::{Child, ChildHandle};
use super::exit::Exit;
use super::private_dir::PrivateDir;
use crate::control::{AuthError, Controller};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::transport::{Address, Deadline};
use crate::io::undo::{self, Rank, Undo};
use crate::process::{LaunchError, LaunchProblem};

/// The time for tor to exit after its control connection has ended, on a busy
/// machine.
const LAST_BREATH: Duration = Duration::from_secs(3);

/// A running tor that this program started with [`Launch`](super::Launch).
///
/// Dropping it asks tor to end (SIGTERM), and kills tor if it hasn't ended
/// within the [`stop_timeout`](super::Launch::stop_timeout). The process is
/// reaped and the temporary files are removed. [`stop`](Self::stop) does the
/// same and reports errors. A `TorProcess` may be shared between threads.
///
/// tor also ends when this program ends in any way, because this program owns
/// the control connection.
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

/// Owns a [`Running`] and ends its process when dropped. A launch that fails
/// drops its owner, so it leaves nothing behind either.
///
/// The process is ended before the last reference to it is dropped. So
/// [`undo_all`](crate::undo_all) can kill a process that another thread is
/// ending slowly.
#[derive(Debug)]
pub(super) struct Owner(Arc<Running>);

/// A process and the directory with its files. The process ends before the
/// directory is removed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) stop_timeout: Duration,
    /// `None` after the directory was removed. Locked while the process is
    /// being ended, so that a second caller waits.
    pub(super) directory: Mutex<Option<PrivateDir>>,
}

impl TorProcess {
    /// Returns the control connection, which may be cloned and kept. Its calls
    /// fail after tor has ended.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns the address for other controllers. They authenticate with the
    /// cookie that PROTOCOLINFO names. Returns `None` with
    /// [`Control::SocketPair`](super::Control::SocketPair).
    pub fn control_address(&self) -> Option<&Address> {
        self.control_address.as_ref()
    }

    /// Returns the process identifier. If the program is a wrapper script that
    /// doesn't `exec` tor, this is the script's identifier.
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// Returns the data directory. It is removed with the process, unless it
    /// was set with [`Launch::data_directory`](super::Launch::data_directory).
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// Returns the last lines that tor wrote to its standard output, oldest
    /// first. By default, this is tor's log at level notice and above.
    pub fn log_tail(&self) -> Vec<String> {
        self.running.child.log().lines()
    }

    /// Returns true if tor is running.
    pub fn is_running(&self) -> bool {
        self.try_wait().is_none()
    }

    /// Returns the exit status if tor has ended, or `None` while it runs.
    /// Doesn't wait.
    pub fn try_wait(&self) -> Option<Exit> {
        self.running.child.exit()
    }

    /// Waits until tor ends by itself or is ended by somebody else, for example
    /// by a signal or by another controller's SIGNAL SHUTDOWN.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let tor = scape::Launch::new().start()?;
    /// let exit = tor.wait(Duration::from_secs(3600))?;
    /// println!("tor {exit}");
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor is still
    /// running after `timeout`.
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
    /// tor has ended in any case, and everything that can be removed is
    /// removed. The kind of the error is
    ///
    /// * [`ErrorKind::Launch`](crate::ErrorKind::Launch) if tor had already
    ///   crashed or ended with an error. The error contains a [`LaunchError`]
    ///   with [`LaunchProblem::Exited`];
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor was killed
    ///   because it didn't end within the
    ///   [`stop_timeout`](super::Launch::stop_timeout);
    /// * [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system
    ///   reported an error.
    pub fn stop(self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }
}

/// Methods for the nodes of a test network.
#[cfg(feature = "testing")]
impl TorProcess {
    /// Like [`stop`](Self::stop), for an owner that still needs the log.
    pub(crate) fn end(&self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }

    /// Kills tor, to simulate a crash. [`end`](Self::end) reports it.
    pub(crate) fn kill(&self) -> Result<()> {
        self.running.child.kill().map_err(|error| Error::io("kill tor", error))
    }

    /// Stops the process until [`resume`](Self::resume).
    pub(crate) fn pause(&self) -> Result<()> {
        self.running.child.pause().map_err(|error| Error::io("pause tor", error))
    }

    /// Resumes a paused process.
    pub(crate) fn resume(&self) -> Result<()> {
        self.running.child.resume().map_err(|error| Error::io("resume tor", error))
    }

    /// Returns the current content of the torrc.
    pub(crate) fn torrc(&self) -> Result<String> {
        let directory = self.running.directory.lock();
        let path = directory.as_ref().map(|directory| directory.join(super::command::TORRC));
        let read = path.ok_or_else(|| std::io::ErrorKind::NotFound.into());
        let read = read.and_then(std::fs::read_to_string);
        read.map_err(|error| Error::io("read the torrc", error))
    }
}

/// Returns the error for a process that has ended, with its last log lines.
/// Returns `None` if the process doesn't end within `timeout`.
pub(super) fn end_of(child: &ChildHandle, timeout: Duration) -> Option<LaunchError> {
    let Exit { code, signal } = child.wait(timeout)?;
    Some(LaunchError::new(LaunchProblem::Exited { code, signal }, child.log().last_lines()))
}

impl Running {
    /// Returns the error for a launch that failed with `error`. If tor has
    /// ended, the error reports that. Without an `error`, the launch was
    /// cancelled unless tor has ended.
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

    /// Ends the process within `timeout`, or kills it, and removes its files.
    /// Does nothing the second time.
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
        let asked = ended.map_err(|error| Error::io("end tor", error))?;
        removed.map_err(|error| Error::io("remove tor's temporary files", error))?;
        if asked { Ok(()) } else { Err(Timeout::new(Phase::Exit, timeout).into()) }
    }
}

/// The time for another thread to finish ending the process after the process
/// was killed.
const AFTER_KILL: Duration = Duration::from_secs(2);

impl Undo for Running {
    fn undo(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout.min(self.stop_timeout));
        if let Some(held) = self.directory.try_lock_until(deadline.instant()) {
            return self.end(held, deadline.left());
        }
        // Another thread is ending the process and takes longer.
        self.child.kill().map_err(|error| Error::io("kill tor", error))?;
        // That thread reports the outcome.
        drop(self.directory.try_lock_for(AFTER_KILL));
        Err(deadline.error(Phase::Exit))
    }
}

impl Owner {
    /// Creates the owner of a process. [`undo_all`](crate::undo_all) ends it,
    /// too.
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

    /// Starts a process that ignores SIGTERM.
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
