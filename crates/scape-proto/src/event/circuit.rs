//! The CIRC and CIRC_MINOR events: circuits.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::extra::read_pairs;
use super::field;
use super::merge::replace;
use super::shown::{InOneLine, Relay};
use crate::control::{Value, Word, Words};
use crate::event::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId,
    HsState, SocksUsername,
};
use crate::word::{CircuitId, OnionAddress, RelayName, Secret};

/// A circuit as tor describes it in a CIRC event or in a line of
/// `GETINFO circuit-status`. See control-spec, event CIRC.
///
/// A field is `None` if its argument is missing or malformed. `Display` writes
/// one line without secrets.
#[doc(alias = "CircuitEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitInfo {
    /// The circuit's id.
    pub id: CircuitId,
    /// The circuit's status.
    pub status: CircuitStatus,
    /// The relays that the circuit reaches so far, the first hop first.
    pub path: Vec<RelayName>,
    /// Properties of the circuit's path (`BUILD_FLAGS`).
    pub build_flags: Vec<BuildFlag>,
    /// The purpose of the circuit (`PURPOSE`). `None` if the argument is
    /// missing or malformed.
    pub purpose: Option<CircuitPurpose>,
    /// The progress of an onion service circuit (`HS_STATE`). `None` for other
    /// circuits.
    pub hs_state: Option<HsState>,
    /// The address of the onion service that the circuit is for (`REND_QUERY`),
    /// as tor wrote it: without `.onion`. `None` if tor named no service. See
    /// also [`rend_address`](Self::rend_address).
    pub rend_query: Option<String>,
    /// The time when the circuit was created, or when tor last cannibalized it,
    /// that is, reused it for another purpose (`TIME_CREATED`). `None` if the
    /// argument is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub created: Option<SystemTime>,
    /// The SOCKS user name of the streams that the circuit is isolated for
    /// (`SOCKS_USERNAME`). `None` if tor didn't send it.
    pub socks_username: Option<SocksUsername>,
    /// The SOCKS password of the streams that the circuit is isolated for
    /// (`SOCKS_PASSWORD`). `None` if tor didn't send it.
    pub socks_password: Option<Secret>,
    /// The proof of work that was sent to the onion service (`HS_POW`). `None`
    /// if no proof was sent.
    pub hs_pow: Option<HsPow>,
    /// The id of the conflux set that the circuit belongs to (`CONFLUX_ID`).
    /// `None` for other circuits.
    pub conflux_id: Option<ConfluxId>,
    /// The round-trip time that conflux measured (`CONFLUX_RTT`, microseconds).
    /// `None` until conflux has measured it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub conflux_rtt: Option<Duration>,
    /// The reason for the status `FAILED` or `CLOSED` (`REASON`). `None` for
    /// other statuses.
    pub reason: Option<CircuitReason>,
    /// The reason given by the relay that destroyed the circuit
    /// (`REMOTE_REASON`). `None` unless `reason` is `DESTROYED`.
    pub remote_reason: Option<CircuitReason>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

/// A proof of work for an onion service (proposal 327).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HsPow {
    /// The name of the proof-of-work scheme. So far, `v1` is the only scheme.
    pub scheme: String,
    /// The amount of work that was done, in the scheme's own unit.
    pub effort: u32,
}

