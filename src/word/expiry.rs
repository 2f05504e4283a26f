//! When an address mapping ends.

use std::fmt;
use std::time::SystemTime;

use super::utc::write_utc;
use crate::word::parse_utc;

/// When an address mapping ends: of an ADDRMAP event, or of
/// `GETINFO address-mappings/*`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape::word::Expiry;
///
/// assert_eq!(Expiry::from("NEVER"), Expiry::Never);
/// let expiry = Expiry::from("2026-11-21 02:12:34");
/// assert_eq!(expiry.time(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154)));
/// assert_eq!(expiry.to_string(), "2026-11-21 02:12:34");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expiry {
    /// It stays (`NEVER`).
    Never,
    /// At this time, in whole seconds. It may be in the past: RESOLVE that is
    /// answered from a mapping says the present time, or one long ago.
    At(SystemTime),
    /// What cannot be told: a time without its zone, as older tors send alone,
    /// or a form that this version of the library does not know. The text is as
    /// tor wrote it, without quotes.
    Other(Box<str>),
}

impl Expiry {
    /// The time, where it is known and there is one.
    pub fn time(&self) -> Option<SystemTime> {
        match self {
            Expiry::At(time) => Some(*time),
            _ => None,
        }
    }
}

impl From<&str> for Expiry {
    /// `NEVER`, or `YYYY-MM-DD HH:MM:SS` in UTC, without quotes. Never fails:
    /// anything else is kept as text.
    fn from(text: &str) -> Self {
        match text {
            "NEVER" => Expiry::Never,
            text => parse_utc(text).map_or_else(|| Expiry::Other(text.into()), Expiry::At),
        }
    }
}

impl fmt::Display for Expiry {
    /// As tor writes it, without quotes.
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
    fn what_is_no_time_is_kept_as_text() {
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
    fn times_without_a_form_are_shown_all_the_same() {
        for time in [
            SystemTime::UNIX_EPOCH - Duration::from_secs(1),
            SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800),
        ] {
            assert!(!Expiry::At(time).to_string().is_empty());
        }
    }

    proptest! {
        #[test]
        fn every_time_goes_there_and_back(seconds in 0_u64..253_402_300_800) {
            let expiry = Expiry::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(Expiry::from(&*expiry.to_string()), expiry);
        }

        #[test]
        fn any_text_comes_out_as_it_went_in(text in "\\PC{0,24}") {
            prop_assert_eq!(Expiry::from(&*text).to_string(), text);
        }
    }
}
