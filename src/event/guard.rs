//! GUARD: entry guards.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::Relay;
use crate::event::{GuardStatus, GuardType};
use crate::protocol::Words;
use crate::word::RelayName;

/// What happened to a guard. control-spec, event GUARD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardEvent {
    /// What kind of guard it is.
    pub guard_type: GuardType,
    /// The relay. tor writes the nickname `None` where it knows none; here it
    /// has none then.
    pub relay: RelayName,
    /// What happened to it.
    pub status: GuardStatus,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl GuardEvent {
    /// Reads what follows `GUARD`. `None` without the three words that every
    /// such event has.
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
    /// Such as `relay08 DROPPED`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Relay(&self.relay), self.status)
    }
}
