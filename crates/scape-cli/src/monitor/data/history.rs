//! Stores past measurements for graphs: a value per second for the last 15
//! minutes, a value per minute for the last day, and a value per hour for the
//! last month.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The interval between two values of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Interval {
    #[default]
    Second,
    Minute,
    Hour,
}

impl Interval {
    /// Returns the next longer interval. After the longest, returns the
    /// shortest. The user steps through the intervals with a key.
    pub(crate) fn next(self) -> Self {
        match self {
            Interval::Second => Interval::Minute,
            Interval::Minute => Interval::Hour,
            Interval::Hour => Interval::Second,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Interval::Second => "seconds",
            Interval::Minute => "minutes",
            Interval::Hour => "hours",
        }
    }
}

/// The newest values at one interval, such as one per minute. When a group of
/// values is complete, its average becomes a value at the next longer interval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ring {
    /// The values, oldest first. `None` means that nothing was measured at that
    /// time.
    values: VecDeque<Option<u64>>,
    /// The sum of the measured values in the group that isn't complete yet.
    sum: u64,
    /// The number of measured values in the group that isn't complete yet.
    measured: u64,
    /// The number of measured and missing values in the group that isn't
    /// complete yet.
    count: u64,
}

impl Ring {
    /// Adds a value, and drops the oldest ones to keep at most `capacity`. If
    /// the value completes a group of `group` values, returns their average,
    /// which is `None` in the inner `Option` if nothing was measured.
    fn push(&mut self, value: Option<u64>, capacity: usize, group: u64) -> Option<Option<u64>> {
        while self.values.len() >= capacity {
            self.values.pop_front();
        }
        self.values.push_back(value);
        if let Some(value) = value {
            self.sum = self.sum.saturating_add(value);
            self.measured += 1;
        }
        self.count += 1;
        if self.count < group {
            return None;
        }
        let average = self.sum.checked_div(self.measured);
        (self.sum, self.measured, self.count) = (0, 0, 0);
        Some(average)
    }
}

const SECONDS: usize = 15 * 60;
const MINUTES: usize = 24 * 60;
const HOURS: usize = 31 * 24;

/// The past values of a quantity that is measured every second, at all
/// intervals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    seconds: Ring,
    minutes: Ring,
    hours: Ring,
    /// The number of seconds in which nothing was measured, between the newest
    /// value and the next one that will be added.
    #[serde(default)]
    gap: u64,
}

impl History {
    /// Adds the value of the next second, or `None` if it couldn't be measured.
    /// Fills the gap before it first.
    pub(crate) fn push(&mut self, value: Option<u64>) {
        // Values from before a longer gap wouldn't be kept anyway.
        let gap = std::mem::take(&mut self.gap).min(3600 * HOURS as u64);
        for _ in 0..gap {
            self.push_second(None);
        }
        self.push_second(value);
    }

    fn push_second(&mut self, value: Option<u64>) {
        let minute = self.seconds.push(value, SECONDS, 60);
        let hour = minute.and_then(|value| self.minutes.push(value, MINUTES, 60));
        if let Some(value) = hour {
            self.hours.push(value, HOURS, u64::MAX);
        }
    }

    /// Adds values that were measured in the last seconds, the oldest first.
    /// They are from the end of the gap, which becomes shorter by as many
    /// seconds.
    pub(crate) fn fill(&mut self, values: impl ExactSizeIterator<Item = u64>) {
        let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
        self.gap = self.gap.saturating_sub(count);
        values.for_each(|value| self.push(Some(value)));
    }

    /// Returns the values at an interval, newest first. `None` means that
    /// nothing was measured at that time.
    pub(crate) fn newest(&self, interval: Interval) -> impl Iterator<Item = Option<u64>> {
        let ring = match interval {
            Interval::Second => &self.seconds,
            Interval::Minute => &self.minutes,
            Interval::Hour => &self.hours,
        };
        ring.values.iter().rev().copied()
    }

    /// Returns the newest measured value, or 0 if nothing was measured.
    pub(crate) fn last(&self) -> u64 {
        self.newest(Interval::Second).flatten().next().unwrap_or_default()
    }
}

/// The histories of all quantities that have a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Histories {
    /// The number of bytes that tor read in each second.
    pub(crate) read: History,
    pub(crate) written: History,
    /// The number of OR connections.
    pub(crate) connections: History,
    /// The memory that tor takes, in bytes.
    pub(crate) memory: History,
    /// The processor time that tor uses, in tenths of a percent of one core.
    pub(crate) cpu: History,
}

impl Histories {
    /// Adds `seconds` to the gap before the next value, because the monitor
    /// wasn't running in this time.
    pub(crate) fn resume_after(&mut self, seconds: u64) {
        for history in self.all() {
            // The gap is added to the last one, because the monitor may have
            // ended before a value came after that gap.
            history.gap = history.gap.saturating_add(seconds);
        }
    }

    /// Adds a second without a value to each history, because nothing could be
    /// measured.
    pub(crate) fn push_nothing(&mut self) {
        for history in self.all() {
            history.push(None);
        }
    }

    fn all(&mut self) -> [&mut History; 5] {
        let Histories { read, written, connections, memory, cpu } = self;
        [read, written, connections, memory, cpu]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_hours_are_averages() {
        let mut history = History::default();
        for second in 0..7200 {
            history.push(Some(if second < 3600 { second % 2 * 10 } else { 7 }));
        }
        let newest = |interval| history.newest(interval).take(2).collect::<Vec<_>>();
        assert_eq!(newest(Interval::Second), [Some(7), Some(7)]);
        assert_eq!(history.newest(Interval::Second).count(), SECONDS);
        assert_eq!(newest(Interval::Minute), [Some(7), Some(7)]);
        assert_eq!(history.newest(Interval::Minute).last(), Some(Some(5)));
        assert_eq!(newest(Interval::Hour), [Some(7), Some(5)]);
        assert_eq!(history.last(), 7);
    }

    #[test]
    fn rings_are_bounded() {
        let mut ring = Ring::default();
        for value in 0..100 {
            ring.push(Some(value), 3, 10);
        }
        assert_eq!(ring.values, [Some(97), Some(98), Some(99)]);
    }

    #[test]
    fn gaps_are_no_values() {
        let mut histories = Histories::default();
        for _ in 0..60 {
            histories.read.push(Some(6));
        }
        histories.resume_after(90);
        histories.read.fill([8, 10].into_iter());
        let history = &histories.read;
        let seconds: Vec<_> = history.newest(Interval::Second).take(4).collect();
        assert_eq!(seconds, [Some(10), Some(8), None, None]);
        // No value was measured in the second minute.
        assert_eq!(history.newest(Interval::Minute).collect::<Vec<_>>(), [None, Some(6)]);
        histories.written.push(Some(1));
        assert_eq!(histories.written.newest(Interval::Second).count(), 91);
    }

    #[test]
    fn averages_count_measured_seconds_only() {
        let mut history = History::default();
        for second in 0..60 {
            history.push((second < 30).then_some(4));
        }
        assert_eq!(history.newest(Interval::Minute).collect::<Vec<_>>(), [Some(4)]);
    }
}
