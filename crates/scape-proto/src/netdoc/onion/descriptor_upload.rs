//! The descriptors that a service publishes: rend-spec-v3, "Service behavior
//! for uploading descriptors".

use std::fmt;
use std::time::SystemTime;

use super::{BlindedSecretKey, HsDirs, RingPeriod, revision_counter};
use crate::word::{Fingerprint, OnionKey};

/// A descriptor that a service publishes: its time period, its key and the
/// directories that store it. [`HsDirs::uploads`] returns it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::Directory;
/// use scape_proto::netdoc::onion::{HsDirs, OnionDescriptorBuilder};
/// use scape_proto::word::OnionKey;
///
/// # let consensus = include_bytes!(concat!(
/// #     env!("CARGO_MANIFEST_DIR"),
/// #     "/tests/data/documents/consensus-microdesc"
/// # ));
/// # let microdescriptors = include_bytes!(concat!(
/// #     env!("CARGO_MANIFEST_DIR"),
/// #     "/tests/data/documents/microdescriptors"
/// # ));
/// let directory = Directory::parse(consensus, microdescriptors)?;
/// let hs_dirs = HsDirs::new(&directory).expect("the consensus has times");
/// let key = OnionKey::random();
/// let now = SystemTime::now();
/// for upload in hs_dirs.uploads(&key) {
///     let text = OnionDescriptorBuilder::default().build_random(
///         &key.address(),
///         &upload.key,
///         upload.revision_counter(now),
///         now + Duration::from_secs(54 * 3600),
///     )?;
///     for directory in upload.directories() {
///         println!("{directory} stores {} bytes", text.len());
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct DescriptorUpload {
    /// The time period in which clients fetch the descriptor.
    pub period: RingPeriod,
    /// The service's key in this period.
    pub key: BlindedSecretKey,
    /// The directories that store the descriptor: a list for each replica.
    pub replicas: Vec<Vec<Fingerprint>>,
}

impl HsDirs {
    /// Returns the two descriptors that a service publishes. Clients with an
    /// older or a newer consensus find one of them.
    ///
    /// A service must make both descriptors again if a new consensus changes
    /// the result, and before the directories forget them.
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
    /// use scape_proto::word::OnionKey;
    ///
    /// # let consensus = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/consensus-microdesc"
    /// # ));
    /// # let microdescriptors = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/microdescriptors"
    /// # ));
    /// let directory = Directory::parse(consensus, microdescriptors)?;
    /// let hs_dirs = HsDirs::new(&directory).expect("the consensus has times");
    /// let [earlier, later] = hs_dirs.uploads(&OnionKey::from_seed(&[7; 32]));
    /// assert_eq!(earlier.period.period.next(), later.period.period);
    /// assert_eq!(earlier.replicas.len(), 2);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn uploads(&self, key: &OnionKey) -> [DescriptorUpload; 2] {
        let params = self.params();
        params.uploads().map(|period| {
            let key = BlindedSecretKey::new(key, period.period);
            let ring = self.ring(&period);
            let lists = ring.replicas(&key.public_key(), params.replicas, params.spread_store);
            let replicas =
                lists.into_iter().map(|list| list.into_iter().copied().collect()).collect();
            DescriptorUpload { period, key, replicas }
        })
    }
}

impl DescriptorUpload {
    /// Returns the revision counter of a descriptor that is made at the time
    /// `now`. A descriptor that is made at least a second later has a higher
    /// counter. See [`revision_counter()`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
    /// use scape_proto::word::OnionKey;
    ///
    /// # let consensus = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/consensus-microdesc"
    /// # ));
    /// # let microdescriptors = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/microdescriptors"
    /// # ));
    /// let directory = Directory::parse(consensus, microdescriptors)?;
    /// let hs_dirs = HsDirs::new(&directory).expect("the consensus has times");
    /// let [upload, _] = hs_dirs.uploads(&OnionKey::from_seed(&[7; 32]));
    /// let now = hs_dirs.params().valid_after;
    /// let later = now + Duration::from_secs(1);
    /// assert!(upload.revision_counter(now) < upload.revision_counter(later));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn revision_counter(&self, now: SystemTime) -> u64 {
        let elapsed = now.duration_since(self.period.run_start).unwrap_or_default();
        revision_counter(&self.key, elapsed)
    }

    /// Returns the directories of all replicas, each one once.
    pub fn directories(&self) -> impl Iterator<Item = Fingerprint> {
        self.replicas.iter().flatten().copied()
    }

    /// Divides the directories among several different descriptors, so that
    /// each directory stores one of the descriptors. Each client gets its
    /// descriptor from one directory, so it finds one of the descriptors.
    ///
    /// Returns a list of directories for each descriptor. If there are more
    /// descriptors than directories, returns only as many lists as there are
    /// directories. With two descriptors and two replicas, the first descriptor
    /// gets the directories of the first replica, and the second one those of
    /// the second.
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
    /// use scape_proto::word::OnionKey;
    ///
    /// # let consensus = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/consensus-microdesc"
    /// # ));
    /// # let microdescriptors = include_bytes!(concat!(
    /// #     env!("CARGO_MANIFEST_DIR"),
    /// #     "/tests/data/documents/microdescriptors"
    /// # ));
    /// let directory = Directory::parse(consensus, microdescriptors)?;
    /// let hs_dirs = HsDirs::new(&directory).expect("the consensus has times");
    /// let [upload, _] = hs_dirs.uploads(&OnionKey::from_seed(&[7; 32]));
    /// assert_eq!(upload.divide(2), upload.replicas);
    /// assert_eq!(upload.divide(1)[0].len(), upload.directories().count());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn divide(&self, descriptors: usize) -> Vec<Vec<Fingerprint>> {
        let count = descriptors.clamp(1, self.directories().count().max(1));
        let mut lists = vec![Vec::new(); count];
        let longest = self.replicas.iter().map(Vec::len).max().unwrap_or(0);
        // Clients ask the first directories of each replica only. So the first
        // ones are dealt first.
        let positions = (0..longest).flat_map(|position| {
            self.replicas.iter().filter_map(move |replica| replica.get(position))
        });
        for (number, directory) in positions.enumerate() {
            if let Some(list) = lists.get_mut(number % count) {
                list.push(*directory);
            }
        }
        lists
    }
}