/// A change of a circuit. The circuit's status stays the same. See
/// control-spec, event CIRC_MINOR.
///
/// A field is `None` if its argument is missing or malformed.
#[doc(alias = "CircMinorEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitMinor {
    /// The kind of change to the circuit.
    pub change: CircuitMinorChange,
    /// The circuit's id.
    pub id: CircuitId,
    /// The relays that the circuit reaches so far, the first hop first.
    pub path: Vec<RelayName>,
    /// Properties of the circuit's path (`BUILD_FLAGS`).
    pub build_flags: Vec<BuildFlag>,
    /// The purpose of the circuit now (`PURPOSE`). `None` if the argument is
    /// missing or malformed.
    pub purpose: Option<CircuitPurpose>,
    /// The progress of an onion service circuit (`HS_STATE`). `None` for other
    /// circuits.
    pub hs_state: Option<HsState>,
    /// The address of the onion service that the circuit is for (`REND_QUERY`),
    /// as tor wrote it: without `.onion`. `None` if tor named no service.
    pub rend_query: Option<String>,
    /// The time when the circuit was created, or when tor last cannibalized it,
    /// that is, reused it for another purpose (`TIME_CREATED`). `None` if the
    /// argument is missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub created: Option<SystemTime>,
    /// The SOCKS user name of the streams that the circuit is isolated for
    /// (`SOCKS_USERNAME`). `None` if tor didn't send it.
    pub socks_username: Option<SocksUsername>,
    /// The SOCKS password of the streams that the circuit is isolated for
    /// (`SOCKS_PASSWORD`). `None` if tor didn't send it.
    pub socks_password: Option<Secret>,
    /// The proof of work that was sent to the onion service (`HS_POW`). `None`
    /// if no proof was sent.
    pub hs_pow: Option<HsPow>,
    /// The id of the conflux set that the circuit belongs to (`CONFLUX_ID`).
    /// `None` for other circuits.
    pub conflux_id: Option<ConfluxId>,
    /// The round-trip time that conflux measured (`CONFLUX_RTT`, microseconds).
    /// `None` until conflux has measured it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub conflux_rtt: Option<Duration>,
    /// The purpose of the circuit before the change (`OLD_PURPOSE`). `None` if
    /// the argument is missing or malformed.
    pub old_purpose: Option<CircuitPurpose>,
    /// The progress of an onion service circuit before the change
    /// (`OLD_HS_STATE`). `None` for other circuits.
    pub old_hs_state: Option<HsState>,
    /// The value of `created` before the change (`OLD_TIME_CREATED`). Present
    /// only if the change is `CANNIBALIZED`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub old_created: Option<SystemTime>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl CircuitInfo {
    /// Parses the text after `650 CIRC`, or a line of `GETINFO circuit-status`.
    /// Returns `None` if the id or the status is missing or malformed.
    ///
    /// ```
    /// use scape_proto::event::CircuitInfo;
    /// use scape_proto::event::CircuitStatus;
    ///
    /// let line = b"7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 BUILD_FLAGS=NEED_CAPACITY \
    ///     PURPOSE=GENERAL TIME_CREATED=2026-11-21T03:16:05.815053";
    /// let circuit = CircuitInfo::parse(line).expect("it has an id and a status");
    /// assert_eq!(circuit.status, CircuitStatus::Built);
    /// assert_eq!(circuit.to_string(), "7 BUILT GENERAL: moria1");
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (mut circuit, words) = Self::begin(line)?;
        let (extra, extra_words) = read_pairs(words, |key, value| circuit.take(key, value));
        Some(CircuitInfo { extra, extra_words, ..circuit })
    }

    /// Merges a later description of the same circuit into this one.
    ///
    /// The path, the purpose and the creation time are kept if `told` doesn't
    /// have them. All other fields except the id are replaced by those of
    /// `told`.
    ///
    /// ```
    /// use scape_proto::event::{CircuitInfo, CircuitPurpose, CircuitStatus};
    ///
    /// let [launched, closed] = [&b"7 LAUNCHED PURPOSE=GENERAL"[..], b"7 CLOSED REASON=FINISHED"]
    ///     .map(|line| CircuitInfo::parse(line).expect("it has an id and a status"));
    /// let mut circuit = launched;
    /// circuit.update(&closed);
    /// assert_eq!(circuit.status, CircuitStatus::Closed);
    /// assert_eq!(circuit.purpose, Some(CircuitPurpose::General));
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn update(&mut self, told: &CircuitInfo) {
        // Destructures all fields, so that the compiler reports a forgotten
        // one.
        let CircuitInfo {
            id: _,
            status,
            path,
            build_flags,
            purpose,
            hs_state,
            rend_query,
            created,
            socks_username,
            socks_password,
            hs_pow,
            conflux_id,
            conflux_rtt,
            reason,
            remote_reason,
            extra,
            extra_words,
        } = told;
        // A closed circuit may have no path any more, and some events of older
        // tors have none. Usually the path has grown by one hop, so don't copy
        // the known part again.
        match path.strip_prefix(&*self.path) {
            Some(new) => self.path.extend_from_slice(new),
            None if path.is_empty() => {}
            None => self.path.clone_from(path),
        }
        if purpose.is_some() {
            replace(&mut self.purpose, purpose);
        }
        self.created = created.or(self.created);
        replace(&mut self.status, status);
        replace(&mut self.build_flags, build_flags);
        replace(&mut self.hs_state, hs_state);
        replace(&mut self.rend_query, rend_query);
        replace(&mut self.socks_username, socks_username);
        replace(&mut self.socks_password, socks_password);
        replace(&mut self.hs_pow, hs_pow);
        replace(&mut self.conflux_id, conflux_id);
        replace(&mut self.conflux_rtt, conflux_rtt);
        replace(&mut self.reason, reason);
        replace(&mut self.remote_reason, remote_reason);
        replace(&mut self.extra, extra);
        replace(&mut self.extra_words, extra_words);
    }

    /// Returns the address of the onion service that the circuit is for.
    /// Returns `None` if tor named no service or if the address is invalid.
    ///
    /// ```
    /// use scape_proto::event::CircuitInfo;
    ///
    /// let line = b"9 BUILT PURPOSE=HS_CLIENT_REND \
    ///     REND_QUERY=2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
    /// let circuit = CircuitInfo::parse(line).expect("it has an id and a status");
    /// let address = circuit.rend_address().expect("the address is valid");
    /// assert_eq!(
    ///     address.to_string(),
    ///     "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
    /// );
    /// ```
    pub fn rend_address(&self) -> Option<OnionAddress> {
        self.rend_query.as_deref()?.parse().ok()
    }

    /// Creates a circuit of which only the id is known, for example from the
    /// answer to EXTENDCIRCUIT. The status is `LAUNCHED`, and all other fields
    /// are empty.
    ///
    /// ```
    /// use scape_proto::event::CircuitInfo;
    /// use scape_proto::word::CircuitId;
    ///
    /// assert_eq!(CircuitInfo::of_id(CircuitId::new(7)).to_string(), "7 LAUNCHED");
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn of_id(id: CircuitId) -> Self {
        CircuitInfo {
            id,
            status: CircuitStatus::Launched,
            path: Vec::new(),
            build_flags: Vec::new(),
            purpose: None,
            hs_state: None,
            rend_query: None,
            created: None,
            socks_username: None,
            socks_password: None,
            hs_pow: None,
            conflux_id: None,
            conflux_rtt: None,
            reason: None,
            remote_reason: None,
            extra: Vec::new(),
            extra_words: Vec::new(),
        }
    }

    /// Parses the positional arguments: id, status and path. Returns the
    /// circuit and the words after the path. Returns `None` if the id or the
    /// status is missing or malformed.
    fn begin(line: &[u8]) -> Option<(Self, Words<'_>)> {
        let mut words = Words::new(line);
        let id = words.next_value().parse()?;
        let status = words.next_value();
        if status.is_empty() {
            return None;
        }
        let mut circuit = CircuitInfo { status: field::keyword(status), ..CircuitInfo::of_id(id) };
        // `Words` doesn't take a relay name `$FINGERPRINT=nickname` for a
        // keyword argument, because a keyword can't contain `$`.
        let mut after_path = words.clone();
        if let Some(Word::Bare(path)) = after_path.next() {
            circuit.path = field::keywords(path);
            words = after_path;
        }
        Some((circuit, words))
    }

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "PURPOSE" => self.purpose = Some(field::keyword(value)),
            "BUILD_FLAGS" => self.build_flags = field::keywords(value),
            "TIME_CREATED" => self.created = Some(field::time(value)?),
            "HS_STATE" => self.hs_state = Some(field::keyword(value)),
            "REND_QUERY" => self.rend_query = Some(value.text().into_owned()),
            "SOCKS_USERNAME" => self.socks_username = Some(field::keyword(value)),
            "SOCKS_PASSWORD" => self.socks_password = Some(Secret::new(value.bytes())),
            "HS_POW" => self.hs_pow = Some(HsPow::parse(value)?),
            "CONFLUX_ID" => self.conflux_id = Some(value.parse()?),
            "CONFLUX_RTT" => self.conflux_rtt = Some(Duration::from_micros(value.parse()?)),
            "REASON" => self.reason = Some(field::keyword(value)),
            "REMOTE_REASON" => self.remote_reason = Some(field::keyword(value)),
            _ => return None,
        }
        Some(())
    }
}

