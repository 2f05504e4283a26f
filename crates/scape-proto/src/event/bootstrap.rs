//! Bootstrap: tor's progress in connecting to the network.

use std::fmt;

use super::shown::InOneLine;
use super::status::StatusEvent;
use crate::event::{BootstrapRecommendation, BootstrapTag, OrConnReason, Severity, StatusAction};
use crate::word::{Fingerprint, Progress};

/// tor's progress in connecting to the network. See control-spec, section
/// "Status events", `BOOTSTRAP`.
///
/// tor reports the progress in STATUS_CLIENT events with the action
/// `BOOTSTRAP`, and as the value of `GETINFO status/bootstrap-phase`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Bootstrap {
    /// The severity: `NOTICE` for progress, `WARN` for a problem.
    pub severity: Severity,
    /// The progress in percent, 0 to 100.
    pub progress: u8,
    /// The phase as a keyword, for programs.
    pub tag: BootstrapTag,
    /// The phase in English, for users.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub summary: String,
    /// The problem that keeps tor from making progress. `None` if there is no
    /// problem.
    pub problem: Option<BootstrapProblem>,
}

/// A problem that keeps tor from bootstrapping. tor keeps trying nevertheless.
/// A field is `None` if its argument is missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BootstrapProblem {
    /// A description of the problem in English, for users (`WARNING`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub warning: String,
    /// The reason for the problem (`REASON`). `None` if the argument is missing
    /// or malformed.
    pub reason: Option<OrConnReason>,
    /// The number of problems in this phase so far (`COUNT`). `None` if the
    /// argument is missing or malformed.
    pub count: Option<u32>,
    /// tor's recommendation on whether to tell the user (`RECOMMENDATION`).
    /// `None` if the argument is missing or malformed.
    pub recommendation: Option<BootstrapRecommendation>,
    /// The fingerprint of the relay that tor couldn't connect to (`HOSTID`).
    /// `None` if the fingerprint isn't known.
    pub host_id: Option<Fingerprint>,
    /// The address of the relay that tor couldn't connect to, in the form
    /// `ip:port` (`HOSTADDR`). `None` if the address isn't known.
    pub host_address: Option<String>,
}

impl Bootstrap {
    /// Parses the value of `GETINFO status/bootstrap-phase`. Returns `None` if
    /// the action isn't `BOOTSTRAP`, or if the progress or the tag is missing
    /// or malformed.
    ///
    /// ```
    /// use scape_proto::event::Bootstrap;
    ///
    /// let value = br#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#;
    /// assert!(Bootstrap::parse(value).is_some_and(|bootstrap| bootstrap.is_done()));
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        StatusEvent::parse(value)?.bootstrap()
    }

    /// Returns true if tor has finished bootstrapping (100 percent).
    ///
    /// ```
    /// use scape_proto::event::Bootstrap;
    ///
    /// let value = br#"NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay""#;
    /// let bootstrap = Bootstrap::parse(value).expect("it has a progress and a tag");
    /// assert!(!bootstrap.is_done());
    /// ```
    pub fn is_done(&self) -> bool {
        self.progress == 100
    }

    /// Reads the bootstrap progress from a status event. Returns `None` if the
    /// action isn't `BOOTSTRAP`, or if the progress or the tag is missing or
    /// malformed.
    pub(super) fn read(event: &StatusEvent) -> Option<Self> {
        if event.action != StatusAction::Bootstrap {
            return None;
        }
        let given = |key| event.get(key).filter(|value| *value != "?");
        let problem = event.get("WARNING").map(|warning| BootstrapProblem {
            warning: warning.to_owned(),
            reason: event.get("REASON").map(Into::into),
            count: event.get("COUNT").and_then(|count| count.parse().ok()),
            recommendation: event.get("RECOMMENDATION").map(Into::into),
            host_id: given("HOSTID").and_then(|id| id.parse().ok()),
            host_address: given("HOSTADDR").map(Into::into),
        });
        Some(Bootstrap {
            severity: event.severity.clone(),
            progress: event.get("PROGRESS")?.parse().ok().filter(|percent| *percent <= 100)?,
            tag: event.get("TAG")?.into(),
            summary: event.get("SUMMARY").unwrap_or_default().to_owned(),
            problem,
        })
    }
}

impl From<&Bootstrap> for Progress {
    fn from(step: &Bootstrap) -> Progress {
        let mut progress =
            Progress::new(step.progress, step.tag.to_string(), step.summary.as_str());
        progress.problem = step.problem.as_ref().map(|problem| problem.warning.clone());
        progress
    }
}

impl fmt::Display for Bootstrap {
    /// Writes a short description, such as
    /// `45% (requesting_descriptors): Asking for relay descriptors`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{}% ({}): {}", self.progress, self.tag, self.summary)?;
        match &self.problem {
            Some(problem) => write!(f, ": {}", problem.warning),
            None => Ok(()),
        }
    }
}
