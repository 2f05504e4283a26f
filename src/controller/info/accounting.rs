//! `GETINFO accounting/…`: how much may be used, and how much was.

use std::time::SystemTime;

use super::value::{flag, malformed};
use crate::Controller;
use crate::error::{Error, Result};
use crate::event::Hibernation;
use crate::protocol::Traffic;
use crate::word::parse_utc;

const KEYS: [&str; 7] = [
    "accounting/enabled",
    "accounting/hibernating",
    "accounting/bytes",
    "accounting/bytes-left",
    "accounting/interval-start",
    "accounting/interval-wake",
    "accounting/interval-end",
];

/// What accounting (AccountingMax) allows and has counted:
/// [`Controller::accounting`]. Times are in whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accounting {
    /// Whether tor hibernates.
    pub hibernating: Hibernation,
    /// What was used of the interval's allowance; controllers' connections
    /// count.
    pub used: Traffic,
    /// What is left of it.
    pub left: Traffic,
    /// When the interval began.
    pub interval_start: SystemTime,
    /// When tor woke up in it, or will.
    pub interval_wake: SystemTime,
    /// When the interval ends, and the next begins.
    pub interval_end: SystemTime,
}

/// Accounting. control-spec, GETINFO `accounting/…`.
impl Controller {
    /// What accounting allows and has counted, in one round trip
    /// (`GETINFO accounting/…`); `None` where the configuration has no
    /// accounting.
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
    /// if let Some(accounting) = controller.accounting()? {
    ///     println!("{} bytes may still be read", accounting.left.read);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accounting(&self) -> Result<Option<Accounting>> {
        let values: [Result<String>; 7] =
            self.get_info_each(KEYS)?.try_into().map_err(|values: Vec<_>| {
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
