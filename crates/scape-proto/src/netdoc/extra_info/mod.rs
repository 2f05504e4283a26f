//! Extra-info documents: dir-spec, "Extra-info document format".

mod cells;
mod clients;
mod connections;
mod counts;
mod dirreq;
mod exits;
mod hidden_services;
mod overload;
mod padding;
mod pairs;
mod period;
mod transports;

use std::collections::HashSet;
use std::time::SystemTime;

pub use cells::{CellStats, Deciles};
pub use clients::{BridgeStats, EntryStats};
pub use connections::ConnectionStats;
pub use counts::{NamedCounts, PortCounts};
pub use dirreq::{DirreqCounts, DirreqStats};
pub use exits::ExitStats;
pub use hidden_services::{HiddenServiceStats, ObfuscatedCount};
pub use overload::{OverloadFdExhausted, OverloadRateLimits};
pub use padding::PaddingCounts;
pub use period::StatsPeriod;
pub use transports::{Transport, TransportInfo};

use super::annotations::skip_annotations;
use super::digest::{is_sanitized, sha1_through, sha256_through_object};
use super::documents::{Documents, Split};
use super::item::{Item, Object};
use super::rules::{self, Depth, Rule, Rules};
use super::value::{ed25519_signature, fingerprint, key, nickname, sha1_digest, sha256_digest};
use super::{BandwidthHistory, DescriptorDigest, DocumentError, DocumentKind, LineProblem};
use crate::word::Fingerprint;

/// The statistics that a relay or bridge publishes about itself: dir-spec,
/// "Extra-info document format".
///
/// An `ExtraInfo` borrows its text. Lines are parsed leniently by
/// [`parse`](Self::parse): a malformed line is skipped, its field is `None` or
/// empty as if the line were missing, and [`skipped`](Self::skipped) returns
/// the reason. [`parse_strict`](Self::parse_strict) checks everything that
/// dir-spec demands. Long lists are kept as text, and their types have methods
/// that iterate over them.
///
/// Documents of bridges that CollecTor publishes are sanitized: they have no
/// keys and no signature, and the lines `router-digest` and
/// `router-digest-sha256` instead.
///
/// Signatures are not checked. See the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     published 2026-11-21 03:16:05\n\
///     write-history 2026-11-21 03:00:00 (86400 s) 1024,2048\n\
///     dirreq-v3-reqs us=16,de=8\n";
/// let info = ExtraInfo::parse(text)?;
/// assert_eq!(info.nickname, Some("relay04"));
/// let written = info.write_history.map(|history| history.values().sum::<i64>());
/// assert_eq!(written, Some(3072));
/// assert_eq!(info.dirreq.v3.requests.and_then(|requests| requests.get("de")), Some(8));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "RelayExtraInfoDescriptor")]
#[doc(alias = "BridgeExtraInfoDescriptor")]
#[derive(Clone)]
#[non_exhaustive]
pub struct ExtraInfo<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    /// The relay's nickname.
    pub nickname: Option<&'a str>,
    /// The fingerprint of the relay's RSA identity key. Sanitized documents
    /// contain the SHA-1 digest of the fingerprint instead.
    pub fingerprint: Option<Fingerprint>,
    /// The Ed25519 certificate of the key that signs the document. The
    /// certificate is signed by the relay's identity key.
    pub identity_ed25519: Option<Object<'a>>,
    /// The SHA-256 digest of the relay's Ed25519 identity key. Only sanitized
    /// documents have this.
    pub master_key_ed25519: Option<[u8; 32]>,
    /// The time when the document was made, in whole seconds.
    pub published: Option<SystemTime>,
    /// The pluggable transports that the relay offers.
    pub transports: Vec<Transport<'a>>,
    /// The programs behind the pluggable transports.
    pub transport_infos: Vec<TransportInfo<'a>>,
    /// The bytes that the relay wrote in the past, over IPv4 and IPv6.
    pub write_history: Option<BandwidthHistory<'a>>,
    /// The bytes that the relay read in the past, over IPv4 and IPv6.
    pub read_history: Option<BandwidthHistory<'a>>,
    /// The bytes written over IPv6.
    pub ipv6_write_history: Option<BandwidthHistory<'a>>,
    /// The bytes read over IPv6.
    pub ipv6_read_history: Option<BandwidthHistory<'a>>,
    /// The bytes written for directory requests.
    pub dirreq_write_history: Option<BandwidthHistory<'a>>,
    /// The bytes read for directory requests.
    pub dirreq_read_history: Option<BandwidthHistory<'a>>,
    /// The SHA-1 digest of the GeoIP database for IPv4.
    pub geoip_db_digest: Option<[u8; 20]>,
    /// The SHA-1 digest of the GeoIP database for IPv6.
    pub geoip6_db_digest: Option<[u8; 20]>,
    /// Statistics about requests for network statuses.
    pub dirreq: DirreqStats<'a>,
    /// Statistics about onion services of version 2.
    pub hidden_service_v2: HiddenServiceStats<'a>,
    /// Statistics about onion services of version 3.
    pub hidden_service_v3: HiddenServiceStats<'a>,
    /// Statistics about the clients of a guard.
    pub entry: EntryStats<'a>,
    /// Statistics about the cells in the queues of circuits.
    pub cell: CellStats<'a>,
    /// Statistics about the streams of an exit.
    pub exit: ExitStats<'a>,
    /// Statistics about the directions in which connections were used.
    pub connections: Option<ConnectionStats>,
    /// Statistics about the directions in which IPv6 connections were used.
    pub ipv6_connections: Option<ConnectionStats>,
    /// Statistics about padding cells.
    pub padding: Option<PaddingCounts<'a>>,
    /// A bandwidth limit that was exhausted in the past 24 hours.
    pub overload_ratelimits: Option<OverloadRateLimits>,
    /// A lack of file descriptors in the past 72 hours.
    pub overload_fd_exhausted: Option<OverloadFdExhausted>,
    /// Statistics about the clients of a bridge.
    pub bridge: BridgeStats<'a>,
    /// The Ed25519 signature of the document.
    pub router_sig_ed25519: Option<[u8; 64]>,
    /// The RSA signature of the document.
    pub router_signature: Option<Object<'a>>,
    /// The SHA-1 digest of the original document. Only sanitized documents
    /// have this.
    pub router_digest: Option<DescriptorDigest>,
    /// The SHA-256 digest of the original document. Only sanitized documents
    /// have this.
    pub router_digest_sha256: Option<[u8; 32]>,
}

