//! Parser for a single entry of a consensus.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::SystemTime;

use super::address::{parse_address, parse_ipv4};
use super::base64;
use super::entry_form::EntryForm;
use super::item::{BEGIN, Item, skip_object};
use super::line::{Lines, ed25519_id, first_word, keyword_after_opt, number, words};
use super::router_status_error::RouterStatusProblem;
use super::router_statuses::RouterStatuses;
use super::value::fraction;
use super::vote_microdescriptor::VoteMicrodescriptor;
use super::{
    DescriptorDigest, DocumentError, LineProblem, PortPolicy, Protocols, RouterFlags, keyed,
};
use crate::word::{Fingerprint, Version, parse_date_time};

/// A relay's entry in a consensus: dir-spec, "Router status entries". Both
/// flavors of the consensus, `GETINFO ns/…` and the events NS and NEWCONSENSUS
/// have such entries.
///
/// A `RouterStatus` borrows its text. The line `r`, the flags and the bandwidth
/// are parsed immediately, and other fields whenever their methods are called.
/// Lines that can't be parsed are ignored. If a line `s`, `w`, `v`, `pr` or `p`
/// is repeated, only the first one counts. [`lines`](Self::lines) returns all
/// lines.
/// [`Relay`](super::Relay) is an owned copy of an entry.
///
/// ```
/// use scape_proto::netdoc::RouterStatus;
/// use scape_proto::netdoc::RouterFlags;
///
/// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
///     a [::1]:9104\ns Fast Guard Running Valid\nv Tor 0.4.9.11\nw Bandwidth=4000\n";
/// let relay = RouterStatus::parse_all(text).next().expect("an entry");
/// assert_eq!(relay.fingerprint().to_string(), "256498816C85C6ABA4DF222205CF3FA091E63CCE");
/// assert!(relay.flags().contains(RouterFlags::GUARD | RouterFlags::FAST));
/// assert_eq!((relay.nickname(), relay.bandwidth()), ("relay04", Some(4000)));
/// assert_eq!(relay.version(), "0.4.9.11".parse().ok());
/// ```
#[doc(alias = "RouterStatusEntry")]
#[doc(alias = "RouterStatusEntryV3")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RouterStatus<'a> {
    /// The whole entry, with line ends.
    text: &'a [u8],
    nickname: &'a str,
    fingerprint: Fingerprint,
    digest: Option<DescriptorDigest>,
    published: Option<SystemTime>,
    or_address: SocketAddrV4,
    dir_port: u16,
    flags: RouterFlags,
    bandwidth: Option<u32>,
    measured: Option<bool>,
    /// The text from the first line `a` to the end of the entry. Empty if there
    /// is no such line.
    addresses: &'a [u8],
    /// The key in the first line `id ed25519`, or empty.
    ed25519: &'a [u8],
    /// The first line `s` without its keyword. The fields below it contain the
    /// first lines `w`, `m`, `v`, `pr` and `p` in the same way.
    flag_words: Option<&'a [u8]>,
    bandwidth_words: Option<&'a [u8]>,
    microdescriptor: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    protocols: Option<&'a [u8]>,
    policy: Option<&'a [u8]>,
}

/// The keywords of the lines that this version of the library knows.
const KNOWN_LINES: [&[u8]; 10] = [b"r", b"a", b"s", b"v", b"pr", b"w", b"p", b"m", b"id", b"stats"];

impl<'a> RouterStatus<'a> {
    /// Returns an iterator over the entries in a text: a whole consensus, or
    /// entries alone. Entries that can't be parsed are skipped; see
    /// [`RouterStatuses`].
    ///
    /// ```
    /// use scape_proto::netdoc::{RouterFlags, RouterStatus};
    ///
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     s Fast Guard\n\
    ///     r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    ///     s Exit Fast\n";
    /// let mut relays = RouterStatus::parse_all(text);
    /// let exit = relays.find(|relay| relay.flags().contains(RouterFlags::EXIT));
    /// assert_eq!(exit.map(|relay| relay.nickname()), Some("relay03"));
    /// ```
    pub fn parse_all(text: &'a [u8]) -> RouterStatuses<'a> {
        RouterStatuses::new(text)
    }

    /// Parses a single entry and checks the number and the form of its lines.
    /// Lines with unknown keywords are allowed. Use
    /// [`strict`](RouterStatuses::strict) for several entries.
    ///
    /// The entry may be part of a document of any kind. For example, the line
    /// `m` may have the form for votes or for a consensus.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, RouterStatus};
    ///
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     s Fast Running\nv Tor 0.4.9.11\nv Tor 0.4.9.11\n";
    /// let error = RouterStatus::parse_strict(text).expect_err("the line v is repeated");
    /// assert_eq!((error.line(), error.problem()), (Some(4), LineProblem::Repeated));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        RouterStatus::parse_strictly(text, EntryForm::Alone)
    }

