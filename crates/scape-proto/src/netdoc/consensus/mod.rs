//! Consensus documents: dir-spec, "Vote and consensus status document formats".

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use sha1::{Digest, Sha1};
use sha2::Sha256;
use sha3::Sha3_256;

use crate::netdoc::entry_form::EntryForm;
use crate::netdoc::item::Item;
use crate::netdoc::line::Lines;
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::status_header::{StatusHeader, check_status};
use crate::netdoc::status_parts::{StatusParts, signed_text};
use crate::netdoc::{
    BandwidthWeights, ConsensusFlavor, DirSource, DirectorySignature, DocumentError, DocumentKind,
    LineProblem, Package, Protocols, RouterFlags, RouterStatuses, SharedRandomValue, keyed,
};

/// A consensus document of either flavor: dir-spec, "Vote and consensus status
/// document formats".
///
/// A `Consensus` borrows its text. The header and the footer are parsed by
/// [`parse`](Self::parse), the entries by the iterator that
/// [`relays`](Self::relays) returns. A malformed line is skipped, its field is
/// `None` or empty as if the line were missing, and [`skipped`](Self::skipped)
/// returns the reason. [`parse_strict`](Self::parse_strict) checks everything
/// that dir-spec demands, also of the entries.
///
/// Signatures are not checked, because tor checks them before it gives a
/// consensus to controllers. See the feature `verify`.
#[doc(alias = "NetworkStatusDocument")]
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Consensus<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The flavor: `Ns` for the full consensus, or `Microdesc` for the
    /// consensus that refers to microdescriptors.
    pub flavor: ConsensusFlavor,
    /// The consensus method: a version number of the rules by which the
    /// authorities computed the consensus. `None` if the line
    /// `consensus-method` is missing or malformed.
    pub method: Option<u32>,
    /// The start of the validity interval. `None` if the line `valid-after` is
    /// missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_after: Option<SystemTime>,
    /// The time by which a newer consensus should be available. `None` if the
    /// line `fresh-until` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub fresh_until: Option<SystemTime>,
    /// The end of the validity interval. `None` if the line `valid-until` is
    /// missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_until: Option<SystemTime>,
    /// The time that the authorities allow for collecting votes, and the time
    /// that they allow for collecting signatures. `None` if the line
    /// `voting-delay` is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::delays"))]
    pub voting_delay: Option<(Duration, Duration)>,
    /// The versions of tor that are recommended for clients, as written in the
    /// consensus.
    pub client_versions: Vec<Box<str>>,
    /// The versions of tor that are recommended for relays, as written in the
    /// consensus.
    pub server_versions: Vec<Box<str>>,
    /// The packages of software that the authorities recommend.
    pub packages: Vec<Package<'a>>,
    /// The flags that entries may have (line `known-flags`). Flags that this
    /// version of the library doesn't know are in `unknown_flags`.
    pub known_flags: RouterFlags,
    /// The flags in the line `known-flags` that this version of the library
    /// doesn't know, in order.
    pub unknown_flags: Vec<Box<str>>,
    /// The subprotocol versions that clients should support. `None` if the line
    /// `recommended-client-protocols` is missing or malformed.
    pub recommended_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays should support. `None` if the line
    /// `recommended-relay-protocols` is missing or malformed.
    pub recommended_relay_protocols: Option<Protocols>,
    /// The subprotocol versions that clients must support. `None` if the line
    /// `required-client-protocols` is missing or malformed.
    pub required_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays must support. `None` if the line
    /// `required-relay-protocols` is missing or malformed.
    pub required_relay_protocols: Option<Protocols>,
    /// The names and values of the network parameters, in the order of the
    /// consensus.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub params: Vec<(Box<str>, i32)>,
    /// The shared random value for the current period. `None` if the line
    /// `shared-rand-current-value` is missing or malformed.
    pub shared_random_current: Option<SharedRandomValue>,
    /// The shared random value for the previous period. `None` if the line
    /// `shared-rand-previous-value` is missing or malformed.
    pub shared_random_previous: Option<SharedRandomValue>,
    /// The authorities that voted, with additional entries for their old keys.
    #[doc(alias = "directory_authorities")]
    pub dir_sources: Vec<DirSource>,
    /// The weights for choosing relays by bandwidth.
    pub bandwidth_weights: BandwidthWeights,
    /// The authorities' signatures of the consensus.
    pub signatures: Vec<DirectorySignature<'a>>,
    /// The text of the document. It is serialized as `relays`, a list of the
    /// relays' entries, after the other fields.
    #[cfg_attr(feature = "serde", serde(rename = "relays"))]
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::netdoc::serial::relays::consensus")
    )]
    parts: StatusParts<'a>,
}

