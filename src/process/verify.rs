//! Asking a tor program whether it would take a configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::child::Child;
use super::command::{self, TORRC};
use super::find::find_tor;
use super::launch::prepare;
use super::private_dir::PrivateDir;
use crate::config::Torrc;
use crate::error::{Error, Phase, Result, Timeout};
use crate::process::{LaunchError, LaunchProblem, VerifyError};
use crate::transport::deadline_after;

/// How long it may take unless told otherwise. It takes some 50 milliseconds,
/// on a machine that is not busy.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How many lines of what it says are kept.
const KEPT_LINES: usize = 1000;
/// How long its last words may take to arrive in any case, on a machine that is
/// busy.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How many of its last lines are shown where none of them is a warning or an
/// error.
const LAST_LINES: usize = 10;

/// Asks the tor program whether it would take a torrc: `tor --verify-config`.
/// No other configuration is read.
///
/// ```no_run
/// use scape::ErrorKind;
/// use scape::config::Torrc;
/// use scape::process::Verify;
///
/// let torrc = Torrc::read("/etc/tor/torrc")?;
/// match Verify::new().run(torrc.torrc()) {
///     Ok(warnings) => warnings.iter().for_each(|warning| println!("{warning}")),
///     Err(error) if error.kind() == ErrorKind::Config => println!("{error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), scape::Error>(())
/// ```
///
/// tor looks at what it would look at before it starts, and opens no port.
/// Files that are named are read, those that are included, too; names that are
/// not absolute are looked for in this program's current directory. A directory
/// of an onion service, or of tor's data, may be looked at, and is not made;
/// logs and other files are not written.
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
    /// Asks the tor that [`find_tor`] finds, for 30 seconds at most.
    pub fn new() -> Self {
        Verify::default()
    }

    /// The tor program, where it is not the one that [`find_tor`] finds.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// How long it may take. Default: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks tor. Returns the warnings of a tor that takes the configuration,
    /// each from `[warn]` on.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`VerifyError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)), which has tor's words,
    /// if tor refuses the configuration, with a [`LaunchError`] (kind
    /// [`ErrorKind::Launch`](crate::ErrorKind::Launch)) if there is no tor
    /// program or it can't be started, and of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor has not ended
    /// in time. The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if the
    /// operating system refuses something. The process has ended in any case,
    /// and the temporary file that it read is removed.
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
            child.end(Duration::ZERO).map_err(|error| Error::io("cannot end tor", error))?;
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
        removed.map_err(|error| Error::io("cannot remove a temporary torrc", error))?;
        Ok(words)
    }
}

/// A warning or an error of tor's log, without its time.
fn words(line: &str) -> Option<String> {
    let at = ["[warn] ", "[err] "].iter().filter_map(|severity| line.find(severity)).min()?;
    line.get(at..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_left_out() {
        assert_eq!(
            words("Nov 21 12:00:00.000 [warn] Unknown [err] x").as_deref(),
            Some("[warn] Unknown [err] x")
        );
        assert_eq!(words("Nov 21 12:00:00.000 [err] é").as_deref(), Some("[err] é"));
        assert_eq!(words("Nov 21 12:00:00.000 [notice] Tor 0.4.9.11 (warn)"), None);
    }
}
