//! The ADDRMAP event: address mappings.

use std::fmt;

use super::extra::read_pairs;
use super::shown::InOneLine;
use crate::control::{Value, Words};
use crate::word::{Expiry, StreamId};

/// A new address mapping, or the answer to RESOLVE. See control-spec, event
/// ADDRMAP.
///
/// ```
/// # use std::time::SystemTime;
/// use scape_proto::event::{Event, EventBody};
/// # use scape_proto::control::Decoder;
/// # let mut decoder = Decoder::default();
/// # decoder.feed(b"650 ADDRMAP a.example <error> \"2026-11-20 21:13:04\" error=yes \
/// #     EXPIRES=\"2026-11-21 02:13:04\" CACHED=\"NO\" STREAMID=7\r\n");
/// # let event = Event::parse(decoder.next_reply()?.expect("one line"), SystemTime::now());
/// // 650 ADDRMAP a.example <error> "2026-11-20 21:13:04" error=yes EXPIRES="2026-11-21 02:13:04" CACHED="NO" STREAMID=7
/// let EventBody::AddrMap(mapping) = event.body() else { panic!("{event}") };
/// assert!(mapping.is_failure() && mapping.to.is_none());
/// assert_eq!(mapping.expires.to_string(), "2026-11-21 02:13:04"); // UTC
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AddrMapEvent {
    /// The name or address that is mapped. IPv6 addresses are in brackets. For
    /// a wildcard `*.example.com`, tor sends only `example.com`.
    pub from: String,
    /// The name or address that `from` is mapped to. For a wildcard
    /// `*.example.com`, tor sends only `example.com`.
    ///
    /// `None` if the name couldn't be resolved (`<error>`), or if the target is
    /// empty, as after `MAPADDRESS a.example=`.
    pub to: Option<String>,
    /// The time when the mapping expires (`EXPIRES`, UTC).
    ///
    /// Older tors send only a local time, in an unknown time zone. For an event
    /// from such a tor, the value is [`Expiry::Other`], because a local time
    /// must not be taken for UTC.
    pub expires: Expiry,
    /// The time when the mapping expires, as tor wrote it. This time is in
    /// tor's **local** time zone. `None` if the mapping never expires.
    pub expires_local: Option<String>,
    /// The reason why a RESOLVE failed, or `None` if nothing failed.
    ///
    /// `yes` (from `error=yes`) means that there is no answer, or an answer
    /// that RESOLVE can't report, such as an IPv6 address. `internal` means
    /// that resolving couldn't be started. With `internal`, `to` is the same as
    /// `from`.
    pub error: Option<String>,
    /// True if the mapping is in tor's address map from now on (`CACHED`). It
    /// is false for answers to RESOLVE. `None` if tor didn't send `CACHED`.
    pub cached: Option<bool>,
    /// The stream that tor opened for a RESOLVE (`STREAMID`). `None` for all
    /// other events.
    pub stream: Option<StreamId>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl AddrMapEvent {
    /// Parses the text after `ADDRMAP`. Returns `None` if the address is
    /// missing, or if the expiry time after the target is neither `NEVER` nor
    /// quoted. The target may be empty.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let from = Some(words.next_value()).filter(|from| !from.is_empty())?;
        let (to, local) = (words.next_text(), words.next_value());
        let never = local.raw() == b"NEVER";
        if !never && !local.is_quoted() {
            return None;
        }
        let mut event = AddrMapEvent {
            from: from.text().into_owned(),
            to: Some(to).filter(|to| !matches!(&**to, "" | "<error>")).map(Into::into),
            expires: if never { Expiry::Never } else { Expiry::Other((&*local.text()).into()) },
            expires_local: (!never).then(|| local.text().into_owned()),
            error: None,
            cached: None,
            stream: None,
            extra: Vec::new(),
            extra_words: Vec::new(),
        };
        let (extra, mut extra_words) = read_pairs(words, |key, value| event.take(key, value));
        // tor writes `internal` without a keyword, unlike all other errors.
        if event.error.is_none()
            && let Some(at) = extra_words.iter().position(|word| word == "internal")
        {
            event.error = Some(extra_words.remove(at));
        }
        Some(AddrMapEvent { extra, extra_words, ..event })
    }

    /// Returns true if nothing was mapped, because resolving failed or couldn't
    /// be started.
    pub fn is_failure(&self) -> bool {
        self.error.is_some()
    }

    /// Stores the value of a keyword argument in the matching field. Returns
    /// `None` if the keyword is unknown or the value can't be parsed.
    fn take(&mut self, key: &str, value: Value<'_>) -> Option<()> {
        match key {
            "EXPIRES" => match Expiry::from(&*value.text()) {
                Expiry::Other(_) => return None,
                expires => self.expires = expires,
            },
            "CACHED" => self.cached = Some(yes_or_no(value)?),
            "STREAMID" => self.stream = Some(value.parse()?),
            "error" => self.error = Some(value.text().into_owned()),
            _ => return None,
        }
        Some(())
    }
}

fn yes_or_no(value: Value<'_>) -> Option<bool> {
    match &*value.bytes() {
        b"YES" => Some(true),
        b"NO" => Some(false),
        _ => None,
    }
}

impl fmt::Display for AddrMapEvent {
    /// Writes a short description, such as
    /// `a.example -> 10.1.2.3, until 2026-11-21 02:13:04`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} -> {}", self.from, self.to.as_deref().unwrap_or("nothing"))?;
        match (&self.error, &self.expires) {
            (Some(error), _) => write!(f, " (error: {error})"),
            (None, Expiry::Never) => Ok(()),
            (None, Expiry::At(_)) => write!(f, ", until {}", self.expires),
            (None, _) => write!(f, ", until {} local time", self.expires),
        }
    }
}