static HEADER: Rules = Rules {
    document: DocumentKind::Consensus,
    lines: &[
        Rule::once("network-status-version").position_from_start(0).decisive(),
        Rule::once("vote-status").decisive(),
        Rule::at_most_once("consensus-method"),
        Rule::once("valid-after"),
        Rule::once("fresh-until"),
        Rule::once("valid-until"),
        Rule::once("voting-delay"),
        Rule::at_most_once("client-versions"),
        Rule::at_most_once("server-versions"),
        Rule::any("package"),
        Rule::once("known-flags"),
        Rule::at_most_once("recommended-client-protocols"),
        Rule::at_most_once("recommended-relay-protocols"),
        Rule::at_most_once("required-client-protocols"),
        Rule::at_most_once("required-relay-protocols"),
        Rule::at_most_once("params"),
        Rule::at_most_once("shared-rand-previous-value"),
        Rule::at_most_once("shared-rand-current-value"),
        Rule::never("consensus-methods"),
        Rule::never("published"),
        Rule::never("flag-thresholds"),
        Rule::never("bandwidth-file-headers"),
        Rule::never("bandwidth-file-digest"),
        Rule::never("legacy-dir-key"),
        Rule::never("shared-rand-participate"),
        Rule::never("shared-rand-commit"),
        Rule::never("dir-key-certificate-version"),
        Rule::at_least_once("dir-source").begins_group(),
        Rule::at_most_once("contact"),
        Rule::at_most_once("vote-digest"),
    ],
    ordered: true,
};

static FOOTER: Rules = Rules {
    document: DocumentKind::Consensus,
    lines: &[
        // Consensus methods before 9 have no such line.
        Rule::at_most_once("directory-footer").position_from_start(0),
        Rule::at_most_once("bandwidth-weights"),
        Rule::at_least_once("directory-signature").object("SIGNATURE"),
    ],
    ordered: true,
};

