//! Reports about a relay's overload.

use std::time::SystemTime;

use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;

/// An exhausted bandwidth limit: the line `overload-ratelimits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverloadRateLimits {
    /// The version of the line's format, which is 1.
    pub version: u32,
    /// The start of the last hour in which a limit was exhausted.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub since: SystemTime,
    /// The relay's option `BandwidthRate`, in bytes per second.
    pub rate: u64,
    /// The relay's option `BandwidthBurst`, in bytes.
    pub burst: u64,
    /// The number of minutes in which the limit for reading was exhausted.
    pub read_count: u64,
    /// The number of minutes in which the limit for writing was exhausted.
    pub write_count: u64,
}

/// A lack of file descriptors: the line `overload-fd-exhausted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverloadFdExhausted {
    /// The version of the line's format, which is 1.
    pub version: u32,
    /// The start of the last hour in which tor could not open a socket.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub since: SystemTime,
}

const VERSION: &str = "the version must be a number";

impl OverloadRateLimits {
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        const LIMIT: &str = "the limits and counts must be numbers";
        let mut words = item.arguments_reader();
        Ok(OverloadRateLimits {
            version: words.number(VERSION)?,
            since: words.time()?,
            rate: words.number(LIMIT)?,
            burst: words.number(LIMIT)?,
            read_count: words.number(LIMIT)?,
            write_count: words.number(LIMIT)?,
        })
    }
}

impl OverloadFdExhausted {
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        let mut words = item.arguments_reader();
        Ok(OverloadFdExhausted { version: words.number(VERSION)?, since: words.time()? })
    }
}
