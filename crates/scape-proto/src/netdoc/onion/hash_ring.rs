//! The order in which relays store descriptors: rend-spec-v3, "Where to publish
//! a hidden service descriptor".

use std::fmt;

use sha3::{Digest, Sha3_256};

use super::{BlindedPublicKey, RingPeriod, TimePeriod};

/// The relays that store descriptors in a time period, in the order of their
/// [indices](relay_index), which are hashes of 32 bytes.
///
/// ```
/// use scape_proto::netdoc::Consensus;
/// use scape_proto::netdoc::onion::{BlindedPublicKey, HashRing, HsDirParams};
/// use scape_proto::word::OnionKey;
///
/// let text = b"network-status-version 3\nvote-status consensus\n\
///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
/// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
/// let fetch = params.fetch();
/// let ring = HashRing::new(&fetch, (0..9).map(|number| ([number; 32], number)));
/// let address = OnionKey::from_seed(&[7; 32]).address();
/// let key = BlindedPublicKey::new(&address, fetch.period);
/// let relays = ring.responsible(&key, params.replicas, params.spread_fetch);
/// assert_eq!(relays.len(), 6);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
pub struct HashRing<T> {
    period: TimePeriod,
    /// The relays, sorted by their indices.
    relays: Vec<([u8; 32], T)>,
}

impl<T> HashRing<T> {
    /// Sorts relays for a time period. Each relay is given by its Ed25519
    /// identity key and any value that stands for the relay.
    ///
    /// Pass all relays with the flag HSDir that support the subprotocol version
    /// HSDir=2. If a single relay is missing, the ring may be wrong.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::{HashRing, HsDirParams};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// let ring = HashRing::new(&params.fetch(), [([1; 32], "relay01"), ([2; 32], "relay02")]);
    /// assert_eq!(ring.iter().count(), 2);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn new(period: &RingPeriod, relays: impl IntoIterator<Item = ([u8; 32], T)>) -> Self {
        let shared_random = &period.shared_random;
        let period = period.period;
        let index = |(identity, relay)| (relay_index(&identity, shared_random, period), relay);
        let mut relays: Vec<([u8; 32], T)> = relays.into_iter().map(index).collect();
        relays.sort_by_key(|(index, _)| *index);
        HashRing { period, relays }
    }

    /// Returns the relays that are responsible for a service's descriptor, each
    /// one once: for each replica, the `spread` relays after the service's
    /// index that aren't responsible for an earlier replica.
    ///
    /// With [`spread_fetch`](super::HsDirParams::spread_fetch) as `spread`,
    /// returns the relays of which a client asks one. With
    /// [`spread_store`](super::HsDirParams::spread_store), returns the relays
    /// to all of which a service uploads.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::{BlindedPublicKey, HashRing, HsDirParams};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// let ring = HashRing::new(&params.fetch(), [([1; 32], "relay01"), ([2; 32], "relay02")]);
    /// let key = BlindedPublicKey::from_bytes([7; 32]);
    /// assert_eq!(ring.responsible(&key, 2, 3).len(), 2);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn responsible(&self, key: &BlindedPublicKey, replicas: u8, spread: u8) -> Vec<&T> {
        self.replicas(key, replicas, spread).into_iter().flatten().collect()
    }

    /// Returns the relays that are responsible for a service's descriptor, a
    /// list for each replica. See [`responsible`](Self::responsible).
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::{BlindedPublicKey, HashRing, HsDirParams};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// let ring = HashRing::new(&params.fetch(), (0..5).map(|number| ([number; 32], number)));
    /// let key = BlindedPublicKey::from_bytes([7; 32]);
    /// let lengths = ring.replicas(&key, 2, 3).into_iter().map(|relays| relays.len());
    /// assert_eq!(lengths.collect::<Vec<_>>(), [3, 2]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn replicas(&self, key: &BlindedPublicKey, replicas: u8, spread: u8) -> Vec<Vec<&T>> {
        let mut is_chosen = vec![false; self.relays.len()];
        let mut lists = Vec::new();
        for replica in 1..=replicas {
            let mut list = Vec::new();
            let index = service_index(key, replica, self.period);
            let start = self.relays.partition_point(|(other, _)| *other < index);
            let (before, after) = self.relays.split_at_checked(start).unwrap_or_default();
            let (chosen_before, chosen_after) =
                is_chosen.split_at_mut_checked(start).unwrap_or_default();
            let relays = after.iter().chain(before);
            let chosen = chosen_after.iter_mut().chain(chosen_before);
            let free = relays.zip(chosen).filter(|(_, is_chosen)| !**is_chosen);
            for ((_, relay), is_chosen) in free.take(usize::from(spread)) {
                *is_chosen = true;
                list.push(relay);
            }
            lists.push(list);
        }
        lists
    }

    /// Returns the relays with their indices, in the order of the ring.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    /// use scape_proto::netdoc::onion::{HashRing, HsDirParams};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
    /// let params = HsDirParams::new(&Consensus::parse(text)?).expect("the consensus has times");
    /// let ring = HashRing::new(&params.fetch(), (0..9).map(|number| ([number; 32], number)));
    /// assert!(ring.iter().is_sorted_by_key(|(index, _)| index));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&[u8; 32], &T)> {
        self.relays.iter().map(|(index, relay)| (index, relay))
    }

    /// Returns the time period of the ring.
    pub fn period(&self) -> TimePeriod {
        self.period
    }
}

