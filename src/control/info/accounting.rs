//! `GETINFO accounting/…`: tor's limit on traffic, and how much of it is used.

use std::time::SystemTime;

use super::Info;
use super::value::{flag, malformed};
use crate::error::{Error, Result};
use scape_proto::event::Hibernation;
use scape_proto::info::Traffic;
use scape_proto::word::parse_utc;

const KEYS: [&str; 7] = [
    "accounting/enabled",
    "accounting/hibernating",
    "accounting/bytes",
    "accounting/bytes-left",
    "accounting/interval-start",
    "accounting/interval-wake",
    "accounting/interval-end",
];

/// The state of accounting, which limits tor's traffic in each interval (option
/// AccountingMax). Returned by [`Info::accounting`]. Times are in whole
/// seconds.
#[doc(alias = "AccountingStats")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accounting {
    /// The hibernation state: tor hibernates when the limit is reached.
    pub hibernating: Hibernation,
    /// The bytes that tor has read and written in this interval. Traffic of
    /// control connections is included.
    pub used: Traffic,
    /// The bytes that tor may still read and write in this interval.
    pub left: Traffic,
    /// The start of the current interval.
    pub interval_start: SystemTime,
    /// The time at which tor woke up in this interval, or will wake up.
    pub interval_wake: SystemTime,
    /// The end of the current interval, at which the next one starts.
    pub interval_end: SystemTime,
}

/// Queries about accounting. See control-spec, GETINFO `accounting/…`.
impl Info<'_> {
    /// Returns the traffic that accounting has counted and still allows
    /// (`GETINFO accounting/…`). Returns `None` if accounting is off in tor's
    /// configuration. Takes one round trip.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("accounting/enabled", "1").info("accounting/hibernating", "awake")
    /// #     .info("accounting/bytes", "500 200").info("accounting/bytes-left", "1000 1300")
    /// #     .info("accounting/interval-start", "2026-11-21 00:00:00")
    /// #     .info("accounting/interval-wake", "2026-11-21 00:00:00")
    /// #     .info("accounting/interval-end", "2026-11-22 00:00:00").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if let Some(accounting) = controller.info().accounting()? {
    ///     assert_eq!((accounting.used.read, accounting.left.read), (500, 1000));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_accounting_stats")]
    pub fn accounting(self) -> Result<Option<Accounting>> {
        let values: [Result<String>; 7] =
            self.controller.info().get_each(KEYS)?.try_into().map_err(|values: Vec<_>| {
                Error::answer(
                    format!("GETINFO {}", KEYS.join(" ")),
                    format!("{} values", values.len()),
                )
            })?;
        let [enabled, hibernating, used, left, start, wake, end] = values;
        let enabled = enabled?;
        if !flag(&enabled).ok_or_else(|| malformed("accounting/enabled", &enabled))? {
            return Ok(None);
        }
        Ok(Some(Accounting {
            hibernating: hibernating?.as_str().into(),
            used: read("accounting/bytes", used, bytes)?,
            left: read("accounting/bytes-left", left, bytes)?,
            interval_start: read("accounting/interval-start", start, parse_utc)?,
            interval_wake: read("accounting/interval-wake", wake, parse_utc)?,
            interval_end: read("accounting/interval-end", end, parse_utc)?,
        }))
    }
}

fn bytes(value: &str) -> Option<Traffic> {
    Traffic::parse(value, ' ')
}

fn read<T>(key: &str, value: Result<String>, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let value = value?;
    parse(&value).ok_or_else(|| malformed(key, &value))
}
