//! The documents that the benchmark reads. They are made up and have the same
//! bytes in each run. All signatures are valid, except for the vote's.

mod descriptors;
mod extra_info;
mod keys;
mod microdescriptors;
mod private_network;

use crate::relays::Relays;

/// The seed of the random numbers in the documents.
const SEED: u64 = 9_000;

/// The seed of the onion service's Ed25519 key.
pub(crate) const SERVICE: [u8; 32] = [3; 32];

/// The kind of a text with many documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A consensus in the `microdesc` flavor.
    ConsensusMicrodesc,
    /// A consensus in the `ns` flavor.
    ConsensusFull,
    /// Signed server descriptors. Only a few are different, because making keys
    /// takes long. The others are repetitions.
    ServerDescriptors,
    /// Signed extra-info documents of the same relays as those in
    /// `ServerDescriptors`.
    ExtraInfo,
    Microdescriptors,
    /// The vote of a directory authority. The signature is wrong.
    Vote,
    /// Copies of one descriptor of an onion service.
    OnionDescriptors,
}

impl Input {
    /// Returns a text with documents of this kind for `relays` relays. For
    /// `OnionDescriptors`, returns `relays` descriptors.
    pub(crate) fn text(self, relays: usize) -> String {
        match self {
            Input::ConsensusMicrodesc => Relays::new(relays, SEED).consensus(),
            Input::ConsensusFull => Relays::new(relays, SEED).full_consensus(),
            Input::ServerDescriptors => descriptors::server_descriptors(relays),
            Input::ExtraInfo => descriptors::extra_info_documents(relays),
            Input::Microdescriptors => microdescriptors::microdescriptors(relays),
            Input::Vote => private_network::vote(&Relays::new(relays, SEED).vote_entries()),
            Input::OnionDescriptors => private_network::onion_descriptors(relays),
        }
    }
}
