//! NEWDESC, DESCCHANGED and AUTHDIR_NEWDESCS: descriptors of relays.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{OneLine, Relay};
use crate::event::AuthDirAction;
use crate::protocol::{Reply, Word, Words};
use crate::word::RelayName;

/// Descriptors of relays have come. control-spec, event NEWDESC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDesc {
    /// The relays.
    pub relays: Vec<RelayName>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
}

impl NewDesc {
    /// Reads what follows `NEWDESC`.
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
    /// Such as `relay07, relay08`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, relay) in self.relays.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, Relay(relay))?;
        }
        Ok(())
    }
}

/// This relay's own descriptor has changed. control-spec, event DESCCHANGED.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescChanged {
    /// Keywords that this version of the library does not know (it knows none),
    /// in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know (it knows none), in
    /// order.
    pub extra_words: Vec<String>,
}

impl DescChanged {
    /// Reads what follows `DESCCHANGED`.
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

/// A descriptor was sent to this directory authority. Older tors have it.
/// control-spec, event AUTHDIR_NEWDESCS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthDirNewDesc {
    /// What the authority did with it.
    pub action: AuthDirAction,
    /// Why, in English.
    pub message: String,
    /// The descriptor, its lines ended by LF.
    pub descriptor: Vec<u8>,
}

impl AuthDirNewDesc {
    /// Reads the data block: a line for the action, one for the message, the
    /// descriptor. `None` without the two lines.
    pub(super) fn parse(reply: &Reply) -> Option<Self> {
        let mut lines = reply.first().data?.splitn(3, |byte| *byte == b'\n');
        let (action, message, descriptor) = (lines.next()?, lines.next()?, lines.next()?);
        if action.is_empty() {
            return None;
        }
        Some(AuthDirNewDesc {
            action: field::text(action).as_str().into(),
            message: field::text(message),
            descriptor: descriptor.to_vec(),
        })
    }
}

impl fmt::Display for AuthDirNewDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, OneLine(&self.message))
    }
}
