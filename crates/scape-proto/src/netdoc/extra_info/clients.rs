//! Statistics about the clients of guards and bridges.

use std::time::SystemTime;

use super::{NamedCounts, StatsPeriod};

/// Statistics about the clients of a guard: the lines `entry-…`. A field is
/// `None` if its line is missing or malformed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EntryStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// The number of IP addresses by country, rounded up to a multiple of 8.
    pub ips: Option<NamedCounts<'a>>,
}

/// Statistics about the clients of a bridge: the lines `bridge-…`, and the
/// lines `geoip-…` of old bridges. A field is `None` if its line is missing or
/// malformed.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info bridge 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     bridge-ip-transports <OR>=8,obfs4=16\n";
/// let transports = ExtraInfo::parse(text)?.bridge.ip_transports.expect("the line is there");
/// assert_eq!(transports.get("obfs4"), Some(16));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BridgeStats<'a> {
    /// The period in which the statistics were collected.
    pub period: Option<StatsPeriod>,
    /// The number of IP addresses by country, rounded up to a multiple of 8.
    pub ips: Option<NamedCounts<'a>>,
    /// The number of IP addresses by version: `v4` and `v6`.
    pub ip_versions: Option<NamedCounts<'a>>,
    /// The number of IP addresses by pluggable transport. The name `<OR>`
    /// means no transport, and `<??>` an unknown one.
    pub ip_transports: Option<NamedCounts<'a>>,
    /// The time at which the counting for `geoip_client_origins` began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub geoip_start_time: Option<SystemTime>,
    /// The number of clients by country, rounded up to a multiple of 8. Only
    /// tor 0.2.1 and older wrote this.
    pub geoip_client_origins: Option<NamedCounts<'a>>,
}