impl fmt::Debug for DescriptorUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescriptorUpload")
            .field("period", &self.period)
            .field("key", &self.key.public_key())
            .field("replicas", &self.replicas)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::Directory;
    use crate::netdoc::onion::BlindedPublicKey;
    use proptest::prelude::*;

    fn upload(replicas: Vec<Vec<Fingerprint>>) -> DescriptorUpload {
        let text = b"network-status-version 3\nvote-status consensus\n\
            valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
        let hs_dirs = HsDirs::new(&Directory::parse(text, b"").unwrap()).unwrap();
        let [upload, _] = hs_dirs.uploads(&OnionKey::from_seed(&[7; 32]));
        DescriptorUpload { replicas, ..upload }
    }

    fn fingerprint(replica: usize, position: usize) -> Fingerprint {
        let mut bytes = [0; 20];
        bytes[0] = u8::try_from(replica).unwrap();
        bytes[1] = u8::try_from(position).unwrap();
        Fingerprint::from_bytes(bytes)
    }

    #[test]
    fn uploads_are_stored_where_clients_fetch() {
        let consensus = include_bytes!("../../../tests/data/documents/consensus-microdesc");
        let microdescriptors = include_bytes!("../../../tests/data/documents/microdescriptors");
        let directory = Directory::parse(consensus, microdescriptors).unwrap();
        let hs_dirs = HsDirs::new(&directory).unwrap().for_testing_network();
        let key = OnionKey::from_seed(&[7; 32]);
        let fetch = hs_dirs.params().fetch();
        let uploads = hs_dirs.uploads(&key);
        let upload = uploads.iter().find(|upload| upload.period == fetch).unwrap();
        let expected = BlindedPublicKey::new(&key.address(), fetch.period);
        assert_eq!(upload.key.public_key(), expected);
        let stored: Vec<Fingerprint> = upload.directories().collect();
        let asked = hs_dirs.responsible(&key.address());
        assert_eq!(asked.len(), 6);
        assert!(asked.iter().all(|directory| stored.contains(directory)));
        assert!(!format!("{upload:?}").contains("redacted"));
    }

    #[test]
    fn six_descriptors_have_one_of_the_asked_directories_each() {
        let replica = |replica| (0..4).map(|position| fingerprint(replica, position)).collect();
        let upload = upload(vec![replica(0), replica(1)]);
        let lists = upload.divide(6);
        for (number, list) in lists.iter().enumerate() {
            assert_eq!(list[0], fingerprint(number % 2, number / 2));
        }
        assert!(upload.divide(0).concat().len() == 8 && upload.divide(99).len() == 8);
    }

    #[test]
    fn upload_without_directories_is_divided_into_an_empty_list() {
        assert_eq!(upload(Vec::new()).divide(3), [Vec::new()]);
        assert_eq!(upload(vec![Vec::new(), Vec::new()]).divide(3), [Vec::new()]);
    }

    proptest! {
        #[test]
        fn each_directory_is_in_one_list(
            lengths in prop::collection::vec(0usize..6, 0..5),
            descriptors in 0usize..12,
        ) {
            let replica = |(replica, length): (usize, &usize)| {
                (0..*length).map(|position| fingerprint(replica, position)).collect()
            };
            let upload = upload(lengths.iter().enumerate().map(replica).collect());
            let lists = upload.divide(descriptors);
            let total: usize = lengths.iter().sum();
            prop_assert_eq!(lists.len(), descriptors.clamp(1, total.max(1)));
            prop_assert!(total == 0 || lists.iter().all(|list| !list.is_empty()));
            let mut dealt = lists.concat();
            dealt.sort_unstable();
            let mut all: Vec<Fingerprint> = upload.directories().collect();
            all.sort_unstable();
            prop_assert_eq!(dealt, all);
        }
    }
}
