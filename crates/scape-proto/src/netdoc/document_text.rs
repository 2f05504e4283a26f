//! Owned texts of documents that know the type of their documents.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::onion::OnionDescriptor;
use super::{
    BandwidthFile, Consensus, DetachedSignatures, DocumentError, Documents, ExtraInfo,
    KeyCertificate, Microdescriptor, Microdescriptors, RouterStatus, RouterStatuses,
    ServerDescriptor, Vote,
};

/// The text of one or several documents of the type `D`, as tor or a directory
/// server sent it.
///
/// Documents borrow their text. A `DocumentText` owns it, and has methods that
/// parse the documents. It dereferences to the bytes of the text.
///
/// ```
/// use scape_proto::netdoc::{DocumentText, ServerDescriptor};
///
/// let text = b"router relay04 127.0.0.14 9004 0 0\n".to_vec();
/// let text: DocumentText<ServerDescriptor<'static>> = DocumentText::new(text);
/// let relay = text.parse()?;
/// assert_eq!((relay.nickname, text.len()), (Some("relay04"), 35));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
pub struct DocumentText<D> {
    bytes: Vec<u8>,
    kind: PhantomData<fn() -> D>,
}

/// A type of document for [`DocumentText`]. The trait is sealed, so only this
/// crate implements it.
pub trait OwnedText: sealed::Sealed + 'static {
    /// The document, which borrows the text.
    type Document<'a>;
    /// An iterator over all documents in a text.
    type All<'a>: Iterator<Item = Self::Document<'a>>;

    /// Parses the text of one document leniently.
    fn parse(text: &[u8]) -> Result<Self::Document<'_>, DocumentError>;
    /// Parses the text of one document strictly.
    fn parse_strict(text: &[u8]) -> Result<Self::Document<'_>, DocumentError>;
    /// Parses all documents of a text leniently.
    fn parse_all(text: &[u8]) -> Self::All<'_>;
}

impl<D: OwnedText> DocumentText<D> {
    /// Creates a text from its bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::{DocumentText, Microdescriptor};
    ///
    /// let text = DocumentText::<Microdescriptor<'static>>::new(b"onion-key\nonion-key\n".to_vec());
    /// assert_eq!(text.documents().count(), 2);
    /// ```
    pub fn new(bytes: Vec<u8>) -> Self {
        DocumentText { bytes, kind: PhantomData }
    }

    /// Parses the text of one document. Malformed lines are skipped.
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, DocumentText};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n".to_vec();
    /// let text = DocumentText::<Consensus<'static>>::new(text);
    /// assert_eq!(text.parse()?.relays().count(), 0);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin like a document of this type,
    /// or if a consensus or a vote has another version or the wrong
    /// `vote-status`.
    pub fn parse(&self) -> Result<D::Document<'_>, DocumentError> {
        D::parse(&self.bytes)
    }

    /// Parses the text of one document, and checks the order, the number and
    /// the form of its lines.
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, DocumentText};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n".to_vec();
    /// let text = DocumentText::<Consensus<'static>>::new(text);
    /// assert!(text.parse_strict().is_err()); // most lines are missing
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of the document's
    /// specification.
    pub fn parse_strict(&self) -> Result<D::Document<'_>, DocumentError> {
        D::parse_strict(&self.bytes)
    }

    /// Returns an iterator over all documents in the text.
    ///
    /// ```
    /// use scape_proto::netdoc::{DocumentText, RouterStatus};
    ///
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n";
    /// let text = DocumentText::<RouterStatus<'static>>::new(text.to_vec());
    /// let names: Vec<&str> = text.documents().map(|relay| relay.nickname()).collect();
    /// assert_eq!(names, ["relay04"]);
    /// ```
    pub fn documents(&self) -> D::All<'_> {
        D::parse_all(&self.bytes)
    }

    /// Returns the bytes of the text.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<D> Deref for DocumentText<D> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<D> AsRef<[u8]> for DocumentText<D> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<D: OwnedText> From<DocumentText<D>> for Vec<u8> {
    fn from(text: DocumentText<D>) -> Vec<u8> {
        text.bytes
    }
}

