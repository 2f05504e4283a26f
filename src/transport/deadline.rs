//! The deadline that all parts of one call share.

use std::time::{Duration, Instant};

use super::deadline_after;
use crate::error::{Error, Phase, Timeout};

/// The moment at which a call ends, and the timeout that it follows from, which errors name.
///
/// A call that sends several commands, or sends one and then waits, makes one of these first and passes it to each part.
/// Passing a `Duration` on instead would give every part the whole timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// The deadline of a call that begins now and may take `timeout`.
    pub(crate) fn after(timeout: Duration) -> Self {
        Deadline { at: deadline_after(timeout), timeout }
    }

    /// A deadline at a given moment, said to follow from `timeout`.
    pub(crate) fn at(at: Instant, timeout: Duration) -> Self {
        Deadline { at, timeout }
    }

    /// The moment itself.
    pub(crate) fn instant(self) -> Instant {
        self.at
    }

    /// The timeout of the whole call.
    pub(crate) fn timeout(self) -> Duration {
        self.timeout
    }

    /// The time that is left. Zero once the deadline has passed.
    pub(crate) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Returns true once the deadline has passed.
    pub(crate) fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// The deadline of a part of the call that may take `limit` at most. It is never later than this deadline.
    pub(crate) fn part(self, limit: Duration) -> Self {
        self.earlier(Deadline::after(limit))
    }

    /// The earlier of two deadlines.
    pub(crate) fn earlier(self, other: Deadline) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// The error of a call that this deadline has ended.
    pub(crate) fn error(self, phase: Phase) -> Error {
        Timeout::new(phase, self.timeout).into()
    }

    /// Returns the error of a part, or a timeout in `phase` if the part ran out of time because the whole call did.
    pub(crate) fn or_late(self, error: Error, phase: Phase) -> Error {
        match error {
            Error::Timeout(_) if self.has_passed() => self.error(phase),
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_call_never_outlasts_the_deadline() {
        let call = Deadline::after(Duration::from_secs(10));
        assert_eq!(call.part(Duration::from_secs(60)), call);
        assert!(call.part(Duration::from_secs(1)).instant() < call.instant());
        assert!(Deadline::after(Duration::ZERO).has_passed());
        assert!(!Deadline::after(Duration::MAX).has_passed());
        let reply = || Error::from(Timeout::new(Phase::Reply, Duration::ZERO));
        let phase = |error| matches!(error, Error::Timeout(timeout) if timeout.phase() == Phase::Circuit);
        assert!(phase(Deadline::after(Duration::ZERO).or_late(reply(), Phase::Circuit)));
        assert!(!phase(call.or_late(reply(), Phase::Circuit)));
    }
}
