//! The relays of the network with everything that path selection needs.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use super::consensus::Consensus;
use super::relay::InCommon;
use super::{BandwidthWeights, DocumentError, Microdescriptor, Relay, SharedRandomValue};
use crate::netdoc::ConsensusFlavor;
use crate::word::Fingerprint;

/// A consensus together with its microdescriptors: owned, immutable, and
/// `Send + Sync`.
///
/// A directory of the public network takes only a few megabytes of memory,
/// because values that many relays share are stored once.
///
/// ```
/// use scape_proto::netdoc::Directory;
///
/// let consensus = b"network-status-version 3\nvote-status consensus\n\
///     r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
///     s Exit Fast Running Valid\nw Bandwidth=3000\np accept 80,443\n\
///     directory-footer\nbandwidth-weights Wgg=5869\n";
/// let directory = Directory::parse(consensus, b"")?;
/// let exits = directory
///     .relays()
///     .iter()
///     .filter(|relay| relay.policy().is_some_and(|policy| policy.allows(443)));
/// assert_eq!(exits.count(), 1);
/// assert_eq!(directory.weights().get("Wgg"), Some(5869));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Directory {
    flavor: ConsensusFlavor,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    valid_after: Option<SystemTime>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    fresh_until: Option<SystemTime>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    valid_until: Option<SystemTime>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    params: Vec<(Box<str>, i32)>,
    shared_random_current: Option<SharedRandomValue>,
    shared_random_previous: Option<SharedRandomValue>,
    weights: BandwidthWeights,
    /// The relays, sorted by fingerprint.
    relays: Vec<Relay>,
    skipped: usize,
}

impl Directory {
    /// Parses a consensus of either flavor and its microdescriptors.
    ///
    /// Only a consensus of flavor `microdesc` refers to microdescriptors. For
    /// the other flavor, `microdescriptors` may be empty. The value of
    /// `GETINFO md/all` is suitable as `microdescriptors`. Microdescriptors
    /// that the consensus doesn't mention are ignored.
    ///
    /// Entries of the consensus that can't be parsed are skipped and
    /// [counted](Self::skipped). If several entries have the same fingerprint,
    /// only the first one is kept, and the others are counted, too.
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    ///
    /// let consensus = b"network-status-version 3 microdesc\nvote-status consensus\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     m C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\ndirectory-footer\n";
    /// let microdescriptors = b"onion-key\np accept 80,443\n";
    /// let directory = Directory::parse(consensus, microdescriptors)?;
    /// assert!(directory.relays()[0].has_microdescriptor());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if `consensus` isn't a consensus, is a vote, or has a
    /// version other than 3.
    pub fn parse(consensus: &[u8], microdescriptors: &[u8]) -> Result<Directory, DocumentError> {
        let consensus = Consensus::parse(consensus)?;
        let microdescriptors: HashMap<[u8; 32], Microdescriptor<'_>> =
            Microdescriptor::parse_all(microdescriptors)
                .map(|relay| (relay.digest(), relay))
                .collect();
        let mut common = InCommon::default();
        let mut relays = Vec::new();
        let mut statuses = consensus.relays();
        for status in &mut statuses {
            let digest = status.microdescriptor_digest();
            let microdescriptor = digest.and_then(|digest| microdescriptors.get(&digest));
            relays.push(Relay::new(&status, microdescriptor, &mut common));
        }
        // In every consensus that tor accepts, the entries are already sorted.
        relays.sort_by_key(Relay::fingerprint);
        let parsed = relays.len();
        relays.dedup_by_key(|relay| relay.fingerprint());
        relays.shrink_to_fit();
        let skipped = statuses.skipped() + (parsed - relays.len());
        Ok(Directory {
            flavor: consensus.flavor,
            valid_after: consensus.valid_after,
            fresh_until: consensus.fresh_until,
            valid_until: consensus.valid_until,
            params: consensus.params,
            shared_random_current: consensus.shared_random_current,
            shared_random_previous: consensus.shared_random_previous,
            weights: consensus.bandwidth_weights,
            relays,
            skipped,
        })
    }

