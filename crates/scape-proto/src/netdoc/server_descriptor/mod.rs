//! Server descriptors: dir-spec, "Server descriptor format".

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use super::BandwidthHistory;
use super::annotations::skip_annotations;
use super::digest::{is_sanitized, sha1_through};
use super::documents::{Documents, Split};
use super::item::{Item, Object};
use super::line::{first_word, lossy, signed_number};
use super::rules::{self, Depth, Rule, Rules};
use super::value::{
    base64_word, decode_hex, ed25519_signature, flag, ipv4, key, nickname, sha1_digest,
    sha256_digest, socket_addr,
};
use super::{
    DescriptorDigest, DocumentError, DocumentKind, ExitPolicy, ExitRule, FamilyMember, LineProblem,
    ParseExitPolicyError, PortPolicy, Protocols,
};
use crate::word::Fingerprint;

/// A relay's or bridge's description of itself: dir-spec, "Server descriptor
/// format".
///
/// A `ServerDescriptor` borrows its text. Lines are parsed leniently by
/// [`parse`](Self::parse): a malformed line is skipped, its field is `None` or
/// empty as if the line were missing, and [`skipped`](Self::skipped) returns
/// the reason. [`parse_strict`](Self::parse_strict) checks everything that
/// dir-spec demands. The exit policy, the family and the subprotocol versions
/// are parsed by the methods that return them.
///
/// Descriptors of bridges that CollecTor publishes are sanitized: they have no
/// keys and no signature, and the lines `router-digest` and
/// `router-digest-sha256` instead.
///
/// Signatures are not checked. See the feature `verify`.
///
/// ```
/// use scape_proto::netdoc::ServerDescriptor;
///
/// let text = b"router relay04 127.0.0.14 9004 0 0\nplatform Tor 0.4.9.11 on Linux\n\
///     bandwidth 1073741824 1073741824 0\nreject *:25\naccept *:*\n";
/// let relay = ServerDescriptor::parse(text)?;
/// assert_eq!((relay.nickname, relay.or_port), (Some("relay04"), Some(9004)));
/// assert_eq!(relay.bandwidth.map(|bandwidth| bandwidth.average), Some(1 << 30));
/// assert!(!relay.exit_policy()?.allows("192.0.2.1".parse()?, 25));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "RelayDescriptor")]
#[doc(alias = "BridgeDescriptor")]
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerDescriptor<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    protocols: Option<&'a [u8]>,
    family: &'a [u8],
    ipv6_policy: Option<&'a [u8]>,
    /// The nickname that the relay's operator chose. Nicknames aren't unique.
    pub nickname: Option<&'a str>,
    /// The relay's IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// The port for relays and clients, or 0 if the relay has no such
    /// port.
    pub or_port: Option<u16>,
    /// The port for SOCKS, which is 0 since tor 0.1.
    pub socks_port: Option<u16>,
    /// The port for unencrypted directory requests, or 0 if the relay has no
    /// such port.
    pub dir_port: Option<u16>,
    /// The additional addresses for relays and clients, in order: the lines
    /// `or-address`.
    pub or_addresses: Vec<SocketAddr>,
    /// The Ed25519 certificate of the key that signs the descriptor. The
    /// certificate is signed by the relay's identity key.
    pub identity_ed25519: Option<Object<'a>>,
    /// The relay's Ed25519 identity key.
    pub master_key_ed25519: Option<[u8; 32]>,
    /// The bandwidths that the relay offers.
    pub bandwidth: Option<Bandwidth>,
    /// The software and the system, such as `Tor 0.4.9.11 on Linux`. Invalid
    /// UTF-8 is replaced by U+FFFD.
    pub platform: Option<Cow<'a, str>>,
    /// The time when the descriptor was made, in whole seconds.
    pub published: Option<SystemTime>,
    /// The fingerprint of the relay's RSA identity key.
    pub fingerprint: Option<Fingerprint>,
    /// True if the relay hibernated when the descriptor was made. False if the
    /// line is missing.
    pub is_hibernating: bool,
    /// The time since the relay's tor was started, in seconds. The number is
    /// signed because some old versions of tor wrote negative numbers.
    pub uptime: Option<i64>,
    /// The RSA key for the TAP handshake. Relays publish none since tor
    /// 0.4.9.
    pub onion_key: Option<Object<'a>>,
    /// The signature that proves that the relay has the secret part of
    /// `onion_key`.
    pub onion_key_crosscert: Option<Object<'a>>,
    /// The Curve25519 key for the ntor handshake.
    pub ntor_onion_key: Option<[u8; 32]>,
    /// The certificate that proves that the relay has the secret part of
    /// `ntor_onion_key`.
    pub ntor_onion_key_crosscert: Option<CrossCertificate<'a>>,
    /// The relay's RSA identity key, which signs the descriptor.
    pub signing_key: Option<Object<'a>>,
    /// The last overload that the relay noticed. A relay reports an overload
    /// for 72 hours.
    pub overload_general: Option<OverloadGeneral>,
    /// The operator's contact information. Invalid UTF-8 is replaced by
    /// U+FFFD.
    pub contact: Option<Cow<'a, str>>,
    /// The way in which a bridge wants to be distributed, such as `https`.
    pub bridge_distribution_request: Option<&'a str>,
    /// The certificates that prove the membership in families: the lines
    /// `family-cert`.
    pub family_certs: Vec<Object<'a>>,
    /// True if the relay has a newer resolver for DNS. Obsolete.
    pub eventdns: Option<bool>,
    /// True if the relay caches extra-info documents.
    pub caches_extra_info: bool,
    /// The digest of the relay's extra-info document.
    pub extra_info_digest: Option<DescriptorDigest>,
    /// The SHA-256 digest of the relay's extra-info document, including the
    /// document's signature.
    pub extra_info_sha256: Option<[u8; 32]>,
    /// True if the relay stores descriptors of onion services.
    pub is_hidden_service_dir: bool,
    /// True if circuits of one hop may exit. Obsolete.
    pub allows_single_hop_exits: bool,
    /// True if the relay answers directory requests at its OR port.
    pub has_tunnelled_dir_server: bool,
    /// The bytes read in the past. Only descriptors of tor 0.1 and older have
    /// this; later ones have it in the extra-info document.
    pub read_history: Option<BandwidthHistory<'a>>,
    /// The bytes written in the past. Only descriptors of tor 0.1 and older
    /// have this; later ones have it in the extra-info document.
    pub write_history: Option<BandwidthHistory<'a>>,
    /// The Ed25519 signature of the descriptor.
    pub router_sig_ed25519: Option<[u8; 64]>,
    /// The RSA signature of the descriptor.
    pub router_signature: Option<Object<'a>>,
    /// The digest of the original descriptor. Only sanitized descriptors of
    /// bridges have this.
    pub router_digest: Option<DescriptorDigest>,
    /// The SHA-256 digest of the original descriptor. Only sanitized
    /// descriptors of bridges have this.
    pub router_digest_sha256: Option<[u8; 32]>,
}

