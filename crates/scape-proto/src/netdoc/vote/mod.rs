//! Votes of directory authorities: dir-spec, "Vote and consensus status
//! document formats".

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::netdoc::base64;
use crate::netdoc::entry_form::EntryForm;
use crate::netdoc::item::Item;
use crate::netdoc::line::{self, find_line};
use crate::netdoc::rules::{self, Depth, Rule, Rules};
use crate::netdoc::status_header::{StatusHeader, check_status};
use crate::netdoc::status_parts::{StatusParts, count_lines, signed_text};
use crate::netdoc::value::fingerprint;
use crate::netdoc::{
    DirSource, DirectorySignature, DocumentError, DocumentKind, KeyCertificate, LineProblem,
    Package, Protocols, RouterFlags, RouterStatuses, SharedRandomCommit, SharedRandomValue, keyed,
};
use crate::word::Fingerprint;

/// A directory authority's vote, from which the consensus is computed. See
/// dir-spec, "Vote and consensus status document formats".
///
/// A `Vote` borrows its text. The header, the certificate and the footer are
/// parsed by [`parse`](Self::parse), the entries by the iterator that
/// [`relays`](Self::relays) returns. A malformed line is skipped, its field is
/// `None` or empty as if the line were missing, and [`skipped`](Self::skipped)
/// returns the reason. [`parse_strict`](Self::parse_strict) checks everything
/// that dir-spec demands, also of the entries.
///
/// The signature is not checked. See the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::Vote;
///
/// let text = b"network-status-version 3\nvote-status vote\nconsensus-methods 32 33\n\
///     flag-thresholds guard-wfu=98.000% fast-speed=102000\n\
///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2026-11-21 03:16:05 127.0.0.14 9004 0\n\
///     s Fast Running Valid\nw Bandwidth=4000 Measured=4100\ndirectory-footer\n";
/// let vote = Vote::parse(text)?;
/// assert_eq!(vote.consensus_methods, [32, 33]);
/// assert_eq!(vote.flag_thresholds, [("guard-wfu", 0.98), ("fast-speed", 102000.0)]);
/// assert_eq!(vote.relays().next().and_then(|relay| relay.measured()), Some(4100));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "NetworkStatusDocument")]
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Vote<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The consensus methods that the authority supports. If the line is
    /// missing, the authority supports only method 1.
    pub consensus_methods: Vec<u32>,
    /// The time when the vote was made.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub published: Option<SystemTime>,
    /// The start of the validity interval of the consensus.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_after: Option<SystemTime>,
    /// The time by which the next consensus should be available.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub fresh_until: Option<SystemTime>,
    /// The end of the validity interval of the consensus.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub valid_until: Option<SystemTime>,
    /// The time that the authorities allow for collecting votes, and the time
    /// that they allow for collecting signatures.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::delays"))]
    pub voting_delay: Option<(Duration, Duration)>,
    /// The versions of tor that the authority recommends for clients, as
    /// written in the vote.
    pub client_versions: Vec<Box<str>>,
    /// The versions of tor that the authority recommends for relays, as written
    /// in the vote.
    pub server_versions: Vec<Box<str>>,
    /// The packages of software that the authority recommends.
    pub packages: Vec<Package<'a>>,
    /// The flags that the authority may give to relays (line `known-flags`).
    /// Flags that this version of the library doesn't know are in
    /// `unknown_flags`.
    pub known_flags: RouterFlags,
    /// The flags in the line `known-flags` that this version of the library
    /// doesn't know, in order.
    pub unknown_flags: Vec<Box<str>>,
    /// The names and values of the thresholds above which the authority gives
    /// flags, in the order of the vote. Percentages are divided by 100.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub flag_thresholds: Vec<(&'a str, f64)>,
    /// The subprotocol versions that clients should support.
    pub recommended_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays should support.
    pub recommended_relay_protocols: Option<Protocols>,
    /// The subprotocol versions that clients must support.
    pub required_client_protocols: Option<Protocols>,
    /// The subprotocol versions that relays must support.
    pub required_relay_protocols: Option<Protocols>,
    /// The names and values of the network parameters, in the order of the
    /// vote.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub params: Vec<(Box<str>, i32)>,
    /// The names and values in the header of the bandwidth file, in order.
    /// `None` if the authority has no such file, and empty if the authority
    /// couldn't parse the file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "headers"))]
    pub bandwidth_file_headers: Option<Vec<(&'a str, &'a str)>>,
    /// The names of digest algorithms and the digests of the bandwidth file in
    /// base64, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub bandwidth_file_digests: Vec<(&'a str, &'a str)>,
    /// The authority that made the vote.
    #[doc(alias = "directory_authorities")]
    pub dir_source: Option<DirSource>,
    /// The fingerprint of an old identity key, which the authority still uses
    /// for old clients.
    pub legacy_dir_key: Option<Fingerprint>,
    /// True if the authority takes part in the protocol for shared random
    /// values.
    pub participates_in_shared_random: bool,
    /// The commitments that the authority knows, one for each authority.
    pub shared_random_commits: Vec<SharedRandomCommit<'a>>,
    /// The shared random value for the current period.
    pub shared_random_current: Option<SharedRandomValue>,
    /// The shared random value for the previous period.
    pub shared_random_previous: Option<SharedRandomValue>,
    /// The authority's certificate. The vote's [`skipped`](Self::skipped)
    /// contains the skipped lines of the certificate, with line numbers in the
    /// vote. The certificate's own [`skipped`](KeyCertificate::skipped) counts
    /// lines from the start of the certificate.
    pub certificate: Option<KeyCertificate<'a>>,
    /// The authority's signatures. A valid vote has exactly one.
    pub signatures: Vec<DirectorySignature<'a>>,
    /// The text of the document. It is serialized as `relays`, a list of the
    /// relays' entries, after the other fields.
    #[cfg_attr(feature = "serde", serde(rename = "relays"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::netdoc::serial::relays::vote"))]
    parts: StatusParts<'a>,
}

