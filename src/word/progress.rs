//! How far something that takes a while has come.

use std::fmt;

/// How far something that takes a while has come, for a progress bar: starting
/// a tor, or publishing an onion service.
///
/// Those who do such a thing take a callback, `FnMut(&Progress)`. A channel is
/// one, too: `move |step| drop(sender.send(step.clone()))`.
///
/// ```
/// use scape::word::Progress;
///
/// let step = Progress::new(45, "requesting_descriptors", "Asking for relay descriptors");
/// assert_eq!(step.to_string(), "45% (requesting_descriptors): Asking for relay descriptors");
/// assert_eq!(step.within(0, 50).percent, 22);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How far, in percent: 0 to 100, where it is done.
    pub percent: u8,
    /// The step, for programs: one word. Those of a bootstrap are tor's own
    /// ([`BootstrapTag`](crate::event::BootstrapTag)).
    pub tag: String,
    /// The step, for people, in English.
    pub text: String,
    /// What keeps it from going on, unless nothing does. It may go on all the
    /// same.
    pub problem: Option<String>,
}

impl Progress {
    /// A step. More than 100 percent is 100.
    pub fn new(percent: u8, tag: impl Into<String>, text: impl Into<String>) -> Self {
        Progress { percent: percent.min(100), tag: tag.into(), text: text.into(), problem: None }
    }

    /// Whether it is done: 100 percent.
    pub fn is_done(&self) -> bool {
        self.percent == 100
    }

    /// The same step as a part of something larger, of which it takes from
    /// `first` to `last` percent.
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
    fn a_part_ends_where_the_next_begins() {
        let at = |percent| Progress::new(percent, "tag", "text");
        assert_eq!(at(0).within(50, 100).percent, 50);
        assert_eq!(at(100).within(0, 50).percent, 50);
        assert_eq!(at(100).within(50, 100).percent, 100);
        assert!(at(255).is_done());
    }

    proptest! {
        #[test]
        fn a_part_stays_within_its_bounds(
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
