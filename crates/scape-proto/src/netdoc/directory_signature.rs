//! Signatures of votes and consensuses: dir-spec, the line
//! `directory-signature`.

use super::document_error::LineProblem;
use super::item::{Item, Object};
use super::value::fingerprint;
use crate::word::Fingerprint;

/// A signature of a vote or a consensus: dir-spec, the line
/// `directory-signature`.
///
/// An authority signs the digest of the document's
/// [signed part](super::Consensus::signed_text), computed with `algorithm`.
///
/// ```
/// use scape_proto::netdoc::Consensus;
///
/// let text = b"network-status-version 3\nvote-status consensus\ndirectory-footer\n\
///     directory-signature 596CD48D61FDA4E868F4AA10FF559917BE3B1A35 9FBF54D6A62364320308A615BF4CF6B27B254FAD\n\
///     -----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n";
/// let consensus = Consensus::parse(text)?;
/// let signature = consensus.signatures[0];
/// assert_eq!(signature.algorithm, "sha1");
/// assert_eq!(signature.signature.decode(), Some(vec![1, 2, 3]));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "DocumentSignature")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirectorySignature<'a> {
    /// The digest algorithm, such as `sha256`. It is `sha1` if the line doesn't
    /// name an algorithm.
    pub algorithm: &'a str,
    /// The fingerprint of the identity key of the authority that signed.
    pub identity: Fingerprint,
    /// The SHA-1 digest of the authority's signing key, which made the
    /// signature.
    pub signing_key: Fingerprint,
    /// The RSA signature of the digest.
    pub signature: Object<'a>,
}

impl<'a> DirectorySignature<'a> {
    /// Parses a line `directory-signature`, which may name an algorithm before
    /// the keys.
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        let mut words = item.arguments_reader();
        let algorithm = match item.words().count() {
            0..=2 => "sha1",
            _ => words.text("the algorithm must be a word")?,
        };
        let identity = fingerprint(&mut words)?;
        let signing_key = fingerprint(&mut words)?;
        let signature = item.object_with(b"SIGNATURE")?;
        Ok(DirectorySignature { algorithm, identity, signing_key, signature })
    }
}
