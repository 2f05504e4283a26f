//! The expiry time of an address mapping.

use std::fmt;
use std::time::SystemTime;

use super::utc::write_utc;
use crate::word::parse_utc;

/// The time at which an address mapping ends, as ADDRMAP events and `GETINFO
/// address-mappings/*` report it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::word::Expiry;
///
/// assert_eq!(Expiry::from("NEVER"), Expiry::Never);
/// let expiry = Expiry::from("2026-11-21 02:12:34");
/// assert_eq!(expiry.time(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154)));
/// assert_eq!(expiry.to_string(), "2026-11-21 02:12:34");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expiry {
    /// The mapping doesn't end (`NEVER`).
    Never,
    /// The mapping ends at this time, in whole seconds. The time may be in the
    /// past: if tor answers RESOLVE from a mapping, tor reports the present
    /// time or a time long ago.
    At(SystemTime),
    /// An expiry that can't be interpreted, as tor wrote it, without quotes.
    /// One example is a local time without a time zone. Older versions of tor
    /// send only local times.
    Other(Box<str>),
}

impl Expiry {
    /// Returns the time at which the mapping ends. Returns `None` if the
    /// mapping never ends or the time isn't known.
    pub fn time(&self) -> Option<SystemTime> {
        match self {
            Expiry::At(time) => Some(*time),
            _ => None,
        }
    }
}

impl From<&str> for Expiry {
    /// Reads `NEVER`, or `YYYY-MM-DD HH:MM:SS` in UTC, without quotes. Never
    /// fails: any other text is kept as [`Other`](Expiry::Other).
    fn from(text: &str) -> Self {
        match text {
            "NEVER" => Expiry::Never,
            text => parse_utc(text).map_or_else(|| Expiry::Other(text.into()), Expiry::At),
        }
    }
}

impl fmt::Display for Expiry {
    /// Writes the expiry as tor does, without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expiry::Never => f.write_str("NEVER"),
            Expiry::At(time) => write_utc(f, *time),
            Expiry::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn malformed_expiry_is_kept_as_text() {
        for text in [
            "",
            "never",
            "2026-11-21",
            "2026-11-21T02:12:34",
            "2026-11-21 02:12:34Z",
            "2026-13-21 02:12:34",
            "2026-02-30 02:12:34",
            "2026-11-21 25:12:34",
            "1969-12-31 23:59:59",
            "2026-11-21 02:12:3é",
        ] {
            assert_eq!(Expiry::from(text), Expiry::Other(text.into()));
            assert_eq!(Expiry::from(text).to_string(), text);
        }
    }

    #[test]
    fn expiry_outside_of_the_text_format_is_still_shown() {
        for time in [
            SystemTime::UNIX_EPOCH - Duration::from_secs(1),
            SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800),
        ] {
            assert!(!Expiry::At(time).to_string().is_empty());
        }
    }

    proptest! {
        #[test]
        fn expiry_time_round_trip(seconds in 0_u64..253_402_300_800) {
            let expiry = Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(Expiry::from(&*expiry.to_string()), expiry);
        }

        #[test]
        fn expiry_text_round_trip(text in "\\PC{0,24}") {
            prop_assert_eq!(Expiry::from(&*text).to_string(), text);
        }
    }
}
