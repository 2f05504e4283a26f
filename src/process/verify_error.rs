//! A configuration that tor would not take.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// `tor --verify-config` refused the configuration. tor's own words say why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyError {
    /// The exit code, if tor was not killed. Most often 1.
    pub code: Option<i32>,
    /// The signal that killed tor, if one did (on Unix).
    pub signal: Option<i32>,
    /// The warnings and errors, in order, each from `[warn]` or `[err]` on. If
    /// there are none, the last lines that tor wrote.
    pub words: Vec<String>,
}

impl VerifyError {
    pub(crate) fn new(code: Option<i32>, signal: Option<i32>, words: Vec<String>) -> Self {
        VerifyError { code, signal, words }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (_, Some(signal)) => {
                write!(
                    f,
                    "tor was killed by signal {signal} while it looked at the configuration"
                )?;
            }
            _ => f.write_str("tor does not take the configuration")?,
        }
        for (i, words) in self.words.iter().enumerate() {
            write!(f, "{}{words}", if i == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifyError {}

impl Cause for VerifyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}