impl<D> Default for DocumentText<D> {
    /// Creates an empty text.
    fn default() -> Self {
        DocumentText { bytes: Vec::new(), kind: PhantomData }
    }
}

impl<D> Clone for DocumentText<D> {
    fn clone(&self) -> Self {
        DocumentText { bytes: self.bytes.clone(), kind: PhantomData }
    }
}

impl<D> PartialEq for DocumentText<D> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<D> Eq for DocumentText<D> {}

impl<D> fmt::Debug for DocumentText<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DocumentText").field(&String::from_utf8_lossy(&self.bytes)).finish()
    }
}

#[cfg(feature = "serde")]
impl<D> serde::Serialize for DocumentText<D> {
    /// Writes the text. Invalid UTF-8 is replaced by U+FFFD.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<D> fmt::Display for DocumentText<D> {
    /// Writes the text. Invalid UTF-8 is replaced by U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

mod sealed {
    /// The types that implement [`OwnedText`](super::OwnedText).
    pub trait Sealed {}
}

/// Implements [`OwnedText`] for types of documents that can occur several times
/// in one text.
macro_rules! several {
    ($($name:ident: $all:ty),* $(,)?) => { $(
        impl sealed::Sealed for $name<'static> {}

        impl OwnedText for $name<'static> {
            type Document<'a> = $name<'a>;
            type All<'a> = $all;

            fn parse(text: &[u8]) -> Result<$name<'_>, DocumentError> {
                $name::parse(text)
            }

            fn parse_strict(text: &[u8]) -> Result<$name<'_>, DocumentError> {
                $name::parse_strict(text)
            }

            fn parse_all(text: &[u8]) -> Self::All<'_> {
                $name::parse_all(text)
            }
        }
    )* };
}

/// Implements [`OwnedText`] for types of documents that occur exactly once in a
/// text.
macro_rules! single {
    ($($name:ident),* $(,)?) => { $(
        impl sealed::Sealed for $name<'static> {}

        impl OwnedText for $name<'static> {
            type Document<'a> = $name<'a>;
            type All<'a> = std::option::IntoIter<$name<'a>>;

            fn parse(text: &[u8]) -> Result<$name<'_>, DocumentError> {
                $name::parse(text)
            }

            fn parse_strict(text: &[u8]) -> Result<$name<'_>, DocumentError> {
                $name::parse_strict(text)
            }

            fn parse_all(text: &[u8]) -> Self::All<'_> {
                $name::parse(text).ok().into_iter()
            }
        }
    )* };
}

several! {
    ServerDescriptor: Documents<'a, ServerDescriptor<'a>>,
    ExtraInfo: Documents<'a, ExtraInfo<'a>>,
    KeyCertificate: Documents<'a, KeyCertificate<'a>>,
    OnionDescriptor: Documents<'a, OnionDescriptor<'a>>,
    Microdescriptor: Microdescriptors<'a>,
}

impl sealed::Sealed for RouterStatus<'static> {}

impl OwnedText for RouterStatus<'static> {
    type Document<'a> = RouterStatus<'a>;
    type All<'a> = RouterStatuses<'a>;

    fn parse(text: &[u8]) -> Result<RouterStatus<'_>, DocumentError> {
        match RouterStatus::parse_all(text).results().next() {
            Some(Ok(status)) => Ok(status),
            // The strict parser says what is wrong.
            _ => RouterStatus::parse_strict(text),
        }
    }

    fn parse_strict(text: &[u8]) -> Result<RouterStatus<'_>, DocumentError> {
        RouterStatus::parse_strict(text)
    }

    fn parse_all(text: &[u8]) -> RouterStatuses<'_> {
        RouterStatus::parse_all(text)
    }
}

single! { Consensus, Vote, DetachedSignatures, BandwidthFile }