    /// Parses an entry and checks it by the rules for `form`, which is the kind
    /// of document that contains the entry.
    pub(super) fn parse_strictly(text: &'a [u8], form: EntryForm) -> Result<Self, DocumentError> {
        const TIME: &str = "the time must be YYYY-MM-DD HH:MM:SS in UTC";
        const DIGEST: &str = "a digest must be there, unless the consensus is for clients";
        form.check(text)?;
        let problem = match RouterStatus::parse(text, form.is_consensus()) {
            Ok(status) if status.published.is_none() => LineProblem::Value(TIME),
            Ok(status) if !form.allows_digest(status.digest.is_some()) => {
                LineProblem::Value(DIGEST)
            }
            Ok(status) => return Ok(status),
            Err(problem) => problem.of_line(),
        };
        Err(DocumentError::new(form.document(), Some(1), b"r", problem))
    }

    /// Parses the entry at the beginning of `text`. `in_consensus` is true if
    /// the entry is part of a consensus document. In such a document, a
    /// bandwidth without the mark `Unmeasured=1` was measured. Elsewhere, a
    /// missing mark means nothing.
    #[inline]
    pub(super) fn parse(text: &'a [u8], in_consensus: bool) -> Result<Self, RouterStatusProblem> {
        let mut lines = Lines::new(text);
        let mut status = RouterStatus::parse_r(text, lines.next().unwrap_or_default())?;
        loop {
            let rest = lines.rest();
            let Some(line) = lines.next() else { break };
            if line.starts_with(BEGIN) {
                lines = Lines::new(rest);
                skip_object(&mut lines);
            } else {
                status.read_line(line, rest);
            }
        }
        // Only a consensus marks every bandwidth that wasn't measured.
        if in_consensus && status.bandwidth.is_some() {
            status.measured = status.measured.or(Some(true));
        }
        Ok(status)
    }

    #[inline]
    fn parse_r(text: &'a [u8], line: &'a [u8]) -> Result<Self, RouterStatusProblem> {
        let mut words = words(line).skip(1);
        let mut word = || words.next().ok_or(RouterStatusProblem::Words);
        let nickname = parse_nickname(word()?).ok_or(RouterStatusProblem::Nickname)?;
        let identity = base64::decode(word()?).ok_or(RouterStatusProblem::Identity)?;
        // A microdescriptor consensus has no digest here. The date is
        // recognized by its form, because later versions may add words.
        let third = word()?;
        let (digest, date) = match is_date(third) {
            true => (None, third),
            false => (Some(base64::decode(third).ok_or(RouterStatusProblem::Digest)?), word()?),
        };
        let published = parse_date_time(date, word()?);
        let ip = parse_ipv4(word()?).ok_or(RouterStatusProblem::Address)?;
        let or_port = parse_port(word()?).ok_or(RouterStatusProblem::Port)?;
        let dir_port = parse_port(word()?).ok_or(RouterStatusProblem::Port)?;
        Ok(RouterStatus {
            text,
            nickname,
            fingerprint: Fingerprint::from_bytes(identity),
            digest: digest.map(DescriptorDigest::from_bytes),
            published,
            or_address: SocketAddrV4::new(ip, or_port),
            dir_port,
            flags: RouterFlags::empty(),
            bandwidth: None,
            measured: None,
            addresses: b"",
            ed25519: b"",
            flag_words: None,
            bandwidth_words: None,
            microdescriptor: None,
            version: None,
            protocols: None,
            policy: None,
        })
    }

