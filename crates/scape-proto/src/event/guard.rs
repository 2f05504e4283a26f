//! The GUARD event: entry guards.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{InOneLine, Relay};
use crate::control::Words;
use crate::event::{GuardStatus, GuardType};
use crate::word::RelayName;

/// A change of a guard's status. See control-spec, event GUARD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GuardEvent {
    /// The type of guard.
    pub guard_type: GuardType,
    /// The relay's fingerprint and nickname. If tor doesn't know the nickname,
    /// it writes the word `None` instead. In that case, this field contains
    /// only the fingerprint.
    pub relay: RelayName,
    /// The new status of the guard.
    pub status: GuardStatus,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl GuardEvent {
    /// Parses the text after `GUARD`. Returns `None` if one of the three
    /// positional arguments is missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (guard_type, relay, status) = (word()?, word()?, word()?);
        let relay: RelayName = field::keyword(relay);
        let relay = match (relay.fingerprint(), relay.nickname()) {
            (Some(fingerprint), Some("None")) => fingerprint.into(),
            _ => relay,
        };
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        let (guard_type, status) = (field::keyword(guard_type), field::keyword(status));
        Some(GuardEvent { guard_type, relay, status, extra, extra_words })
    }
}

impl fmt::Display for GuardEvent {
    /// Writes a short description, such as `relay08 DROPPED`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(InOneLine(f), "{} {}", Relay(&self.relay), self.status)
    }
}
