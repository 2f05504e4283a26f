//! The NEWDESC, DESCCHANGED and AUTHDIR_NEWDESCS events: relay descriptors.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{InOneLine, Relay};
use crate::control::{Reply, Word, Words};
use crate::event::AuthDirAction;
use crate::netdoc::{DocumentText, ServerDescriptor};
use crate::word::RelayName;

/// The arrival of new relay descriptors. See control-spec, event NEWDESC.
#[doc(alias = "NewDescEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NewDesc {
    /// The relays whose descriptors arrived.
    pub relays: Vec<RelayName>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
}

impl NewDesc {
    /// Parses the text after `NEWDESC`.
    pub(super) fn parse(rest: &[u8]) -> Self {
        let mut event = NewDesc { relays: Vec::new(), extra: Vec::new() };
        for word in Words::new(rest) {
            match word {
                Word::Bare(relay) => event.relays.push(field::keyword(relay)),
                Word::Pair(key, value) => event.extra.push(field::pair(key, value)),
            }
        }
        event
    }
}

impl fmt::Display for NewDesc {
    /// Writes a short description, such as `relay07, relay08`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        for (i, relay) in self.relays.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, Relay(relay))?;
        }
        Ok(())
    }
}

/// A change of tor's own relay descriptor. See control-spec, event DESCCHANGED.
#[doc(alias = "DescChangedEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DescChanged {
    /// All keyword arguments, in order. This version of the library interprets
    /// none of them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// All positional arguments, in order. This version of the library
    /// interprets none of them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl DescChanged {
    /// Parses the text after `DESCCHANGED`.
    pub(super) fn parse(rest: &[u8]) -> Self {
        let (extra, extra_words) = read_pairs(Words::new(rest), |_, _| None);
        DescChanged { extra, extra_words }
    }
}

impl fmt::Display for DescChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this relay's descriptor has changed")
    }
}

/// A descriptor that a relay sent to tor, which runs as a directory authority.
/// Only older tors have this event. See control-spec, event AUTHDIR_NEWDESCS.
#[doc(alias = "AuthDirNewDescEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AuthDirNewDesc {
    /// The action that the authority took.
    pub action: AuthDirAction,
    /// The reason for the action, in English.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::text"))]
    pub message: String,
    /// The text of the descriptor. All lines end in LF.
    pub descriptor: DocumentText<ServerDescriptor<'static>>,
}

impl AuthDirNewDesc {
    /// Parses the data block: a line with the action, a line with the message,
    /// and the descriptor. Returns `None` if one of the two lines is missing.
    pub(super) fn parse(reply: &Reply) -> Option<Self> {
        let mut lines = reply.first().data?.splitn(3, |byte| *byte == b'\n');
        let (action, message, descriptor) = (lines.next()?, lines.next()?, lines.next()?);
        if action.is_empty() {
            return None;
        }
        Some(AuthDirNewDesc {
            action: field::text(action).as_str().into(),
            message: field::text(message),
            descriptor: DocumentText::new(descriptor.to_vec()),
        })
    }
}

impl fmt::Display for AuthDirNewDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(InOneLine(f), "{}: {}", self.action, self.message)
    }
}