    /// Sets the field for a line. `rest_of_entry` begins with this line.
    #[inline]
    fn read_line(&mut self, line: &'a [u8], rest_of_entry: &'a [u8]) {
        let (keyword, rest) = keyword_after_opt(line);
        match keyword {
            b"s" if self.flag_words.is_none() => {
                self.flag_words = Some(rest);
                self.flags = words(rest).filter_map(RouterFlags::from_bytes).collect();
            }
            b"w" if self.bandwidth_words.is_none() => self.read_bandwidth(rest),
            b"a" if self.addresses.is_empty() => self.addresses = rest_of_entry,
            b"id" if self.ed25519.is_empty() => {
                self.ed25519 = ed25519_id(rest).unwrap_or_default();
            }
            b"m" => self.microdescriptor = self.microdescriptor.or(Some(rest)),
            b"v" => self.version = self.version.or(Some(rest)),
            b"pr" => self.protocols = self.protocols.or(Some(rest)),
            b"p" => self.policy = self.policy.or(Some(rest)),
            _ => {}
        }
    }

    #[inline]
    fn read_bandwidth(&mut self, rest: &'a [u8]) {
        self.bandwidth_words = Some(rest);
        for word in words(rest) {
            if let Some(digits) = word.strip_prefix(b"Bandwidth=") {
                self.bandwidth = number(digits);
            } else if word == b"Unmeasured=1" {
                self.measured = Some(false);
            } else if word.starts_with(b"Measured=") {
                self.measured = Some(true);
            }
        }
    }

