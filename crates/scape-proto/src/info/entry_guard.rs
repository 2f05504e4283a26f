//! `GETINFO entry-guards`: the entry guards that tor has chosen.

use std::fmt;
use std::time::SystemTime;

use crate::control::{Word, Words};
use crate::info::EntryGuardStatus;
use crate::word::{InOneLine, RelayName, parse_utc};

/// An entry guard from `GETINFO entry-guards`.
///
/// `Display` writes the relay and the status on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EntryGuard {
    /// The relay that is the guard.
    pub relay: RelayName,
    /// The guard's status.
    pub status: EntryGuardStatus,
    /// The time since which a `Down` guard is unreachable, or an `Unusable`
    /// guard is missing from the consensus. `None` in all other cases.
    ///
    /// The time is in whole seconds. For an `Unusable` guard, the time isn't
    /// exact: tor stores a random time in the days before the real one.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub since: Option<SystemTime>,
    /// Words that this version of the library doesn't know, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl EntryGuard {
    /// Creates a guard with this status. The field `since` is `None`.
    ///
    /// ```
    /// use scape_proto::info::{EntryGuard, EntryGuardStatus};
    ///
    /// let relay = "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02".into();
    /// let guard = EntryGuard::new(relay, EntryGuardStatus::Up);
    /// assert_eq!(guard.to_string(), "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 up");
    /// ```
    pub fn new(relay: RelayName, status: EntryGuardStatus) -> Self {
        EntryGuard { relay, status, since: None, extra_words: Vec::new() }
    }

    /// Parses a line of `GETINFO entry-guards`. Returns `None` if the relay or
    /// the status is missing.
    ///
    /// ```
    /// use scape_proto::info::EntryGuard;
    /// use scape_proto::info::EntryGuardStatus;
    ///
    /// let line = b"$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 up";
    /// let guard = EntryGuard::parse(line).expect("it has a relay and a status");
    /// assert_eq!((guard.relay.nickname(), guard.status), (Some("relay02"), EntryGuardStatus::Up));
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let mut word = || Some(words.next_value()).filter(|word| !word.is_empty());
        let (relay, status) = (word()?.text(), word()?.text());
        let mut extra_words: Vec<String> = words.map(text).collect();
        let since = match &*extra_words {
            [date, time, ..] => parse_utc(&format!("{date} {time}")),
            _ => None,
        };
        if since.is_some() {
            extra_words.drain(..2);
        }
        Some(EntryGuard { relay: (&*relay).into(), status: (&*status).into(), since, extra_words })
    }
}

fn text(word: Word<'_>) -> String {
    word.to_string()
}

impl fmt::Display for EntryGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(InOneLine(f), "{} {}", self.relay, self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn entry_guard_with_and_without_time() {
        let line = b"$DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD unusable 2026-11-15 00:00:00";
        let guard = EntryGuard::parse(line).unwrap();
        assert_eq!(guard.since, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_700_800)));
        assert!(guard.extra_words.is_empty() && guard.relay.nickname().is_none());
        assert_eq!(guard.status, EntryGuardStatus::Unusable);

        let guard = EntryGuard::parse(b"relay7 simmering 2026-11-15 K=V").unwrap();
        assert_eq!(guard.status.as_str(), "simmering");
        assert_eq!(
            (guard.since, &*guard.extra_words),
            (None, &["2026-11-15".into(), "K=V".into()][..])
        );
        let guard = EntryGuard::parse(br#""a\nb" "u\rp""#).unwrap();
        assert_eq!(guard.to_string(), "a\\nb u\\rp");
        for bad in ["", " up", "$DDDD", "$DDDD "] {
            assert_eq!(EntryGuard::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn entry_guard_parser_never_panics(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            EntryGuard::parse(&line);
        }
    }
}
