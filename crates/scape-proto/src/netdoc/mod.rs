//! Directory documents: parsers for the information that the Tor network
//! publishes about its relays and onion services. dir-spec and rend-spec-v3
//! describe these documents.
//!
//! # Documents of relays and bridges
//!
//! | type | content |
//! |---|---|
//! | [`ServerDescriptor`] | a relay's or a bridge's description of itself |
//! | [`ExtraInfo`] | the statistics that a relay or a bridge publishes about itself |
//! | [`Microdescriptor`] | the part of a server descriptor that clients need beside the consensus |
//!
//! # Documents of authorities
//!
//! | type | content |
//! |---|---|
//! | [`Consensus`] | a consensus of either flavor: header, entries and footer |
//! | [`RouterStatus`] | a relay's entry in a consensus or a vote; also used by `GETINFO ns/…` and the events NS and NEWCONSENSUS |
//! | [`ConsensusDiff`] | the difference between two consensuses, which can be applied |
//! | [`Vote`] | an authority's vote, from which the consensus is computed |
//! | [`DetachedSignatures`] | the signatures of a consensus that is not yet published |
//! | [`KeyCertificate`] | an authority's certificate |
//! | [`BridgeNetworkStatus`] | the bridges that a bridge authority knows |
//! | [`NetworkStatusV2`] | a network status of version 2, which tor used until 2014 |
//! | [`DirectoryList`] | tor's lists of [directory authorities](DirectoryAuthority) and [fallback directories](FallbackDirectory) |
//!
//! # Other documents
//!
//! | type | content |
//! |---|---|
//! | [`onion::OnionDescriptor`] | the descriptor of an onion service of version 3; [`onion`] has the types that open and make descriptors |
//! | [`OnionDescriptorV2`] | the descriptor of an onion service of version 2, which tor used until 2021 |
//! | [`BandwidthFile`] | bandwidths that a scanner measured; [`BandwidthFileBuilder`] makes such files |
//! | [`ExitList`] | addresses from which exits connect |
//!
//! # Working with documents
//!
//! | type | purpose |
//! |---|---|
//! | [`DocumentText`] | owns the text of documents, for example a GETINFO answer, and parses it |
//! | [`DocumentSplitter`] | cuts files and streams into [`RawDocument`]s, each of which is parsed as a [`Document`] |
//! | [`Item`] | a line with its object: the common format of all documents |
//! | [`Relay`] | an owned copy of a consensus entry, alone or together with the microdescriptor |
//! | [`Directory`] | all relays of a consensus with their microdescriptors: everything that path selection needs |
//! | [`Ed25519Certificate`] | a certificate in which an Ed25519 key signs another key |
//!
//! # Lenient and strict parsing
//!
//! Documents borrow their text, so parsing them copies little. The method
//! `parse` of each type is lenient: it skips malformed lines. The field of a
//! skipped line is `None` or empty, and `skipped` returns the reason. `parse`
//! fails only if the first line isn't the one that begins this kind of
//! document. For [`Consensus`], [`Vote`] and [`NetworkStatusV2`], it also fails
//! if the version or the line `vote-status` is wrong. A [`ConsensusDiff`] is
//! always parsed strictly, because each line counts.
//!
//! `parse_strict` checks the order, the number and the form of all lines, as
//! dir-spec demands. Lines, flags and words that this version of the library
//! doesn't know are kept and never an error.
//!
//! Entries of a consensus are parsed when the iterator reaches them. An entry
//! that can't be parsed is skipped and counted ([`RouterStatuses::skipped`]),
//! or returned as an error on request ([`RouterStatuses::results`]).
//!
//! # Signatures
//!
//! Parsing checks no signature. tor checks documents before it gives them to
//! controllers, but files may contain anything. With the feature `verify`,
//! documents have a method `verify`: for example [`ServerDescriptor`],
//! [`ExtraInfo`], [`Consensus`], [`Vote`] and [`KeyCertificate`]. It takes the
//! time at which certificates must be valid, and for documents of authorities
//! the authorities that you trust.

/// Implements `Debug` for documents that borrow their text. The implementation
/// formats only the text, because all other fields are parsed from it.
macro_rules! debug_as_text {
    ($($name:ident),*) => { $(
        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let text = String::from_utf8_lossy(self.text);
                f.debug_tuple(stringify!($name)).field(&text).finish()
            }
        }
    )* };
}

