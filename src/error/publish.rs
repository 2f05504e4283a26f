//! An onion service that was not published.

use std::fmt;
use std::time::Duration;

use crate::types::{HsDescReason, OnionAddress, RelayName};

/// An onion service was to be published, and was not in time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishError {
    /// The service.
    pub address: OnionAddress,
    /// How long it was waited for.
    pub after: Duration,
    /// How many uploads have succeeded.
    pub uploaded: usize,
    /// The uploads that tor reported to have failed, in order, each with tor's reason.
    pub failures: Vec<UploadFailure>,
    /// The directories that an upload was begun to, and that have not answered. (tor does not report uploads that fail
    /// for want of a connection.)
    pub unanswered: Vec<RelayName>,
    /// What keeps tor from publishing, as far as could be found out.
    pub hints: Vec<PublishHint>,
}

/// A directory that did not take a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadFailure {
    /// The directory, where tor names it.
    pub hsdir: Option<RelayName>,
    /// Why, where tor says.
    pub reason: Option<HsDescReason>,
}

/// What keeps a tor from publishing an onion service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishHint {
    /// Its option `DisableNetwork` is 1: it connects to nothing.
    NetworkDisabled,
    /// It is not connected to the network (yet): its bootstrap is at this percentage.
    NotBootstrapped {
        /// How far it has come, in percent.
        percent: u8,
    },
    /// Its option `PublishHidServDescriptors` is 0: it publishes no service.
    PublishingDisabled,
    /// It has no such service any more.
    Gone,
}

impl fmt::Display for PublishHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishHint::NetworkDisabled => f.write_str("tor's network is disabled (DisableNetwork 1)"),
            PublishHint::NotBootstrapped { percent } => {
                write!(f, "tor is not connected to the network (its bootstrap is at {percent} %)")
            }
            PublishHint::PublishingDisabled => {
                f.write_str("tor is told to publish no service (PublishHidServDescriptors 0)")
            }
            PublishHint::Gone => f.write_str("tor has no such service any more"),
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the onion service {} was not published within {:?}", self.address, self.after)?;
        if self.uploaded == 0 && self.failures.is_empty() && self.unanswered.is_empty() {
            f.write_str(": tor has begun no upload")?;
        } else {
            write!(f, ": {} uploads have succeeded", self.uploaded)?;
        }
        for failure in &self.failures {
            match &failure.hsdir {
                Some(hsdir) => write!(f, ", {hsdir}")?,
                None => f.write_str(", an unknown directory")?,
            }
            match &failure.reason {
                Some(reason) => write!(f, " {reason}")?,
                None => f.write_str(" failed")?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_each_directory_said_and_why_nothing_happened() {
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
        assert!(
            text.ends_with(
                "(DisableNetwork 1); tor is not connected to the network (its bootstrap is at 5 %)"
            )
        );
        error.uploaded = 1;
        error.failures = vec![
            UploadFailure { hsdir: Some("relay01".into()), reason: Some(HsDescReason::UploadRejected) },
            UploadFailure { hsdir: None, reason: None },
        ];
        error.unanswered = vec!["relay02".into()];
        error.hints.clear();
        let text = error.to_string();
        assert!(
            text.ends_with(
                "1 uploads have succeeded, relay01 UPLOAD_REJECTED, an unknown directory failed; no answer from relay02"
            ),
            "{text}"
        );
    }
}
