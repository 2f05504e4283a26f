//! Directory authorities, as votes and consensuses list them: dir-spec, the
//! authority section of "Vote and consensus status document formats".

use std::net::IpAddr;

use super::document_error::LineProblem;
use super::item::Item;
use super::line::lossy;
use super::value::{fingerprint, nickname_or_legacy, sha1_digest};
use crate::word::Fingerprint;

/// An authority that voted: dir-spec, the line `dir-source` and the lines after
/// it.
///
/// ```
/// use scape_proto::netdoc::Consensus;
///
/// let text = b"network-status-version 3\nvote-status consensus\n\
///     dir-source auth 596CD48D61FDA4E868F4AA10FF559917BE3B1A35 localhost 127.0.0.1 7001 5001\n\
///     contact someone\n";
/// let consensus = Consensus::parse(text)?;
/// let authority = &consensus.dir_sources[0];
/// assert_eq!((&*authority.nickname, authority.or_port), ("auth", 5001));
/// assert_eq!(authority.contact.as_deref(), Some("someone"));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "DirectoryAuthority")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirSource {
    /// The authority's nickname.
    pub nickname: Box<str>,
    /// The fingerprint of the authority's identity key. It differs from the
    /// authority's fingerprint as a relay.
    pub identity: Fingerprint,
    /// The authority's host name or address, as written in the document.
    pub hostname: Box<str>,
    /// The authority's IP address.
    pub address: IpAddr,
    /// The authority's port for directory requests.
    pub dir_port: u16,
    /// The authority's port for relays and clients.
    pub or_port: u16,
    /// The contact information of the authority's operator. Invalid UTF-8 is
    /// replaced by U+FFFD. `None` if the line `contact` is missing.
    pub contact: Option<Box<str>>,
    /// The SHA-1 digest of the signed part of the authority's vote. `None` in
    /// votes, because only a consensus contains this digest.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::hex"))]
    pub vote_digest: Option<[u8; 20]>,
}

impl DirSource {
    /// Returns true if this is an additional entry for an old identity key of
    /// an authority. The nickname of such an entry ends with `-legacy`, and it
    /// has neither contact information nor a vote digest.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     dir-source auth-legacy 596CD48D61FDA4E868F4AA10FF559917BE3B1A35 localhost 127.0.0.1 7001 5001\n";
    /// assert!(Consensus::parse(text)?.dir_sources[0].is_legacy());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn is_legacy(&self) -> bool {
        self.nickname.ends_with("-legacy")
    }

    /// Parses a line `dir-source`.
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        const PORT: &str = "the ports must be numbers from 0 to 65535";
        let mut words = item.arguments_reader();
        Ok(DirSource {
            nickname: nickname_or_legacy(&mut words)?.into(),
            identity: fingerprint(&mut words)?,
            hostname: lossy(words.word()?),
            address: words.parse("the address must be an IP address")?,
            dir_port: words.number(PORT)?,
            or_port: words.number(PORT)?,
            contact: None,
            vote_digest: None,
        })
    }

    /// Sets the contact or the vote digest from a line after `dir-source`.
    /// Other lines are ignored.
    pub(super) fn read_item(&mut self, item: &Item<'_>) -> Result<(), LineProblem> {
        match item.keyword() {
            b"contact" => self.contact = Some(lossy(item.arguments())),
            b"vote-digest" => self.vote_digest = Some(sha1_digest(&mut item.arguments_reader())?),
            _ => {}
        }
        Ok(())
    }
}
