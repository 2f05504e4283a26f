//! Progress of operations that take a while.

use std::fmt;

/// The progress of an operation that takes a while, such as starting tor or
/// publishing an onion service.
///
/// Such operations report each step to a callback, `FnMut(&Progress)`. To
/// receive the steps through a channel, pass `move |step|
/// drop(sender.send(step.clone()))`.
///
/// ```
/// use scape_proto::word::Progress;
///
/// let step = Progress::new(45, "requesting_descriptors", "Asking for relay descriptors");
/// assert_eq!(step.to_string(), "45% (requesting_descriptors): Asking for relay descriptors");
/// assert_eq!(step.within(0, 50).percent, 22);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// The progress in percent, 0 to 100. The operation is done at 100.
    pub percent: u8,
    /// The current step as a single word, for programs. During a bootstrap, it
    /// is tor's own tag ([`BootstrapTag`](crate::event::BootstrapTag)).
    pub tag: String,
    /// The current step in English, for people.
    pub text: String,
    /// The problem that delays the operation, if there is one. The operation
    /// may continue nevertheless.
    pub problem: Option<String>,
}

impl Progress {
    /// Creates a step without a problem. A percentage above 100 is set to 100.
    ///
    /// ```
    /// use scape_proto::word::Progress;
    ///
    /// let step = Progress::new(100, "done", "Done");
    /// assert!(step.is_done());
    /// assert_eq!(step.problem, None);
    /// ```
    pub fn new(percent: u8, tag: impl Into<String>, text: impl Into<String>) -> Self {
        Progress { percent: percent.min(100), tag: tag.into(), text: text.into(), problem: None }
    }

    /// Returns true if the operation is done, at 100 percent.
    pub fn is_done(&self) -> bool {
        self.percent == 100
    }

    /// Converts this step to a step of a larger operation: 0 percent of this
    /// step's own operation become `first` percent of the larger one, and 100
    /// percent become `last` percent.
    ///
    /// ```
    /// use scape_proto::word::Progress;
    ///
    /// // The bootstrap is the first half of an operation.
    /// let bootstrap = Progress::new(80, "ap_conn", "Connecting to a relay to build circuits");
    /// assert_eq!(bootstrap.within(0, 50).percent, 40);
    /// ```
    #[must_use]
    pub fn within(&self, first: u8, last: u8) -> Self {
        let part =
            u32::from(last.min(100).saturating_sub(first)) * u32::from(self.percent.min(100)) / 100;
        let percent = u32::from(first.min(100)) + part;
        Progress { percent: percent.min(100) as u8, ..self.clone() }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}% ({}): {}", self.percent, self.tag, self.text)?;
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn progress_part_ends_where_the_next_begins() {
        let at = |percent| Progress::new(percent, "tag", "text");
        assert_eq!(at(0).within(50, 100).percent, 50);
        assert_eq!(at(100).within(0, 50).percent, 50);
        assert_eq!(at(100).within(50, 100).percent, 100);
        assert!(at(255).is_done());
    }

    proptest! {
        #[test]
        fn progress_part_stays_within_its_bounds(
            percent in any::<u8>(),
            first in 0..=100u8,
            more in 0..=100u8,
        ) {
            let last = first.saturating_add(more).min(100);
            let part = Progress::new(percent, "tag", "text").within(first, last);
            prop_assert!((first..=last).contains(&part.percent));
        }
    }
}