mod address;
mod annotations;
mod bandwidth_file;
mod bandwidth_history;
mod bandwidth_weights;
mod base64;
mod bridge_network_status;
mod certificate_type;
mod consensus;
mod consensus_diff;
mod consensus_flavor;
mod curve25519_key;
mod descriptor_digest;
mod detached_signatures;
mod digest;
mod dir_source;
mod directory;
mod directory_authority;
mod directory_list;
mod directory_server_error;
mod directory_signature;
mod document;
mod document_error;
mod document_kind;
mod document_text;
mod documents;
mod ed25519_certificate;
#[cfg(feature = "verify")]
mod ed25519_secret_key;
#[cfg(feature = "verify")]
mod ed25519_signature;
mod entry_form;
mod exit_list;
mod exit_policy;
mod extra_info;
mod fallback_directory;
mod family;
mod item;
mod key_certificate;
mod keyed;
mod line;
mod microdescriptor;
mod network_status_v2;
pub mod onion;
mod onion_descriptor_v2;
mod package;
mod port_policy;
mod protocols;
mod relay;
mod router_flags;
mod router_status;
mod router_status_error;
mod router_statuses;
mod rules;
#[cfg(feature = "serde")]
mod serial;
mod server_descriptor;
mod shared;
mod shared_random;
mod splitter;
mod status_header;
mod status_parts;
mod type_annotation;
mod value;
#[cfg(feature = "verify")]
mod verify;
mod vote;
mod vote_microdescriptor;

pub use bandwidth_file::{
    BandwidthFile, BandwidthFileBuilder, BandwidthFileVersion, BandwidthValue,
    ParseBandwidthFileVersionError, RelayBandwidth,
};
pub use bandwidth_history::BandwidthHistory;
pub use bandwidth_weights::BandwidthWeights;
pub use bridge_network_status::BridgeNetworkStatus;
pub use certificate_type::{CertificateType, CertifiedKeyType};
pub use consensus::Consensus;
pub use consensus_diff::{ApplyDiffError, ConsensusDiff};
pub use consensus_flavor::ConsensusFlavor;
pub use curve25519_key::ed25519_from_curve25519;
pub use descriptor_digest::{DescriptorDigest, ParseDescriptorDigestError};
pub use detached_signatures::{AdditionalDigest, AdditionalSignature, DetachedSignatures};
pub use dir_source::DirSource;
pub use directory::Directory;
pub use directory_authority::DirectoryAuthority;
pub use directory_list::DirectoryList;
pub use directory_server_error::ParseDirectoryServerError;
pub use directory_signature::DirectorySignature;
pub use document::Document;
pub use document_error::{DocumentError, LineProblem};
pub use document_kind::DocumentKind;
pub use document_text::{DocumentText, OwnedText};
pub use documents::Documents;
#[cfg(feature = "verify")]
pub use ed25519_certificate::CertificateError;
pub use ed25519_certificate::{
    CertificateExtension, Ed25519Certificate, ParseEd25519CertificateError,
};
#[cfg(feature = "verify")]
pub use ed25519_secret_key::Ed25519SecretKey;
pub use exit_list::{ExitAddress, ExitList, ExitNode};
pub use exit_policy::{
    AddressPattern, ExitAction, ExitPolicy, ExitRule, ParseExitPolicyError, PolicyProblem,
    PortRange,
};
pub use extra_info::{
    BridgeStats, CellStats, ConnectionStats, Deciles, DirreqCounts, DirreqStats, EntryStats,
    ExitStats, ExtraInfo, HiddenServiceStats, NamedCounts, ObfuscatedCount, OverloadFdExhausted,
    OverloadRateLimits, PaddingCounts, PortCounts, StatsPeriod, Transport, TransportInfo,
};
pub use fallback_directory::FallbackDirectory;
pub use family::FamilyMember;
pub use item::{Item, Items, Object};
pub use key_certificate::KeyCertificate;
pub use microdescriptor::{Microdescriptor, Microdescriptors};
pub use network_status_v2::NetworkStatusV2;
pub use onion_descriptor_v2::{IntroductionPointV2, OnionDescriptorV2};
pub use package::Package;
pub use port_policy::{ParsePortPolicyError, PortPolicy};
pub use protocols::{ParseProtocolsError, Protocols};
pub use relay::Relay;
pub use router_flags::RouterFlags;
pub use router_status::RouterStatus;
pub use router_status_error::{ParseRouterStatusError, RouterStatusProblem};
pub use router_statuses::RouterStatuses;
pub use server_descriptor::{Bandwidth, CrossCertificate, OverloadGeneral, ServerDescriptor};
pub use shared_random::{SharedRandomCommit, SharedRandomValue};
pub use splitter::{DocumentSplitter, DocumentTooLong, RawDocument};
pub use type_annotation::TypeAnnotation;
#[cfg(feature = "verify")]
pub use verify::{VerifyError, VerifyProblem};
pub use vote::Vote;
pub use vote_microdescriptor::VoteMicrodescriptor;
