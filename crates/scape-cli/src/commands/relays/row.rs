//! A relay as `scape relays` prints it.

use std::net::{SocketAddrV4, SocketAddrV6};

use scape::netdoc::Relay;
use scape::word::{CountryCode, Fingerprint, Version};
use serde::Serialize;

use crate::base::units;
use crate::commands::shared::column::{self, Key};
use crate::commands::shared::relay::flags;

/// A column of the list of relays.
type Column = column::Column<RelayRow>;

/// A relay, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RelayRow {
    nickname: String,
    fingerprint: Fingerprint,
    /// The relay's flags, in the order of the consensus.
    flags: Vec<String>,
    /// The bandwidth in the consensus in kilobytes (1,000 bytes) per second.
    /// `null` if the consensus doesn't contain it.
    pub(super) bandwidth: Option<u32>,
    /// True if the bandwidth was measured by authorities, false if it is only
    /// the relay's own claim. `null` if the consensus doesn't say which.
    is_measured: Option<bool>,
    /// The relay's share of the sum of all bandwidths, from 0 to 1. `null` if
    /// the relay's bandwidth is unknown.
    consensus_weight_fraction: Option<f64>,
    /// The IPv4 address and the OR port.
    address: SocketAddrV4,
    ipv6: Option<SocketAddrV6>,
    pub(super) country: Option<CountryCode>,
    version: Option<Version>,
    /// The summary of the exit policy, such as `accept 80,443`. `null` if it is
    /// unknown.
    exit_policy: Option<String>,
    exit_policy_v6: Option<String>,
}

impl RelayRow {
    /// Creates the row of a relay. `total` is the sum of the bandwidths of all
    /// relays, in the unit of the consensus.
    pub(super) fn new(relay: &Relay, country: Option<CountryCode>, total: u64) -> Self {
        let fraction = |bandwidth| f64::from(bandwidth) / total as f64;
        RelayRow {
            nickname: relay.nickname().into(),
            fingerprint: relay.fingerprint(),
            flags: flags(relay),
            bandwidth: relay.bandwidth(),
            is_measured: relay.is_measured(),
            consensus_weight_fraction: relay.bandwidth().filter(|_| total > 0).map(fraction),
            address: relay.or_address(),
            ipv6: relay.ipv6(),
            country,
            version: relay.version().cloned(),
            exit_policy: relay.policy().map(ToString::to_string),
            exit_policy_v6: relay.policy_v6().map(ToString::to_string),
        }
    }
}

/// Returns the columns of the table that `scape relays` prints.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("nickname", |row| Some(row.nickname.clone())),
        Column::new("fingerprint", |row| Some(row.fingerprint.to_string())),
        Column::new("bandwidth", |row| Some(units::kilobyte_rate(row.bandwidth?)))
            .by(|row| Some(Key::Number(row.bandwidth?.into())))
            .right(),
        Column::new("weight", |row| {
            Some(format!("{:.3} %", row.consensus_weight_fraction? * 100.0))
        })
        .by(|row| Some(Key::Number(row.bandwidth?.into())))
        .right(),
        Column::new("country", |row| Some(row.country?.to_string())),
        Column::new("address", |row| Some(row.address.to_string())).by(|row| {
            let [a, b, c, d] = row.address.ip().octets().map(u32::from);
            Some(Key::Numbers(vec![a, b, c, d, row.address.port().into()]))
        }),
        Column::new("version", |row| Some(row.version.as_ref()?.to_string())).by(|row| {
            let version = row.version.as_ref()?;
            // A version with a tag, such as -dev, comes after the same version
            // without a tag.
            let is_tagged = u32::from(version.status().is_some());
            Some(Key::Numbers(version.numbers().into_iter().chain([is_tagged]).collect()))
        }),
        Column::new("flags", |row| Some(row.flags.join(","))),
    ]
}
