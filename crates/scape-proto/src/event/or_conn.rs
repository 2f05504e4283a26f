//! The ORCONN event: connections to relays.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{InOneLine, Relay};
use crate::control::{Value, Words};
use crate::event::{OrConnReason, OrConnStatus, OrConnTarget};
use crate::word::OrConnId;

/// A connection to a relay as tor describes it in an ORCONN event or in a line
/// of `GETINFO orconn-status`. See control-spec, event ORCONN.
///
/// `Display` writes one line.
#[doc(alias = "ORConnEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrConnInfo {
    /// The relay, or its address if tor doesn't know the relay yet.
    pub target: OrConnTarget,
    /// The connection's status.
    pub status: OrConnStatus,
    /// The reason for the status `FAILED` or `CLOSED` (`REASON`). `None` for
    /// other statuses.
    pub reason: Option<OrConnReason>,
    /// The number of circuits that used the connection (`NCIRCS`). tor sends it
    /// only with the status `FAILED` or `CLOSED`. `None` for other statuses, or
    /// if no circuit used the connection.
    pub circuits: Option<u32>,
    /// The connection's id (`ID`). `None` for lines of `GETINFO orconn-status`,
    /// and with older tors.
    pub id: Option<OrConnId>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl OrConnInfo {
    /// Parses the text after `650 ORCONN`, or a line of
    /// `GETINFO orconn-status`. Returns `None` if the target or the status is
    /// missing.
    ///
    /// ```
    /// use scape_proto::event::OrConnInfo;
    /// use scape_proto::event::OrConnReason;
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

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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
        let f = &mut InOneLine(f);
        match &self.target {
            OrConnTarget::Relay(relay) => write!(f, "{}", Relay(relay))?,
            target => write!(f, "{target}")?,
        }
        write!(f, " {}", self.status)?;
        field::write_reasons(f, self.reason.as_ref(), None)
    }
}