impl<'a> Consensus<'a> {
    /// Parses a consensus. Malformed lines are skipped. Annotations before the
    /// consensus are left out.
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
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `network-status-version`, if the version isn't 3, or if the line
    /// `vote-status` has a value other than `consensus`. For a vote, the
    /// error's keyword is `vote-status`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses a consensus and checks the order, the number and the form of its
    /// lines, also of the entries. The entries must be sorted. Lines with
    /// unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{Consensus, LineProblem};
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n";
    /// let error = Consensus::parse_strict(text).expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("valid-after", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let consensus = Self::read_text(text, Depth::Strict)?;
        consensus.check_whole()?;
        consensus.parts.check_entries(consensus.form(), true)?;
        Ok(consensus)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let parts = StatusParts::new(text);
        let mut header = StatusHeader::default();
        let mut flavor = ConsensusFlavor::Ns;
        let mut method = None;
        let mut dir_sources: Vec<DirSource> = Vec::new();
        // True if the last line `dir-source` is in the list.
        let mut has_source = false;
        let skipped = rules::read(&HEADER, parts.header, depth, |item| {
            match item.keyword() {
                b"network-status-version" => {
                    flavor = flavor_of(item);
                    header.read_item(item, depth)?;
                }
                b"vote-status" => check_status(item, "consensus")?,
                b"consensus-method" => method = Some(item.number("the method must be a number")?),
                b"dir-source" => {
                    let source = DirSource::parse(item);
                    has_source = source.is_ok();
                    dir_sources.push(source?);
                }
                b"contact" | b"vote-digest" => {
                    let source = dir_sources.last_mut().filter(|_| has_source);
                    source.ok_or(LineProblem::Order)?.read_item(item)?;
                }
                _ => header.read_item(item, depth)?,
            }
            Ok(())
        })?;
        let mut consensus = Consensus {
            parts,
            skipped,
            flavor,
            method,
            valid_after: header.valid_after,
            fresh_until: header.fresh_until,
            valid_until: header.valid_until,
            voting_delay: header.voting_delay,
            client_versions: header.client_versions,
            server_versions: header.server_versions,
            packages: header.packages,
            known_flags: header.known_flags,
            unknown_flags: header.unknown_flags,
            recommended_client_protocols: header.recommended_client_protocols,
            recommended_relay_protocols: header.recommended_relay_protocols,
            required_client_protocols: header.required_client_protocols,
            required_relay_protocols: header.required_relay_protocols,
            params: header.params,
            shared_random_current: header.shared_random_current,
            shared_random_previous: header.shared_random_previous,
            dir_sources,
            bandwidth_weights: BandwidthWeights::parse(b"", None),
            signatures: Vec::new(),
        };
        let skipped = consensus.read_footer(depth)?;
        consensus.skipped.extend(skipped);
        Ok(consensus)
    }

    fn read_footer(&mut self, depth: Depth) -> Result<Vec<DocumentError>, DocumentError> {
        let parts = self.parts;
        let scale = self.param("bwweightscale");
        parts.read_footer(&FOOTER, depth, |item| {
            match item.keyword() {
                b"directory-footer" if depth == Depth::Strict && !item.arguments().is_empty() => {
                    return Err(LineProblem::Value("the line must have no words"));
                }
                b"bandwidth-weights" => {
                    self.bandwidth_weights = BandwidthWeights::parse(item.arguments(), scale);
                    let mut weights = Vec::new();
                    keyed::params(&mut item.arguments_reader(), &mut weights)?;
                    if depth == Depth::Strict {
                        keyed::check_sorted(&weights)?;
                    }
                }
                b"directory-signature" => self.signatures.push(DirectorySignature::parse(item)?),
                _ => {}
            }
            Ok(())
        })
    }

    /// Checks the rules that concern several lines, for example that the entry
    /// of each authority has a line `contact`.
    fn check_whole(&self) -> Result<(), DocumentError> {
        let error = |keyword, problem| Err(HEADER.problem(keyword, problem));
        for source in &self.dir_sources {
            let lines = [
                ("contact", source.contact.is_some()),
                ("vote-digest", source.vote_digest.is_some()),
            ];
            for (keyword, is_there) in lines {
                match (is_there, source.is_legacy()) {
                    (false, false) => return error(keyword, LineProblem::Missing),
                    (true, true) => return error(keyword, LineProblem::Unexpected),
                    _ => {}
                }
            }
        }
        let has_footer = self.parts.footer.starts_with(b"directory-footer");
        match (self.method.unwrap_or(1) >= 9, has_footer) {
            (true, false) => return error("directory-footer", LineProblem::Missing),
            (false, true) => return error("directory-footer", LineProblem::Unexpected),
            _ => {}
        }
        let is_sha1 = |signature: &DirectorySignature<'_>| signature.algorithm == "sha1";
        if self.flavor == ConsensusFlavor::Ns && !self.signatures.iter().all(is_sha1) {
            const FORM: &str = "the algorithm must be sha1 in a full consensus";
            return error("directory-signature", LineProblem::Value(FORM));
        }
        Ok(())
    }

    fn form(&self) -> EntryForm {
        match self.flavor {
            ConsensusFlavor::Ns => EntryForm::Ns,
            ConsensusFlavor::Microdesc => EntryForm::Microdesc,
            _ => EntryForm::Consensus,
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
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
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
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn relays(&self) -> RouterStatuses<'a> {
        self.parts.relays(self.form())
    }

    /// Returns the lines before the first entry, without line ends.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let consensus = Consensus::parse(b"network-status-version 3\nvote-status consensus\n")?;
    /// assert!(consensus.header_lines().any(|line| line == b"vote-status consensus"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn header_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.parts.header)
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
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn footer_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.parts.footer)
    }

    /// Returns the part of the text that the authorities sign: everything from
    /// the line `network-status-version` up to and including the space after
    /// the first `directory-signature`. Returns `None` if there is no
    /// signature.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\ndirectory-footer\n\
    ///     directory-signature sha256 \n";
    /// let signed = Consensus::parse(text)?.signed_text();
    /// assert!(signed.is_some_and(|signed| signed.ends_with(b"directory-footer\ndirectory-signature ")));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn signed_text(&self) -> Option<&'a [u8]> {
        signed_text(self.parts.text)
    }

    /// Returns the SHA-1 digest of the [signed part](Self::signed_text), which
    /// signatures with the algorithm `sha1` sign. Each call computes the digest
    /// again.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n";
    /// assert_eq!(Consensus::parse(text)?.digest_sha1(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    #[doc(alias = "digest")]
    pub fn digest_sha1(&self) -> Option<[u8; 20]> {
        self.signed_text().map(|text| Sha1::digest(text).into())
    }

    /// Returns the SHA-256 digest of the [signed part](Self::signed_text),
    /// which signatures with the algorithm `sha256` sign. Each call computes
    /// the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\n";
    /// assert_eq!(Consensus::parse(text)?.digest_sha256(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha256(&self) -> Option<[u8; 32]> {
        self.signed_text().map(|text| Sha256::digest(text).into())
    }

    /// Returns the SHA3-256 digest of the [signed part](Self::signed_text), by
    /// which a [`ConsensusDiff`](crate::netdoc::ConsensusDiff) refers to the
    /// consensus that it changes. Without a signature, that is the digest of
    /// the whole text. Each call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let consensus = Consensus::parse(b"network-status-version 3\nvote-status consensus\n")?;
    /// assert_eq!(consensus.digest_sha3_signed(), consensus.digest_sha3());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha3_signed(&self) -> [u8; 32] {
        Sha3_256::digest(self.signed_text().unwrap_or(self.parts.text)).into()
    }

    /// Returns the SHA3-256 digest of the whole text, by which a
    /// [`ConsensusDiff`](crate::netdoc::ConsensusDiff) refers to its result.
    /// Each call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let consensus = Consensus::parse(b"network-status-version 3\nvote-status consensus\n")?;
    /// assert_eq!(consensus.digest_sha3()[..3], [0x15, 0x94, 0xe9]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha3(&self) -> [u8; 32] {
        Sha3_256::digest(self.parts.text).into()
    }

    /// Returns the lines of the header and the footer that were skipped because
    /// they are malformed, repeated or out of place. For the entries, see
    /// [`RouterStatuses::skipped`].
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole consensus, without annotations before it.
    pub fn text(&self) -> &'a [u8] {
        self.parts.text
    }

    /// Returns the lines of the header and the footer that this version of the
    /// library doesn't know, with their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::Consensus;
    ///
    /// let text = b"network-status-version 3\nvote-status consensus\nnew-keyword 1\n\
    ///     directory-footer\nother-keyword 2\n";
    /// let consensus = Consensus::parse(text)?;
    /// let keywords: Vec<&[u8]> = consensus.unknown_items().map(|item| item.keyword()).collect();
    /// assert_eq!(keywords, [&b"new-keyword"[..], b"other-keyword"]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let header = rules::unknown(&HEADER, self.parts.header);
        header.chain(rules::unknown(&FOOTER, self.parts.footer))
    }
}

/// Returns the flavor in the line `network-status-version`: the word after the
/// version, or `ns` if that word is missing.
fn flavor_of(item: &Item<'_>) -> ConsensusFlavor {
    let name = item.words().nth(1).map(String::from_utf8_lossy);
    name.map_or(ConsensusFlavor::Ns, |name| (&*name).into())
}

impl fmt::Debug for Consensus<'_> {
    /// Writes the header and the footer without the entries, because there are
    /// thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consensus")
            .field("header", &String::from_utf8_lossy(self.parts.header))
            .field("footer", &String::from_utf8_lossy(self.parts.footer))
            .finish_non_exhaustive()
    }
}
