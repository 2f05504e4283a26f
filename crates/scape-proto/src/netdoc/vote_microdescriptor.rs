//! Digests of microdescriptors in votes: dir-spec, the line `m`.

use super::line::{number, words};
use super::{base64, keyed};

/// The digests of a relay's microdescriptor for some consensus methods: the
/// line `m` of a vote.
///
/// ```
/// use scape_proto::netdoc::RouterStatus;
///
/// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
///     m 31,32 sha256=C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n";
/// let relay = RouterStatus::parse_all(text).next().expect("an entry");
/// let microdescriptor = relay.vote_microdescriptors().next().expect("a line m");
/// assert_eq!(microdescriptor.methods, [31, 32]);
/// assert!(microdescriptor.sha256().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VoteMicrodescriptor<'a> {
    /// The consensus methods with which the microdescriptor has these digests.
    pub methods: Vec<u32>,
    /// The names of digest algorithms and the digests in base64, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub digests: Vec<(&'a str, &'a str)>,
}

impl<'a> VoteMicrodescriptor<'a> {
    /// Parses a line `m` without its keyword. Returns `None` if the line is
    /// malformed.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = words(line);
        let methods = words.next()?.split(|b| *b == b',').map(number);
        let methods = methods.collect::<Option<Vec<u32>>>()?;
        let digests = words.map(keyed::pair).collect::<Option<Vec<_>>>()?;
        if digests.is_empty() { None } else { Some(VoteMicrodescriptor { methods, digests }) }
    }

    /// Returns the SHA-256 digest. Returns `None` if it is missing or
    /// malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterStatus;
    ///
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     m 31,32 sha512=AAAA\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// let microdescriptor = relay.vote_microdescriptors().next().expect("a line m");
    /// assert_eq!(microdescriptor.sha256(), None);
    /// ```
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let (_, digest) = self.digests.iter().find(|(algorithm, _)| *algorithm == "sha256")?;
        base64::decode(digest.as_bytes())
    }
}
