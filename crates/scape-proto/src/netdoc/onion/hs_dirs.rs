//! The relays that store descriptors: rend-spec-v3, "Where to publish a hidden
//! service descriptor".

use std::fmt;

use super::{BlindedPublicKey, HashRing, HsDirParams, RingPeriod};
use crate::netdoc::{Directory, Relay, RouterFlags};
use crate::word::{Fingerprint, OnionAddress};

/// The onion service directories (HSDirs) of a consensus: the relays that store
/// the descriptors of onion services.
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
/// let address = OnionKey::from_seed(&[7; 32]).address();
/// for directory in hs_dirs.responsible(&address) {
///     println!("a client may ask {directory} for the descriptor");
/// }
/// # assert_eq!(hs_dirs.responsible(&address).len(), 6);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone)]
pub struct HsDirs {
    params: HsDirParams,
    /// The Ed25519 identities and the fingerprints of the directories.
    relays: Vec<([u8; 32], Fingerprint)>,
    missing: usize,
}

impl HsDirs {
    /// Returns the onion service directories of a consensus: the relays with
    /// the flag HSDir that support the subprotocol version HSDir=2.
    ///
    /// The Ed25519 identities are in the microdescriptors. If the directory
    /// lacks some of them, the relays found for a service may be wrong: see
    /// [`missing`](Self::missing). Returns `None` if the consensus lacks a time
    /// that [`HsDirParams::of_directory`] needs.
    ///
    /// For a network with the option `TestingTorNetwork`, call
    /// [`for_testing_network`](Self::for_testing_network), too.
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";
    /// let hs_dirs = HsDirs::new(&Directory::parse(text, b"")?).expect("the consensus has times");
    /// assert!(hs_dirs.is_empty());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn new(directory: &Directory) -> Option<Self> {
        let params = HsDirParams::of_directory(directory)?;
        let (mut relays, mut missing) = (Vec::new(), 0);
        for relay in directory.relays().iter().filter(|relay| stores_descriptors(relay)) {
            match relay.ed25519() {
                Some(identity) => relays.push((identity, relay.fingerprint())),
                None if !relay.has_microdescriptor() => missing += 1,
                None => {}
            }
        }
        Some(HsDirs { params, relays, missing })
    }

    /// Sets the length of a time period as tor does with the option
    /// `TestingTorNetwork`: see [`HsDirParams::for_testing_network`].
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 03:00:10\n";
    /// let hs_dirs = HsDirs::new(&Directory::parse(text, b"")?).expect("the consensus has times");
    /// assert_eq!(hs_dirs.for_testing_network().params().period_minutes, 4);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    #[must_use]
    pub fn for_testing_network(mut self) -> Self {
        self.params = self.params.for_testing_network();
        self
    }

    /// Returns the values of the consensus that determine where descriptors are
    /// stored.
    pub fn params(&self) -> &HsDirParams {
        &self.params
    }

    /// Returns the number of directories.
    pub fn len(&self) -> usize {
        self.relays.len()
    }

    /// Returns true if there are no directories.
    pub fn is_empty(&self) -> bool {
        self.relays.is_empty()
    }

    /// Returns the number of directories that were left out because their
    /// microdescriptors aren't known.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Returns the directories in the order in which they store descriptors in
    /// a time period.
    ///
    /// ```
    /// use scape_proto::netdoc::Directory;
    /// use scape_proto::netdoc::onion::HsDirs;
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
    /// let ring = hs_dirs.ring(&hs_dirs.params().fetch());
    /// assert_eq!(ring.iter().count(), hs_dirs.len());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn ring(&self, period: &RingPeriod) -> HashRing<Fingerprint> {
        HashRing::new(period, self.relays.iter().copied())
    }

    /// Returns the directories that clients ask for a service's descriptor.
    /// Each client asks them in random order until one of them returns the
    /// descriptor.
    ///
    /// tor's HSFETCH asks the same directories. To ask one of them more often
    /// than tor does, name it in the command.
    ///
    /// See the example of [`HsDirs`].
    pub fn responsible(&self, address: &OnionAddress) -> Vec<Fingerprint> {
        let fetch = self.params.fetch();
        let key = BlindedPublicKey::new(address, fetch.period);
        let ring = self.ring(&fetch);
        let relays = ring.responsible(&key, self.params.replicas, self.params.spread_fetch);
        relays.into_iter().copied().collect()
    }
}

/// Returns true if the relay stores descriptors of onion services: it has the
/// flag HSDir and supports HSDir=2.
fn stores_descriptors(relay: &Relay) -> bool {
    relay.flags().contains(RouterFlags::HSDIR)
        && relay.protocols().is_some_and(|protocols| protocols.supports("HSDir", 2))
}

impl fmt::Debug for HsDirs {
    /// Writes everything except the relays, because there are thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HsDirs")
            .field("params", &self.params)
            .field("relays", &self.relays.len())
            .field("missing", &self.missing)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "network-status-version 3 microdesc\nvote-status consensus\n\
        valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n";

    fn hs_dirs(flags: &str, protocols: &str, microdescriptors: &[u8]) -> HsDirs {
        let text = format!(
            "{HEAD}r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
             m zMLpcmMUuLZHvKNo1yGyLnxMf9pcqPmSe8f19bDTgQs\ns {flags}\n{protocols}directory-footer\n"
        );
        HsDirs::new(&Directory::parse(text.as_bytes(), microdescriptors).unwrap()).unwrap()
    }

    #[test]
    fn directories_have_the_flag_and_the_protocol() {
        let counts = |hs_dirs: HsDirs| (hs_dirs.len(), hs_dirs.missing());
        assert_eq!(counts(hs_dirs("HSDir", "pr HSDir=1-2\n", b"")), (0, 1));
        for (flags, protocols) in
            [("Fast", "pr HSDir=1-2\n"), ("HSDir", "pr HSDir=1\n"), ("HSDir", "")]
        {
            assert_eq!(counts(hs_dirs(flags, protocols, b"")), (0, 0), "{flags} {protocols}");
        }
    }

    #[test]
    fn directories_with_a_microdescriptor_are_on_the_ring() {
        let consensus = include_bytes!("../../../tests/data/documents/consensus-microdesc");
        let microdescriptors = include_bytes!("../../../tests/data/documents/microdescriptors");
        let directory = Directory::parse(consensus, microdescriptors).unwrap();
        let all = HsDirs::new(&directory).unwrap();
        assert!(all.len() >= 8, "{all:?}");
        assert_eq!(all.missing(), 0);
        let none = HsDirs::new(&Directory::parse(consensus, b"").unwrap()).unwrap();
        assert_eq!((none.len(), none.missing()), (0, all.len()));
    }

    #[test]
    fn consensus_without_times_has_no_directories() {
        let text = b"network-status-version 3\nvote-status consensus\n";
        assert!(HsDirs::new(&Directory::parse(text, b"").unwrap()).is_none());
    }
}
