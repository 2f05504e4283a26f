//! STATUS_GENERAL, STATUS_CLIENT and STATUS_SERVER.

mod detail;

use std::fmt;

pub use detail::{ReachabilityTarget, StatusDetail};

use super::bootstrap::Bootstrap;
use super::field;
use super::shown::OneLine;
use crate::event::{Severity, StatusAction};
use crate::protocol::{Word, Words, unquote};

/// What tor says of itself. control-spec, section "Status events".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusEvent {
    /// How bad it is: `NOTICE`, `WARN` or `ERR`.
    pub severity: Severity,
    /// What happened.
    pub action: StatusAction,
    /// The arguments, keywords and values, in order, unquoted. A text before
    /// the first keyword has an empty one.
    pub arguments: Vec<(String, String)>,
}

impl StatusEvent {
    /// Reads what follows `650 STATUS_…`. `None` without a severity and an
    /// action.
    pub(super) fn parse(rest: &[u8]) -> Option<Self> {
        let mut words = Words::new(rest);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (severity, action) = (field::keyword(word()?), field::keyword(word()?));
        Some(StatusEvent { severity, action, arguments: arguments(words.rest()) })
    }

    /// The value of an argument, such as `PROGRESS`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.arguments.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// What a `BOOTSTRAP` action says; `None` of every other.
    pub fn bootstrap(&self) -> Option<Bootstrap> {
        Bootstrap::read(self)
    }

    /// The action with its arguments as values. It is read anew by each call.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// use scape::event::{Event, EventBody, StatusDetail};
    /// # use scape::protocol::Decoder;
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
    /// Such as `WARN CLOCK_JUMPED TIME=120 IDLE=1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity, self.action)?;
        for (key, value) in &self.arguments {
            let separator = if key.is_empty() { "" } else { "=" };
            write!(f, " {key}{separator}{}", OneLine(value))?;
        }
        Ok(())
    }
}

/// Every argument is a pair, so a word without a key belongs to the value
/// before it: tor neither quotes the path of `CLOCK_SKEW SOURCE=` nor escapes
/// the quoted texts of bootstrap problems, which it also cuts off.
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

/// The value without its quotes: one pair, two pairs, or one whose end was cut
/// off.
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