/// The lines that may appear in every extra-info document, in the order in
/// which tor writes them.
macro_rules! rules {
    ($($own:expr),* $(,)?) => {
        &[
            Rule::once("extra-info"),
            Rule::at_most_once("identity-ed25519").object("ED25519 CERT").position_from_start(1),
            Rule::at_most_once("master-key-ed25519"),
            Rule::once("published"),
            Rule::any("transport"),
            Rule::any("transport-info"),
            Rule::at_most_once("write-history"),
            Rule::at_most_once("read-history"),
            Rule::at_most_once("ipv6-write-history"),
            Rule::at_most_once("ipv6-read-history"),
            Rule::at_most_once("dirreq-write-history"),
            Rule::at_most_once("dirreq-read-history"),
            Rule::at_most_once("geoip-db-digest"),
            Rule::at_most_once("geoip6-db-digest"),
            Rule::at_most_once("geoip-start-time"),
            Rule::at_most_once("geoip-client-origins"),
            Rule::at_most_once("dirreq-stats-end"),
            Rule::at_most_once("dirreq-v3-ips"),
            Rule::at_most_once("dirreq-v2-ips"),
            Rule::at_most_once("dirreq-v3-reqs"),
            Rule::at_most_once("dirreq-v2-reqs"),
            Rule::at_most_once("dirreq-v3-share"),
            Rule::at_most_once("dirreq-v2-share"),
            Rule::at_most_once("dirreq-v3-resp"),
            Rule::at_most_once("dirreq-v2-resp"),
            Rule::at_most_once("dirreq-v3-direct-dl"),
            Rule::at_most_once("dirreq-v2-direct-dl"),
            Rule::at_most_once("dirreq-v3-tunneled-dl"),
            Rule::at_most_once("dirreq-v2-tunneled-dl"),
            Rule::at_most_once("hidserv-stats-end"),
            Rule::at_most_once("hidserv-rend-relayed-cells"),
            Rule::at_most_once("hidserv-dir-onions-seen"),
            Rule::at_most_once("hidserv-v3-stats-end"),
            Rule::at_most_once("hidserv-rend-v3-relayed-cells"),
            Rule::at_most_once("hidserv-dir-v3-onions-seen"),
            Rule::at_most_once("entry-stats-end"),
            Rule::at_most_once("entry-ips"),
            Rule::at_most_once("cell-stats-end"),
            Rule::at_most_once("cell-processed-cells"),
            Rule::at_most_once("cell-queued-cells"),
            Rule::at_most_once("cell-time-in-queue"),
            Rule::at_most_once("cell-circuits-per-decile"),
            Rule::at_most_once("exit-stats-end"),
            Rule::at_most_once("exit-kibibytes-written"),
            Rule::at_most_once("exit-kibibytes-read"),
            Rule::at_most_once("exit-streams-opened"),
            Rule::at_most_once("conn-bi-direct"),
            Rule::at_most_once("ipv6-conn-bi-direct"),
            Rule::at_most_once("padding-counts"),
            Rule::at_most_once("overload-ratelimits"),
            Rule::at_most_once("overload-fd-exhausted"),
            Rule::at_most_once("bridge-stats-end"),
            Rule::at_most_once("bridge-ips"),
            Rule::at_most_once("bridge-ip-versions"),
            Rule::at_most_once("bridge-ip-transports"),
            $($own),*
        ]
    };
}