impl HsPow {
    fn parse(value: Value<'_>) -> Option<Self> {
        let text = value.text();
        let (scheme, effort) = text.split_once(',')?;
        Some(HsPow { scheme: scheme.to_owned(), effort: effort.parse().ok()? })
    }
}

impl CircuitMinor {
    /// Parses the text after `650 CIRC_MINOR`. The format is that of CIRC, with
    /// the change in place of the status. Returns `None` if the id or the
    /// change is missing or malformed.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let (mut circuit, words) = CircuitInfo::begin(rest)?;
        let (mut old_purpose, mut old_hs_state, mut old_created) = (None, None, None);
        for word in words {
            match word {
                Word::Pair("OLD_PURPOSE", value) => old_purpose = Some(field::keyword(value)),
                Word::Pair("OLD_HS_STATE", value) => old_hs_state = Some(field::keyword(value)),
                Word::Pair("OLD_TIME_CREATED", value) if field::time(value).is_some() => {
                    old_created = field::time(value);
                }
                // CIRC_MINOR events have no reason, so these keywords are
                // unknown here.
                Word::Pair(key @ ("REASON" | "REMOTE_REASON"), value) => {
                    circuit.extra.push(field::pair(key, value));
                }
                Word::Pair(key, value) => {
                    if circuit.take(key, value).is_none() {
                        circuit.extra.push(field::pair(key, value));
                    }
                }
                Word::Bare(value) => circuit.extra_words.push(value.text().into_owned()),
            }
        }
        Some(CircuitMinor {
            change: circuit.status.as_str().into(),
            id: circuit.id,
            path: circuit.path,
            build_flags: circuit.build_flags,
            purpose: circuit.purpose,
            hs_state: circuit.hs_state,
            rend_query: circuit.rend_query,
            created: circuit.created,
            socks_username: circuit.socks_username,
            socks_password: circuit.socks_password,
            hs_pow: circuit.hs_pow,
            conflux_id: circuit.conflux_id,
            conflux_rtt: circuit.conflux_rtt,
            old_purpose,
            old_hs_state,
            old_created,
            extra: circuit.extra,
            extra_words: circuit.extra_words,
        })
    }
}

