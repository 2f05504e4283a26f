//! `GETINFO entry-guards`.

use std::fmt;
use std::time::SystemTime;

use crate::protocol::{EntryGuardStatus, Word, Words};
use crate::word::{RelayName, parse_utc};

/// An entry guard, of `GETINFO entry-guards`.
///
/// `Display` writes it in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryGuard {
    /// The relay.
    pub relay: RelayName,
    /// What tor thinks of it.
    pub status: EntryGuardStatus,
    /// Since when it is `Down`, or `Unusable` as the consensus does not list
    /// it, in whole seconds. (tor blurs the days on purpose.)
    pub since: Option<SystemTime>,
    /// Words that this version of the library does not know, in order.
    pub extra_words: Vec<String>,
}

impl EntryGuard {
    /// Reads a line of `GETINFO entry-guards`. `None` without a relay and a
    /// status.
    ///
    /// ```
    /// use scape::protocol::EntryGuard;
    /// use scape::protocol::EntryGuardStatus;
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
        write!(f, "{} {}", self.relay, self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn with_a_time_and_without() {
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
        for bad in ["", " up", "$DDDD", "$DDDD "] {
            assert_eq!(EntryGuard::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            EntryGuard::parse(&line);
        }
    }
}