static HEADER: Rules = Rules {
    document: DocumentKind::Vote,
    lines: &[
        Rule::once("network-status-version").position_from_start(0).decisive(),
        Rule::once("vote-status").decisive(),
        Rule::at_most_once("consensus-methods"),
        Rule::once("published"),
        Rule::once("valid-after"),
        Rule::once("fresh-until"),
        Rule::once("valid-until"),
        Rule::once("voting-delay"),
        Rule::at_most_once("client-versions"),
        Rule::at_most_once("server-versions"),
        // dir-spec has these lines after `flag-thresholds`, but tor writes them
        // elsewhere.
        Rule::at_most_once("recommended-relay-protocols").anywhere(),
        Rule::at_most_once("recommended-client-protocols").anywhere(),
        Rule::at_most_once("required-relay-protocols").anywhere(),
        Rule::at_most_once("required-client-protocols").anywhere(),
        Rule::any("package").anywhere(),
        Rule::once("known-flags"),
        Rule::at_most_once("flag-thresholds"),
        Rule::at_most_once("params"),
        Rule::at_most_once("bandwidth-file-headers"),
        Rule::at_most_once("bandwidth-file-digest"),
        Rule::once("dir-source"),
        Rule::once("contact"),
        // tor writes this line last, unlike dir-spec.
        Rule::at_most_once("legacy-dir-key").anywhere(),
        Rule::at_most_once("shared-rand-participate"),
        Rule::any("shared-rand-commit"),
        Rule::at_most_once("shared-rand-previous-value"),
        Rule::at_most_once("shared-rand-current-value"),
        Rule::never("consensus-method"),
        Rule::never("vote-digest"),
    ],
    ordered: true,
};

static FOOTER: Rules = Rules {
    document: DocumentKind::Vote,
    lines: &[
        // Votes for consensus methods before 9 have no such line.
        Rule::at_most_once("directory-footer").position_from_start(0),
        Rule::once("directory-signature").object("SIGNATURE").position_from_end(0),
        Rule::never("bandwidth-weights"),
    ],
    ordered: true,
};

const CERTIFICATE: &[u8] = b"\ndir-key-certificate-version";

