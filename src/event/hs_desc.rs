//! HS_DESC and HS_DESC_CONTENT: onion services' descriptors on their way.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{OneLine, Relay};
use crate::event::{HsDescAction, HsDescReason};
use crate::protocol::{Reply, Value, Word, Words};
use crate::word::{OnionAddress, RelayName};

/// What happened to an onion service's descriptor. control-spec, event HS_DESC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HsDescEvent {
    /// What happened.
    pub action: HsDescAction,
    /// The service, where tor knows it and its address is valid.
    pub address: Option<OnionAddress>,
    /// The service as tor named it: its address without `.onion`, or `UNKNOWN`.
    pub address_text: String,
    /// The client authorization: `NO_AUTH` or `UNKNOWN`, as tor 0.4.9 does not
    /// tell.
    pub auth: String,
    /// The directory; `None` where tor writes `UNKNOWN`, as it does for
    /// `CREATED`.
    pub hsdir: Option<RelayName>,
    /// The descriptor's id: its blinded key, in base64 without padding. Not for
    /// `UPLOADED`.
    pub descriptor_id: Option<String>,
    /// `FAILED` only: why. [`Unexpected`](HsDescReason::Unexpected) may be of a
    /// fetch as well as of an upload.
    pub reason: Option<HsDescReason>,
    /// `REQUESTED` and `UPLOAD` only: the index of the directory, 64
    /// hexadecimal digits.
    pub hsdir_index: Option<String>,
    /// The replica (older tors, with services of version 2).
    pub replica: Option<u32>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl HsDescEvent {
    /// Reads what follows `HS_DESC`. `None` without the four words that every
    /// such event has.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (action, address, auth, hsdir) = (word()?, word()?, word()?, word()?);
        let mut event = HsDescEvent {
            action: field::keyword(action),
            address: address.parse(),
            address_text: address.text().into_owned(),
            auth: auth.text().into_owned(),
            hsdir: (hsdir.raw() != b"UNKNOWN").then(|| field::keyword(hsdir)),
            descriptor_id: None,
            reason: None,
            hsdir_index: None,
            replica: None,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        if let Some(Word::Bare(id)) = words.clone().next() {
            event.descriptor_id = Some(id.text().into_owned());
            words.next();
        }
        let (extra, extra_words) = read_pairs(words, |key, value| event.take(key, value));
        Some(HsDescEvent { extra, extra_words, ..event })
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "REASON" => self.reason = Some(field::keyword(value)),
            "HSDIR_INDEX" => self.hsdir_index = Some(value.text().into_owned()),
            "REPLICA" => self.replica = Some(value.parse()?),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for HsDescEvent {
    /// Such as `FAILED h3dz….onion at relay4 (NOT_FOUND)`, with the whole
    /// address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, Service(self.address.as_ref(), &self.address_text))?;
        if let Some(hsdir) = &self.hsdir {
            write!(f, " at {}", Relay(hsdir))?;
        }
        field::write_reasons(f, self.reason.as_ref(), None)
    }
}

/// The text of a descriptor that was fetched, or the end of a fetch that
/// failed. control-spec, event HS_DESC_CONTENT.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HsDescContent {
    /// The service, where tor knows it and its address is valid.
    pub address: Option<OnionAddress>,
    /// The service as tor named it: its address without `.onion`, or `UNKNOWN`.
    pub address_text: String,
    /// The descriptor's id: its blinded key, in base64 without padding.
    pub descriptor_id: String,
    /// The directory that was asked; `None` where tor writes `UNKNOWN`.
    pub hsdir: Option<RelayName>,
    /// The descriptor, as in rend-spec-v3: its outer layer as text, its lines
    /// ended by LF. Empty where the fetch failed.
    pub content: Vec<u8>,
    /// Keywords that this version of the library does not know, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl HsDescContent {
    /// Reads the event, of which `rest` follows the name. `None` without its
    /// three words and a data block.
    pub(super) fn parse(rest: &[u8], reply: &Reply) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (address, id, hsdir) = (word()?, word()?, word()?);
        let (extra, extra_words) = read_pairs(words, |_, _| None);
        Some(HsDescContent {
            address: address.parse(),
            address_text: address.text().into_owned(),
            descriptor_id: id.text().into_owned(),
            hsdir: (hsdir.raw() != b"UNKNOWN").then(|| field::keyword(hsdir)),
            content: match reply.first().data? {
                // How tor sends nothing.
                b"\n" => Vec::new(),
                content => content.to_vec(),
            },
            extra,
            extra_words,
        })
    }

    /// Whether the fetch failed: there is no descriptor. HS_DESC says why.
    pub fn is_failure(&self) -> bool {
        self.content.is_empty()
    }
}

impl fmt::Display for HsDescContent {
    /// Such as `h3dz….onion from relay4: 14233 bytes`, with the whole address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Service(self.address.as_ref(), &self.address_text).fmt(f)?;
        if let Some(hsdir) = &self.hsdir {
            write!(f, " from {}", Relay(hsdir))?;
        }
        write!(f, ": {} bytes", self.content.len())
    }
}

impl fmt::Debug for HsDescContent {
    /// Everything but the content, which is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HsDescContent")
            .field("address_text", &self.address_text)
            .field("descriptor_id", &self.descriptor_id)
            .field("hsdir", &self.hsdir)
            .field("content", &format_args!("{} bytes", self.content.len()))
            .field("extra", &self.extra)
            .field("extra_words", &self.extra_words)
            .finish()
    }
}

/// A service for people.
struct Service<'a>(Option<&'a OnionAddress>, &'a str);

impl fmt::Display for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => OneLine(self.1).fmt(f),
        }
    }
}
