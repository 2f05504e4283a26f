//! Parser for consensus documents.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use memchr::memmem;

use super::line::{Lines, find_line, keyword, lossy, number, words};
use super::router_statuses::is_footer;
use super::{BandwidthWeights, RouterStatuses, address, base64};
use crate::netdoc::ConsensusFlavor;
use crate::netdoc::{Protocols, RouterFlags};
use crate::word::Fingerprint;

/// A consensus document of either flavor: dir-spec, "Consensus status
/// documents".
///
/// A `Consensus` borrows its text. The header and the footer are parsed by
/// [`parse`](Self::parse), the entries by the iterator that
/// [`relays`](Self::relays) returns. Lines that can't be parsed are ignored:
/// their fields are `None` or empty, as if the lines were missing. Signatures
/// are not checked, because tor checks them before it gives a consensus to
/// controllers.
#[doc(alias = "NetworkStatusDocument")]
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Consensus<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    text: &'a [u8],
    #[cfg_attr(feature = "serde", serde(skip))]
    header: &'a [u8],
    #[cfg_attr(feature = "serde", serde(skip))]
    footer: &'a [u8],
    /// The flavor: `Ns`, which is the full one, or `Microdesc`.
    pub flavor: ConsensusFlavor,
    /// The consensus method: a version number of the rules by which the
    /// authorities computed the consensus.
    pub method: Option<u32>,
    /// The start of the validity interval.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_after: Option<SystemTime>,
    /// The time by which a newer consensus should be available.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub fresh_until: Option<SystemTime>,
    /// The end of the validity interval.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_until: Option<SystemTime>,
    /// The time that the authorities allow for collecting votes, and the time
    /// that they allow for collecting signatures.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::delays"))]
    pub voting_delay: Option<(Duration, Duration)>,
    /// The versions of tor that are recommended for clients, as written in the
    /// consensus.
    pub client_versions: Vec<Box<str>>,
    /// The versions of tor that are recommended for relays, as written in the
    /// consensus.
    pub server_versions: Vec<Box<str>>,
    /// The flags that entries may have (line `known-flags`). Flags that this
    /// version of the library doesn't know are in `unknown_flags`.
    pub known_flags: RouterFlags,
    /// The flags in the line `known-flags` that this version of the library
    /// doesn't know, in order.
    pub unknown_flags: Vec<Box<str>>,
    /// The subprotocol versions that clients should support.
    pub recommended_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays should support.
    pub recommended_relay_protocols: Option<Protocols>,
    /// The subprotocol versions that clients must support.
    pub required_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays must support.
    pub required_relay_protocols: Option<Protocols>,
    /// The names and values of the network parameters, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub params: Vec<(Box<str>, i32)>,
    /// The shared random value for the current period.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::serial::random"))]
    pub shared_random_current: Option<[u8; 32]>,
    /// The shared random value for the previous period.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::serial::random"))]
    pub shared_random_previous: Option<[u8; 32]>,
    /// The authorities that voted.
    pub dir_sources: Vec<DirSource>,
    /// The weights for choosing relays by bandwidth.
    pub bandwidth_weights: BandwidthWeights,
    /// The signatures. Each has only the algorithm and the keys, not the
    /// signature itself.
    pub signatures: Vec<DirectorySignature>,
}

/// An authority that voted: dir-spec, the line `dir-source`.
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
    /// The authority's host name or address, as written in the consensus.
    pub hostname: Box<str>,
    /// The authority's IP address.
    pub address: IpAddr,
    /// The authority's port for directory requests.
    pub dir_port: u16,
    /// The authority's port for relays and clients.
    pub or_port: u16,
}

/// A signature of a consensus: dir-spec, the line `directory-signature`.
#[doc(alias = "DocumentSignature")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirectorySignature {
    /// The digest algorithm. It is `sha1` if the line doesn't name an
    /// algorithm.
    pub algorithm: Box<str>,
    /// The fingerprint of the identity key of the authority that signed.
    pub identity: Fingerprint,
    /// The digest of the key that made the signature.
    pub signing_key: Fingerprint,
}

