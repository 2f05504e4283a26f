//! The relays of the network, with all that choosing a path needs.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use super::consensus::{Consensus, ParseDirectoryError};
use super::relay::InCommon;
use super::{BandwidthWeights, Microdescriptor, Relay};
use crate::protocol::ConsensusFlavor;
use crate::word::Fingerprint;

/// A consensus together with its microdescriptors: owned, immutable, and
/// `Send + Sync`. See [`Controller::directory`](crate::Controller::directory).
///
/// On the public network it takes a few megabytes: what relays have in common
/// is kept once.
///
/// ```
/// use scape::descriptor::Directory;
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
/// # Ok::<(), scape::descriptor::ParseDirectoryError>(())
/// ```
#[derive(Clone)]
pub struct Directory {
    flavor: ConsensusFlavor,
    valid_after: Option<SystemTime>,
    fresh_until: Option<SystemTime>,
    valid_until: Option<SystemTime>,
    params: Vec<(Box<str>, i32)>,
    weights: BandwidthWeights,
    /// By fingerprint.
    relays: Vec<Relay>,
    skipped: usize,
}

impl Directory {
    /// Reads a consensus of either flavour, and the microdescriptors that
    /// belong to one of flavour `microdesc` (as of `GETINFO md/all`; others are
    /// passed over). Entries that cannot be read are left out.
    ///
    /// # Errors
    ///
    /// Where the text is no consensus of a version that this library knows.
    pub fn parse(
        consensus: &[u8],
        microdescriptors: &[u8],
    ) -> Result<Directory, ParseDirectoryError> {
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
        // As they are in every consensus that tor accepts.
        relays.sort_by_key(Relay::fingerprint);
        relays.dedup_by_key(|relay| relay.fingerprint());
        relays.shrink_to_fit();
        let skipped = statuses.skipped();
        Ok(Directory {
            flavor: consensus.flavor,
            valid_after: consensus.valid_after,
            fresh_until: consensus.fresh_until,
            valid_until: consensus.valid_until,
            params: consensus.params,
            weights: consensus.bandwidth_weights,
            relays,
            skipped,
        })
    }

    /// Every relay, in the order of the consensus, which is that of the
    /// fingerprints.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// The relay with this fingerprint.
    pub fn relay(&self, fingerprint: Fingerprint) -> Option<&Relay> {
        let index = self.relays.binary_search_by_key(&fingerprint, Relay::fingerprint).ok()?;
        self.relays.get(index)
    }

    /// The relays with this nickname, in either case, as tor compares them.
    pub fn named<'a>(&'a self, nickname: &'a str) -> impl Iterator<Item = &'a Relay> {
        self.relays.iter().filter(move |relay| relay.nickname().eq_ignore_ascii_case(nickname))
    }

    /// How relays are to be weighted.
    pub fn weights(&self) -> &BandwidthWeights {
        &self.weights
    }

    /// A parameter of the network; `None` where the consensus does not set it.
    pub fn param(&self, name: &str) -> Option<i32> {
        self.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
    }

    /// The flavour of the consensus that it was read from.
    pub fn flavor(&self) -> &ConsensusFlavor {
        &self.flavor
    }

    /// From when on the consensus counts.
    pub fn valid_after(&self) -> Option<SystemTime> {
        self.valid_after
    }

    /// Until when there should be a newer one.
    pub fn fresh_until(&self) -> Option<SystemTime> {
        self.fresh_until
    }

    /// Until when it may be used.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.valid_until
    }

    /// How many entries of the consensus could not be read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

impl fmt::Display for Directory {
    /// Such as `9000 relays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.relays.len() {
            1 => f.write_str("1 relay"),
            count => write!(f, "{count} relays"),
        }
    }
}

impl fmt::Debug for Directory {
    /// Everything but the relays, of which there are thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("flavor", &self.flavor)
            .field("valid_after", &self.valid_after)
            .field("relays", &format_args!("{self}"))
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
