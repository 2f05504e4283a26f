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

/// The longest time that a failed launch waits for tor's exit status after tor
/// has closed the control connection. tor takes that long only on a busy
/// machine.
const LAST_BREATH: Duration = Duration::from_secs(3);

/// A running tor that this program started with [`Launch`](super::Launch).
///
/// Dropping a `TorProcess` asks tor to end (SIGTERM), and kills tor if it
/// hasn't ended within the [`stop_timeout`](super::Launch::stop_timeout). The
/// process is reaped and the temporary files are removed. [`stop`](Self::stop)
/// does the same and reports errors. A `TorProcess` may be shared between
/// threads.
///
/// tor also ends when this program ends, even if this program is killed,
/// because tor ends when this program's control connection closes.
///
/// # Crashes
///
/// When tor ends by itself, the calls of the [`controller`](Self::controller)
/// fail with an error of the kind
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed). The
/// [cause](crate::connection::Closed::cause) is
/// [`CloseCause::Exited`](crate::connection::CloseCause::Exited), with the exit
/// status or the signal and the last lines of the log. [`wait`](Self::wait)
/// waits until tor has ended.
#[must_use = "tor ends when this is dropped"]
#[derive(Debug)]
pub struct TorProcess {
    pub(super) controller: Controller,
    pub(super) control_address: Option<Address>,
    pub(super) data_directory: PathBuf,
    pub(super) running: Owner,
}

/// The owner of a [`Running`]. Dropping the owner ends the process. A failed
/// launch drops its `Owner`, too, so no process is left behind.
///
/// While the `Owner` ends the process, it still holds its reference to the
/// [`Running`]. So [`undo_all`](crate::undo_all) still finds the process, and
/// can kill it if ending it takes long.
#[derive(Debug)]
pub(super) struct Owner(Arc<Running>);

/// A process and the directory with its files. The process ends before the
/// directory is removed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) stop_timeout: Duration,
    /// The directory with the process's files, or `None` after it was removed.
    /// The mutex is locked while the process is being ended, so that a second
    /// caller waits.
    pub(super) directory: Mutex<Option<PrivateDir>>,
}

impl TorProcess {
    /// Returns the control connection, which may be cloned and kept. Calls on
    /// it fail after tor has ended.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns the address at which other controllers can connect to tor. By
    /// default, they authenticate with the cookie file that PROTOCOLINFO names.
    /// Returns `None` with [`Control::SocketPair`](super::Control::SocketPair).
    pub fn control_address(&self) -> Option<&Address> {
        self.control_address.as_ref()
    }

    /// Returns tor's process identifier. If the program is a wrapper script
    /// that doesn't `exec` tor, this is the script's process identifier.
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// Returns the absolute path of the data directory. The directory is
    /// removed after tor has ended, unless it was set with
    /// [`Launch::data_directory`](super::Launch::data_directory).
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// Returns the last lines that tor wrote to its standard output and
    /// standard error, oldest first. By default, this is tor's log at level
    /// notice and above. [`Launch::log_lines`](super::Launch::log_lines) sets
    /// the maximum number of lines.
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

    /// Waits until tor has ended, and returns its exit status. This doesn't end
    /// tor: tor ends by itself, by a signal from another process, or by the
    /// command SIGNAL SHUTDOWN of a controller.
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

    /// Ends tor, waits until it has ended, and removes the temporary files.
    ///
    /// ```no_run
    /// let tor = scape::Launch::new().start()?;
    /// tor.stop()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Also after an error, tor has ended (unless the operating system couldn't
    /// kill it), and all temporary files that can be removed are removed. The
    /// kind of the error is
    ///
    /// * [`ErrorKind::Launch`](crate::ErrorKind::Launch) if tor had already
    ///   ended before this call, and not with status 0. The error contains a
    ///   [`LaunchError`] with [`LaunchProblem::Exited`];
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor was killed
    ///   because it didn't end within the
    ///   [`stop_timeout`](super::Launch::stop_timeout);
    /// * [`ErrorKind::Io`](crate::ErrorKind::Io) if tor can't be ended or a
    ///   temporary file can't be removed.
    pub fn stop(self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }
}