impl<'a> Consensus<'a> {
    /// Parses a consensus.
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, ConsensusFlavor};
    ///
    /// let text = b"network-status-version 3 microdesc\nvote-status consensus\n\
    ///     consensus-method 33\nparams CircuitPriorityHalflifeMsec=30000\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     directory-footer\n";
    /// let consensus = Consensus::parse(text)?;
    /// assert_eq!(consensus.flavor, ConsensusFlavor::Microdesc);
    /// assert_eq!(consensus.param("CircuitPriorityHalflifeMsec"), Some(30_000));
    /// assert_eq!(consensus.relays().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::ParseDirectoryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text isn't a consensus, is a vote, or has a
    /// version other than 3. Malformed lines within a consensus are not errors.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseDirectoryError> {
        let (before, footer) = text.split_at_checked(footer_start(text)).unwrap_or((text, b""));
        let header_end = find_line(before, b"\nr").unwrap_or(before.len());
        let header = before.get(..header_end).unwrap_or(before);
        let flavor = parse_flavor(header)?;
        let mut consensus = Consensus {
            text,
            header,
            footer,
            flavor,
            method: None,
            valid_after: None,
            fresh_until: None,
            valid_until: None,
            voting_delay: None,
            client_versions: Vec::new(),
            server_versions: Vec::new(),
            known_flags: RouterFlags::empty(),
            unknown_flags: Vec::new(),
            recommended_client_protocols: None,
            recommended_relay_protocols: None,
            required_client_protocols: None,
            required_relay_protocols: None,
            params: Vec::new(),
            shared_random_current: None,
            shared_random_previous: None,
            dir_sources: Vec::new(),
            bandwidth_weights: BandwidthWeights::parse(b"", None),
            signatures: Vec::new(),
        };
        for line in Lines::new(header) {
            consensus.read_header(line);
        }
        for line in Lines::new(footer) {
            consensus.read_footer(line);
        }
        Ok(consensus)
    }

    fn read_header(&mut self, line: &[u8]) {
        let (keyword, rest) = keyword(line);
        match keyword {
            b"consensus-method" => self.method = number(rest),
            b"valid-after" => self.valid_after = parse_time(rest),
            b"fresh-until" => self.fresh_until = parse_time(rest),
            b"valid-until" => self.valid_until = parse_time(rest),
            b"voting-delay" => self.voting_delay = parse_delays(rest),
            b"client-versions" => self.client_versions = parse_versions(rest),
            b"server-versions" => self.server_versions = parse_versions(rest),
            b"known-flags" => {
                let is_unknown = |word: &&[u8]| RouterFlags::from_bytes(word).is_none();
                self.known_flags = words(rest).filter_map(RouterFlags::from_bytes).collect();
                self.unknown_flags = words(rest).filter(is_unknown).map(lossy).collect();
            }
            b"recommended-client-protocols" => {
                self.recommended_client_protocols = Protocols::from_bytes(rest);
            }
            b"recommended-relay-protocols" => {
                self.recommended_relay_protocols = Protocols::from_bytes(rest);
            }
            b"required-client-protocols" => {
                self.required_client_protocols = Protocols::from_bytes(rest);
            }
            b"required-relay-protocols" => {
                self.required_relay_protocols = Protocols::from_bytes(rest);
            }
            b"params" => self.params = words(rest).filter_map(parse_param).collect(),
            b"shared-rand-current-value" => self.shared_random_current = parse_random(rest),
            b"shared-rand-previous-value" => self.shared_random_previous = parse_random(rest),
            b"dir-source" => self.dir_sources.extend(parse_dir_source(rest)),
            _ => {}
        }
    }

    fn read_footer(&mut self, line: &[u8]) {
        let (keyword, rest) = keyword(line);
        match keyword {
            b"bandwidth-weights" => {
                self.bandwidth_weights = BandwidthWeights::parse(rest, self.param("bwweightscale"));
            }
            b"directory-signature" => self.signatures.extend(parse_signature(rest)),
            _ => {}
        }
    }

    /// Returns a network parameter. Returns `None` if the consensus doesn't set
    /// the parameter.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\nparams circwindow=1000\n";
    /// let consensus = Consensus::parse(text)?;
    /// assert_eq!(consensus.param("circwindow"), Some(1000));
    /// assert_eq!(consensus.param("guard-lifetime-days"), None);
    /// # Ok::<(), scape_proto::netdoc::ParseDirectoryError>(())
    /// ```
    pub fn param(&self, name: &str) -> Option<i32> {
        self.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
    }

    /// Returns an iterator over the relays' entries. The iterator parses each
    /// entry when it reaches the entry. Entries that can't be parsed are
    /// skipped; see [`RouterStatuses`].
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, RouterFlags};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     s Exit Fast Running Valid\ndirectory-footer\n";
    /// let consensus = Consensus::parse(text)?;
    /// let exits = consensus.relays().filter(|relay| relay.flags().contains(RouterFlags::EXIT));
    /// assert_eq!(exits.count(), 1);
    /// # Ok::<(), scape_proto::netdoc::ParseDirectoryError>(())
    /// ```
    pub fn relays(&self) -> RouterStatuses<'a> {
        let entries = self.text.get(self.header.len()..self.text.len() - self.footer.len());
        RouterStatuses::of_consensus(entries.unwrap_or_default(), self.header.len())
    }

    /// Returns the lines before the first entry, without line ends.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let consensus = Consensus::parse(b"network-status-version 3\nvote-status consensus\n")?;
    /// assert!(consensus.header_lines().any(|line| line == b"vote-status consensus"));
    /// # Ok::<(), scape_proto::netdoc::ParseDirectoryError>(())
    /// ```
    pub fn header_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.header)
    }

    /// Returns the lines after the last entry, without line ends.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n\
    ///     directory-footer\nbandwidth-weights Wgg=5869\n";
    /// let consensus = Consensus::parse(text)?;
    /// assert_eq!(consensus.footer_lines().last(), Some(&b"bandwidth-weights Wgg=5869"[..]));
    /// # Ok::<(), scape_proto::netdoc::ParseDirectoryError>(())
    /// ```
    pub fn footer_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.footer)
    }
}

