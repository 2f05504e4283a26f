//! Directory documents: what the network says of its relays, bytes in, values
//! out. dir-spec.
//!
//! | type | what it is |
//! |---|---|
//! | [`RouterStatus`] | one relay's entry of a consensus, borrowed: also in `GETINFO ns/…` and the events NS and NEWCONSENSUS |
//! | [`RouterEntry`] | the same, to keep |
//! | [`Consensus`] | a consensus: its header, its footer, its entries |
//! | [`Microdescriptor`] | what clients know of a relay beside its entry |
//! | [`Directory`], [`Relay`] | both together, to keep: all that choosing a path needs |
//!
//! What is borrowed costs hardly more than finding the line ends. Nothing here
//! fails because of one bad line: an entry that cannot be read is left out, and
//! counted ([`RouterStatuses::skipped`]), or given as an error to who asks
//! ([`RouterStatuses::results`]). What this version of the library does not
//! know (lines, flags, words) is carried along.
//!
//! No signature is checked: tor has done so before it gives a document to
//! controllers.

mod address;
mod bandwidth_weights;
mod base64;
mod consensus;
mod descriptor_digest;
mod directory;
mod exit_policy;
mod family;
mod line;
mod microdescriptor;
mod port_policy;
mod protocols;
mod relay;
mod router_entry;
mod router_flags;
mod router_status;
mod router_statuses;
mod shared;
pub use descriptor_digest::{DescriptorDigest, ParseDescriptorDigestError};
pub use exit_policy::{
    AddressPattern, ExitAction, ExitPolicy, ExitRule, ParseExitPolicyError, PolicyProblem,
    PortRange,
};
pub use port_policy::{ParsePortPolicyError, PortPolicy};
pub use protocols::{ParseProtocolsError, Protocols};
pub use router_flags::RouterFlags;

pub use bandwidth_weights::BandwidthWeights;
pub use consensus::{
    Consensus, DirSource, DirectoryProblem, DirectorySignature, ParseDirectoryError,
};
pub use directory::Directory;
pub use family::FamilyMember;
pub use microdescriptor::{Microdescriptor, Microdescriptors};
pub use relay::Relay;
pub use router_entry::RouterEntry;
pub use router_status::RouterStatus;
pub use router_statuses::{ParseRouterStatusError, RouterStatusProblem, RouterStatuses};
