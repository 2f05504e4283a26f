//! [`VerifyError`]: a configuration that tor didn't accept.

use std::fmt;

use crate::error::{Cause, ErrorKind};

/// A configuration that `tor --verify-config` rejected, with tor's reasons, or
/// a check that was ended by a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyError {
    /// The exit code, most often 1. `None` if tor was killed by a signal, or if
    /// the code isn't known.
    pub code: Option<i32>,
    /// The number of the signal that killed tor. `None` if no signal killed
    /// tor. Always `None` on systems without signals.
    pub signal: Option<i32>,
    /// The warnings and errors in order, each beginning with `[warn]` or
    /// `[err]`. If tor wrote no warning and no error, the last ten lines that
    /// tor wrote.
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
                write!(f, "tor was killed by signal {signal} while it checked the configuration")?;
            }
            _ => f.write_str("tor rejected the configuration")?,
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
