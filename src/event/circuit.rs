//! CIRC and CIRC_MINOR: circuits.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::extra::read_pairs;
use super::field;
use crate::event::{
    BuildFlag, CircuitMinorChange, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId,
    HsState, SocksUsername,
};
use crate::protocol::{Value, Word, Words};
use crate::word::{CircuitId, OnionAddress, RelayName, Secret};

/// A circuit as tor describes it, in a CIRC event or in a line of
/// `GETINFO circuit-status`. control-spec, event CIRC.
///
/// `Display` writes it in one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitInfo {
    /// Its id.
    pub id: CircuitId,
    /// How far it has come.
    pub status: CircuitStatus,
    /// The relays that it reaches so far, the first hop first.
    pub path: Vec<RelayName>,
    /// How it is built (`BUILD_FLAGS`).
    pub build_flags: Vec<BuildFlag>,
    /// What it is for (`PURPOSE`).
    pub purpose: Option<CircuitPurpose>,
    /// How far its work for an onion service has come (`HS_STATE`).
    pub hs_state: Option<HsState>,
    /// The onion service that it is for (`REND_QUERY`), as tor wrote it: see
    /// also [`rend_address`](Self::rend_address).
    pub rend_query: Option<String>,
    /// When it was made (`TIME_CREATED`), or last taken for something else.
    pub created: Option<SystemTime>,
    /// The SOCKS user name of the streams that it is isolated for
    /// (`SOCKS_USERNAME`).
    pub socks_username: Option<SocksUsername>,
    /// Their SOCKS password (`SOCKS_PASSWORD`).
    pub socks_password: Option<Secret>,
    /// The proof of work that was sent to the onion service (`HS_POW`).
    pub hs_pow: Option<HsPow>,
    /// What it has in common with the other leg of its conflux set
    /// (`CONFLUX_ID`).
    pub conflux_id: Option<ConfluxId>,
    /// The round trip time that conflux measured (`CONFLUX_RTT`), in
    /// microseconds; absent until it did.
    pub conflux_rtt: Option<Duration>,
    /// `FAILED` and `CLOSED` only: why (`REASON`).
    pub reason: Option<CircuitReason>,
    /// Why the relay ended it (`REMOTE_REASON`), where `reason` is `DESTROYED`.
    pub remote_reason: Option<CircuitReason>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

/// A proof of work for an onion service (proposal 327).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HsPow {
    /// The scheme; `v1` is the only one.
    pub scheme: String,
    /// The effort: how much work was done, in the scheme's own unit.
    pub effort: u32,
}

/// A circuit that changed while its status stayed the same. control-spec, event
/// CIRC_MINOR.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitMinor {
    /// What changed.
    pub change: CircuitMinorChange,
    /// The circuit's id.
    pub id: CircuitId,
    /// The relays that it reaches so far, the first hop first.
    pub path: Vec<RelayName>,
    /// How it is built (`BUILD_FLAGS`).
    pub build_flags: Vec<BuildFlag>,
    /// What it is for now (`PURPOSE`).
    pub purpose: Option<CircuitPurpose>,
    /// How far its work for an onion service has come (`HS_STATE`).
    pub hs_state: Option<HsState>,
    /// The onion service that it is for (`REND_QUERY`), as tor wrote it.
    pub rend_query: Option<String>,
    /// When it was made, or taken for what it is for now (`TIME_CREATED`).
    pub created: Option<SystemTime>,
    /// The SOCKS user name of the streams that it is isolated for
    /// (`SOCKS_USERNAME`).
    pub socks_username: Option<SocksUsername>,
    /// Their SOCKS password (`SOCKS_PASSWORD`).
    pub socks_password: Option<Secret>,
    /// The proof of work that was sent to the onion service (`HS_POW`).
    pub hs_pow: Option<HsPow>,
    /// What it has in common with the other leg of its conflux set
    /// (`CONFLUX_ID`).
    pub conflux_id: Option<ConfluxId>,
    /// The round trip time that conflux measured (`CONFLUX_RTT`), in
    /// microseconds.
    pub conflux_rtt: Option<Duration>,
    /// What it was for before (`OLD_PURPOSE`).
    pub old_purpose: Option<CircuitPurpose>,
    /// How far it had come in its work for an onion service before
    /// (`OLD_HS_STATE`).
    pub old_hs_state: Option<HsState>,
    /// `CANNIBALIZED` only: when it was made (`OLD_TIME_CREATED`).
    pub old_created: Option<SystemTime>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl CircuitInfo {
    /// Reads what follows `650 CIRC`, or a line of `GETINFO circuit-status`.
    /// `None` without an id and a status.
    ///
    /// ```
    /// use scape::event::CircuitInfo;
    /// use scape::event::CircuitStatus;
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

    /// The onion service that the circuit is for, where tor named one by a
    /// valid address.
    pub fn rend_address(&self) -> Option<OnionAddress> {
        self.rend_query.as_deref()?.parse().ok()
    }

    /// A circuit of which only its id is known: tor has just given it.
    pub(crate) fn of_id(id: CircuitId) -> Self {
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

    /// Reads what has no key: id, status and path.
    fn begin(line: &[u8]) -> Option<(Self, Words<'_>)> {
        let mut words = Words::new(line);
        let id = words.next_value().parse()?;
        let status = words.next_value();
        if status.is_empty() {
            return None;
        }
        let mut circuit = CircuitInfo { status: field::keyword(status), ..CircuitInfo::of_id(id) };
        // `$FINGERPRINT=nickname` is no pair either.
        let mut after_path = words.clone();
        if let Some(Word::Bare(path)) = after_path.next() {
            circuit.path = field::keywords(path);
            words = after_path;
        }
        Some((circuit, words))
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
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
    /// Reads what follows `650 CIRC_MINOR`: as CIRC, but with the change in the
    /// place of the status.
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
                // No change of this kind has a reason.
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
    /// The circuit, with the status that this kind of event does not tell.
    pub(crate) fn with_status(&self, status: CircuitStatus) -> CircuitInfo {
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
        write!(f, "{} {}", self.id, self.status)?;
        if let Some(purpose) = &self.purpose {
            write!(f, " {purpose}")?;
        }
        for (i, relay) in self.path.iter().enumerate() {
            f.write_str(if i == 0 { ": " } else { ", " })?;
            match relay.nickname() {
                Some(nickname) => f.write_str(nickname)?,
                None => write!(f, "{relay}")?,
            }
        }
        field::write_reasons(f, self.reason.as_ref(), self.remote_reason.as_ref())
    }
}
