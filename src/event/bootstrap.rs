//! Bootstrap: how far tor has come in connecting to the network.

use std::fmt;

use super::status::StatusEvent;
use crate::event::{BootstrapRecommendation, BootstrapTag, OrConnReason, Severity, StatusAction};
use crate::word::{Fingerprint, Progress};

/// How far tor has come in connecting to the network: of a STATUS_CLIENT event
/// with the action `BOOTSTRAP`, or of `GETINFO status/bootstrap-phase`.
/// control-spec, section "Status events", `BOOTSTRAP`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bootstrap {
    /// How bad it is: `NOTICE` for progress, `WARN` for a problem.
    pub severity: Severity,
    /// How far, in percent: 0 to 100.
    pub progress: u8,
    /// The phase. Programs read this, people the summary.
    pub tag: BootstrapTag,
    /// The phase for people, in English.
    pub summary: String,
    /// What keeps tor from going on, unless nothing does.
    pub problem: Option<BootstrapProblem>,
}

/// What keeps tor from bootstrapping. tor goes on trying all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootstrapProblem {
    /// The problem for people, in English (`WARNING`).
    pub warning: String,
    /// Why (`REASON`).
    pub reason: Option<OrConnReason>,
    /// How many problems there were in this phase (`COUNT`).
    pub count: Option<u32>,
    /// Whether to tell the user (`RECOMMENDATION`).
    pub recommendation: Option<BootstrapRecommendation>,
    /// The relay (`HOSTID`), where there is one.
    pub host_id: Option<Fingerprint>,
    /// Its address, `ip:port` (`HOSTADDR`), where there is one.
    pub host_address: Option<String>,
}

impl Bootstrap {
    /// Reads the value of `GETINFO status/bootstrap-phase`. `None` where it has
    /// not its form.
    ///
    /// ```
    /// use scape::event::Bootstrap;
    ///
    /// let value = br#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#;
    /// assert!(Bootstrap::parse(value).is_some_and(|bootstrap| bootstrap.is_done()));
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        StatusEvent::parse(value)?.bootstrap()
    }

    /// Whether tor is ready: 100 percent.
    pub fn is_done(&self) -> bool {
        self.progress == 100
    }

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
    /// Such as `45% (requesting_descriptors): Asking for relay descriptors`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}% ({}): {}", self.progress, self.tag, self.summary)?;
        match &self.problem {
            Some(problem) => write!(f, ": {}", problem.warning),
            None => Ok(()),
        }
    }
}
