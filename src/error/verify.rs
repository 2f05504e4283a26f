//! A configuration that tor would not take.

use std::fmt;

/// `tor --verify-config` says no. What is wrong is in tor's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyError {
    /// Its exit code, where it was not killed; 1, as a rule.
    pub code: Option<i32>,
    /// The signal that killed it, where one did (on Unix).
    pub signal: Option<i32>,
    /// What it warned of, and its errors, in order, each from `[warn]` or
    /// `[err]` on. Where there is neither, the last lines that it wrote.
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
