//! ADDRMAP: address mappings.

use std::fmt;

use super::extra::read_pairs;
use super::shown::OneLine;
use crate::protocol::{Value, Words};
use crate::word::{Expiry, StreamId};

/// A new address mapping, or the answer to RESOLVE. control-spec, event
/// ADDRMAP.
///
/// ```
/// # use std::time::SystemTime;
/// use scape::event::{Event, EventBody};
/// # use scape::protocol::Decoder;
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
#[non_exhaustive]
pub struct AddrMapEvent {
    /// What is mapped: a name or an address, an IPv6 address in brackets. Of a
    /// wildcard `*.example.com`, tor tells `example.com` only.
    pub from: String,
    /// What it is mapped to: a name or an address; of a wildcard without its
    /// `*.`. `None` where a name could not be resolved (`<error>`), and where a
    /// mapping to nothing was made.
    pub to: Option<String>,
    /// When it ends, by what tor says in UTC (`EXPIRES`). Older tors tell only
    /// their local time, whose zone is not known here: that is
    /// [`Expiry::Other`], and never taken for UTC.
    pub expires: Expiry,
    /// When it ends, in tor's **local** time, as tor wrote it; `None` where it
    /// never does.
    pub expires_local: Option<String>,
    /// Why a RESOLVE failed: `yes` (of `error=yes`) where there is no answer,
    /// or one that RESOLVE cannot report, as an IPv6 address; `internal` where
    /// it could not be begun, and `to` is the same as `from`.
    pub error: Option<String>,
    /// Whether it is in tor's address map from now on (`CACHED`); answers to
    /// RESOLVE are not.
    pub cached: Option<bool>,
    /// The stream that was resolved for (`STREAMID`), as RESOLVE makes one.
    pub stream: Option<StreamId>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl AddrMapEvent {
    /// Reads what follows `ADDRMAP`. `None` without the address that is mapped,
    /// its target, which may be empty, and its end, which is `NEVER` or a
    /// quoted time.
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
        // The one error that has no key.
        if event.error.is_none()
            && let Some(at) = extra_words.iter().position(|word| word == "internal")
        {
            event.error = Some(extra_words.remove(at));
        }
        Some(AddrMapEvent { extra, extra_words, ..event })
    }

    /// Whether nothing was mapped, because resolving failed or could not be
    /// begun.
    pub fn is_failure(&self) -> bool {
        self.error.is_some()
    }

    /// Takes the value of a keyword; `None` where it is not known, or the value
    /// has not its form.
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
    /// Such as `a.example -> 10.1.2.3, until 2026-11-21 02:13:04`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} -> {}",
            OneLine(&self.from),
            OneLine(self.to.as_deref().unwrap_or("nothing"))
        )?;
        match (&self.error, &self.expires) {
            (Some(error), _) => write!(f, " (error: {})", OneLine(error)),
            (None, Expiry::Never) => Ok(()),
            (None, Expiry::At(_)) => write!(f, ", until {}", self.expires),
            (None, _) => write!(f, ", until {} local time", OneLine(&self.expires.to_string())),
        }
    }
}
