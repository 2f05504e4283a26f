//! The values of a consensus that determine where descriptors are stored:
//! rend-spec-v3, "Where to publish a hidden service descriptor".

use std::time::{Duration, SystemTime};

use super::TimePeriod;
use crate::netdoc::{Consensus, Directory, SharedRandomValue};

/// The number of rounds in which the authorities compute a shared random value:
/// two phases of 12 rounds. A round takes one voting interval.
const ROUNDS: u32 = 24;

/// The values of a consensus that determine on which relays onion services
/// store their descriptors: rend-spec-v3, "Where to publish a hidden service
/// descriptor".
///
/// ```
/// use scape_proto::netdoc::Consensus;
/// use scape_proto::netdoc::onion::HsDirParams;
///
/// let text = b"network-status-version 3\nvote-status consensus\n\
///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
/// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
/// assert_eq!((params.replicas, params.spread_fetch, params.spread_store), (2, 3, 4));
/// assert_eq!(params.fetch().period.number, 20_777);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HsDirParams {
    /// The start of the consensus's validity. Clients and services use this
    /// time instead of their clocks.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_after: SystemTime,
    /// The time between two consensuses: one hour in the public network.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub voting_interval: Duration,
    /// The length of a time period in minutes: the parameter `hsdir_interval`.
    pub period_minutes: u32,
    /// The number of sets of relays that store a descriptor: the parameter
    /// `hsdir_n_replicas`.
    pub replicas: u8,
    /// The number of relays in a set from which clients fetch a descriptor: the
    /// parameter `hsdir_spread_fetch`.
    pub spread_fetch: u8,
    /// The number of relays in a set to which services upload a descriptor: the
    /// parameter `hsdir_spread_store`.
    pub spread_store: u8,
    /// The shared random value for the current day, from the consensus's line
    /// `shared-rand-current-value`. `None` if this line is missing or
    /// malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::netdoc::serial::random"))]
    pub shared_random_current: Option<[u8; 32]>,
    /// The shared random value for the previous day, from the consensus's line
    /// `shared-rand-previous-value`. `None` if this line is missing or
    /// malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::netdoc::serial::random"))]
    pub shared_random_previous: Option<[u8; 32]>,
}

/// A time period together with the shared random value that places the relays
/// on the [`HashRing`](super::HashRing) in this period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RingPeriod {
    /// The time period.
    pub period: TimePeriod,
    /// The shared random value, or the [value that replaces
    /// it](TimePeriod::disaster_shared_random) if the consensus has no shared
    /// random value.
    #[cfg_attr(feature = "serde", serde(serialize_with = "hex"))]
    pub shared_random: [u8; 32],
    /// The start of the run of the shared random protocol in which the value
    /// became the current one. The revision counters of descriptors depend on
    /// the time since this start.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub run_start: SystemTime,
}

#[cfg(feature = "serde")]
fn hex<S: serde::Serializer>(value: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&crate::word::serial::Hex(*value), serializer)
}

