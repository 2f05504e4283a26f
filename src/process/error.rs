//! [`LaunchError`]: a tor that didn't start, or has ended.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::log;
use crate::error::{Cause, Error, ErrorKind, IoError};

/// A tor process that couldn't be started, didn't reach the wanted state, or
/// has ended. A launch that fails leaves no process and no temporary directory
/// behind.
#[derive(Debug, Clone)]
pub struct LaunchError {
    problem: LaunchProblem,
    log: Vec<String>,
    /// True if the launch had succeeded, and tor ended later.
    is_later: bool,
}

/// The problem of a [`LaunchError`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LaunchProblem {
    /// No tor program was found.
    NotFound {
        /// The file paths that were checked, in this order.
        looked_at: Vec<PathBuf>,
    },
    /// The operating system refused to start the program.
    Spawn {
        /// The path of the program.
        program: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The data directory or another file couldn't be prepared.
    Prepare(IoError),
    /// An option can't be given to a launched tor, or another setting of the
    /// launch is invalid. The error names the option or setting and the reason.
    Option(Error),
    /// tor ended by itself. The log contains the reason: a bad option, a port
    /// in use, or a locked data directory, for example.
    Exited {
        /// The exit code, or `None` if tor was killed or the code is unknown.
        code: Option<i32>,
        /// The number of the signal that killed tor, or `None` if tor wasn't
        /// killed or the status is unknown. Always `None` on Windows.
        signal: Option<i32>,
    },
    /// The control connection failed although tor is still running.
    Control(Error),
    /// tor didn't reach the wanted state within the launch's time limit.
    Timeout {
        /// The time limit of the launch: see
        /// [`Launch::timeout`](super::Launch::timeout).
        after: Duration,
        /// The progress of the bootstrap in percent, or `None` if tor hadn't
        /// reported any yet.
        progress: Option<u8>,
    },
    /// The launch was [cancelled](crate::CancelToken).
    Cancelled,
}

/// The maximum number of lines of the log that `Display` shows.
const SHOWN_LINES: usize = 10;

impl LaunchError {
    /// Creates an error with the last lines that tor logged.
    pub(crate) fn new(problem: LaunchProblem, log: Vec<String>) -> Self {
        LaunchError { problem, log, is_later: false }
    }

    /// Returns this error, marked as the end of a tor whose launch had
    /// succeeded.
    pub(crate) fn later(self) -> Self {
        LaunchError { is_later: true, ..self }
    }

    /// Sets the time limit that a timeout error shows to `after`. Other errors
    /// are returned unchanged. A launch may be one step of a longer call, and
    /// then gets only the rest of that call's time. The error should show the
    /// time limit of the whole call.
    #[cfg(feature = "testing")]
    pub(crate) fn within(mut self, after: Duration) -> Self {
        if let LaunchProblem::Timeout { after: limit, .. } = &mut self.problem {
            *limit = after;
        }
        self
    }

    /// Returns the reason why tor couldn't be started, didn't become ready
    /// within the time limit, or has ended.
    pub fn problem(&self) -> &LaunchProblem {
        &self.problem
    }

