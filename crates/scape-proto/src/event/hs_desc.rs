//! The HS_DESC and HS_DESC_CONTENT events: onion service descriptors.

use std::fmt;

use super::extra::read_pairs;
use super::field;
use super::shown::{InOneLine, Relay};
use crate::control::{Reply, Value, Word, Words};
use crate::event::{HsDescAction, HsDescReason};
use crate::netdoc::DocumentText;
use crate::netdoc::onion::OnionDescriptor;
use crate::word::{OnionAddress, RelayName};

/// A fetch, upload or creation of an onion service descriptor. See
/// control-spec, event HS_DESC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HsDescEvent {
    /// The action that the event reports.
    pub action: HsDescAction,
    /// The address of the service. `None` if tor wrote `UNKNOWN` or an invalid
    /// address.
    pub address: Option<OnionAddress>,
    /// The service as tor named it: the address without `.onion`, or `UNKNOWN`.
    pub address_text: String,
    /// The type of client authorization. tor 0.4.9 always writes `NO_AUTH` or
    /// `UNKNOWN`.
    pub auth: String,
    /// The onion service directory. `None` if tor wrote `UNKNOWN`, which it
    /// does for `CREATED`.
    pub hsdir: Option<RelayName>,
    /// The descriptor's id: its blinded key in base64 without padding. `None`
    /// for `UPLOADED`.
    pub descriptor_id: Option<String>,
    /// The reason for a failure. Present only if the action is `FAILED`. If the
    /// reason is [`Unexpected`](HsDescReason::Unexpected), the event doesn't
    /// say whether a fetch or an upload failed.
    pub reason: Option<HsDescReason>,
    /// The index of the directory in the hash ring, 64 hexadecimal digits.
    /// Present only if the action is `REQUESTED` or `UPLOAD`.
    pub hsdir_index: Option<String>,
    /// The number of the descriptor's replica (older tors, for version 2
    /// services). `None` for version 3 services.
    pub replica: Option<u32>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl HsDescEvent {
    /// Parses the text after `HS_DESC`. Returns `None` if one of the four
    /// positional arguments is missing.
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

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
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
    /// Writes a short description, such as
    /// `FAILED h3dz….onion at relay4 (NOT_FOUND)`, with the whole address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {}", self.action, Service(self.address.as_ref(), &self.address_text))?;
        if let Some(hsdir) = &self.hsdir {
            write!(f, " at {}", Relay(hsdir))?;
        }
        field::write_reasons(f, self.reason.as_ref(), None)
    }
}

/// The result of fetching an onion service descriptor. See control-spec, event
/// HS_DESC_CONTENT.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HsDescContent {
    /// The address of the service. `None` if tor wrote `UNKNOWN` or an invalid
    /// address.
    pub address: Option<OnionAddress>,
    /// The service as tor named it: the address without `.onion`, or `UNKNOWN`.
    pub address_text: String,
    /// The descriptor's id: its blinded key, in base64 without padding.
    pub descriptor_id: String,
    /// The onion service directory that tor asked. `None` if tor wrote
    /// `UNKNOWN`.
    pub hsdir: Option<RelayName>,
    /// The descriptor as described in rend-spec-v3: the outer layer as text,
    /// with lines that end in LF. Empty if the fetch failed.
    pub content: DocumentText<OnionDescriptor<'static>>,
    /// Keyword arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl HsDescContent {
    /// Parses the event. `rest` is the text after the event's name. Returns
    /// `None` if one of the three positional arguments or the data block is
    /// missing.
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
                // tor sends empty content as one empty line.
                b"\n" => DocumentText::new(Vec::new()),
                content => DocumentText::new(content.to_vec()),
            },
            extra,
            extra_words,
        })
    }

    /// Returns true if the fetch failed. `content` is empty after a failed
    /// fetch. tor sends the reason in a separate event, HS_DESC.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650+HS_DESC_CONTENT UNKNOWN id relay4\r\n\r\n.\r\n650 OK\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650+HS_DESC_CONTENT UNKNOWN id relay4
    /// //
    /// // .
    /// // 650 OK
    /// let EventBody::HsDescContent(fetched) = event.body() else { panic!("{event}") };
    /// assert!(fetched.is_failure());
    /// assert_eq!(fetched.to_string(), "UNKNOWN from relay4: 0 bytes");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_failure(&self) -> bool {
        self.content.is_empty()
    }
}

impl fmt::Display for HsDescContent {
    /// Writes a short description, such as
    /// `h3dz….onion from relay4: 14233 bytes`, with the whole address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{}", Service(self.address.as_ref(), &self.address_text))?;
        if let Some(hsdir) = &self.hsdir {
            write!(f, " from {}", Relay(hsdir))?;
        }
        write!(f, ": {} bytes", self.content.len())
    }
}

impl fmt::Debug for HsDescContent {
    /// Writes the fields, but only the length of `content`, which is long.
    /// `address` is omitted because `address_text` has the same address.
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

/// An onion service, for `Display`. It is shown by its address, or by tor's own
/// text if tor sent no valid address.
struct Service<'a>(Option<&'a OnionAddress>, &'a str);

impl fmt::Display for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str(self.1),
        }
    }
}