impl HsDirParams {
    /// Returns the values of a consensus. Parameters that the consensus doesn't
    /// set have their defaults. Values out of range are limited to the range.
    ///
    /// Returns `None` if the line `valid-after` or `fresh-until` is missing or
    /// malformed, or if the interval between them is empty.
    ///
    /// For a network with the option `TestingTorNetwork`, call
    /// [`for_testing_network`](Self::for_testing_network), too.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n\
    ///     params hsdir_interval=720 hsdir_spread_store=5\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// assert_eq!((params.period_minutes, params.spread_store), (720, 5));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn new(consensus: &Consensus<'_>) -> Option<Self> {
        HsDirParams::from_parts(
            (consensus.valid_after?, consensus.fresh_until?),
            |name| consensus.param(name),
            [consensus.shared_random_current, consensus.shared_random_previous],
        )
    }

    /// Returns the values of the consensus in a directory. See
    /// [`new`](Self::new).
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n\
    ///     params hsdir_spread_fetch=4\n";
    /// let directory = Directory::parse(text, b"")?;
    /// let params = HsDirParams::of_directory(&directory).expect("the consensus has times");
    /// assert_eq!(params.spread_fetch, 4);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn of_directory(directory: &Directory) -> Option<Self> {
        HsDirParams::from_parts(
            (directory.valid_after()?, directory.fresh_until()?),
            |name| directory.param(name),
            [directory.shared_random_current(), directory.shared_random_previous()],
        )
    }

    fn from_parts(
        (valid_after, fresh_until): (SystemTime, SystemTime),
        param: impl Fn(&str) -> Option<i32>,
        [current, previous]: [Option<SharedRandomValue>; 2],
    ) -> Option<Self> {
        let voting_interval = fresh_until.duration_since(valid_after).ok()?;
        if voting_interval.as_secs() == 0 {
            return None;
        }
        let param = |name: &str, default: i32, min: i32, max: i32| {
            param(name).unwrap_or(default).clamp(min, max)
        };
        let small = |name: &str, default: i32, max: i32| {
            u8::try_from(param(name, default, 1, max)).unwrap_or(u8::MAX)
        };
        let minutes = param("hsdir_interval", 1440, 30, 14_400);
        Some(HsDirParams {
            valid_after,
            voting_interval,
            period_minutes: u32::try_from(minutes).unwrap_or(TimePeriod::DEFAULT_MINUTES),
            replicas: small("hsdir_n_replicas", 2, 16),
            spread_fetch: small("hsdir_spread_fetch", 3, 128),
            spread_store: small("hsdir_spread_store", 4, 128),
            shared_random_current: current.map(|random| random.value),
            shared_random_previous: previous.map(|random| random.value),
        })
    }

    /// Sets the length of a time period to 24 voting intervals, as tor does
    /// with the option `TestingTorNetwork`.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 03:00:10\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// assert_eq!(params.for_testing_network().period_minutes, 4);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    #[must_use]
    pub fn for_testing_network(mut self) -> Self {
        let minutes = self.voting_interval.as_secs().saturating_mul(u64::from(ROUNDS)) / 60;
        self.period_minutes = u32::try_from(minutes).unwrap_or(u32::MAX).max(1);
        self
    }

    /// Returns the time period at the start of the consensus's validity.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2016-04-13 12:00:00\nfresh-until 2016-04-13 13:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// assert_eq!(params.period().number, 16_904);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn period(&self) -> TimePeriod {
        TimePeriod::at(self.valid_after, self.period_minutes, self.voting_interval)
    }

    /// Returns the time period in which clients fetch descriptors:
    /// rend-spec-v3, "Client behavior for fetching descriptors".
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2016-04-13 12:00:00\nfresh-until 2016-04-13 13:00:00\n\
    ///     shared-rand-current-value 9 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// assert_eq!(params.fetch().shared_random, [1; 32]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn fetch(&self) -> RingPeriod {
        let period = self.period();
        if self.is_after_period_start() { self.current(period) } else { self.previous(period) }
    }

    /// Returns the two time periods for which services upload descriptors:
    /// rend-spec-v3, "Service behavior for uploading descriptors". Clients with
    /// an older or newer consensus find one of them.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::HsDirParams;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2016-04-13 12:00:00\nfresh-until 2016-04-13 13:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// assert_eq!(params.uploads().map(|upload| upload.period.number), [16_903, 16_904]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn uploads(&self) -> [RingPeriod; 2] {
        let period = self.period();
        if self.is_after_period_start() {
            [self.previous(period.previous()), self.current(period)]
        } else {
            [self.previous(period), self.current(period.next())]
        }
    }

    /// Returns true if a time period has begun since the last new shared random
    /// value. In the diagram of rend-spec-v3, a line of `-` marks this time.
    fn is_after_period_start(&self) -> bool {
        let run_start = self.run_start();
        let period = TimePeriod::at(run_start, self.period_minutes, self.voting_interval);
        period.next().start(self.voting_interval).is_some_and(|start| self.valid_after >= start)
    }

    /// Returns the start of the current run of the shared random protocol.
    fn run_start(&self) -> SystemTime {
        let interval = self.voting_interval.as_secs().max(1);
        let since_epoch = self.valid_after.duration_since(SystemTime::UNIX_EPOCH);
        let round = since_epoch.unwrap_or_default().as_secs() / interval % u64::from(ROUNDS);
        let elapsed = Duration::from_secs(round.saturating_mul(interval));
        self.valid_after.checked_sub(elapsed).unwrap_or(self.valid_after)
    }

    fn current(&self, period: TimePeriod) -> RingPeriod {
        let shared_random = self.shared_random_current;
        RingPeriod {
            period,
            shared_random: shared_random.unwrap_or_else(|| period.disaster_shared_random()),
            run_start: self.run_start(),
        }
    }

    fn previous(&self, period: TimePeriod) -> RingPeriod {
        let shared_random = self.shared_random_previous;
        let run = self.voting_interval.saturating_mul(ROUNDS);
        let run_start = self.run_start();
        RingPeriod {
            period,
            shared_random: shared_random.unwrap_or_else(|| period.disaster_shared_random()),
            run_start: run_start.checked_sub(run).unwrap_or(run_start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::parse_utc;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Returns the values of a consensus that is valid from this time. The
    /// shared random values contain the number of the current run of the
    /// protocol, and of the run before it.
    fn params(valid_after: SystemTime, voting_interval: Duration) -> HsDirParams {
        let since_epoch = valid_after.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let run = since_epoch.as_secs() / voting_interval.as_secs() / 24;
        let shared_random = |run: u64| {
            let mut value = [0; 32];
            value[..8].copy_from_slice(&run.to_be_bytes());
            Some(value)
        };
        HsDirParams {
            valid_after,
            voting_interval,
            period_minutes: 1440,
            replicas: 2,
            spread_fetch: 3,
            spread_store: 4,
            shared_random_current: shared_random(run),
            shared_random_previous: shared_random(run - 1),
        }
    }

    #[test]
    fn ring_periods_match_the_examples_of_rend_spec() {
        let day = |time: &str| params(parse_utc(time).unwrap(), HOUR);
        let number = TimePeriod::at(parse_utc("1985-10-26 12:00:00").unwrap(), 1440, HOUR).number;
        // "[FIRSTDESCUPLOAD]" and "[SECONDDESCUPLOAD]": at 13:00, right after
        // TP#1, and at 01:00, right after SRV#2.
        let (noon, night) = (day("1985-10-26 13:00:00"), day("1985-10-27 01:00:00"));
        let numbers = |params: &HsDirParams| params.uploads().map(|upload| upload.period.number);
        assert_eq!(numbers(&noon), [number - 1, number]);
        assert_eq!(numbers(&night), [number, number + 1]);
        let srv_1 = noon.shared_random_current;
        assert_eq!(night.shared_random_previous, srv_1);
        for params in [&noon, &night] {
            assert_eq!(params.fetch().period.number, number);
            assert_eq!(Some(params.fetch().shared_random), srv_1);
            assert_eq!(Some(params.fetch().run_start), parse_utc("1985-10-26 00:00:00"));
        }
        let starts = night.uploads().map(|upload| Some(upload.run_start));
        let expected = ["1985-10-26 00:00:00", "1985-10-27 00:00:00"].map(parse_utc);
        assert_eq!(starts, expected);
    }

    #[test]
    fn missing_shared_random_value_is_replaced() {
        let mut params = params(parse_utc("1985-10-26 13:00:00").unwrap(), HOUR);
        (params.shared_random_current, params.shared_random_previous) = (None, None);
        for upload in params.uploads() {
            assert_eq!(upload.shared_random, upload.period.disaster_shared_random());
        }
    }

    #[test]
    fn hsdir_params_are_limited_to_their_ranges() {
        let read = |times: &str, params: &str| {
            let head = "network-status-version 3\nvote-status consensus\n";
            let text = format!("{head}{times}params {params}\n");
            HsDirParams::new(&Consensus::parse(text.as_bytes()).unwrap())
        };
        let times = "valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
        let names = |value: &str| {
            ["hsdir_interval", "hsdir_n_replicas", "hsdir_spread_fetch", "hsdir_spread_store"]
                .map(|name| format!("{name}={value}"))
                .join(" ")
        };
        let values = |params: HsDirParams| {
            (params.period_minutes, params.replicas, params.spread_fetch, params.spread_store)
        };
        assert_eq!(read(times, &names("0")).map(values), Some((30, 1, 1, 1)));
        assert_eq!(read(times, &names("99999")).map(values), Some((14_400, 16, 128, 128)));
        assert_eq!(read(times, "x=1").map(values), Some((1440, 2, 3, 4)));
        assert_eq!(read("valid-after 2026-11-21 03:00:00\n", "x=1"), None);
        assert_eq!(read(&times.replace("04", "03"), "x=1"), None);
        assert_eq!(read(&times.replace("04", "02"), "x=1"), None);
    }

    proptest! {
        /// Checks that a client always finds one of the service's two
        /// descriptors, even if its consensus is up to 11 voting intervals
        /// older or newer.
        #[test]
        fn client_finds_a_descriptor_of_the_service(
            round in 1000u64..2_000_000,
            difference in -11i64..=11,
            interval in 5u64..100,
            is_testing: bool,
        ) {
            let interval = if is_testing { Duration::from_secs(interval * 5) } else { HOUR };
            let at = |round: u64| {
                let seconds = Duration::from_secs(round * interval.as_secs());
                let params = params(SystemTime::UNIX_EPOCH + seconds, interval);
                if is_testing { params.for_testing_network() } else { params }
            };
            let (service, client) = (at(round), at(round.checked_add_signed(difference).unwrap()));
            let fetch = client.fetch();
            prop_assert!(
                service.uploads().contains(&fetch), "{fetch:?} {:?}", service.uploads(),
            );
        }
    }
}
