//! A tor that this program launched.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::child::Child;
use super::exit::Exit;
use super::log::LogTail;
use crate::controller::Controller;
use crate::error::{Error, Phase, Result, Timeout};
use crate::transport::deadline_after;

/// How long tor may take to end when asked. A client needs up to two seconds.
const GRACE: Duration = Duration::from_secs(8);

/// A tor that was launched by this program, and ends with this value.
///
/// Dropping it ends tor (asked first, then made), waits until it is gone, and removes its private directory; so does
/// [`stop`](Self::stop), which also tells what went wrong. If this program ends without either, also when it is
/// killed, tor notices by its control connection and ends by itself; only the private directory stays then.
pub struct TorProcess {
    controller: Controller,
    running: Running,
    data_directory: PathBuf,
}

/// A process and what belongs to it: whatever happens, all of it is cleared away together.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) log: LogTail,
    /// The private directory; dropped after the process has ended.
    pub(super) private: Option<TempDir>,
}

impl Running {
    fn end(&mut self) -> Result<Exit> {
        let exit = self.child.end(GRACE);
        let removed = self.private.take().map(TempDir::close);
        let exit = exit.ok_or_else(|| Error::from(Timeout::new(Phase::Exit, GRACE)))?;
        match removed {
            Some(Err(error)) => Err(Error::io("remove tor's private directory", error)),
            _ => Ok(exit),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.private.is_none() && self.child.exit().is_some();
        if !ended && let Err(error) = self.end() {
            log::warn!(target: "scape::process", "ending tor: {error}");
        }
    }
}

impl TorProcess {
    pub(super) fn new(controller: Controller, running: Running, data_directory: PathBuf) -> Self {
        TorProcess { controller, running, data_directory }
    }

    /// Its control connection. Clones of it stay usable until tor ends.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// Its data directory: the one that was given, or a temporary one.
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// The last lines that it logged, oldest first.
    pub fn log_tail(&self) -> Vec<String> {
        self.running.log.lines()
    }

    /// How it ended, once it has.
    pub fn exit(&self) -> Option<Exit> {
        self.running.child.exit()
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.exit().is_none()
    }

    /// Waits for it to end by itself, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] if it still runs then.
    pub fn wait(&self, timeout: Duration) -> Result<Exit> {
        let exit = self.running.child.wait_until(deadline_after(timeout));
        exit.ok_or_else(|| Timeout::new(Phase::Exit, timeout).into())
    }

    /// Ends it, as dropping does, and tells how it ended.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] if it does not even end when killed, [`Error::Io`] where its private directory cannot be
    /// removed.
    pub fn stop(mut self) -> Result<Exit> {
        self.running.end()
    }
}

impl fmt::Debug for TorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorProcess")
            .field("pid", &self.pid())
            .field("data_directory", &self.data_directory)
            .field("exit", &self.exit())
            .finish_non_exhaustive()
    }
}