/// The bandwidths in a server descriptor, in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Bandwidth {
    /// The bandwidth that the relay is willing to sustain for long.
    pub average: u64,
    /// The bandwidth that the relay is willing to sustain for a short time.
    pub burst: u64,
    /// The highest bandwidth that the relay sustained for ten seconds in the
    /// past five days.
    pub observed: u64,
}

/// The certificate of the key for the ntor handshake: the line
/// `ntor-onion-key-crosscert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CrossCertificate<'a> {
    /// The sign bit of the Ed25519 key that corresponds to the ntor key, which
    /// is a Curve25519 key.
    pub sign: bool,
    /// The Ed25519 certificate in which the ntor key signs the relay's identity
    /// key.
    pub certificate: Object<'a>,
}

/// A relay's overload: the line `overload-general`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverloadGeneral {
    /// The version of the line's format, which is 1.
    pub version: u32,
    /// The start of the hour in which the relay last noticed an overload.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub since: SystemTime,
}

const ED25519: &str = "ED25519 CERT";
const RSA: &str = "RSA PUBLIC KEY";

/// The lines that may appear in every server descriptor, in the order in which
/// tor writes them. The order isn't checked, but makes the search for the rules
/// faster.
macro_rules! rules {
    ($signing_key:expr; $($own:expr),* $(,)?) => {
        &[
            Rule::once("router"),
            Rule::at_most_once("identity-ed25519").object(ED25519).position_from_start(1),
            Rule::at_most_once("master-key-ed25519"),
            Rule::any("or-address"),
            Rule::at_most_once("platform"),
            Rule::at_most_once("proto"),
            Rule::once("published"),
            Rule::at_most_once("fingerprint"),
            Rule::at_most_once("uptime"),
            Rule::once("bandwidth"),
            Rule::at_most_once("extra-info-digest"),
            Rule::at_most_once("onion-key").object(RSA),
            $signing_key,
            Rule::at_most_once("onion-key-crosscert").object("CROSSCERT"),
            Rule::at_most_once("ntor-onion-key-crosscert").object(ED25519),
            Rule::at_most_once("hidden-service-dir"),
            Rule::at_most_once("contact"),
            Rule::at_most_once("bridge-distribution-request"),
            Rule::at_most_once("family"),
            Rule::any("family-cert").object("FAMILY CERT"),
            Rule::at_most_once("ntor-onion-key"),
            Rule::any("reject"),
            Rule::any("accept"),
            Rule::at_most_once("ipv6-policy"),
            Rule::at_most_once("tunnelled-dir-server"),
            $($own,)*
            Rule::at_most_once("overload-general"),
            Rule::at_most_once("hibernating"),
            Rule::at_most_once("caches-extra-info"),
            Rule::at_most_once("eventdns"),
            Rule::at_most_once("protocols"),
            Rule::at_most_once("allow-single-hop-exits"),
            Rule::at_most_once("read-history"),
            Rule::at_most_once("write-history"),
        ]
    };
}

