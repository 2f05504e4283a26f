//! The error for an onion service descriptor that couldn't be fetched.

use std::fmt;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use scape_proto::event::HsDescReason;
use scape_proto::word::{OnionAddress, RelayName};

/// The error for an onion service descriptor that couldn't be fetched.
#[doc(alias = "DescriptorUnavailable")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HsFetchError {
    /// The service's address.
    pub address: OnionAddress,
    /// The reason why there is no descriptor.
    pub problem: HsFetchProblem,
    /// The directories that were asked and didn't send the descriptor, in the
    /// order of their answers, each with tor's reason.
    pub failures: Vec<HsFetchFailure>,
    /// The directories that were asked and haven't answered.
    pub unanswered: Vec<RelayName>,
}

/// The reason, in an [`HsFetchError`], why there is no descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HsFetchProblem {
    /// Every directory that tor asked has failed, and tor asks no others. The
    /// error lists them as failures.
    AllFailed,
    /// The descriptor didn't arrive within this time.
    Timeout(Duration),
}

/// A directory that didn't send the descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HsFetchFailure {
    /// The directory that was asked. `None` if tor doesn't name it.
    pub hsdir: Option<RelayName>,
    /// tor's reason for the failure. `None` if tor gives none.
    pub reason: Option<HsDescReason>,
}

impl HsFetchError {
    /// Returns true if every directory that answered says that it has no such
    /// descriptor: the service doesn't exist, or is offline. Returns false if
    /// no directory has answered.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # const A: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
    /// # const R: &str = "$607CC6F7FDEBDE658A9739AE613CF8991B95BC35~relay12";
    /// # let tor = ScriptedTor::builder().on(format!("HSFETCH {A}"), format!("250 OK\r\n\
    /// #     650 HS_DESC REQUESTED {A} NO_AUTH {R} Ti8T HSDIR_INDEX=6A\r\n\
    /// #     650 HS_DESC FAILED {A} NO_AUTH {R} Ti8T REASON=NOT_FOUND\r\n\
    /// #     650+HS_DESC_CONTENT {A} Ti8T {R}\r\n\r\n.\r\n650 OK\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let address: scape::word::OnionAddress = A.parse()?;
    /// use scape::control::HsFetchError;
    /// use std::time::Duration;
    ///
    /// let fetched = controller.hs_descriptors().fetch(address, Duration::from_secs(60));
    /// let error = fetched.unwrap_err();
    /// assert!(error.get().is_some_and(HsFetchError::is_not_found));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_not_found(&self) -> bool {
        let not_found = |failure: &HsFetchFailure| failure.reason == Some(HsDescReason::NotFound);
        !self.failures.is_empty() && self.failures.iter().all(not_found)
    }
}

impl fmt::Display for HsFetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the descriptor of {} ", self.address)?;
        match self.problem {
            HsFetchProblem::AllFailed => {
                f.write_str("is on none of the directories that tor asked")?;
            }
            HsFetchProblem::Timeout(after) => write!(f, "has not come within {after:?}")?,
        }
        for (i, failure) in self.failures.iter().enumerate() {
            f.write_str(if i == 0 { ": " } else { ", " })?;
            match &failure.hsdir {
                Some(hsdir) => write!(f, "{hsdir}")?,
                None => f.write_str("an unknown directory")?,
            }
            match &failure.reason {
                Some(reason) => write!(f, " {reason}")?,
                None => f.write_str(" failed")?,
            }
        }
        if !self.unanswered.is_empty() {
            let names: Vec<String> = self.unanswered.iter().map(ToString::to_string).collect();
            write!(f, "; no answer from {}", names.join(", "))?;
        } else if self.failures.is_empty() {
            // tor sends no events if it asks no directory.
            f.write_str(
                "; tor asked no directory: it has no consensus yet, or has asked all of this service's directories lately",
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for HsFetchError {}

impl Cause for HsFetchError {
    fn kind(&self) -> ErrorKind {
        match self.problem {
            HsFetchProblem::Timeout(_) => ErrorKind::Timeout,
            _ => ErrorKind::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_lists_the_answer_of_each_directory() {
        let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse().unwrap();
        let failure =
            |name: &str, reason| HsFetchFailure { hsdir: Some(name.into()), reason: Some(reason) };
        let mut error = HsFetchError {
            address,
            problem: HsFetchProblem::AllFailed,
            failures: vec![
                failure("relay01", HsDescReason::NotFound),
                failure("relay02", HsDescReason::Unexpected),
            ],
            unanswered: Vec::new(),
        };
        let text = error.to_string();
        assert!(text.ends_with("tor asked: relay01 NOT_FOUND, relay02 UNEXPECTED"), "{text}");
        assert!(!error.is_not_found());
        error.failures.pop();
        assert!(error.is_not_found());

        error.problem = HsFetchProblem::Timeout(Duration::from_secs(3));
        error.unanswered = vec!["relay03".into()];
        let text = error.to_string();
        assert!(text.ends_with("within 3s: relay01 NOT_FOUND; no answer from relay03"), "{text}");
        error.failures.clear();
        error.unanswered.clear();
        assert!(error.to_string().contains("no consensus") && !error.is_not_found());
    }
}
