//! A document of any kind.

use std::borrow::Cow;

use super::document_error::LineProblem;
use super::onion::OnionDescriptor;
use super::{
    BandwidthFile, BridgeNetworkStatus, Consensus, ConsensusDiff, DetachedSignatures,
    DocumentError, DocumentKind, ExitList, ExtraInfo, KeyCertificate, Microdescriptor,
    NetworkStatusV2, OnionDescriptorV2, RawDocument, ServerDescriptor, Vote,
};

/// A document of any kind, as [`RawDocument::parse`] returns it.
///
/// ```
/// use scape_proto::netdoc::{Document, DocumentSplitter};
///
/// let mut splitter = DocumentSplitter::default();
/// splitter.feed(b"@type server-descriptor 1.0\nrouter relay04 127.0.0.14 9004 0 0\n");
/// splitter.finish();
/// while let Some(raw) = splitter.next_document()? {
///     match raw.parse()? {
///         Document::ServerDescriptor(relay) => assert_eq!(relay.nickname, Some("relay04")),
///         other => println!("a {}", other.kind()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Document<'a> {
    /// A relay's or a bridge's description of itself.
    ServerDescriptor(Box<ServerDescriptor<'a>>),
    /// The statistics that a relay or a bridge publishes about itself.
    ExtraInfo(Box<ExtraInfo<'a>>),
    /// The part of a server descriptor that clients need.
    Microdescriptor(Box<Microdescriptor<'a>>),
    /// A consensus of either flavor.
    Consensus(Box<Consensus<'a>>),
    /// An authority's vote.
    Vote(Box<Vote<'a>>),
    /// The bridges that a bridge authority knows.
    BridgeNetworkStatus(Box<BridgeNetworkStatus<'a>>),
    /// A network status of version 2.
    NetworkStatusV2(Box<NetworkStatusV2<'a>>),
    /// An authority's certificate.
    KeyCertificate(Box<KeyCertificate<'a>>),
    /// Signatures of a consensus that is not yet published.
    DetachedSignatures(Box<DetachedSignatures<'a>>),
    /// The difference between two consensuses.
    ConsensusDiff(Box<ConsensusDiff<'a>>),
    /// Bandwidths that a scanner measured.
    BandwidthFile(Box<BandwidthFile<'a>>),
    /// Addresses from which exits connect.
    ExitList(Box<ExitList<'a>>),
    /// The descriptor of an onion service of version 3.
    OnionDescriptor(Box<OnionDescriptor<'a>>),
    /// The descriptor of an onion service of version 2.
    OnionDescriptorV2(Box<OnionDescriptorV2<'a>>),
}

/// Parses a text as a document of the kind `$kind`, with the function `$parse`
/// of the kind's type: `parse` or `parse_strict`.
macro_rules! parse_as {
    ($kind:expr, $text:expr, $parse:ident; $($name:ident),*) => {
        match $kind {
            $(DocumentKind::$name => $name::$parse($text).map(Box::new).map(Document::$name),)*
            // A diff is always parsed strictly, because each line counts.
            DocumentKind::ConsensusDiff => {
                ConsensusDiff::parse($text).map(Box::new).map(Document::ConsensusDiff)
            }
            kind => Err(unsupported(kind)),
        }
    };
}

macro_rules! parse_with {
    ($kind:expr, $text:expr, $parse:ident) => {
        parse_as!($kind, $text, $parse;
            ServerDescriptor, ExtraInfo, Microdescriptor, Consensus, Vote, BridgeNetworkStatus,
            NetworkStatusV2, KeyCertificate, DetachedSignatures, BandwidthFile, ExitList,
            OnionDescriptor, OnionDescriptorV2)
    };
}

impl<'a> Document<'a> {
    /// Parses a document of a known kind leniently: malformed lines are
    /// skipped.
    ///
    /// ```
    /// use scape_proto::netdoc::{Document, DocumentKind};
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\n";
    /// let document = Document::parse(DocumentKind::ServerDescriptor, text)?;
    /// assert_eq!(document.kind(), DocumentKind::ServerDescriptor);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin like a document of this kind,
    /// or if the library can't parse this kind by itself. A consensus, a vote
    /// or a network status of version 2 must also have the right version and
    /// status. For a [`ConsensusDiff`], the first malformed line is an error.
    pub fn parse(kind: DocumentKind, text: &'a [u8]) -> Result<Self, DocumentError> {
        parse_with!(kind, text, parse)
    }

    /// Parses a document of a known kind, and checks the order, the number and
    /// the form of its lines.
    ///
    /// ```
    /// use scape_proto::netdoc::{Document, DocumentKind};
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\n";
    /// assert!(Document::parse_strict(DocumentKind::ServerDescriptor, text).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`parse`](Self::parse), and an error for the first line
    /// that breaks a rule of the document's specification.
    pub fn parse_strict(kind: DocumentKind, text: &'a [u8]) -> Result<Self, DocumentError> {
        parse_with!(kind, text, parse_strict)
    }

    /// Returns the kind of the document.
    pub fn kind(&self) -> DocumentKind {
        match self {
            Document::ServerDescriptor(_) => DocumentKind::ServerDescriptor,
            Document::ExtraInfo(_) => DocumentKind::ExtraInfo,
            Document::Microdescriptor(_) => DocumentKind::Microdescriptor,
            Document::Consensus(_) => DocumentKind::Consensus,
            Document::Vote(_) => DocumentKind::Vote,
            Document::BridgeNetworkStatus(_) => DocumentKind::BridgeNetworkStatus,
            Document::NetworkStatusV2(_) => DocumentKind::NetworkStatusV2,
            Document::KeyCertificate(_) => DocumentKind::KeyCertificate,
            Document::DetachedSignatures(_) => DocumentKind::DetachedSignatures,
            Document::ConsensusDiff(_) => DocumentKind::ConsensusDiff,
            Document::BandwidthFile(_) => DocumentKind::BandwidthFile,
            Document::ExitList(_) => DocumentKind::ExitList,
            Document::OnionDescriptor(_) => DocumentKind::OnionDescriptor,
            Document::OnionDescriptorV2(_) => DocumentKind::OnionDescriptorV2,
        }
    }

    /// Returns the lines that the lenient parser skipped, each with the reason.
    /// The list is empty after a strict parsing.
    ///
    /// Entries of relays are parsed later, so their lines aren't in the list.
    ///
    /// ```
    /// use scape_proto::netdoc::{Document, DocumentKind};
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nuptime soon\n";
    /// let document = Document::parse(DocumentKind::ServerDescriptor, text)?;
    /// assert_eq!(document.skipped()[0].keyword(), "uptime");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn skipped(&self) -> Cow<'_, [DocumentError]> {
        let skipped = match self {
            Document::ServerDescriptor(document) => document.skipped(),
            Document::ExtraInfo(document) => document.skipped(),
            Document::Microdescriptor(document) => return Cow::Owned(document.skipped()),
            Document::Consensus(document) => document.skipped(),
            Document::Vote(document) => document.skipped(),
            Document::BridgeNetworkStatus(document) => document.skipped(),
            Document::NetworkStatusV2(document) => document.skipped(),
            Document::KeyCertificate(document) => document.skipped(),
            Document::DetachedSignatures(document) => document.skipped(),
            // A diff is always parsed strictly.
            Document::ConsensusDiff(_) => &[],
            Document::BandwidthFile(document) => document.skipped(),
            Document::ExitList(document) => document.skipped(),
            Document::OnionDescriptor(document) => document.skipped(),
            Document::OnionDescriptorV2(document) => document.skipped(),
        };
        Cow::Borrowed(skipped)
    }
}

/// Returns the error for a kind that can't be parsed.
fn unsupported(kind: DocumentKind) -> DocumentError {
    DocumentError::new(kind, None, b"", LineProblem::Unsupported)
}

impl RawDocument {
    /// Parses the document leniently: malformed lines are skipped.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.feed(b"@type torperf 1.0\nSOURCE=x\n");
    /// splitter.finish();
    /// let raw = splitter.next_document()?.expect("a document");
    /// assert!(raw.parse().is_err()); // a kind that the library doesn't know
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the [`kind`](Self::kind) is unknown. Otherwise the
    /// same errors as [`Document::parse`], most often a text that doesn't begin
    /// like a document of its kind.
    pub fn parse(&self) -> Result<Document<'_>, DocumentError> {
        Document::parse(self.kind().unwrap_or(DocumentKind::Unknown), self.text())
    }

    /// Parses the document, and checks the order, the number and the form of
    /// its lines.
    ///
    /// ```
    /// use scape_proto::netdoc::DocumentSplitter;
    ///
    /// let mut splitter = DocumentSplitter::default();
    /// splitter.feed(b"router relay04 127.0.0.14 9004 0 0\n");
    /// splitter.finish();
    /// let raw = splitter.next_document()?.expect("a document");
    /// assert!(raw.parse().is_ok() && raw.parse_strict().is_err());
    /// # Ok::<(), scape_proto::netdoc::DocumentTooLong>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`parse`](Self::parse), and an error for the first line
    /// that breaks a rule of the document's specification.
    pub fn parse_strict(&self) -> Result<Document<'_>, DocumentError> {
        Document::parse_strict(self.kind().unwrap_or(DocumentKind::Unknown), self.text())
    }
}
