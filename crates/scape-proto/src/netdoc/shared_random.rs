//! Lines about shared randomness: dir-spec, the lines `shared-rand-…`, and
//! srv-spec.

use super::document_error::LineProblem;
use super::item::Item;
use super::value::{base64_bytes, base64_word, fingerprint};
use crate::word::Fingerprint;

/// A random value on which the authorities agreed: dir-spec, the lines
/// `shared-rand-current-value` and `shared-rand-previous-value`.
///
/// ```
/// use scape_proto::netdoc::Consensus;
///
/// let text = b"network-status-version 3\nvote-status consensus\n\
///     shared-rand-current-value 7 KEIfSB7Db+ToasQIzJhbh0CtkeSePHLEehO+ams/RTU=\n";
/// let random = Consensus::parse(text)?.shared_random_current.expect("the line is there");
/// assert_eq!((random.reveals, random.value[0]), (7, 0x28));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SharedRandomValue {
    /// The number of authorities that revealed their part of the value.
    pub reveals: u32,
    /// The random value, computed from the parts that were revealed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::bytes"))]
    pub value: [u8; 32],
}

impl SharedRandomValue {
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        let mut words = item.arguments_reader();
        let reveals = words.number("the number of reveals must be a number")?;
        let value = base64_word(&mut words, "the value must be 32 bytes in base64")?;
        Ok(SharedRandomValue { reveals, value })
    }
}

/// An authority's part of the next shared random value: dir-spec, the line
/// `shared-rand-commit`. Only votes have such lines.
///
/// ```
/// use scape_proto::netdoc::Vote;
///
/// let text = b"network-status-version 3\nvote-status vote\n\
///     shared-rand-commit 1 sha3-256 598536A9DD4E6C0F18B4AD4B88C7875A0A29BA31 AAAAAFd4/kC7S920awC5/HF5RfX4fKZtYqjm6qMh9G91AcjZm13DQQ==\n";
/// let vote = Vote::parse(text)?;
/// let commit = &vote.shared_random_commits[0];
/// assert_eq!((commit.algorithm, commit.commit.len()), ("sha3-256", 40));
/// assert_eq!(commit.reveal, None);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SharedRandomCommit<'a> {
    /// The version of the shared random protocol.
    pub version: u32,
    /// The hash algorithm, such as `sha3-256`.
    pub algorithm: &'a str,
    /// The fingerprint of the identity key of the authority that committed.
    pub identity: Fingerprint,
    /// The commitment: a time stamp of 8 bytes and a digest.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::bytes"))]
    pub commit: Vec<u8>,
    /// The value to which the authority committed, or `None` if it isn't
    /// revealed yet: a time stamp of 8 bytes and a random number.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::hex"))]
    pub reveal: Option<Vec<u8>>,
}

impl<'a> SharedRandomCommit<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const BASE64: &str = "the commitment and the revealed value must be base64";
        let mut words = item.arguments_reader();
        Ok(SharedRandomCommit {
            version: words.number("the version must be a number")?,
            algorithm: words.text("the algorithm must be a word")?,
            identity: fingerprint(&mut words)?,
            commit: base64_bytes(&mut words, BASE64)?,
            reveal: match words.is_empty() {
                true => None,
                false => Some(base64_bytes(&mut words, BASE64)?),
            },
        })
    }
}
