//! ORCONN: connections to relays.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{OneLine, Relay};
use crate::event::{OrConnReason, OrConnStatus, OrConnTarget};
use crate::protocol::{Value, Words};
use crate::word::OrConnId;

/// A connection to a relay as tor describes it, in an ORCONN event or in a line
/// of `GETINFO orconn-status`. control-spec, event ORCONN.
///
/// `Display` writes it in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrConnInfo {
    /// The relay, or the address as long as no relay is known.
    pub target: OrConnTarget,
    /// How far it has come.
    pub status: OrConnStatus,
    /// `FAILED` and `CLOSED` only: why (`REASON`).
    pub reason: Option<OrConnReason>,
    /// `FAILED` and `CLOSED` only: how many circuits were on it (`NCIRCS`);
    /// absent where there were none.
    pub circuits: Option<u32>,
    /// Its id (`ID`). `GETINFO orconn-status` and older tors do not give it.
    pub id: Option<OrConnId>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl OrConnInfo {
    /// Reads what follows `650 ORCONN`, or a line of `GETINFO orconn-status`.
    /// `None` without a target and a status.
    ///
    /// ```
    /// use scape::event::OrConnInfo;
    /// use scape::event::OrConnReason;
    ///
    /// let line = b"$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 FAILED REASON=NOROUTE NCIRCS=1 ID=6";
    /// let connection = OrConnInfo::parse(line).expect("it has a target and a status");
    /// assert_eq!(connection.reason, Some(OrConnReason::NoRoute));
    /// assert_eq!(connection.to_string(), "moria1 FAILED (NOROUTE)");
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (target, status) = (word()?, word()?);
        let mut connection = OrConnInfo {
            target: field::keyword(target),
            status: field::keyword(status),
            reason: None,
            circuits: None,
            id: None,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, extra_words) = read_pairs(words, |key, value| connection.take(key, value));
        Some(OrConnInfo { extra, extra_words, ..connection })
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "REASON" => self.reason = Some(field::keyword(value)),
            "NCIRCS" => self.circuits = Some(value.parse()?),
            "ID" => self.id = Some(value.parse()?),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for OrConnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            OrConnTarget::Relay(relay) => Relay(relay).fmt(f)?,
            target => OneLine(&target.to_string()).fmt(f)?,
        }
        write!(f, " {}", self.status)?;
        field::write_reasons(f, self.reason.as_ref(), None)
    }
}