fn parse_flavor(header: &[u8]) -> Result<ConsensusFlavor, ParseDirectoryError> {
    let mut lines = Lines::new(header).skip_while(|line| line.is_empty() || line.starts_with(b"@"));
    let first = lines.next().unwrap_or_default();
    let mut first_words = words(first);
    if first_words.next() != Some(b"network-status-version") {
        return Err(ParseDirectoryError::new(DirectoryProblem::NoConsensus, first));
    }
    if first_words.next() != Some(b"3") {
        return Err(ParseDirectoryError::new(DirectoryProblem::Version, first));
    }
    let status = Lines::new(header).find(|line| keyword(line).0 == b"vote-status");
    if let Some(status) = status.filter(|status| keyword(status).1 != b"consensus") {
        return Err(ParseDirectoryError::new(DirectoryProblem::Vote, status));
    }
    Ok(first_words.next().map_or(ConsensusFlavor::Ns, |word| (&*lossy(word)).into()))
}

fn parse_time(text: &[u8]) -> Option<SystemTime> {
    let mut words = words(text);
    address::parse_time(words.next()?, words.next()?)
}

/// Returns the position of the footer, or the length of the text if there is no
/// footer. The footer of an old consensus method has no line
/// `directory-footer`, so the other lines of a footer are looked for as well.
fn footer_start(text: &[u8]) -> usize {
    if let Some(end) = memmem::rfind(text, b"\ndirectory-footer") {
        return end + 1;
    }
    let entries = find_line(text, b"\nr").unwrap_or(0);
    let mut lines = Lines::new(text.get(entries..).unwrap_or_default());
    while !lines.rest().is_empty() && !is_footer(lines.rest()) {
        lines.next();
    }
    text.len() - lines.rest().len()
}

fn parse_delays(text: &[u8]) -> Option<(Duration, Duration)> {
    let mut seconds =
        words(text).map(|word| number(word).map(|seconds| Duration::from_secs(seconds.into())));
    Some((seconds.next()??, seconds.next()??))
}

fn parse_versions(text: &[u8]) -> Vec<Box<str>> {
    let versions = text.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    versions.filter(|version| !version.is_empty()).map(lossy).collect()
}

fn parse_param(word: &[u8]) -> Option<(Box<str>, i32)> {
    let (name, value) = std::str::from_utf8(word).ok()?.split_once('=')?;
    Some((name.into(), value.parse().ok()?))
}

/// Returns the shared random value from its line, given without the keyword.
/// The value is the second word. The first word is the number of authorities
/// that revealed their part of the value.
fn parse_random(text: &[u8]) -> Option<[u8; 32]> {
    words(text).nth(1).and_then(base64::decode)
}

fn parse_dir_source(text: &[u8]) -> Option<DirSource> {
    let mut words = words(text).map(lossy);
    Some(DirSource {
        nickname: words.next()?,
        identity: words.next()?.parse().ok()?,
        hostname: words.next()?,
        address: words.next()?.parse().ok()?,
        dir_port: words.next()?.parse().ok()?,
        or_port: words.next()?.parse().ok()?,
    })
}

fn parse_signature(text: &[u8]) -> Option<DirectorySignature> {
    let mut words: Vec<Box<str>> = words(text).map(lossy).collect();
    if words.len() == 2 {
        words.insert(0, "sha1".into());
    }
    let [algorithm, identity, signing_key, ..] = &*words else { return None };
    Some(DirectorySignature {
        algorithm: algorithm.clone(),
        identity: identity.parse().ok()?,
        signing_key: signing_key.parse().ok()?,
    })
}

/// The error for a text that isn't a consensus of version 3.
///
/// ```
/// use scape_proto::netdoc::{Consensus, DirectoryProblem};
///
/// let text = b"router relay04 127.0.0.14 9004 0 0\n";
/// let error = Consensus::parse(text).expect_err("it is a server descriptor");
/// assert_eq!(error.problem(), DirectoryProblem::NoConsensus);
/// assert_eq!(error.line(), "router relay04 127.0.0.14 9004 0 0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {line:?}")]
pub struct ParseDirectoryError {
    problem: DirectoryProblem,
    line: Box<str>,
}

impl ParseDirectoryError {
    /// Creates an error. At most 100 bytes of the line are kept.
    fn new(problem: DirectoryProblem, line: &[u8]) -> Self {
        ParseDirectoryError { problem, line: lossy(line.get(..100).unwrap_or(line)) }
    }

    /// Returns the problem with the text.
    pub fn problem(&self) -> DirectoryProblem {
        self.problem
    }

    /// Returns the line that shows the problem, cut to 100 bytes. Invalid UTF-8
    /// is replaced by U+FFFD.
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// The reason why a text isn't accepted as a consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// The text doesn't begin like a consensus.
    #[error("not a consensus: it must begin with network-status-version")]
    NoConsensus,
    /// The consensus has a version other than 3.
    #[error("unsupported consensus version: it must be 3")]
    Version,
    /// The line `vote-status` has a value other than `consensus`. For example,
    /// the document is an authority's vote.
    #[error("not a consensus: it is a vote or another document")]
    Vote,
}
