//! Measurements of the past: the last minutes by seconds, the last day by
//! minutes, and the last month by hours.

use std::collections::VecDeque;

/// The length of the interval between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Interval {
    #[default]
    Second,
    Minute,
    Hour,
}

impl Interval {
    /// Returns the next interval, for a key that changes it.
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

/// The newest values of one interval.
#[derive(Debug, Clone)]
struct Ring {
    values: VecDeque<u64>,
    capacity: usize,
    /// The number of values that make one value of the next ring.
    group: u64,
    /// The sum and the number of the values since the last group.
    sum: u128,
    count: u64,
}

impl Ring {
    fn new(capacity: usize, group: u64) -> Self {
        Ring { values: VecDeque::new(), capacity, group, sum: 0, count: 0 }
    }

    /// Adds a value. Returns the average if a group is complete.
    fn push(&mut self, value: u64) -> Option<u64> {
        if self.values.len() == self.capacity {
            self.values.pop_front();
        }
        self.values.push_back(value);
        self.sum += u128::from(value);
        self.count += 1;
        if self.count < self.group {
            return None;
        }
        let average = self.sum / u128::from(self.count);
        (self.sum, self.count) = (0, 0);
        u64::try_from(average).ok()
    }
}

/// The past of one value that is measured every second.
#[derive(Debug, Clone)]
pub(crate) struct History {
    seconds: Ring,
    minutes: Ring,
    hours: Ring,
}

impl Default for History {
    fn default() -> Self {
        History {
            seconds: Ring::new(900, 60),
            minutes: Ring::new(24 * 60, 60),
            hours: Ring::new(31 * 24, u64::MAX),
        }
    }
}

impl History {
    /// Adds the value of a second.
    pub(crate) fn push(&mut self, value: u64) {
        let minute = self.seconds.push(value);
        let hour = minute.and_then(|value| self.minutes.push(value));
        if let Some(value) = hour {
            self.hours.push(value);
        }
    }

    /// Returns the values, newest first.
    pub(crate) fn newest(&self, interval: Interval) -> impl Iterator<Item = u64> {
        let ring = match interval {
            Interval::Second => &self.seconds,
            Interval::Minute => &self.minutes,
            Interval::Hour => &self.hours,
        };
        ring.values.iter().rev().copied()
    }

    /// Returns the value of the last second.
    pub(crate) fn last(&self) -> u64 {
        self.seconds.values.back().copied().unwrap_or_default()
    }
}

/// The pasts of everything that has a graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histories {
    /// Bytes that tor has read in a second.
    pub(crate) read: History,
    pub(crate) written: History,
    /// OR connections.
    pub(crate) connections: History,
    /// Bytes of memory.
    pub(crate) memory: History,
    /// The part of one core that tor uses, in tenths of a percent.
    pub(crate) cpu: History,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_hours_are_averages() {
        let mut history = History::default();
        for second in 0..7200 {
            history.push(if second < 3600 { second % 2 * 10 } else { 7 });
        }
        let newest = |interval| history.newest(interval).take(2).collect::<Vec<_>>();
        assert_eq!(newest(Interval::Second), [7, 7]);
        assert_eq!(history.newest(Interval::Second).count(), 900);
        assert_eq!(newest(Interval::Minute), [7, 7]);
        assert_eq!(history.newest(Interval::Minute).last(), Some(5));
        assert_eq!(newest(Interval::Hour), [7, 5]);
        assert_eq!(history.last(), 7);
    }

    #[test]
    fn rings_are_bounded() {
        let mut ring = Ring::new(3, 10);
        for value in 0..100 {
            ring.push(value);
        }
        assert_eq!(ring.values, [97, 98, 99]);
    }
}