    /// Returns all relays, sorted by fingerprint as in the consensus.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// Returns the relay with this fingerprint. Returns `None` if the consensus
    /// doesn't list the relay.
    ///
    /// ```
    /// # use scape_proto::netdoc::Directory;
    /// let consensus = b"network-status-version 3\nvote-status consensus\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n";
    /// let directory = Directory::parse(consensus, b"")?;
    /// let relay = directory.relay("256498816C85C6ABA4DF222205CF3FA091E63CCE".parse()?);
    /// assert_eq!(relay.map(|relay| relay.nickname()), Some("relay04"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn relay(&self, fingerprint: Fingerprint) -> Option<&Relay> {
        let index = self.relays.binary_search_by_key(&fingerprint, Relay::fingerprint).ok()?;
        self.relays.get(index)
    }

    /// Returns the relays with this nickname, sorted by fingerprint. Case is
    /// ignored, because tor ignores it too.
    ///
    /// ```
    /// # use scape_proto::netdoc::Directory;
    /// let consensus = b"network-status-version 3\nvote-status consensus\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n";
    /// let directory = Directory::parse(consensus, b"")?;
    /// assert_eq!(directory.named("RELAY04").count(), 1);
    /// assert_eq!(directory.named("relay05").count(), 0);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn named<'a>(&'a self, nickname: &'a str) -> impl Iterator<Item = &'a Relay> {
        self.relays.iter().filter(move |relay| relay.nickname().eq_ignore_ascii_case(nickname))
    }

    /// Returns the weights for choosing relays by bandwidth.
    pub fn weights(&self) -> &BandwidthWeights {
        &self.weights
    }

    /// Returns a network parameter. Returns `None` if the consensus doesn't set
    /// the parameter.
    ///
    /// ```
    /// # use scape_proto::netdoc::Directory;
    /// let consensus = b"network-status-version 3\nvote-status consensus\n\
    ///     params circwindow=1000\n";
    /// let directory = Directory::parse(consensus, b"")?;
    /// assert_eq!(directory.param("circwindow"), Some(1000));
    /// assert_eq!(directory.param("guard-lifetime-days"), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn param(&self, name: &str) -> Option<i32> {
        self.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
    }

    /// Returns the flavor of the consensus.
    pub fn flavor(&self) -> &ConsensusFlavor {
        &self.flavor
    }

    /// Returns the start of the consensus's validity interval, or `None` if the
    /// consensus has no valid line `valid-after`.
    pub fn valid_after(&self) -> Option<SystemTime> {
        self.valid_after
    }

    /// Returns the time by which a newer consensus should be available, or
    /// `None` if the consensus has no valid line `fresh-until`.
    pub fn fresh_until(&self) -> Option<SystemTime> {
        self.fresh_until
    }

    /// Returns the end of the consensus's validity interval, or `None` if the
    /// consensus has no valid line `valid-until`.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.valid_until
    }

    /// Returns the shared random value for the current period. Returns `None`
    /// if the consensus has no such value, because too few authorities took
    /// part.
    ///
    /// ```
    /// # use scape_proto::netdoc::Directory;
    /// let consensus = b"network-status-version 3\nvote-status consensus\n\
    ///     shared-rand-current-value 7 KEIfSB7Db+ToasQIzJhbh0CtkeSePHLEehO+ams/RTU=\n";
    /// let directory = Directory::parse(consensus, b"")?;
    /// assert_eq!(directory.shared_random_current().map(|random| random.reveals), Some(7));
    /// assert_eq!(directory.shared_random_previous(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn shared_random_current(&self) -> Option<SharedRandomValue> {
        self.shared_random_current
    }

    /// Returns the shared random value for the previous period, or `None` if
    /// the consensus has no such value.
    pub fn shared_random_previous(&self) -> Option<SharedRandomValue> {
        self.shared_random_previous
    }

    /// Returns the number of entries that were skipped. They couldn't be
    /// parsed, or an earlier entry had the same fingerprint.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

impl fmt::Display for Directory {
    /// Writes a short description, such as `9000 relays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.relays.len() {
            1 => f.write_str("1 relay"),
            count => write!(f, "{count} relays"),
        }
    }
}

impl fmt::Debug for Directory {
    /// Writes everything except the relays, because there are thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("flavor", &self.flavor)
            .field("valid_after", &self.valid_after)
            .field("relays", &format_args!("{self}"))
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