impl<T> fmt::Debug for HashRing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashRing")
            .field("period", &self.period)
            .field("relays", &self.relays.len())
            .finish()
    }
}

/// Returns the place of a relay on the ring: `hs_relay_index` in rend-spec-v3.
///
/// ```
/// use scape_proto::netdoc::onion::{TimePeriod, relay_index};
///
/// let index = relay_index(&[0x42; 32], &[0x43; 32], TimePeriod { number: 42, minutes: 1440 });
/// assert_eq!(index[..2], [0xdb, 0x47]);
/// ```
pub fn relay_index(identity: &[u8; 32], shared_random: &[u8; 32], period: TimePeriod) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(b"node-idx");
    hash.update(identity);
    hash.update(shared_random);
    hash.update(period.number.to_be_bytes());
    hash.update(u64::from(period.minutes).to_be_bytes());
    hash.finalize().into()
}

/// Returns the place of a service's descriptor on the ring: `hs_service_index`
/// in rend-spec-v3. Replicas are counted from 1.
///
/// ```
/// use scape_proto::netdoc::onion::{BlindedPublicKey, TimePeriod, service_index};
///
/// let key = BlindedPublicKey::from_bytes([0x42; 32]);
/// let index = service_index(&key, 1, TimePeriod { number: 42, minutes: 1440 });
/// assert_eq!(index[..2], [0x37, 0xe5]);
/// ```
pub fn service_index(key: &BlindedPublicKey, replica: u8, period: TimePeriod) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(b"store-at-idx");
    hash.update(key.as_bytes());
    hash.update(u64::from(replica).to_be_bytes());
    hash.update(u64::from(period.minutes).to_be_bytes());
    hash.update(period.number.to_be_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::Consensus;
    use crate::netdoc::onion::HsDirParams;
    use proptest::prelude::*;

    const PERIOD: TimePeriod = TimePeriod { number: 42, minutes: 1440 };

    fn ring_period() -> RingPeriod {
        let text = b"network-status-version 3\nvote-status consensus\n\
            valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
        HsDirParams::new(&Consensus::parse(text).unwrap()).unwrap().fetch()
    }

    #[test]
    fn indices_match_the_tests_of_tor() {
        // tor's src/test/test_hs_common.c, test_hs_indexes.
        let key = BlindedPublicKey::from_bytes([0x42; 32]);
        assert_eq!(
            hex::encode(service_index(&key, 1, PERIOD)),
            "37e5cbbd56a22823714f18f1623ece5983a0d64c78495a8cfab854245e5f9a8a",
        );
        assert_eq!(
            hex::encode(relay_index(&[0x42; 32], &[0x43; 32], PERIOD)),
            "db475361014a09965e7e5e4d4a25b8f8d4b8f16cb1d8a7e95eed50249cc1a2d5",
        );
    }

    #[test]
    fn replicas_share_no_relays() {
        let period = ring_period();
        let key = BlindedPublicKey::from_bytes([7; 32]);
        let ring = HashRing::new(&period, (0..100).map(|number| ([number; 32], number)));
        assert_eq!(ring.responsible(&key, 16, 128).len(), 100);
        assert!(ring.responsible(&key, 0, 3).is_empty());
        let empty: HashRing<u8> = HashRing::new(&period, []);
        assert!(empty.responsible(&key, 2, 3).is_empty());
    }

    #[test]
    fn relay_with_the_index_of_the_service_is_the_first() {
        let key = BlindedPublicKey::from_bytes([7; 32]);
        let index = service_index(&key, 1, PERIOD);
        let mut before = index;
        before[31] = before[31].wrapping_sub(1);
        let relays = vec![([0; 32], "a"), (before, "b"), (index, "c"), ([0xff; 32], "d")];
        let ring = HashRing { period: PERIOD, relays };
        assert_eq!(ring.responsible(&key, 1, 3), [&"c", &"d", &"a"]);
    }

    proptest! {
        /// Compares with a slow implementation that follows the text of
        /// rend-spec-v3.
        #[test]
        fn responsible_relays_equal_those_of_a_slow_search(
            relays in prop::collection::vec(any::<[u8; 32]>(), 0..40),
            key: [u8; 32],
            replicas in 1u8..5,
            spread in 1u8..6,
        ) {
            let period = ring_period();
            let key = BlindedPublicKey::from_bytes(key);
            let ring = HashRing::new(&period, relays.iter().map(|identity| (*identity, *identity)));
            let mut expected: Vec<[u8; 32]> = Vec::new();
            for replica in 1..=replicas {
                let start = service_index(&key, replica, period.period);
                let mut left: Vec<_> = relays
                    .iter()
                    .map(|id| (relay_index(id, &period.shared_random, period.period), *id))
                    .filter(|(_, id)| !expected.contains(id))
                    .map(|(index, id)| (index < start, index, id))
                    .collect();
                left.sort();
                expected.extend(left.iter().take(usize::from(spread)).map(|(_, _, id)| *id));
            }
            let found: Vec<[u8; 32]> =
                ring.responsible(&key, replicas, spread).into_iter().copied().collect();
            prop_assert_eq!(found, expected);
        }
    }
}
