//! Time periods: rend-spec-v3, "Dividing time into periods".

use std::time::{Duration, SystemTime};

use sha3::{Digest, Sha3_256};

/// The number of rounds in one phase of the protocol in which the authorities
/// compute a shared random value. A round takes one voting interval.
const ROUNDS: u64 = 12;

/// A time period. In each time period, an onion service uses another blinded
/// key and stores its descriptors on other relays.
///
/// In the public network, a time period lasts a day and begins at 12:00 UTC.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::onion::TimePeriod;
///
/// // rend-spec-v3, "Dividing time into periods": 2016-04-13 11:15:01 UTC.
/// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_460_546_101);
/// let hour = Duration::from_secs(3600);
/// let period = TimePeriod::at(time, TimePeriod::DEFAULT_MINUTES, hour);
/// assert_eq!(period, TimePeriod { number: 16903, minutes: 1440 });
/// let start = SystemTime::UNIX_EPOCH + Duration::from_secs((16903 * 24 + 12) * 3600);
/// assert_eq!(period.start(hour), Some(start));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TimePeriod {
    /// The number of periods since the first period, which began 12 voting
    /// intervals after the start of 1970.
    pub number: u64,
    /// The length of the period in minutes.
    pub minutes: u32,
}

impl TimePeriod {
    /// The length of a time period in minutes if the consensus doesn't set the
    /// parameter `hsdir_interval`: one day.
    pub const DEFAULT_MINUTES: u32 = 1440;

    /// Returns the time period that contains the given time.
    ///
    /// `minutes` is the length of a period, which is at least 1.
    /// `voting_interval` is the time between two consensuses: one hour in the
    /// public network. See [`HsDirParams`](super::HsDirParams) for other
    /// networks. Times before the first period belong to the first period.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::TimePeriod;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let second_day = SystemTime::UNIX_EPOCH + 30 * hour;
    /// assert_eq!(TimePeriod::at(second_day, 1440, hour).number, 0);
    /// assert_eq!(TimePeriod::at(second_day + 6 * hour, 1440, hour).number, 1);
    /// ```
    pub fn at(time: SystemTime, minutes: u32, voting_interval: Duration) -> Self {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let elapsed = (since_epoch.as_secs() / 60).saturating_sub(offset_minutes(voting_interval));
        let minutes = minutes.max(1);
        TimePeriod { number: elapsed / u64::from(minutes), minutes }
    }

    /// Returns the start of the period. Returns `None` if `SystemTime` can't
    /// represent the time.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::TimePeriod;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let period = TimePeriod { number: 1, minutes: 60 };
    /// assert_eq!(period.start(hour), Some(SystemTime::UNIX_EPOCH + 13 * hour));
    /// ```
    pub fn start(&self, voting_interval: Duration) -> Option<SystemTime> {
        let minutes = self.number.checked_mul(u64::from(self.minutes))?;
        let minutes = minutes.checked_add(offset_minutes(voting_interval))?;
        let since_epoch = Duration::from_secs(minutes.checked_mul(60)?);
        SystemTime::UNIX_EPOCH.checked_add(since_epoch)
    }

    /// Returns the period after this one.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::TimePeriod;
    ///
    /// let period = TimePeriod { number: 16903, minutes: 1440 };
    /// assert_eq!(period.next().number, 16904);
    /// ```
    #[must_use]
    pub fn next(&self) -> Self {
        TimePeriod { number: self.number.saturating_add(1), ..*self }
    }

    /// Returns the period before this one. The first period is its own
    /// predecessor.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::TimePeriod;
    ///
    /// let period = TimePeriod { number: 16903, minutes: 1440 };
    /// assert_eq!(period.previous().number, 16902);
    /// ```
    #[must_use]
    pub fn previous(&self) -> Self {
        TimePeriod { number: self.number.saturating_sub(1), ..*self }
    }

    /// Returns the value that replaces the shared random value if the consensus
    /// has none: rend-spec-v3, "Client behavior in the absence of shared random
    /// values". Anyone can predict it.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::TimePeriod;
    ///
    /// let period = TimePeriod { number: 1, minutes: 1440 };
    /// assert_eq!(period.disaster_shared_random()[..4], [0xf8, 0xa4, 0x94, 0x87]);
    /// ```
    pub fn disaster_shared_random(&self) -> [u8; 32] {
        let mut hash = Sha3_256::new();
        hash.update(b"shared-random-disaster");
        hash.update(u64::from(self.minutes).to_be_bytes());
        hash.update(self.number.to_be_bytes());
        hash.finalize().into()
    }
}

/// Returns the start of the first period, in minutes after the start of 1970.
/// The result is rounded down, like in tor.
fn offset_minutes(voting_interval: Duration) -> u64 {
    voting_interval.as_secs().saturating_mul(ROUNDS) / 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::parse_utc;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(time: &str) -> u64 {
        TimePeriod::at(parse_utc(time).unwrap(), 1440, HOUR).number
    }

    #[test]
    fn time_periods_match_the_tests_of_tor() {
        // tor's src/test/test_hs_common.c.
        assert_eq!(at("2016-04-13 11:00:00"), 16903);
        assert_eq!(at("2016-04-13 11:59:59"), 16903);
        assert_eq!(at("2016-04-13 12:00:00"), 16904);
        assert_eq!(at("1973-05-20 01:50:33"), 1234);
        let period = TimePeriod { number: 16904, minutes: 1440 };
        assert_eq!(period.start(HOUR), parse_utc("2016-04-13 12:00:00"));
        let value = TimePeriod { number: 1, minutes: 1440 }.disaster_shared_random();
        let expected = "f8a4948707653837fa44abb5bbc75a12f6f101e7f8faf699b9715f4965d3507d";
        assert_eq!(hex::encode(value), expected);
    }

    #[test]
    fn time_periods_at_the_ends_of_time() {
        let early = SystemTime::UNIX_EPOCH - HOUR;
        let first = TimePeriod { number: 0, minutes: 1 };
        assert_eq!(TimePeriod::at(early, 0, HOUR), first);
        assert_eq!(TimePeriod::at(SystemTime::UNIX_EPOCH + 12 * HOUR, 0, HOUR), first);
        assert_eq!(first.previous(), first);
        let last = TimePeriod { number: u64::MAX, minutes: u32::MAX };
        assert_eq!((last.next(), last.start(HOUR)), (last, None));
        assert_eq!(first.start(Duration::MAX), None);
    }

    proptest! {
        #[test]
        fn time_period_contains_its_time(
            seconds in 0u64..10_000_000_000,
            minutes in 1u32..20_000,
            interval in 5u64..4000,
        ) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let interval = Duration::from_secs(interval);
            let period = TimePeriod::at(time, minutes, interval);
            let (start, end) = (period.start(interval), period.next().start(interval));
            prop_assert!(Some(time) < end && (start <= Some(time) || period.number == 0));
            prop_assert_eq!(TimePeriod::at(start.unwrap(), minutes, interval), period);
            prop_assert_eq!(TimePeriod::at(end.unwrap(), minutes, interval), period.next());
        }
    }
}