static RULES: Rules = Rules {
    document: DocumentKind::ServerDescriptor,
    lines: rules![
        Rule::once("signing-key").object(RSA);
        Rule::at_most_once("router-sig-ed25519").position_from_end(1),
        Rule::once("router-signature").object("SIGNATURE").position_from_end(0),
        Rule::at_most_once("router-digest-sha256"),
        Rule::at_most_once("router-digest"),
    ],
    ordered: false,
};

/// The rules for a bridge's descriptor from which the keys and addresses were
/// removed.
static SANITIZED: Rules = Rules {
    document: DocumentKind::ServerDescriptor,
    lines: rules![
        Rule::at_most_once("signing-key").object(RSA);
        Rule::at_most_once("router-sig-ed25519"),
        Rule::at_most_once("router-signature").object("SIGNATURE"),
        Rule::at_most_once("router-digest-sha256"),
        Rule::once("router-digest"),
    ],
    ordered: false,
};

impl<'a> ServerDescriptor<'a> {
    /// Parses a descriptor. Malformed lines are skipped. Annotations before and
    /// after the descriptor are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let relay = ServerDescriptor::parse(b"router relay04 127.0.0.14 9004 0 0\nuptime soon\n")?;
    /// assert_eq!(relay.uptime, None);
    /// assert_eq!(relay.skipped()[0].keyword(), "uptime");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `router`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a descriptor and checks the order, the number and the form of its
    /// lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, ServerDescriptor};
    ///
    /// let error = ServerDescriptor::parse_strict(b"router relay04 127.0.0.14 9004 0 0\n")
    ///     .expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("published", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    /// Returns an iterator over the descriptors in a text, such as tor's file
    /// `cached-descriptors`. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nrouter relay05 127.0.0.15 9005 0 0\n";
    /// assert_eq!(ServerDescriptor::parse_all(text).count(), 2);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut relay = ServerDescriptor::empty(text);
        // The two sets of rules differ only in what a strict reading checks.
        let rules = if depth == Depth::Strict { relay.rules() } else { &RULES };
        relay.skipped = rules::read(rules, text, depth, |item| relay.read_item(item, depth))?;
        if depth == Depth::Strict {
            relay.check_whole()?;
        }
        Ok(relay)
    }

    fn empty(text: &'a [u8]) -> Self {
        ServerDescriptor {
            text,
            skipped: Vec::new(),
            protocols: None,
            family: b"",
            ipv6_policy: None,
            nickname: None,
            address: None,
            or_port: None,
            socks_port: None,
            dir_port: None,
            or_addresses: Vec::new(),
            identity_ed25519: None,
            master_key_ed25519: None,
            bandwidth: None,
            platform: None,
            published: None,
            fingerprint: None,
            is_hibernating: false,
            uptime: None,
            onion_key: None,
            onion_key_crosscert: None,
            ntor_onion_key: None,
            ntor_onion_key_crosscert: None,
            signing_key: None,
            overload_general: None,
            contact: None,
            bridge_distribution_request: None,
            family_certs: Vec::new(),
            eventdns: None,
            caches_extra_info: false,
            extra_info_digest: None,
            extra_info_sha256: None,
            is_hidden_service_dir: false,
            allows_single_hop_exits: false,
            has_tunnelled_dir_server: false,
            read_history: None,
            write_history: None,
            router_sig_ed25519: None,
            router_signature: None,
            router_digest: None,
            router_digest_sha256: None,
        }
    }

    /// Returns the rules for this descriptor, which depend on whether the
    /// descriptor is sanitized.
    fn rules(&self) -> &'static Rules {
        if is_sanitized(self.text) { &SANITIZED } else { &RULES }
    }

    fn read_item(&mut self, item: &Item<'a>, depth: Depth) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"router" => self.read_router(item)?,
            b"identity-ed25519" => self.identity_ed25519 = item.object(),
            b"master-key-ed25519" => self.master_key_ed25519 = Some(key(&mut words)?),
            b"bandwidth" => {
                const FORM: &str = "the bandwidths must be numbers of bytes per second";
                let average = words.number(FORM)?;
                let burst = words.number(FORM)?;
                // tor 0.0.7 and older wrote no observed bandwidth.
                let observed = if words.is_empty() { 0 } else { words.number(FORM)? };
                self.bandwidth = Some(Bandwidth { average, burst, observed });
            }
            b"platform" => self.platform = Some(item.lossy()),
            b"published" => self.published = Some(item.time()?),
            b"fingerprint" => self.fingerprint = Some(read_fingerprint(item)?),
            b"hibernating" => self.is_hibernating = flag(&mut words)?,
            b"uptime" => {
                let uptime = signed_number(words.word()?);
                self.uptime = Some(
                    uptime.ok_or(LineProblem::Value("the uptime must be a number of seconds"))?,
                );
            }
            b"onion-key" => self.onion_key = item.object(),
            b"onion-key-crosscert" => self.onion_key_crosscert = item.object(),
            b"ntor-onion-key" => self.ntor_onion_key = Some(key(&mut words)?),
            b"ntor-onion-key-crosscert" => {
                let sign = flag(&mut words)?;
                self.ntor_onion_key_crosscert =
                    item.object().map(|certificate| CrossCertificate { sign, certificate });
            }
            b"signing-key" => self.signing_key = item.object(),
            b"ipv6-policy" => self.ipv6_policy = Some(item.arguments()),
            b"overload-general" => {
                let version = words.number("the version must be a number")?;
                self.overload_general = Some(OverloadGeneral { version, since: words.time()? });
            }
            b"contact" => self.contact = Some(item.lossy()),
            b"bridge-distribution-request" => {
                self.bridge_distribution_request = Some(words.text("the method must be a word")?);
            }
            b"family" => self.family = item.arguments(),
            b"family-cert" => self.family_certs.extend(item.object()),
            b"eventdns" => self.eventdns = Some(flag(&mut words)?),
            b"caches-extra-info" => self.caches_extra_info = true,
            b"extra-info-digest" => {
                let digest = sha1_digest(&mut words)?;
                self.extra_info_digest = Some(DescriptorDigest::from_bytes(digest));
                if !words.is_empty() {
                    const FORM: &str = "the second digest must be 32 bytes in base64";
                    self.extra_info_sha256 = Some(base64_word(&mut words, FORM)?);
                }
            }
            b"hidden-service-dir" => self.is_hidden_service_dir = true,
            b"allow-single-hop-exits" => self.allows_single_hop_exits = true,
            b"tunnelled-dir-server" => self.has_tunnelled_dir_server = true,
            b"or-address" => self.or_addresses.push(socket_addr(&mut words)?),
            b"proto" => self.protocols = Some(item.arguments()),
            b"read-history" => self.read_history = Some(BandwidthHistory::parse(item)?),
            b"write-history" => self.write_history = Some(BandwidthHistory::parse(item)?),
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
            _ => {}
        }
        if depth == Depth::Strict { check_item(item) } else { Ok(()) }
    }

    fn read_router(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        const PORT: &str = "the ports must be numbers from 0 to 65535";
        let mut words = item.arguments_reader();
        self.nickname = Some(nickname(&mut words)?);
        self.address = Some(ipv4(&mut words)?);
        self.or_port = Some(words.number(PORT)?);
        self.socks_port = Some(words.number(PORT)?);
        self.dir_port = Some(words.number(PORT)?);
        Ok(())
    }

    /// Checks the rules of dir-spec that concern several lines.
    fn check_whole(&self) -> Result<(), DocumentError> {
        let missing = |keyword| RULES.problem(keyword, LineProblem::Missing);
        if !Item::parse_all(self.text).any(|item| is_rule(&item)) {
            return Err(missing("reject"));
        }
        if self.router_sig_ed25519.is_some() && self.identity_ed25519.is_none() {
            return Err(missing("identity-ed25519"));
        }
        if self.identity_ed25519.is_some() && !self.is_sanitized() {
            let required = [
                ("router-sig-ed25519", self.router_sig_ed25519.is_some()),
                ("ntor-onion-key", self.ntor_onion_key.is_some()),
                ("ntor-onion-key-crosscert", self.ntor_onion_key_crosscert.is_some()),
                (
                    "onion-key-crosscert",
                    self.onion_key.is_none() || self.onion_key_crosscert.is_some(),
                ),
            ];
            if let Some((keyword, _)) = required.iter().find(|(_, is_there)| !is_there) {
                return Err(missing(keyword));
            }
        }
        Ok(())
    }

    /// Returns the ports and addresses to which the relay allows streams to
    /// exit: the lines `accept` and `reject`.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nreject *:25\naccept *:*\n";
    /// let policy = ServerDescriptor::parse(text)?.exit_policy()?;
    /// assert!(policy.allows("192.0.2.1".parse()?, 80));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if one of these lines is malformed. The first line that
    /// matches decides, so leaving out a line would change the policy.
    pub fn exit_policy(&self) -> Result<ExitPolicy, ParseExitPolicyError> {
        // Unlike in a list of rules, a comma doesn't end a rule here.
        let lines = Item::parse_all(self.text).filter(is_rule);
        lines.map(|line| rule_text(&line).parse::<ExitRule>()).collect()
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6.
    /// No port is allowed if the line `ipv6-policy` is missing or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nipv6-policy accept 80,443\n";
    /// assert!(ServerDescriptor::parse(text)?.ipv6_policy().allows(443));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn ipv6_policy(&self) -> PortPolicy {
        self.ipv6_policy.and_then(PortPolicy::from_line).unwrap_or_else(PortPolicy::reject_all)
    }

    /// Returns the subprotocol versions that the relay supports: the line
    /// `proto`. Returns `None` if the line is missing or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nproto Link=1-5 Relay=1-4\n";
    /// let protocols = ServerDescriptor::parse(text)?.protocols();
    /// assert!(protocols.is_some_and(|protocols| protocols.supports("Link", 5)));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn protocols(&self) -> Option<Protocols> {
        self.protocols.and_then(Protocols::from_bytes)
    }

    /// Returns the relays that this relay lists as its family: the line
    /// `family`. Returns an empty list if there is no such line.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nfamily relay05 relay06\n";
    /// assert_eq!(ServerDescriptor::parse(text)?.family().len(), 2);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn family(&self) -> Vec<FamilyMember> {
        FamilyMember::parse_all(self.family)
    }

    /// Returns the descriptor's SHA-1 digest, by which a full consensus refers
    /// to it. For a sanitized descriptor, that is the digest of the original.
    /// Each call computes the digest again.
    ///
    /// Returns `None` if the descriptor has neither a signature nor a valid
    /// line `router-digest`. Also returns `None` if the end of the signed part
    /// isn't clear: something follows the keyword in the line
    /// `router-signature`, or an earlier line begins with this keyword.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nrouter-signature\n";
    /// let digest = ServerDescriptor::parse(text)?.digest().map(|digest| digest.to_string());
    /// assert_eq!(digest.as_deref(), Some("08E6A7E0B246D0F419857E17F20221A5FEEE86A5"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest(&self) -> Option<DescriptorDigest> {
        let computed = sha1_through(self.text, b"\nrouter-signature\n");
        let of_original = || self.router_digest.filter(|_| self.is_sanitized());
        computed.map(DescriptorDigest::from_bytes).or_else(of_original)
    }

    /// Returns true if the keys and addresses were removed, as CollecTor does
    /// with descriptors of bridges.
    pub fn is_sanitized(&self) -> bool {
        is_sanitized(self.text)
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole descriptor.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::ServerDescriptor;
    ///
    /// let text = b"router relay04 127.0.0.14 9004 0 0\nnew-keyword 1\n";
    /// let relay = ServerDescriptor::parse(text)?;
    /// assert_eq!(relay.unknown_items().next().map(|item| item.keyword()), Some(&b"new-keyword"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

/// Returns true if the line is a rule of the exit policy.
fn is_rule(item: &Item<'_>) -> bool {
    matches!(item.keyword(), b"accept" | b"reject")
}

/// Returns the text of the exit policy rule in a line: the keyword and the
/// first word.
fn rule_text(item: &Item<'_>) -> String {
    format!("{} {}", lossy(item.keyword()), lossy(first_word(item.arguments())))
}

/// Checks the values that are parsed only on request.
fn check_item(item: &Item<'_>) -> Result<(), LineProblem> {
    let is_valid = match item.keyword() {
        b"accept" | b"reject" => rule_text(item).parse::<ExitRule>().is_ok(),
        b"ipv6-policy" => PortPolicy::from_line(item.arguments()).is_some(),
        b"proto" => Protocols::from_bytes(item.arguments()).is_some(),
        _ => true,
    };
    let form = match item.keyword() {
        b"proto" => "the entries must be names with versions, such as Link=1-5",
        b"ipv6-policy" => "the policy must be accept or reject, and ports",
        _ => "the rule must be an address pattern with ports",
    };
    if is_valid { Ok(()) } else { Err(LineProblem::Value(form)) }
}

/// Reads a fingerprint in groups of four digits.
fn read_fingerprint(item: &Item<'_>) -> Result<Fingerprint, LineProblem> {
    const FORM: &str = "the fingerprint must be 40 hexadecimal digits in groups of 4";
    let mut digits = [0; 40];
    let mut rest = &mut digits[..];
    for word in item.words() {
        // Later versions of tor may add words.
        if rest.is_empty() {
            break;
        }
        let (group, after) =
            rest.split_at_mut_checked(word.len()).ok_or(LineProblem::Value(FORM))?;
        group.copy_from_slice(word);
        rest = after;
    }
    // If there are too few digits, zero bytes are left, which aren't digits.
    decode_hex(&digits).map(Fingerprint::from_bytes).ok_or(LineProblem::Value(FORM))
}

impl<'a> Split<'a> for ServerDescriptor<'a> {
    const START: &'static [u8] = b"\nrouter";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        Self::read_text(text, depth)
    }
}

debug_as_text! { ServerDescriptor }

#[cfg(test)]
mod tests;
