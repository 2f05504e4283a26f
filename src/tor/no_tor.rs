//! The error of a search that found no tor.

use std::fmt;

use crate::error::{Cause, Error, ErrorKind, write_with_sources};

use crate::control::ConnectAttempt;

/// The error of a search that found no usable tor. It lists everything that was
/// tried. The alternate format (`{:#}`) has one line for each attempt.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NoTorError {
    /// The error of the attempt to connect to a control port. `None` if there
    /// was no such attempt.
    pub control: Option<Error>,
    /// The SOCKS ports that were tried, each with the error. Empty if none was
    /// tried.
    pub socks: Vec<ConnectAttempt>,
    /// The error of the attempt to launch a tor. `None` if there was no such
    /// attempt.
    pub launch: Option<Error>,
}

impl fmt::Display for NoTorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tor to use")?;
        let separator = if f.alternate() { "\n" } else { "; " };
        if let Some(error) = &self.control {
            write!(f, "{separator}control port: ")?;
            write_with_sources(f, error)?;
        }
        for attempt in &self.socks {
            write!(f, "{separator}SOCKS port {}: ", attempt.address)?;
            write_with_sources(f, &attempt.error)?;
        }
        if let Some(error) = &self.launch {
            write!(f, "{separator}launch: ")?;
            write_with_sources(f, error)?;
        }
        Ok(())
    }
}

impl std::error::Error for NoTorError {}

impl Cause for NoTorError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Connect
    }

    fn parts(&self) -> Vec<&Error> {
        let socks = self.socks.iter().map(|attempt| &attempt.error);
        self.control.iter().chain(socks).chain(&self.launch).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Phase, Timeout};
    use std::io;
    use std::time::Duration;

    #[test]
    fn error_text_lists_all_attempts() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "refused");
        let error = NoTorError {
            control: Some(Timeout::new(Phase::Connect, Duration::from_secs(1)).into()),
            socks: vec![ConnectAttempt::new("127.0.0.1:9050", Error::io("connect", refused))],
            launch: Some(Error::answer("x", "y")),
        };
        let text = error.to_string();
        for part in [
            "control port: timed out",
            "SOCKS port 127.0.0.1:9050: cannot connect: refused;",
            "launch: ",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(format!("{error:#}").lines().count(), 4, "{error:#}");
    }
}
