//! A tor that did not start.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Error;

/// A tor process could not be started, or not brought to the state that was asked for. No process
/// and no temporary directory is left behind.
#[derive(Debug, Clone)]
pub struct LaunchError {
    problem: LaunchProblem,
    log: Vec<String>,
}

/// What was wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LaunchProblem {
    /// There is no tor program in any of the places that were looked at.
    NotFound {
        /// The places.
        looked_at: Vec<PathBuf>,
    },
    /// The operating system would not start it.
    Spawn {
        /// The program.
        program: PathBuf,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// Its data directory, or the like, could not be prepared.
    Prepare {
        /// What was being done.
        what: String,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// An option cannot be written into a torrc.
    Option(Box<Error>),
    /// tor ended by itself: the log says why (a bad option, a port in use, a locked data directory).
    Exited {
        /// Its exit status, where it was not killed.
        code: Option<i32>,
        /// The signal that killed it, where one did.
        signal: Option<i32>,
    },
    /// Its control connection failed, although it is running.
    Control(Box<Error>),
    /// It did not reach the wanted state in time.
    Timeout {
        /// How long it was waited for.
        after: Duration,
        /// What it had reached, in percent.
        progress: Option<u8>,
    },
}

/// How much of the log `Display` shows.
const SHOWN_LINES: usize = 10;

impl LaunchError {
    /// `problem`, with the last lines that tor logged.
    pub(crate) fn new(problem: LaunchProblem, log: Vec<String>) -> Self {
        LaunchError { problem, log }
    }

    /// What was wrong.
    pub fn problem(&self) -> &LaunchProblem {
        &self.problem
    }

    /// The last lines that tor wrote to its standard output, oldest first. (`Display` shows the last ten.)
    pub fn log(&self) -> &[String] {
        &self.log
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            LaunchProblem::NotFound { looked_at } => {
                write!(f, "no tor program found; looked at")?;
                for (i, place) in looked_at.iter().enumerate() {
                    write!(f, "{} {}", if i == 0 { "" } else { "," }, place.display())?;
                }
                write!(f, ". Install tor, or name the program")?;
            }
            LaunchProblem::Spawn { program, .. } => write!(f, "cannot start {}", program.display())?,
            LaunchProblem::Prepare { what, .. } => write!(f, "cannot {what}")?,
            LaunchProblem::Option(_) => write!(f, "an option cannot be written for tor")?,
            LaunchProblem::Exited { code: Some(code), .. } => write!(f, "tor ended with status {code}")?,
            LaunchProblem::Exited { signal: Some(signal), .. } => {
                write!(f, "tor was killed by signal {signal}")?;
            }
            LaunchProblem::Exited { .. } => write!(f, "tor ended")?,
            LaunchProblem::Control(_) => write!(f, "the control connection to the new tor failed")?,
            LaunchProblem::Timeout { after, progress: Some(progress) } => {
                write!(f, "tor reached only {progress} % within {after:?}")?;
            }
            LaunchProblem::Timeout { after, progress: None } => {
                write!(f, "tor did not answer within {after:?}")?;
            }
        }
        if !self.log.is_empty() {
            write!(f, "; the last it logged:")?;
            let skipped = self.log.len().saturating_sub(SHOWN_LINES);
            for line in self.log.iter().skip(skipped) {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for LaunchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            LaunchProblem::Spawn { source, .. } | LaunchProblem::Prepare { source, .. } => Some(&**source),
            LaunchProblem::Option(error) | LaunchProblem::Control(error) => Some(&**error),
            _ => None,
        }
    }
}
