//! A tor of our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::child::Child;
use super::exit::Exit;
use super::private_dir::PrivateDir;
use crate::controller::Controller;
use crate::error::{Error, LaunchError, LaunchProblem, Phase, Result, Timeout};
use crate::transport::Address;
use crate::undo::Undo;

/// How long a tor whose control connection has ended may take to be gone, on a busy machine.
const LAST_BREATH: Duration = Duration::from_secs(3);

/// A running tor that this program started, made by [`Launch`](super::Launch).
///
/// When it is dropped, tor is told to end (SIGTERM) and, if it has not within the
/// [`stop_timeout`](super::Launch::stop_timeout), killed; the process is reaped and the temporary files are removed.
/// [`stop`](Self::stop) does the same and says what went wrong. It is safe to share between threads.
///
/// tor also ends when this program does, however that happens: it owns no more than its control connection.
#[must_use = "tor ends when this is dropped"]
#[derive(Debug)]
pub struct TorProcess {
    pub(super) controller: Controller,
    pub(super) control_address: Option<Address>,
    pub(super) data_directory: PathBuf,
    pub(super) running: Arc<Running>,
}

/// A process and the directory of its files, which go together, the process first. What a launch that fails leaves
/// behind is exactly what dropping this leaves behind: nothing.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) stop_timeout: Duration,
    /// `None` once it was removed. Held while the process is ended, so that whoever comes second waits for that.
    pub(super) directory: Mutex<Option<PrivateDir>>,
}

impl TorProcess {
    /// The control connection. It may be cloned and kept; its calls fail once tor has ended.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Where others can connect to control this tor, with the cookie that PROTOCOLINFO names; `None` with
    /// [`Control::SocketPair`](super::Control::SocketPair).
    pub fn control_address(&self) -> Option<&Address> {
        self.control_address.as_ref()
    }

    /// The process identifier.
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// The data directory. It is removed with the process, unless it was chosen with
    /// [`Launch::data_directory`](super::Launch::data_directory).
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// The last lines that tor wrote to its standard output, oldest first; by default its log from level notice on.
    pub fn log_tail(&self) -> Vec<String> {
        self.running.child.log().lines()
    }

    /// Whether it is running.
    pub fn is_running(&self) -> bool {
        self.try_wait().is_none()
    }

    /// How it ended; `None` while it runs. Does not wait.
    pub fn try_wait(&self) -> Option<Exit> {
        self.running.child.exit()
    }

    /// Waits until tor has ended by itself, or was ended by another (a signal, a shutdown asked for through a
    /// controller).
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] where it runs on after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Result<Exit> {
        match self.running.child.wait(timeout) {
            Some(exit) => Ok(exit),
            None => Err(Timeout::new(Phase::Exit, timeout).into()),
        }
    }

    /// Ends tor, and removes the temporary files.
    ///
    /// # Errors
    ///
    /// In any case tor has ended and nothing is left behind that could be removed. [`Error::Launch`] with
    /// [`LaunchProblem::Exited`] where tor had already crashed or ended with an error; [`Error::Timeout`] where it
    /// had to be killed, since it did not end within the [`stop_timeout`](super::Launch::stop_timeout);
    /// [`Error::Io`] where the operating system refused something.
    pub fn stop(self) -> Result<()> {
        self.running.stop(self.running.stop_timeout)
    }
}

impl Running {
    /// What a failure of tor to do something is: its own end, if it has ended.
    pub(super) fn failure(&self, error: Error, after: Duration, progress: Option<u8>) -> LaunchError {
        // The connection ends a moment before the process does.
        let grace = if error.is_closed() { LAST_BREATH } else { Duration::ZERO };
        let child = &self.child;
        match child.wait(grace) {
            Some(Exit { code, signal }) => {
                LaunchError::new(LaunchProblem::Exited { code, signal }, child.log().last_lines())
            }
            None if matches!(error, Error::Timeout(_)) => {
                LaunchError::new(LaunchProblem::Timeout { after, progress }, child.log().lines())
            }
            None => LaunchError::new(LaunchProblem::Control(Box::new(error)), child.log().lines()),
        }
    }

    /// Ends the process, within `timeout` or by killing it, and removes its files. Does nothing the second time.
    fn stop(&self, timeout: Duration) -> Result<()> {
        let mut held = self.directory.lock();
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

impl Undo for Running {
    fn undo(&self, timeout: Duration) -> Result<()> {
        self.stop(timeout.min(self.stop_timeout))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.stop(self.stop_timeout) {
            log::warn!(target: "scape::process", "while ending tor: {error}");
        }
    }
}