impl CircuitMinor {
    /// Returns the circuit after the change. The caller passes the circuit's
    /// status, because CIRC_MINOR events don't contain it.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use scape_proto::event::{CircuitPurpose, CircuitStatus, Event, EventBody};
    /// # use scape_proto::control::Decoder;
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 CIRC_MINOR 7 PURPOSE_CHANGED PURPOSE=HS_CLIENT_REND OLD_PURPOSE=GENERAL\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one line"), SystemTime::now());
    /// // 650 CIRC_MINOR 7 PURPOSE_CHANGED PURPOSE=HS_CLIENT_REND OLD_PURPOSE=GENERAL
    /// let EventBody::CircMinor(change) = event.body() else { panic!("{event}") };
    /// let circuit = change.with_status(CircuitStatus::Built);
    /// assert_eq!(circuit.to_string(), "7 BUILT HS_CLIENT_REND");
    /// assert_eq!(change.old_purpose, Some(CircuitPurpose::General));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(hidden)] // for `scape` only
    pub fn with_status(&self, status: CircuitStatus) -> CircuitInfo {
        CircuitInfo {
            id: self.id,
            status,
            path: self.path.clone(),
            build_flags: self.build_flags.clone(),
            purpose: self.purpose.clone(),
            hs_state: self.hs_state.clone(),
            rend_query: self.rend_query.clone(),
            created: self.created,
            socks_username: self.socks_username.clone(),
            socks_password: self.socks_password.clone(),
            hs_pow: self.hs_pow.clone(),
            conflux_id: self.conflux_id,
            conflux_rtt: self.conflux_rtt,
            reason: None,
            remote_reason: None,
            extra: self.extra.clone(),
            extra_words: self.extra_words.clone(),
        }
    }
}

impl fmt::Display for CircuitInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {}", self.id, self.status)?;
        if let Some(purpose) = &self.purpose {
            write!(f, " {purpose}")?;
        }
        for (i, relay) in self.path.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { ": " } else { ", " }, Relay(relay))?;
        }
        field::write_reasons(f, self.reason.as_ref(), self.remote_reason.as_ref())
    }
}

impl fmt::Display for CircuitMinor {
    /// Writes a short description, such as
    /// `7 CANNIBALIZED HS_CLIENT_REND (was GENERAL): relay02, relay03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {}", self.id, self.change)?;
        if let Some(purpose) = &self.purpose {
            write!(f, " {purpose}")?;
        }
        if let Some(old) = &self.old_purpose {
            write!(f, " (was {old})")?;
        }
        for (i, relay) in self.path.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { ": " } else { ", " }, Relay(relay))?;
        }
        Ok(())
    }
}
