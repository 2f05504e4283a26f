//! `GETINFO downloads/…`: tor's attempts to download directory documents.

use std::time::{Duration, SystemTime};

use crate::info::{DownloadBackoff, DownloadIncrement, DownloadSchedule, DownloadWant};
use crate::word::parse_utc;

/// The text that tor writes for a time that never comes.
const NEVER: &str = "9999-12-31 23:59:59";

/// The status of downloading a document, from `GETINFO downloads/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DownloadStatus {
    /// The time before which tor makes no further attempt, in whole seconds. A
    /// time in the past, such as 1970, means that tor is free to try now.
    /// `None` means that tor never tries again.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub next_attempt_at: Option<SystemTime>,
    /// The number of failures since the last success.
    pub failures: u32,
    /// The number of attempts since the last success.
    pub attempts: u32,
    /// The schedule of the download.
    pub schedule: DownloadSchedule,
    /// The servers that tor asks for the document.
    pub want_authority: DownloadWant,
    /// The kind of attempt after which tor increases the delay before the next
    /// attempt.
    pub increment_on: DownloadIncrement,
    /// The method by which tor increases the delay between attempts. `None` for
    /// older versions of tor, which don't report the method.
    pub backoff: Option<DownloadBackoff>,
    /// The number of times that tor has increased the delay. `None` if tor
    /// doesn't report it.
    pub last_backoff_position: Option<u32>,
    /// The last delay between attempts, in whole seconds. `None` if tor doesn't
    /// report it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::seconds"))]
    pub last_delay_used: Option<Duration>,
    /// Lines that this version of the library doesn't know, in order. Each is a
    /// key and a value.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
}

impl DownloadStatus {
    /// Parses the value of a key below `downloads/`. Returns `None` if a line,
    /// a time or a number is malformed, or if one of the lines from
    /// `next-attempt-at` to `increment-on` is missing.
    ///
    /// ```
    /// use scape_proto::info::DownloadStatus;
    /// use scape_proto::info::DownloadSchedule;
    ///
    /// let value = "next-attempt-at 2026-11-21 02:22:13\nn-download-failures 1\nn-download-attempts 2\n\
    ///     schedule DL_SCHED_GENERIC\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    ///     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    ///     last-backoff-position 1\nlast-delay-used 60\n";
    /// let status = DownloadStatus::parse(value).expect("all nine lines");
    /// assert_eq!((status.failures, status.schedule), (1, DownloadSchedule::Generic));
    /// ```
    pub fn parse(value: &str) -> Option<Self> {
        let mut lines: Vec<(&str, &str)> = Vec::new();
        for line in value.lines().filter(|line| !line.is_empty()) {
            lines.push(line.split_once(' ')?);
        }
        let mut take = |key: &str| {
            let at = lines.iter().position(|(name, _)| *name == key)?;
            Some(lines.remove(at).1)
        };
        let next_attempt_at = match take("next-attempt-at")? {
            NEVER => None,
            time => Some(parse_utc(time)?),
        };
        let status = DownloadStatus {
            next_attempt_at,
            failures: take("n-download-failures")?.parse().ok()?,
            attempts: take("n-download-attempts")?.parse().ok()?,
            schedule: take("schedule")?.into(),
            want_authority: take("want-authority")?.into(),
            increment_on: take("increment-on")?.into(),
            backoff: take("backoff").map(Into::into),
            last_backoff_position: optional(take("last-backoff-position"))?,
            last_delay_used: optional(take("last-delay-used"))?.map(Duration::from_secs),
            extra: Vec::new(),
        };
        let extra = lines.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Some(DownloadStatus { extra, ..status })
    }
}

/// Parses a number that may be missing. Returns `Some(None)` if it is missing,
/// and `None` if it is malformed.
fn optional<T: std::str::FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map(|text| text.parse().ok()).map_or(Some(None), |number| number.map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINES: [&str; 9] = [
        "next-attempt-at 2026-11-21 02:22:13",
        "n-download-failures 1",
        "n-download-attempts 2",
        "schedule DL_SCHED_BRIDGE",
        "want-authority DL_WANT_AUTHORITY",
        "increment-on DL_SCHED_INCREMENT_ATTEMPT",
        "backoff DL_SCHED_RANDOM_EXPONENTIAL",
        "last-backoff-position 3",
        "last-delay-used 60",
    ];

    #[test]
    fn download_status_fields() {
        let status = DownloadStatus::parse(&LINES.join("\n")).unwrap();
        assert_eq!(
            status.next_attempt_at,
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_733))
        );
        assert_eq!(
            (status.failures, status.attempts, status.last_backoff_position),
            (1, 2, Some(3))
        );
        assert_eq!(status.schedule, DownloadSchedule::Bridge);
        assert_eq!(status.want_authority, DownloadWant::Authority);
        assert_eq!(status.increment_on, DownloadIncrement::Attempt);
        assert_eq!(status.backoff, Some(DownloadBackoff::RandomExponential));
        assert_eq!(status.last_delay_used, Some(Duration::from_secs(60)));
        assert!(status.extra.is_empty());
    }

    #[test]
    fn download_status_of_older_and_newer_tor() {
        let never = LINES.join("\n").replace("2026-11-21 02:22:13", NEVER);
        assert_eq!(DownloadStatus::parse(&never).unwrap().next_attempt_at, None);
        let older = DownloadStatus::parse(&LINES[..6].join("\n")).unwrap();
        assert_eq!((older.backoff, older.last_delay_used), (None, None));
        let newer =
            DownloadStatus::parse(&format!("{}\nmood good, thanks\n", LINES.join("\n"))).unwrap();
        assert_eq!(newer.extra, [("mood".to_owned(), "good, thanks".to_owned())]);
    }

    #[test]
    fn malformed_download_status_is_none() {
        for missing in 0..6 {
            let mut lines = LINES.to_vec();
            lines.remove(missing);
            assert_eq!(DownloadStatus::parse(&lines.join("\n")), None, "{lines:?}");
        }
        for wrong in [0, 1, 2, 7, 8] {
            let mut lines = LINES.map(str::to_owned);
            lines[wrong].push('x');
            assert_eq!(DownloadStatus::parse(&lines.join("\n")), None, "{lines:?}");
        }
        assert_eq!(DownloadStatus::parse(""), None);
        assert_eq!(DownloadStatus::parse(&format!("{}\nword", LINES.join("\n"))), None);
    }

    proptest! {
        #[test]
        fn download_status_parser_never_panics(value in "[ -~\n]{0,120}") {
            let _ = DownloadStatus::parse(&value);
        }
    }
}
