//! The consensus.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use memchr::memmem;

use super::line::{Lines, find_line, keyword, lossy, number, words};
use super::router_statuses::is_footer;
use super::{BandwidthWeights, RouterStatuses, address, base64};
use crate::descriptor::{Protocols, RouterFlags};
use crate::protocol::ConsensusFlavor;
use crate::word::Fingerprint;

/// A consensus document of either flavour: dir-spec, "Consensus status
/// documents".
///
/// It borrows the text, of which it has read the header and the footer;
/// [`relays`](Self::relays) reads the entries. Lines that cannot be read are as
/// if they were not there. The signatures are not checked: tor has done so with
/// what it gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Consensus<'a> {
    text: &'a [u8],
    header: &'a [u8],
    footer: &'a [u8],
    /// `Ns`, which is the whole one, or `Microdesc`.
    pub flavor: ConsensusFlavor,
    /// By which rules the authorities made it.
    pub method: Option<u32>,
    /// From when on it counts.
    pub valid_after: Option<SystemTime>,
    /// Until when there should be a newer one.
    pub fresh_until: Option<SystemTime>,
    /// Until when it may be used.
    pub valid_until: Option<SystemTime>,
    /// How long the authorities wait for votes, and then for signatures.
    pub voting_delay: Option<(Duration, Duration)>,
    /// The versions of tor that are recommended to clients, as they are
    /// written.
    pub client_versions: Vec<Box<str>>,
    /// The versions of tor that are recommended to relays, as they are written.
    pub server_versions: Vec<Box<str>>,
    /// The flags of the line `known-flags` that this library knows: entries may
    /// have these.
    pub known_flags: RouterFlags,
    /// The other flags of the line `known-flags`, in order.
    pub unknown_flags: Vec<Box<str>>,
    /// What clients should speak.
    pub recommended_client_protocols: Option<Protocols>,
    /// What relays should speak.
    pub recommended_relay_protocols: Option<Protocols>,
    /// What clients must speak.
    pub required_client_protocols: Option<Protocols>,
    /// What relays must speak.
    pub required_relay_protocols: Option<Protocols>,
    /// The network's parameters, in order.
    pub params: Vec<(Box<str>, i32)>,
    /// The random value of now.
    pub shared_random_current: Option<[u8; 32]>,
    /// The random value before it.
    pub shared_random_previous: Option<[u8; 32]>,
    /// The authorities that voted.
    pub dir_sources: Vec<DirSource>,
    /// How relays are to be weighted.
    pub bandwidth_weights: BandwidthWeights,
    /// Whose signatures there are.
    pub signatures: Vec<DirectorySignature>,
}

/// An authority that voted: dir-spec, the line `dir-source`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirSource {
    /// Its nickname.
    pub nickname: Box<str>,
    /// Its identity as an authority, which is not its fingerprint as a relay.
    pub identity: Fingerprint,
    /// Its name or address, as it is written.
    pub hostname: Box<str>,
    /// Its address.
    pub address: IpAddr,
    /// Its port for directory requests.
    pub dir_port: u16,
    /// Its port for relays and clients.
    pub or_port: u16,
}

/// That an authority has signed: dir-spec, the line `directory-signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectorySignature {
    /// The kind of digest that is signed: `sha1` where the line does not say.
    pub algorithm: Box<str>,
    /// The authority's identity.
    pub identity: Fingerprint,
    /// The digest of the key that it signed with.
    pub signing_key: Fingerprint,
}

impl<'a> Consensus<'a> {
    /// Reads a consensus.
    ///
    /// # Errors
    ///
    /// Where the text is no consensus of a version that this library knows.
    /// What is wrong within one is no error.
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

    /// A parameter of the network; `None` where the consensus does not set it.
    pub fn param(&self, name: &str) -> Option<i32> {
        self.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
    }

    /// What it says of the relays.
    pub fn relays(&self) -> RouterStatuses<'a> {
        let entries = self.text.get(self.header.len()..self.text.len() - self.footer.len());
        RouterStatuses::of_consensus(entries.unwrap_or_default())
    }

    /// The lines before the first relay, without their ends.
    pub fn header_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.header)
    }

    /// The lines after the last relay, without their ends.
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

/// The position of the footer. A consensus of an old method has no line
/// `directory-footer`, but other lines of a footer.
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

/// How many authorities revealed their part, and the value.
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

/// A text that is no consensus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {line:?}")]
pub struct ParseDirectoryError {
    problem: DirectoryProblem,
    line: Box<str>,
}

impl ParseDirectoryError {
    /// At most a hundred bytes of the line are kept.
    fn new(problem: DirectoryProblem, line: &[u8]) -> Self {
        ParseDirectoryError { problem, line: lossy(line.get(..100).unwrap_or(line)) }
    }

    /// What is wrong with it.
    pub fn problem(&self) -> DirectoryProblem {
        self.problem
    }

    /// The line that shows this.
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// What is wrong with a text that should be a consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// It does not begin like one.
    #[error("a consensus begins with network-status-version, and this is")]
    NoConsensus,
    /// It is of another version than 3.
    #[error("only version 3 of the consensus is known, and this is")]
    Version,
    /// It is an authority's vote.
    #[error("a consensus was expected, and this is another document")]
    Vote,
}