/// Methods for the nodes of a test network.
#[cfg(feature = "testing")]
impl TorProcess {
    /// Like [`stop`](Self::stop), for a caller that still needs the
    /// `TorProcess` to read its log.
    pub(crate) fn end(&self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }

    /// Kills tor, to simulate a crash. A later [`end`](Self::end) returns an
    /// error with [`LaunchProblem::Exited`].
    pub(crate) fn kill(&self) -> Result<()> {
        self.running.child.kill().map_err(|error| Error::io("kill tor", error))
    }

    /// Suspends the process until [`resume`](Self::resume) is called.
    pub(crate) fn pause(&self) -> Result<()> {
        self.running.child.pause().map_err(|error| Error::io("pause tor", error))
    }

    /// Resumes a paused process.
    pub(crate) fn resume(&self) -> Result<()> {
        self.running.child.resume().map_err(|error| Error::io("resume tor", error))
    }

    /// Returns the current content of the torrc. Returns an error if the torrc
    /// can't be read, for example because tor was ended and its files removed.
    pub(crate) fn torrc(&self) -> Result<String> {
        let directory = self.running.directory.lock();
        let path = directory.as_ref().map(|directory| directory.join(super::command::TORRC));
        let read = path.ok_or_else(|| std::io::ErrorKind::NotFound.into());
        let read = read.and_then(std::fs::read_to_string);
        read.map_err(|error| Error::io("read the torrc", error))
    }
}

/// Waits until the process has ended, for at most `timeout`. Then returns an
/// error with the exit status and the last log lines. Returns `None` if the
/// process is still running after `timeout`.
pub(super) fn end_of(child: &ChildHandle, timeout: Duration) -> Option<LaunchError> {
    let Exit { code, signal } = child.wait(timeout)?;
    Some(LaunchError::new(LaunchProblem::Exited { code, signal }, child.log().last_lines()))
}

impl Running {
    /// Returns the error for a launch that failed with `error`. If tor has
    /// ended, the returned error has [`LaunchProblem::Exited`]. If tor is
    /// running and `error` is `None`, the launch was cancelled.
    ///
    /// `after` is the launch's time limit, and `progress` the bootstrap
    /// percentage that tor has reached. They are used for
    /// [`LaunchProblem::Timeout`].
    pub(super) fn failure(
        &self,
        error: Option<Error>,
        after: Duration,
        progress: Option<u8>,
    ) -> LaunchError {
        // When tor exits, the connection ends a moment before the process.
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
    /// A second call does nothing. If another thread is ending the process,
    /// waits until that thread has finished.
    fn stop(&self, timeout: Duration) -> Result<()> {
        self.end(self.directory.lock(), timeout)
    }

    /// Does the work of [`stop`](Self::stop). `held` is the locked `directory`.
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

/// The time that `undo` waits, after it has killed the process, until another
/// thread has removed the files. That thread was already ending the process.
const AFTER_KILL: Duration = Duration::from_secs(2);

impl Undo for Running {
    fn undo(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout.min(self.stop_timeout));
        if let Some(held) = self.directory.try_lock_until(deadline.instant()) {
            return self.end(held, deadline.left());
        }
        // Another thread is ending the process and takes longer.
        self.child.kill().map_err(|error| Error::io("kill tor", error))?;
        // Wait until the other thread has removed the files. It has taken the
        // directory, so it reports errors.
        drop(self.directory.try_lock_for(AFTER_KILL));
        Err(deadline.error(Phase::Exit))
    }
}

impl Owner {
    /// Creates the owner of a process. [`undo_all`](crate::undo_all) also ends
    /// this process.
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