    /// Returns the nickname that the relay's operator chose. Nicknames aren't
    /// unique.
    pub fn nickname(&self) -> &'a str {
        self.nickname
    }

    /// Returns the relay's identity fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns the digest of the relay's server descriptor. Returns `None` for
    /// an entry of a microdescriptor consensus, which contains no such digest.
    ///
    /// If tor uses microdescriptors, the entries in `GETINFO ns/…` and in the
    /// events NS and NEWCONSENSUS contain the first 20 bytes of the
    /// microdescriptor's digest instead. This method then returns these bytes.
    pub fn digest(&self) -> Option<DescriptorDigest> {
        self.digest
    }

    /// Returns the SHA-256 digest of the relay's microdescriptor: the line `m`
    /// of a microdescriptor consensus. Returns `None` for other entries.
    pub fn microdescriptor_digest(&self) -> Option<[u8; 32]> {
        self.microdescriptor.map(first_word).and_then(base64::decode)
    }

    /// Returns the time when the descriptor was published, in whole seconds.
    /// Returns `None` if the time is malformed.
    ///
    /// Almost always the time is in the year 2038 and has no meaning, because
    /// the authorities no longer publish the real time. Only entries of
    /// `GETINFO ns/purpose/…` have the real time.
    pub fn published(&self) -> Option<SystemTime> {
        self.published
    }

    /// Returns the IPv4 address with the port for relays and clients. The port
    /// is 0 if the relay has no such port.
    pub fn or_address(&self) -> SocketAddrV4 {
        self.or_address
    }

    /// Returns the port for unencrypted directory requests, or 0 if the
    /// relay has no such port.
    pub fn dir_port(&self) -> u16 {
        self.dir_port
    }

    /// Returns the first IPv6 address with its port, or `None` if the entry has
    /// no IPv6 address.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.other_addresses().find_map(|address| match address {
            SocketAddr::V6(address) => Some(address),
            SocketAddr::V4(_) => None,
        })
    }

    /// Returns the relay's additional addresses with their ports, in order: all
    /// lines `a`.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     a [::1]:9104\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.other_addresses().next(), "[::1]:9104".parse().ok());
    /// ```
    pub fn other_addresses(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let lines = lines_with(self.addresses, b"a");
        lines.filter_map(|rest| parse_address(first_word(rest)))
    }

    /// Returns the flags that this version of the library knows.
    pub fn flags(&self) -> RouterFlags {
        self.flags
    }

    /// Returns the flags that this version of the library doesn't know.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     s Fast NewFlag Running\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.unknown_flags().next(), Some(&b"NewFlag"[..]));
    /// ```
    pub fn unknown_flags(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        words(self.flag_words.unwrap_or_default())
            .filter(|word| RouterFlags::from_bytes(word).is_none())
    }

    /// Returns the relay's bandwidth weight in kilobytes per second, where a
    /// kilobyte is 1000 bytes. Returns `None` if the entry contains no weight.
    /// Most weights were measured; see [`is_measured`](Self::is_measured).
    pub fn bandwidth(&self) -> Option<u32> {
        self.bandwidth
    }

    /// Returns true if the bandwidth was measured, and false if the relay only
    /// claims it. Returns `None` if the entry doesn't say which.
    ///
    /// In a consensus document, every bandwidth that fewer than three
    /// authorities measured has the mark `Unmeasured=1`. In a vote, an entry
    /// with a measured bandwidth contains `Measured=`. In `GETINFO ns/…` and in
    /// the events NS and NEWCONSENSUS, tor writes neither of them, so the
    /// result is `None`.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterStatus;
    ///
    /// let entry = "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\nw Bandwidth=4000\n";
    /// let consensus = format!("network-status-version 3\nvote-status consensus\n{entry}");
    /// let measured = |text: &str| {
    ///     RouterStatus::parse_all(text.as_bytes()).next().and_then(|r| r.is_measured())
    /// };
    /// assert_eq!(measured(&consensus), Some(true));
    /// assert_eq!(measured(&consensus.replace("=4000", "=4000 Unmeasured=1")), Some(false));
    /// assert_eq!(measured(entry), None);
    /// ```
    pub fn is_measured(&self) -> Option<bool> {
        self.measured
    }

    /// Returns the bandwidth that the voting authority measured, in kilobytes
    /// per second, where a kilobyte is 1000 bytes. Only entries of votes have
    /// this value. Returns `None` for other entries.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     w Bandwidth=4000 Measured=4100\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.measured(), Some(4100));
    /// ```
    pub fn measured(&self) -> Option<u32> {
        words(self.bandwidth_words.unwrap_or_default())
            .find_map(|word| word.strip_prefix(b"Measured="))
            .and_then(number)
    }

    /// Returns the keys and values of the line `w`, including keys that this
    /// version of the library doesn't know.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     w Bandwidth=4000 Unmeasured=1\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.bandwidth_words().last(), Some((&b"Unmeasured"[..], &b"1"[..])));
    /// ```
    pub fn bandwidth_words(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        words(self.bandwidth_words.unwrap_or_default()).filter_map(|word| {
            let (key, value) = word.split_at_checked(memchr::memchr(b'=', word)?)?;
            Some((key, value.strip_prefix(b"=").unwrap_or_default()))
        })
    }

    /// Returns the version of tor that the relay claims to run. Returns `None`
    /// if the line `v` is missing or malformed.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     v Tor 0.4.9.11\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.version(), "0.4.9.11".parse().ok());
    /// ```
    pub fn version(&self) -> Option<Version> {
        self.version_text().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())
    }

    /// Returns the line `v` without its keyword, such as `Tor 0.4.9.11`, or
    /// `None` if there is no such line.
    pub fn version_text(&self) -> Option<&'a [u8]> {
        self.version
    }

    /// Returns the subprotocol versions that the relay supports. Returns `None`
    /// if the line `pr` is missing or malformed.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     pr Link=1-5 Relay=1-4\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert!(relay.protocols().is_some_and(|protocols| protocols.supports("Link", 5)));
    /// ```
    pub fn protocols(&self) -> Option<Protocols> {
        self.protocols.and_then(Protocols::from_bytes)
    }

    /// Returns the line `pr` without its keyword, or `None` if there is no such
    /// line.
    pub fn protocols_text(&self) -> Option<&'a [u8]> {
        self.protocols
    }

    /// Returns the ports to which the relay allows streams to exit over IPv4.
    /// Returns `None` if the line `p` is missing or malformed. A
    /// microdescriptor consensus has no such lines.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     p accept 80,443\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert!(relay.policy().is_some_and(|policy| policy.allows(443)));
    /// ```
    pub fn policy(&self) -> Option<PortPolicy> {
        self.policy.and_then(PortPolicy::from_line)
    }

    /// Returns the line `p` without its keyword, or `None` if there is no such
    /// line.
    pub fn policy_text(&self) -> Option<&'a [u8]> {
        self.policy
    }

    /// Returns the relay's Ed25519 identity key: the line `id`, which only
    /// votes have. Returns `None` if the line is missing or malformed.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        base64::decode(self.ed25519)
    }

    /// Returns the digests of the relay's microdescriptor for each range of
    /// consensus methods: the lines `m` of a vote. Malformed lines are left
    /// out. Entries of a consensus have none; see
    /// [`microdescriptor_digest`](Self::microdescriptor_digest).
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     m 28,29 sha256=C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n\
    ///     m 30,31 sha256=uaAYTOVuYRqUwJpNfP2WizjzO0FiNQB4U97xSQu+vMc\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// let methods: Vec<_> = relay.vote_microdescriptors().flat_map(|m| m.methods).collect();
    /// assert_eq!(methods, [28, 29, 30, 31]);
    /// ```
    pub fn vote_microdescriptors(&self) -> impl Iterator<Item = VoteMicrodescriptor<'a>> + use<'a> {
        lines_with(self.text, b"m").filter_map(VoteMicrodescriptor::parse)
    }

    /// Returns the statistics that the voting authority keeps about the relay:
    /// the line `stats`, which only votes have. Known names are `wfu`, the
    /// fraction of the time that the relay was up; `tk`, the time for which the
    /// authority knows the relay, in seconds; and `mtbf`, the mean time between
    /// failures, in seconds. Malformed words are left out.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     stats wfu=0.999901 tk=877283 mtbf=1500000\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.stats().first(), Some(&("wfu", 0.999901)));
    /// ```
    pub fn stats(&self) -> Vec<(&'a str, f64)> {
        let words = lines_with(self.text, b"stats").flat_map(words);
        let number = |(name, value)| Some((name, fraction(value)?));
        words.filter_map(keyed::pair).filter_map(number).collect()
    }

    /// Returns the text of the whole entry.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines of the entry without line ends.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.text)
    }

    /// Returns the lines that this version of the library doesn't know.
    ///
    /// ```
    /// # use scape_proto::netdoc::RouterStatus;
    /// let text = b"r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    ///     new-keyword 1\n";
    /// let relay = RouterStatus::parse_all(text).next().expect("an entry");
    /// assert_eq!(relay.unknown_lines().next(), Some(&b"new-keyword 1"[..]));
    /// ```
    pub fn unknown_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.lines().filter(|line| !KNOWN_LINES.contains(&keyword_after_opt(line).0))
    }
}

