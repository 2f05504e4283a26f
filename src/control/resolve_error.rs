//! The error for a name or address that tor couldn't resolve.

use std::fmt;

use crate::error::{Cause, ErrorKind};

use scape_proto::event::StreamReason;
use scape_proto::word::is_onion_name;

/// The error for a look-up of a name or address that failed.
///
/// tor also reports this error if the only answer is an IPv6 address, because
/// the control command RESOLVE returns only IPv4 addresses. A look-up over the
/// SOCKS port can return IPv6 addresses: see
/// [`SocksProxy`](crate::socks::SocksProxy).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolveError {
    /// The name or address that was asked for.
    pub name: Box<str>,
    /// tor's word for the error: usually just `yes`, or `internal` if tor
    /// couldn't start the look-up.
    pub error: Box<str>,
    /// The reason for the end of the look-up's stream. `None` if tor didn't
    /// report the end. The reason is [`StreamReason::Done`] if an exit said
    /// that there is no answer.
    pub reason: Option<StreamReason>,
    /// The exit's reason for ending the stream. `None` unless `reason` is
    /// [`StreamReason::End`].
    pub remote_reason: Option<StreamReason>,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tor has no answer for {:?}", self.name)?;
        if *self.error != *"yes" {
            write!(f, ", error {}", self.error)?;
        }
        // The reason DONE only means that an exit has answered that the name
        // doesn't exist, so it isn't shown.
        if let Some(reason) = self.reason.as_ref().filter(|reason| **reason != StreamReason::Done) {
            write!(f, ", reason {reason}")?;
        }
        if let Some(reason) = &self.remote_reason {
            write!(f, ", the exit's reason {reason}")?;
        }
        f.write_str(if is_onion_name(&self.name) {
            ": onion addresses have no IP address; connect to the name itself, through the SOCKS port"
        } else {
            " (RESOLVE also fails if the only answer is an IPv6 address)"
        })
    }
}

impl std::error::Error for ResolveError {}

impl Cause for ResolveError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_says_that_onion_names_have_no_address() {
        let error = |name: &str| {
            ResolveError {
                name: name.into(),
                error: "yes".into(),
                reason: None,
                remote_reason: None,
            }
            .to_string()
        };
        assert!(error("www.abc.onion").contains("onion addresses have no IP address"));
        assert!(!error("onion.example").contains("onion addresses"));
    }
}
