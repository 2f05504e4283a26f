//! The kinds of directory documents.

use std::fmt;

/// A kind of directory document.
///
/// `Display` writes the name that error messages use, such as `server
/// descriptor`. With the feature `serde`, a kind is serialized like the field
/// `type` of a [`Document`](super::Document): `server_descriptor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DocumentKind {
    /// A relay's or a bridge's description of itself.
    ServerDescriptor,
    /// The statistics that a relay or a bridge publishes about itself.
    ExtraInfo,
    /// The part of a server descriptor that clients need.
    Microdescriptor,
    /// A consensus of either flavor.
    Consensus,
    /// An authority's vote.
    Vote,
    /// The bridges that a bridge authority knows.
    BridgeNetworkStatus,
    /// A network status of version 2, which tor used until 2014.
    NetworkStatusV2,
    /// A directory of version 1, which tor used until 2007. Such documents are
    /// recognized, but not parsed.
    DirectoryV1,
    /// A relay's entry in a consensus, a vote or another network status.
    RouterStatus,
    /// An authority's certificate.
    KeyCertificate,
    /// Signatures of a consensus that is not yet published.
    DetachedSignatures,
    /// The difference between two consensuses.
    ConsensusDiff,
    /// Bandwidths that a scanner measured.
    BandwidthFile,
    /// Addresses from which exits connect.
    ExitList,
    /// The descriptor of an onion service of version 3.
    OnionDescriptor,
    /// The first encrypted layer of an onion service's descriptor.
    OnionFirstLayer,
    /// The second encrypted layer of an onion service's descriptor.
    OnionSecondLayer,
    /// An introduction point in the second layer of an onion service's
    /// descriptor.
    IntroductionPoint,
    /// The descriptor of an onion service of version 2, which tor used until
    /// 2021.
    OnionDescriptorV2,
    /// A list of directory authorities or fallback directories.
    DirectoryList,
    /// A document of a kind that this version of the library doesn't know.
    Unknown,
}

impl DocumentKind {
    fn name(self) -> &'static str {
        match self {
            DocumentKind::ServerDescriptor => "server descriptor",
            DocumentKind::ExtraInfo => "extra-info document",
            DocumentKind::Microdescriptor => "microdescriptor",
            DocumentKind::Consensus => "consensus",
            DocumentKind::Vote => "vote",
            DocumentKind::BridgeNetworkStatus => "bridge network status",
            DocumentKind::NetworkStatusV2 => "network status of version 2",
            DocumentKind::DirectoryV1 => "directory of version 1",
            DocumentKind::RouterStatus => "router status entry",
            DocumentKind::KeyCertificate => "key certificate",
            DocumentKind::DetachedSignatures => "detached signatures",
            DocumentKind::ConsensusDiff => "consensus diff",
            DocumentKind::BandwidthFile => "bandwidth file",
            DocumentKind::ExitList => "exit list",
            DocumentKind::OnionDescriptor => "onion service descriptor",
            DocumentKind::OnionFirstLayer => "first layer of an onion service descriptor",
            DocumentKind::OnionSecondLayer => "second layer of an onion service descriptor",
            DocumentKind::IntroductionPoint => "introduction point",
            DocumentKind::OnionDescriptorV2 => "onion service descriptor of version 2",
            DocumentKind::DirectoryList => "list of directories",
            DocumentKind::Unknown => "unknown document",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
