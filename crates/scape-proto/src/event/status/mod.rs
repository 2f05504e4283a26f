//! The STATUS_GENERAL, STATUS_CLIENT and STATUS_SERVER events: tor's own
//! status.

mod detail;

use std::fmt;

use memchr::memmem;

pub use detail::{ReachabilityTarget, StatusDetail};

use super::bootstrap::Bootstrap;
use super::field;
use super::shown::InOneLine;
use crate::control::{Word, Words, unquote};
use crate::event::{Severity, StatusAction};

/// A change of tor's own status. See control-spec, section "Status events".
///
/// [`detail`](Self::detail) returns the arguments as typed values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StatusEvent {
    /// The severity: `NOTICE`, `WARN` or `ERR`.
    pub severity: Severity,
    /// The action that the event reports.
    pub action: StatusAction,
    /// The keyword arguments in order, without quotes. Text before the first
    /// keyword becomes the first argument, with an empty keyword.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub arguments: Vec<(String, String)>,
}

impl StatusEvent {
    /// Parses the text after `650 STATUS_…`. Returns `None` if the severity or
    /// the action is missing.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (severity, action) = (field::keyword(word()?), field::keyword(word()?));
        let arguments = match split_path(words.rest()) {
            Some((before, path)) if action == StatusAction::ClockSkew => {
                let source = ("SOURCE".to_owned(), field::text(path));
                arguments(before).into_iter().chain([source]).collect()
            }
            _ => arguments(words.rest()),
        };
        Some(StatusEvent { severity, action, arguments })
    }

    /// Returns the value of an argument, such as `PROGRESS`. Returns `None` if
    /// the event has no such argument.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use scape_proto::control::Decoder;
    /// use scape_proto::event::{Event, EventBody};
    ///
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn \
    /// #     SUMMARY=\"Connecting\"\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one event"), SystemTime::now());
    /// // 650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting"
    /// let EventBody::StatusClient(status) = event.body() else { panic!("{event}") };
    /// assert_eq!(status.get("SUMMARY"), Some("Connecting"));
    /// assert_eq!(status.get("WARNING"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        self.arguments.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns the bootstrap progress. Returns `None` if the action isn't
    /// `BOOTSTRAP`, or if the progress or the tag is missing or malformed.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use scape_proto::event::{Event, EventBody};
    /// # use scape_proto::control::Decoder;
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting\"\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one line"), SystemTime::now());
    /// // 650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting"
    /// let EventBody::StatusClient(status) = event.body() else { panic!("{event}") };
    /// assert_eq!(status.bootstrap().map(|bootstrap| bootstrap.progress), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bootstrap(&self) -> Option<Bootstrap> {
        Bootstrap::read(self)
    }

    /// Returns the action with typed arguments. Returns [`StatusDetail::Other`]
    /// if the action is unknown or its arguments can't be parsed. Each call
    /// parses the arguments again.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use scape_proto::event::{Event, EventBody, StatusDetail};
    /// # use scape_proto::control::Decoder;
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-3600 SOURCE=OR:127.0.0.1:9001\r\n");
    /// # let event = Event::parse(decoder.next_reply()?.expect("one line"), SystemTime::now());
    /// // 650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=-3600 SOURCE=OR:127.0.0.1:9001
    /// let EventBody::StatusGeneral(status) = event.body() else { panic!("{event}") };
    /// let StatusDetail::ClockSkew { skew, source, .. } = status.detail() else { panic!("{status}") };
    /// assert_eq!(skew, Some(-3600)); // one hour behind
    /// assert_eq!(source.to_string(), "OR:127.0.0.1:9001");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detail(&self) -> StatusDetail {
        StatusDetail::read(self)
    }
}

impl fmt::Display for StatusEvent {
    /// Writes a short description, such as `WARN CLOCK_JUMPED TIME=120 IDLE=1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "{} {}", self.severity, self.action)?;
        for (key, value) in &self.arguments {
            let separator = if key.is_empty() { "" } else { "=" };
            write!(f, " {key}{separator}{value}")?;
        }
        Ok(())
    }
}

/// Splits the arguments into keywords and values.
///
/// Every argument is a pair, so a word without a keyword belongs to the value
/// before it. Such words occur for two reasons: tor doesn't escape the quoted
/// texts of bootstrap problems, and tor cuts off texts that are too long, which
/// removes the closing quote.
fn arguments(line: &[u8]) -> Vec<(String, String)> {
    let mut arguments: Vec<(&str, Vec<u8>)> = Vec::new();
    for word in Words::new(line) {
        match (word, arguments.last_mut()) {
            (Word::Pair(key, value), _) => arguments.push((key, value.raw().to_vec())),
            (Word::Bare(word), Some((_, value))) => {
                value.push(b' ');
                value.extend_from_slice(word.raw());
            }
            (Word::Bare(word), None) => arguments.push(("", word.raw().to_vec())),
        }
    }
    arguments.into_iter().map(|(key, value)| (key.to_owned(), field::text(unwrap(value)))).collect()
}

/// Splits the arguments of CLOCK_SKEW into those before `SOURCE=` and the path
/// after it. Returns `None` if the source isn't a path. A path needs this
/// special treatment because tor writes it without quotes, even if it contains
/// spaces. `SOURCE` is the last argument.
fn split_path(line: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: &[u8] = b" SOURCE=";
    const OTHER_SOURCES: [&[u8]; 5] = [b"\"", b"CONSENSUS", b"DIRSERV:", b"NETWORKSTATUS:", b"OR:"];
    let (before, after) = line.split_at_checked(memmem::find(line, KEY)?)?;
    let path = after.strip_prefix(KEY)?;
    let is_path = path.iter().any(|b| matches!(b, b'/' | b'\\'))
        && !OTHER_SOURCES.iter().any(|source| path.starts_with(source));
    is_path.then_some((before, path))
}

/// Removes the quotes from a value: one pair, two pairs, or an opening quote
/// whose closing quote tor cut off. Also decodes escapes.
fn unwrap(mut value: Vec<u8>) -> Vec<u8> {
    if !value.starts_with(b"\"") {
        return value;
    }
    match value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")) {
        Some(inner) if inner.len() > 1 && inner.starts_with(b"\"") && inner.ends_with(b"\"") => {
            unquote(inner)
        }
        Some(_) => unquote(&value),
        None => {
            value.push(b'"');
            unquote(&value)
        }
    }
}
