//! The documents that are measured. They are made up, always with the same
//! bytes, and their signatures are valid.

mod descriptors;
mod extra_info;
mod keys;
mod microdescriptors;

use crate::relays::Relays;

/// The seed of everything random.
const SEED: u64 = 9_000;

/// A file with documents of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A consensus for microdescriptors.
    ConsensusMicrodesc,
    /// A consensus for server descriptors.
    ConsensusFull,
    /// Signed server descriptors. Only a few of them differ, because making
    /// keys takes long.
    ServerDescriptors,
    /// The same number of extra-info documents of the same relays.
    ExtraInfo,
    Microdescriptors,
}

impl Input {
    /// Returns the text with this number of relays.
    pub(crate) fn text(self, relays: usize) -> String {
        match self {
            Input::ConsensusMicrodesc => Relays::new(relays, SEED).consensus(),
            Input::ConsensusFull => Relays::new(relays, SEED).full_consensus(),
            Input::ServerDescriptors => descriptors::server_descriptors(relays),
            Input::ExtraInfo => descriptors::extra_info_documents(relays),
            Input::Microdescriptors => microdescriptors::microdescriptors(relays),
        }
    }
}
