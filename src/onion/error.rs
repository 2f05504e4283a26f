//! Errors of onion services that weren't published.

use std::fmt;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use scape_proto::event::HsDescReason;
use scape_proto::word::{OnionAddress, RelayName};

/// The error for an onion service that wasn't published within the time limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishError {
    /// The service's address.
    pub address: OnionAddress,
    /// The time limit that passed.
    pub after: Duration,
    /// The number of descriptor uploads that succeeded.
    pub uploaded: usize,
    /// The uploads that tor reported as failed, in the order of tor's reports.
    pub failures: Vec<UploadFailure>,
    /// The onion service directories that haven't answered an upload. These
    /// include directories that tor can't connect to, because tor doesn't
    /// report such failures. If a filter on the control port hides which
    /// directories have answered, the number of entries is right, but each has
    /// the name `hidden`.
    pub unanswered: Vec<RelayName>,
    /// Reasons why tor doesn't publish, or why the result isn't known. Empty if
    /// tor's answers show no reason, or if tor doesn't answer.
    pub hints: Vec<PublishHint>,
}

/// An upload that failed: an onion service directory didn't accept a
/// descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadFailure {
    /// The onion service directory that didn't accept the descriptor. `None` if
    /// a filter on the control port hides the directory's name.
    pub hsdir: Option<RelayName>,
    /// The reason for the failed upload. `None` if tor gives no reason.
    pub reason: Option<HsDescReason>,
}

/// A reason why tor doesn't publish an onion service, or why the result isn't
/// known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishHint {
    /// The option `DisableNetwork` is 1, so tor makes no connections.
    NetworkDisabled,
    /// tor isn't connected to the Tor network yet.
    NotBootstrapped {
        /// The bootstrap's progress in percent, 0 to 99.
        percent: u8,
    },
    /// The option `PublishHidServDescriptors` is 0, so tor publishes no
    /// service.
    PublishingDisabled,
    /// The service ended with an earlier control connection, so tor no longer
    /// has it.
    Gone,
    /// A filter on the control port, such as onion-grater, hides tor's events
    /// about descriptors. The service may be published all the same.
    /// [`Wait::Nothing`](crate::onion::Wait::Nothing) doesn't depend on these
    /// events.
    Filtered,
}

impl fmt::Display for PublishHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishHint::NetworkDisabled => f.write_str("tor's network is disabled (DisableNetwork 1)"),
            PublishHint::NotBootstrapped { percent } => {
                write!(f, "tor is not connected to the network (its bootstrap is at {percent} %)")
            }
            PublishHint::PublishingDisabled => {
                f.write_str("tor is configured to publish no services (PublishHidServDescriptors 0)")
            }
            PublishHint::Gone => f.write_str("tor no longer has the service"),
            PublishHint::Filtered => f.write_str(
                "a filter on the control port hides tor's events about descriptors, so the service may be published \
                 all the same; use Wait::Nothing to skip the wait",
            ),
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the onion service {} was not published within {:?}", self.address, self.after)?;
        if self.uploaded == 0 && self.failures.is_empty() && self.unanswered.is_empty() {
            f.write_str(": tor has begun no upload")?;
        } else {
            let uploads = if self.uploaded == 1 { "upload" } else { "uploads" };
            write!(f, ": {} {uploads} succeeded", self.uploaded)?;
        }
        for failure in &self.failures {
            match &failure.hsdir {
                Some(hsdir) => write!(f, "; {hsdir}: ")?,
                None => f.write_str("; an unknown directory: ")?,
            }
            match &failure.reason {
                Some(reason) => write!(f, "{reason}")?,
                None => f.write_str("failed")?,
            }
        }
        if !self.unanswered.is_empty() {
            let names: Vec<String> = self.unanswered.iter().map(ToString::to_string).collect();
            write!(f, "; no answer from {}", names.join(", "))?;
        }
        for hint in &self.hints {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PublishError {}

impl Cause for PublishError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publish_error_displays_directory_answers_and_hints() {
        let mut error = PublishError {
            address: "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid".parse().unwrap(),
            after: Duration::from_secs(3),
            uploaded: 0,
            failures: Vec::new(),
            unanswered: Vec::new(),
            hints: vec![PublishHint::NetworkDisabled, PublishHint::NotBootstrapped { percent: 5 }],
        };
        let text = error.to_string();
        assert!(
            text.contains(".onion was not published within 3s: tor has begun no upload; tor's"),
            "{text}"
        );
        assert!(text.ends_with(
            "(DisableNetwork 1); tor is not connected to the network (its bootstrap is at 5 %)"
        ));
        error.uploaded = 1;
        error.failures = vec![
            UploadFailure {
                hsdir: Some("relay01".into()),
                reason: Some(HsDescReason::UploadRejected),
            },
            UploadFailure { hsdir: None, reason: None },
        ];
        error.unanswered = vec!["relay02".into()];
        error.hints.clear();
        let text = error.to_string();
        assert!(
            text.ends_with(
                ": 1 upload succeeded; relay01: UPLOAD_REJECTED; an unknown directory: failed; no answer from relay02"
            ),
            "{text}"
        );
    }
}
