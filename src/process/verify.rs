//! Asks a tor program whether it accepts a configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::child::Child;
use super::command::{self, TORRC};
use super::find::find_tor;
use super::private_dir::PrivateDir;
use super::start::prepare;
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::transport::deadline_after;
use crate::live::config::Torrc;
use crate::process::{LaunchError, LaunchProblem, VerifyError};

/// The default time limit for tor to check a configuration. tor takes some 50
/// milliseconds on a machine that is not busy.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of output lines that are kept.
const KEPT_LINES: usize = 1000;
/// The time that tor's last lines have to arrive after tor has ended, even if
/// less is left of the time limit. They take that long only on a busy machine.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The maximum number of last lines that the error contains if tor wrote
/// neither a warning nor an error.
const LAST_LINES: usize = 10;

/// A check of a torrc by the tor program: `tor --verify-config`. No other
/// configuration is read.
///
/// ```no_run
/// use scape::ErrorKind;
/// use scape::config::TorrcFiles;
/// use scape::process::Verify;
///
/// let torrc = TorrcFiles::read("/etc/tor/torrc")?;
/// match Verify::new().run(torrc.torrc()) {
///     Ok(warnings) => warnings.iter().for_each(|warning| println!("{warning}")),
///     Err(error) if error.kind() == ErrorKind::Config => println!("{error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), scape::Error>(())
/// ```
///
/// tor makes the same checks as when it starts, but opens no port. It reads the
/// files that the torrc names or includes. Relative paths are resolved in this
/// program's current directory. tor may look at the directories of onion
/// services and at its data directory, but doesn't create them. It doesn't
/// write logs or other files.
#[derive(Debug, Clone)]
#[must_use = "nothing is asked before run() is called"]
pub struct Verify {
    program: Option<PathBuf>,
    timeout: Duration,
}

impl Default for Verify {
    fn default() -> Self {
        Verify { program: None, timeout: DEFAULT_TIMEOUT }
    }
}

impl Verify {
    /// Creates a check with the tor that [`find_tor`] finds and a time limit of
    /// 30 seconds.
    ///
    /// ```
    /// use scape::process::Verify;
    ///
    /// let verify = Verify::new();
    /// # let _ = verify;
    /// ```
    pub fn new() -> Self {
        Verify::default()
    }

    /// Sets the path of the tor program. Default: the path that [`find_tor`]
    /// finds.
    ///
    /// ```
    /// use scape::ErrorKind;
    /// use scape::config::Torrc;
    /// use scape::process::Verify;
    ///
    /// // If there is no such program, run() returns an error.
    /// let checked = Verify::new().program("/nonexistent/tor").run(&Torrc::new());
    /// assert!(checked.is_err_and(|error| error.kind() == ErrorKind::Launch));
    /// ```
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Sets the time limit for tor to end. Default: 30 seconds.
    ///
    /// ```
    /// use scape::process::Verify;
    /// use std::time::Duration;
    ///
    /// let verify = Verify::new().timeout(Duration::from_secs(5));
    /// # let _ = verify;
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs `tor --verify-config` with this torrc. If tor accepts it, returns
    /// tor's warnings in order, each beginning with `[warn]`. The list is empty
    /// if tor wrote no warning.
    ///
    /// ```no_run
    /// use scape::config::Torrc;
    /// use scape::process::Verify;
    ///
    /// let torrc = Torrc::parse("SocksPort 9050\nClientOnly 1\n")?;
    /// for warning in Verify::new().run(&torrc)? {
    ///     println!("{warning}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Also after an error, the process has ended (unless the operating system
    /// couldn't kill it), and its temporary files are removed. The kind of the
    /// error is
    ///
    /// * [`ErrorKind::Config`](crate::ErrorKind::Config) if tor rejects the
    ///   configuration. The error contains a [`VerifyError`] with tor's
    ///   reasons;
    /// * [`ErrorKind::Launch`](crate::ErrorKind::Launch) if there is no tor
    ///   program, it can't be started, or its temporary files can't be written.
    ///   The error contains a [`LaunchError`];
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor hasn't ended
    ///   within the time limit;
    /// * [`ErrorKind::Io`](crate::ErrorKind::Io) if the operating system
    ///   reports another error.
    pub fn run(&self, torrc: &Torrc) -> Result<Vec<String>> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => find_tor()?,
        };
        let directory =
            PrivateDir::new("").map_err(|error| prepare("make a temporary directory", error))?;
        directory
            .write(TORRC, &torrc.to_bytes())
            .map_err(|error| prepare("write a temporary torrc", error))?;
        let mut command = command::tor_command(&program, &directory)
            .map_err(|error| prepare("write an empty file of defaults for tor", error))?;
        command.arg("--verify-config");
        let child = Child::spawn(&mut command, KEPT_LINES, None).map_err(|error| {
            let problem = LaunchProblem::Spawn { program, source: Arc::new(error) };
            LaunchError::new(problem, Vec::new())
        })?;
        let deadline = deadline_after(self.timeout);
        let exit = child.wait(self.timeout);
        if exit.is_none() {
            child.end(Duration::ZERO).map_err(|error| Error::io("end tor", error))?;
        }
        let removed = directory.close();
        let exit = exit.ok_or_else(|| Timeout::new(Phase::Exit, self.timeout))?;
        let said = child
            .log()
            .last_lines_within(deadline.saturating_duration_since(Instant::now()).max(LAST_WORDS));
        let words: Vec<String> = said.iter().filter_map(|line| words(line)).collect();
        if !exit.is_success() {
            let last =
                || said.iter().skip(said.len().saturating_sub(LAST_LINES)).cloned().collect();
            let words = if words.is_empty() { last() } else { words };
            return Err(VerifyError::new(exit.code, exit.signal, words).into());
        }
        removed.map_err(|error| Error::io("remove a temporary torrc", error))?;
        Ok(words)
    }
}

/// Returns the part of a log line that begins with `[warn]` or `[err]`, without
/// the time before it. Returns `None` for a line of another level.
fn words(line: &str) -> Option<String> {
    let at = ["[warn] ", "[err] "].iter().filter_map(|severity| line.find(severity)).min()?;
    line.get(at..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_removed_from_warnings_and_errors() {
        assert_eq!(
            words("Nov 21 12:00:00.000 [warn] Unknown [err] x").as_deref(),
            Some("[warn] Unknown [err] x")
        );
        assert_eq!(words("Nov 21 12:00:00.000 [err] é").as_deref(), Some("[err] é"));
        assert_eq!(words("Nov 21 12:00:00.000 [notice] Tor 0.4.9.11 (warn)"), None);
    }
}