static RULES: Rules = Rules {
    document: DocumentKind::ExtraInfo,
    lines: rules![
        Rule::at_most_once("router-sig-ed25519").position_from_end(1),
        Rule::once("router-signature").object("SIGNATURE").position_from_end(0),
        Rule::at_most_once("router-digest-sha256"),
        Rule::at_most_once("router-digest"),
    ],
    ordered: false,
};

/// The rules for a bridge's document from which the keys and addresses were
/// removed.
static SANITIZED: Rules = Rules {
    document: DocumentKind::ExtraInfo,
    lines: rules![
        Rule::at_most_once("router-sig-ed25519"),
        Rule::at_most_once("router-signature").object("SIGNATURE"),
        Rule::at_most_once("router-digest-sha256"),
        Rule::once("router-digest"),
    ],
    ordered: false,
};

impl<'a> ExtraInfo<'a> {
    /// Parses a document. Malformed lines are skipped. Annotations before and
    /// after the document are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     entry-ips nowhere=8\n";
    /// let info = ExtraInfo::parse(text)?;
    /// assert_eq!(info.entry.ips, None);
    /// assert_eq!(info.skipped()[0].keyword(), "entry-ips");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `extra-info`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a document and checks the order, the number and the form of its
    /// lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{ExtraInfo, LineProblem};
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n";
    /// let error = ExtraInfo::parse_strict(text).expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("published", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    /// Returns an iterator over the documents in a text, such as tor's file
    /// `cached-extrainfo`. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     extra-info relay05 92328E64BB2AD166F197317B199EBC712522108E\n";
    /// assert_eq!(ExtraInfo::parse_all(text).count(), 2);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut info = ExtraInfo::empty(text);
        // The two sets of rules differ only in what a strict reading checks.
        let rules = if depth == Depth::Strict { info.rules() } else { &RULES };
        info.skipped = rules::read(rules, text, depth, |item| info.read_item(item))?;
        if depth == Depth::Strict {
            info.check_whole()?;
        }
        Ok(info)
    }

    fn empty(text: &'a [u8]) -> Self {
        ExtraInfo {
            text,
            skipped: Vec::new(),
            nickname: None,
            fingerprint: None,
            identity_ed25519: None,
            master_key_ed25519: None,
            published: None,
            transports: Vec::new(),
            transport_infos: Vec::new(),
            write_history: None,
            read_history: None,
            ipv6_write_history: None,
            ipv6_read_history: None,
            dirreq_write_history: None,
            dirreq_read_history: None,
            geoip_db_digest: None,
            geoip6_db_digest: None,
            dirreq: DirreqStats::default(),
            hidden_service_v2: HiddenServiceStats::default(),
            hidden_service_v3: HiddenServiceStats::default(),
            entry: EntryStats::default(),
            cell: CellStats::default(),
            exit: ExitStats::default(),
            connections: None,
            ipv6_connections: None,
            padding: None,
            overload_ratelimits: None,
            overload_fd_exhausted: None,
            bridge: BridgeStats::default(),
            router_sig_ed25519: None,
            router_signature: None,
            router_digest: None,
            router_digest_sha256: None,
        }
    }

    /// Returns the rules for this document, which depend on whether the
    /// document is sanitized.
    fn rules(&self) -> &'static Rules {
        if is_sanitized(self.text) { &SANITIZED } else { &RULES }
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"extra-info" => {
                self.nickname = Some(nickname(&mut words)?);
                self.fingerprint = Some(fingerprint(&mut words)?);
            }
            b"identity-ed25519" => self.identity_ed25519 = item.object(),
            b"master-key-ed25519" => self.master_key_ed25519 = Some(key(&mut words)?),
            b"published" => self.published = Some(item.time()?),
            b"transport" => self.transports.push(Transport::parse(item)?),
            b"transport-info" => self.transport_infos.push(TransportInfo::parse(item)?),
            b"write-history" => self.write_history = Some(BandwidthHistory::parse(item)?),
            b"read-history" => self.read_history = Some(BandwidthHistory::parse(item)?),
            b"ipv6-write-history" => self.ipv6_write_history = Some(BandwidthHistory::parse(item)?),
            b"ipv6-read-history" => self.ipv6_read_history = Some(BandwidthHistory::parse(item)?),
            b"dirreq-write-history" => {
                self.dirreq_write_history = Some(BandwidthHistory::parse(item)?);
            }
            b"dirreq-read-history" => {
                self.dirreq_read_history = Some(BandwidthHistory::parse(item)?);
            }
            b"geoip-db-digest" => self.geoip_db_digest = Some(sha1_digest(&mut words)?),
            b"geoip6-db-digest" => self.geoip6_db_digest = Some(sha1_digest(&mut words)?),
            b"conn-bi-direct" => self.connections = Some(ConnectionStats::parse(item)?),
            b"ipv6-conn-bi-direct" => self.ipv6_connections = Some(ConnectionStats::parse(item)?),
            b"padding-counts" => self.padding = Some(PaddingCounts::parse(item)?),
            b"overload-ratelimits" => {
                self.overload_ratelimits = Some(OverloadRateLimits::parse(item)?);
            }
            b"overload-fd-exhausted" => {
                self.overload_fd_exhausted = Some(OverloadFdExhausted::parse(item)?);
            }
            b"router-sig-ed25519" => {
                self.router_sig_ed25519 = Some(ed25519_signature(&mut words)?);
            }
            b"router-signature" => self.router_signature = item.object(),
            b"router-digest" => {
                let digest = sha1_digest(&mut words)?;
                self.router_digest = Some(DescriptorDigest::from_bytes(digest));
            }
            b"router-digest-sha256" => {
                self.router_digest_sha256 = Some(sha256_digest(&mut words)?);
            }
            keyword => self.read_statistics(keyword, item)?,
        }
        Ok(())
    }

    /// Sets the field for a line of one of the groups of statistics:
    /// `hidserv-…`, `dirreq-…` and so on.
    fn read_statistics(&mut self, keyword: &[u8], item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match keyword {
            b"hidserv-stats-end" => self.hidden_service_v2.read(b"stats-end", item),
            b"hidserv-rend-relayed-cells" => self.hidden_service_v2.read(b"relayed-cells", item),
            b"hidserv-dir-onions-seen" => self.hidden_service_v2.read(b"onions-seen", item),
            b"hidserv-v3-stats-end" => self.hidden_service_v3.read(b"stats-end", item),
            b"hidserv-rend-v3-relayed-cells" => self.hidden_service_v3.read(b"relayed-cells", item),
            b"hidserv-dir-v3-onions-seen" => self.hidden_service_v3.read(b"onions-seen", item),
            b"entry-stats-end" => set(&mut self.entry.period, StatsPeriod::read(&mut words)),
            b"entry-ips" => set(&mut self.entry.ips, NamedCounts::countries(item)),
            b"bridge-stats-end" => set(&mut self.bridge.period, StatsPeriod::read(&mut words)),
            b"bridge-ips" => set(&mut self.bridge.ips, NamedCounts::countries(item)),
            b"bridge-ip-versions" => set(&mut self.bridge.ip_versions, NamedCounts::words(item)),
            b"bridge-ip-transports" => {
                set(&mut self.bridge.ip_transports, NamedCounts::words(item))
            }
            b"geoip-start-time" => set(&mut self.bridge.geoip_start_time, words.time()),
            b"geoip-client-origins" => {
                set(&mut self.bridge.geoip_client_origins, NamedCounts::countries(item))
            }
            keyword => {
                if let Some(keyword) = keyword.strip_prefix(b"dirreq-") {
                    self.dirreq.read(keyword, item)
                } else if let Some(keyword) = keyword.strip_prefix(b"cell-") {
                    self.cell.read(keyword, item)
                } else if let Some(keyword) = keyword.strip_prefix(b"exit-") {
                    self.exit.read(keyword, item)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Checks the rules of dir-spec that concern several lines.
    fn check_whole(&self) -> Result<(), DocumentError> {
        let error = |keyword, problem| Err(RULES.problem(keyword, problem));
        match (self.identity_ed25519, self.router_sig_ed25519) {
            (Some(_), None) => return error("router-sig-ed25519", LineProblem::Missing),
            (None, Some(_)) => return error("identity-ed25519", LineProblem::Missing),
            _ => {}
        }
        let mut names = HashSet::new();
        if !self.transports.iter().all(|transport| names.insert(transport.name)) {
            return error("transport", LineProblem::Repeated);
        }
        Ok(())
    }

    /// Returns the document's SHA-1 digest, by which a server descriptor refers
    /// to it. For a sanitized document, that is the digest of the original.
    /// Each call computes the digest again.
    ///
    /// Returns `None` if the document has neither a signature nor a valid line
    /// `router-digest`. Also returns `None` if the end of the signed part isn't
    /// clear: something follows the keyword in the line `router-signature`, or
    /// an earlier line begins with this keyword.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     router-signature\n";
    /// let digest = ExtraInfo::parse(text)?.digest().map(|digest| digest.to_string());
    /// assert_eq!(digest.as_deref(), Some("000D80BA3FCE33CC3BE083FA1B886BEC1364FE09"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest(&self) -> Option<DescriptorDigest> {
        let computed = sha1_through(self.text, b"\nrouter-signature\n");
        let of_original = || self.router_digest.filter(|_| self.is_sanitized());
        computed.map(DescriptorDigest::from_bytes).or_else(of_original)
    }

    /// Returns the document's SHA-256 digest, by which a server descriptor
    /// refers to it. In contrast to [`digest`](Self::digest), this digest
    /// includes the signature. For a sanitized document, the digest is that of
    /// the original. Each call computes the digest again.
    ///
    /// Returns `None` if the document has neither a signature nor a valid line
    /// `router-digest-sha256`.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     router-signature\n-----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n";
    /// let digest = ExtraInfo::parse(text)?.digest_sha256().expect("there is a signature");
    /// assert_eq!(digest[..4], [0xee, 0x10, 0xed, 0x86]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha256(&self) -> Option<[u8; 32]> {
        // The digest of the original counts only without a signature, see
        // `is_sanitized`.
        let computed = sha256_through_object(self.text, b"router-signature");
        computed.or(self.router_digest_sha256)
    }

    /// Returns true if the keys and addresses were removed, as CollecTor does
    /// with documents of bridges.
    pub fn is_sanitized(&self) -> bool {
        is_sanitized(self.text)
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole document.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     new-stats 1\n";
    /// let info = ExtraInfo::parse(text)?;
    /// assert_eq!(info.unknown_items().next().map(|item| item.keyword()), Some(&b"new-stats"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

/// Sets a field to a value that was read from a line. If the value is an error,
/// returns the error.
fn set<T>(field: &mut Option<T>, value: Result<T, LineProblem>) -> Result<(), LineProblem> {
    *field = Some(value?);
    Ok(())
}

impl<'a> Split<'a> for ExtraInfo<'a> {
    const START: &'static [u8] = b"\nextra-info";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        Self::read_text(text, depth)
    }
}

debug_as_text! { ExtraInfo }

#[cfg(feature = "serde")]
use crate::word::serial::{Hex, Time};

#[cfg(feature = "serde")]
fields! { "ExtraInfo", |info: ExtraInfo<'_>| {
    nickname: info.nickname,
    fingerprint: info.fingerprint,
    identity_ed25519: info.identity_ed25519,
    master_key_ed25519: info.master_key_ed25519.map(Hex),
    published: Time::new(info.published),
    transports: info.transports,
    transport_infos: info.transport_infos,
    write_history: info.write_history,
    read_history: info.read_history,
    ipv6_write_history: info.ipv6_write_history,
    ipv6_read_history: info.ipv6_read_history,
    dirreq_write_history: info.dirreq_write_history,
    dirreq_read_history: info.dirreq_read_history,
    geoip_db_digest: info.geoip_db_digest.map(Hex),
    geoip6_db_digest: info.geoip6_db_digest.map(Hex),
    dirreq: info.dirreq,
    hidden_service_v2: info.hidden_service_v2,
    hidden_service_v3: info.hidden_service_v3,
    entry: info.entry,
    cell: info.cell,
    exit: info.exit,
    connections: info.connections,
    ipv6_connections: info.ipv6_connections,
    padding: info.padding,
    overload_ratelimits: info.overload_ratelimits,
    overload_fd_exhausted: info.overload_fd_exhausted,
    bridge: info.bridge,
    router_sig_ed25519: info.router_sig_ed25519.map(Hex),
    router_signature: info.router_signature,
    digest: info.digest(),
    digest_sha256: info.digest_sha256().map(Hex),
} }

#[cfg(test)]
mod tests;