    /// Returns the last lines that tor wrote to its standard output and
    /// standard error, oldest first. `Display` shows ten of them: the last
    /// warnings and errors first, then the last other lines.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            LaunchProblem::NotFound { looked_at } => {
                write!(
                    f,
                    "no tor program found: install tor (Debian, Ubuntu: apt install tor; macOS: brew install tor), set \
                     the environment variable SCAPE_TOR to the program's path, or name it with Launch::program; searched"
                )?;
                for (i, place) in looked_at.iter().enumerate() {
                    write!(f, "{} {}", if i == 0 { "" } else { "," }, place.display())?;
                }
            }
            LaunchProblem::Spawn { program, .. } => {
                write!(f, "cannot start the tor program {}", program.display())?;
            }
            LaunchProblem::Prepare(error) => write!(f, "{error}")?,
            LaunchProblem::Option(error) => {
                write!(f, "a setting of the launch is invalid: {error}")?;
            }
            LaunchProblem::Exited { code: Some(code), .. } => {
                write!(f, "tor ended with status {code}")?;
            }
            LaunchProblem::Exited { signal: Some(signal), .. } => {
                write!(f, "tor was killed by signal {signal}")?;
            }
            LaunchProblem::Exited { .. } => write!(f, "tor ended")?,
            LaunchProblem::Control(_) => {
                write!(f, "the control connection to the launched tor failed")?;
            }
            LaunchProblem::Cancelled => write!(f, "the launch of tor was cancelled")?,
            LaunchProblem::Timeout { after, progress: Some(progress) } => {
                write!(f, "tor reached only {progress} % within {after:?}")?;
            }
            LaunchProblem::Timeout { after, progress: None } => {
                write!(f, "tor did not answer within {after:?}")?;
            }
        }
        // The log of a tor that was told to end isn't interesting.
        let is_well =
            self.is_later && matches!(self.problem, LaunchProblem::Exited { code: Some(0), .. });
        if !self.log.is_empty() && !is_well {
            write!(f, "; last log lines:")?;
            for line in log::telling(&self.log, SHOWN_LINES) {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for LaunchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            LaunchProblem::Spawn { source, .. } => Some(&**source),
            LaunchProblem::Prepare(error) => error.source(),
            LaunchProblem::Option(error) => error.source(),
            LaunchProblem::Control(error) => Some(error),
            _ => None,
        }
    }
}

impl Cause for LaunchError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            LaunchProblem::Timeout { .. } => ErrorKind::Timeout,
            LaunchProblem::Cancelled => ErrorKind::Cancelled,
            LaunchProblem::Option(_) => ErrorKind::Argument,
            _ => ErrorKind::Launch,
        }
    }

    fn parts(&self) -> Vec<&Error> {
        match &self.problem {
            LaunchProblem::Option(error) | LaunchProblem::Control(error) => vec![error],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_of_a_tor_that_ended_with_status_0_is_shown_only_for_a_failed_launch() {
        let problem = LaunchProblem::Exited { code: Some(0), signal: None };
        let error = LaunchError::new(problem, vec!["[notice] bye".into()]);
        assert!(error.to_string().ends_with("last log lines:\n  [notice] bye"), "{error}");
        let later = error.later();
        assert_eq!(later.to_string(), "tor ended with status 0");
        assert_eq!(later.log(), ["[notice] bye"]);
    }

    #[test]
    fn warnings_are_shown_before_other_log_lines() {
        let mut lines = vec!["[notice] banner".to_owned(), "[warn] bad option".into()];
        lines.extend((0..20).map(|number| format!("[notice] {number}")));
        lines.push("[err] ends".into());
        let problem = LaunchProblem::Exited { code: Some(1), signal: None };
        let text = LaunchError::new(problem, lines).to_string();
        let shown: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
        assert_eq!(shown[..3], ["[warn] bad option", "[err] ends", "[notice] 12"], "{text}");
        assert_eq!((shown.len(), shown[9]), (10, "[notice] 19"), "{text}");
    }

    #[test]
    fn time_limit_of_the_whole_replaces_that_of_a_part() {
        let problem = LaunchProblem::Timeout { after: Duration::ZERO, progress: None };
        let error = LaunchError::new(problem, Vec::new()).within(Duration::from_millis(100));
        assert_eq!(error.to_string(), "tor did not answer within 100ms");
    }

    #[test]
    fn missing_program_is_reported_with_ways_to_name_one() {
        let looked_at = vec!["/usr/bin/tor".into(), "/opt/tor".into()];
        let error = LaunchError::new(LaunchProblem::NotFound { looked_at }, Vec::new()).to_string();
        for part in
            ["apt install tor", "SCAPE_TOR", "Launch::program", "searched /usr/bin/tor, /opt/tor"]
        {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}