/// Returns the text after the keyword for each line with this keyword.
fn lines_with<'a>(
    text: &'a [u8],
    wanted: &'static [u8],
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let items = Item::parse_all(text);
    items.filter(move |item| item.keyword() == wanted).map(|item| item.arguments())
}

/// Parses a nickname. Returns `None` if the word isn't 1 to 19 letters and
/// digits.
#[inline]
fn parse_nickname(word: &[u8]) -> Option<&str> {
    let legal = word.len() <= 19 && word.iter().all(u8::is_ascii_alphanumeric);
    if legal { std::str::from_utf8(word).ok() } else { None }
}

/// Returns true if the word has the form of a date. A digest never has this
/// form, because it is longer.
#[inline]
fn is_date(word: &[u8]) -> bool {
    matches!(word, [_, _, _, _, b'-', _, _, b'-', _, _])
}

/// Parses a port. Returns `None` if the word isn't a number from 0 to 65535.
#[inline]
fn parse_port(word: &[u8]) -> Option<u16> {
    number(word).and_then(|port| u16::try_from(port).ok())
}

impl fmt::Display for RouterStatus<'_> {
    /// Writes `$FINGERPRINT~nickname`, as tor names relays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}~{}", self.fingerprint, self.nickname)
    }
}

impl fmt::Debug for RouterStatus<'_> {
    /// Writes the entry's text, from which the fields are parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouterStatus").field(&String::from_utf8_lossy(self.text)).finish()
    }
}