impl<'a> Vote<'a> {
    /// Parses a vote. Malformed lines are skipped. Annotations before the vote
    /// are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\npublished soon\n";
    /// let vote = Vote::parse(text)?;
    /// assert_eq!(vote.published, None);
    /// assert_eq!(vote.skipped()[0].keyword(), "published");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `network-status-version`, if the version isn't 3, or if the line
    /// `vote-status` has a value other than `vote`. For a consensus, the
    /// error's keyword is `vote-status`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses a vote and checks the order, the number and the form of its
    /// lines, also of the certificate and the entries. The entries must be
    /// sorted. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, Vote};
    ///
    /// let text = b"network-status-version 3\nvote-status vote\n";
    /// let error = Vote::parse_strict(text).expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("published", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let vote = Self::read_text(text, Depth::Strict)?;
        vote.check_whole()?;
        vote.parts.check_entries(EntryForm::Vote, true)?;
        Ok(vote)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let parts = StatusParts::new(text);
        let mut vote = Vote::empty(parts);
        let certificate = find_line(parts.header, CERTIFICATE).unwrap_or(parts.header.len());
        let (lines, certificate) = parts.header.split_at_checked(certificate).unwrap_or_default();
        let mut header = StatusHeader::default();
        let mut skipped = rules::read(&HEADER, lines, depth, |item| {
            header.read_item(item, depth)?;
            vote.read_item(item)
        })?;
        vote.take_header(header);
        if !certificate.is_empty() {
            let moved = |error: DocumentError| error.after_lines(count_lines(lines));
            let certificate = KeyCertificate::read_text(certificate, depth).map_err(moved)?;
            skipped.extend(certificate.skipped().iter().cloned().map(moved));
            vote.certificate = Some(certificate);
        }
        skipped.extend(parts.read_footer(&FOOTER, depth, |item| {
            match item.keyword() {
                b"directory-footer" if depth == Depth::Strict && !item.arguments().is_empty() => {
                    return Err(LineProblem::Value("the line must have no words"));
                }
                b"directory-signature" => vote.signatures.push(DirectorySignature::parse(item)?),
                _ => {}
            }
            Ok(())
        })?);
        vote.skipped = skipped;
        Ok(vote)
    }

    fn empty(parts: StatusParts<'a>) -> Self {
        Vote {
            parts,
            skipped: Vec::new(),
            consensus_methods: Vec::new(),
            published: None,
            valid_after: None,
            fresh_until: None,
            valid_until: None,
            voting_delay: None,
            client_versions: Vec::new(),
            server_versions: Vec::new(),
            packages: Vec::new(),
            known_flags: RouterFlags::empty(),
            unknown_flags: Vec::new(),
            flag_thresholds: Vec::new(),
            recommended_client_protocols: None,
            recommended_relay_protocols: None,
            required_client_protocols: None,
            required_relay_protocols: None,
            params: Vec::new(),
            bandwidth_file_headers: None,
            bandwidth_file_digests: Vec::new(),
            dir_source: None,
            legacy_dir_key: None,
            participates_in_shared_random: false,
            shared_random_commits: Vec::new(),
            shared_random_current: None,
            shared_random_previous: None,
            certificate: None,
            signatures: Vec::new(),
        }
    }

    /// Sets the field for a line that only votes have.
    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"vote-status" => check_status(item, "vote")?,
            b"consensus-methods" => {
                const FORM: &str = "the methods must be numbers, separated by spaces";
                let methods: Option<Vec<u32>> = item.words().map(line::number).collect();
                self.consensus_methods = methods.ok_or(LineProblem::Value(FORM))?;
                if self.consensus_methods.is_empty() {
                    return Err(LineProblem::Words);
                }
            }
            b"published" => self.published = Some(item.time()?),
            b"flag-thresholds" => keyed::numbers(&mut words, &mut self.flag_thresholds)?,
            b"bandwidth-file-headers" => {
                let headers = self.bandwidth_file_headers.insert(Vec::new());
                keyed::pairs(&mut words, headers)?;
            }
            b"bandwidth-file-digest" => keyed::pairs(&mut words, &mut self.bandwidth_file_digests)?,
            b"dir-source" => self.dir_source = Some(DirSource::parse(item)?),
            b"contact" => {
                self.dir_source.as_mut().ok_or(LineProblem::Order)?.read_item(item)?;
            }
            b"legacy-dir-key" => self.legacy_dir_key = Some(fingerprint(&mut words)?),
            b"shared-rand-participate" => self.participates_in_shared_random = true,
            b"shared-rand-commit" => {
                self.shared_random_commits.push(SharedRandomCommit::parse(item)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_header(&mut self, header: StatusHeader<'a>) {
        self.valid_after = header.valid_after;
        self.fresh_until = header.fresh_until;
        self.valid_until = header.valid_until;
        self.voting_delay = header.voting_delay;
        self.client_versions = header.client_versions;
        self.server_versions = header.server_versions;
        self.packages = header.packages;
        self.known_flags = header.known_flags;
        self.unknown_flags = header.unknown_flags;
        self.recommended_client_protocols = header.recommended_client_protocols;
        self.recommended_relay_protocols = header.recommended_relay_protocols;
        self.required_client_protocols = header.required_client_protocols;
        self.required_relay_protocols = header.required_relay_protocols;
        self.params = header.params;
        self.shared_random_current = header.shared_random_current;
        self.shared_random_previous = header.shared_random_previous;
    }

    /// Checks the rules of dir-spec that concern several lines.
    fn check_whole(&self) -> Result<(), DocumentError> {
        let error = |keyword, problem| Err(HEADER.problem(keyword, problem));
        let Some(certificate) = &self.certificate else {
            return error("dir-key-certificate-version", LineProblem::Missing);
        };
        let identity = self.dir_source.as_ref().map(|source| source.identity);
        if certificate.fingerprint != identity {
            const FORM: &str = "the authority and its certificate must have the same fingerprint";
            return error("fingerprint", LineProblem::Value(FORM));
        }
        let has_footer = self.parts.footer.starts_with(b"directory-footer");
        let newest_method = self.consensus_methods.iter().max().copied();
        if newest_method.unwrap_or(1) >= 9 && !has_footer {
            return error("directory-footer", LineProblem::Missing);
        }
        Ok(())
    }

    /// Returns a network parameter. Returns `None` if the authority doesn't
    /// vote for a value of the parameter.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\nparams circwindow=1000\n";
    /// assert_eq!(Vote::parse(text)?.param("circwindow"), Some(1000));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn param(&self, name: &str) -> Option<i32> {
        self.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
    }

    /// Returns the SHA-256 digest of the bandwidth file. Returns `None` if the
    /// digest is missing or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\n\
    ///     bandwidth-file-digest sha256=C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n";
    /// let digest = Vote::parse(text)?.bandwidth_file_sha256();
    /// assert_eq!(digest.map(|digest| digest[0]), Some(0x0b));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn bandwidth_file_sha256(&self) -> Option<[u8; 32]> {
        let mut digests = self.bandwidth_file_digests.iter();
        let (_, digest) = digests.find(|(algorithm, _)| *algorithm == "sha256")?;
        base64::decode(digest.as_bytes())
    }

    /// Returns an iterator over the relays' entries. The iterator parses each
    /// entry when it reaches the entry. Entries that can't be parsed are
    /// skipped; see [`RouterStatuses`].
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2026-11-21 03:16:05 127.0.0.14 9004 0\n\
    ///     s Running\nid ed25519 C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n";
    /// let vote = Vote::parse(text)?;
    /// assert!(vote.relays().all(|relay| relay.ed25519().is_some()));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn relays(&self) -> RouterStatuses<'a> {
        self.parts.relays(EntryForm::Vote)
    }

    /// Returns the part of the text that the authority signs: everything from
    /// the line `network-status-version` up to and including the space after
    /// the first `directory-signature`. Returns `None` if there is no
    /// signature.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\ndirectory-footer\n\
    ///     directory-signature sha256 \n";
    /// let signed = Vote::parse(text)?.signed_text();
    /// assert!(signed.is_some_and(|signed| signed.ends_with(b"\ndirectory-signature ")));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn signed_text(&self) -> Option<&'a [u8]> {
        signed_text(self.parts.text)
    }

    /// Returns the SHA-1 digest of the [signed part](Self::signed_text), by
    /// which a consensus refers to the vote:
    /// [`DirSource::vote_digest`]. Each call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let vote = Vote::parse(b"network-status-version 3\nvote-status vote\n")?;
    /// assert_eq!(vote.digest_sha1(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha1(&self) -> Option<[u8; 20]> {
        self.signed_text().map(|text| Sha1::digest(text).into())
    }

    /// Returns the SHA-256 digest of the [signed part](Self::signed_text). Each
    /// call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let vote = Vote::parse(b"network-status-version 3\nvote-status vote\n")?;
    /// assert_eq!(vote.digest_sha256(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha256(&self) -> Option<[u8; 32]> {
        self.signed_text().map(|text| Sha256::digest(text).into())
    }

    /// Returns the lines of the header, the certificate and the footer that
    /// were skipped because they are malformed, repeated or out of place. For
    /// the entries, see [`RouterStatuses::skipped`].
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole vote, without annotations before it.
    pub fn text(&self) -> &'a [u8] {
        self.parts.text
    }

    /// Returns the lines of the header and the footer that this version of the
    /// library doesn't know, with their objects. For the certificate, see
    /// [`KeyCertificate::unknown_items`].
    ///
    /// ```
    /// use scape_proto::netdoc::Vote;
    ///
    /// let text = b"network-status-version 3\nvote-status vote\nnew-keyword 1\n";
    /// assert_eq!(Vote::parse(text)?.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let certificate = find_line(self.parts.header, CERTIFICATE);
        let header = self.parts.header.get(..certificate.unwrap_or(self.parts.header.len()));
        let header = rules::unknown(&HEADER, header.unwrap_or_default());
        header.chain(rules::unknown(&FOOTER, self.parts.footer))
    }
}

/// Serializes the headers of the bandwidth file as an object.
#[cfg(feature = "serde")]
fn headers<S: serde::Serializer>(
    headers: &Option<Vec<(&str, &str)>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match headers {
        Some(headers) => crate::word::serial::counts(headers, serializer),
        None => serializer.serialize_none(),
    }
}

impl fmt::Debug for Vote<'_> {
    /// Writes the header and the footer without the entries, because there are
    /// thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vote")
            .field("header", &String::from_utf8_lossy(self.parts.header))
            .field("footer", &String::from_utf8_lossy(self.parts.footer))
            .finish_non_exhaustive()
    }
}
