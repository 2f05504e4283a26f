//! The relays of the consensus, in as little memory as is useful.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::time::SystemTime;

use scape::netdoc::{Consensus, RouterFlags};
use scape::word::{CountryCode, Fingerprint, Version};

/// A relay.
#[derive(Debug, Clone)]
pub(crate) struct RelayRow {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) nickname: Box<str>,
    pub(crate) address: SocketAddrV4,
    pub(crate) flags: RouterFlags,
    /// The weight in the consensus.
    pub(crate) weight: u32,
    pub(crate) version: Option<[u32; 4]>,
    pub(crate) country: Option<CountryCode>,
}

impl RelayRow {
    /// Returns the version, such as `0.4.8.10`.
    pub(crate) fn version(&self) -> String {
        self.version
            .map_or_else(String::new, |numbers| numbers.map(|part| part.to_string()).join("."))
    }

    /// Returns the country, or `??`.
    pub(crate) fn country(&self) -> &str {
        self.country.as_ref().map_or("??", CountryCode::as_str)
    }
}

/// The relays of a consensus, the heaviest first.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    pub(crate) rows: Vec<RelayRow>,
    index: HashMap<Fingerprint, usize>,
    pub(crate) valid_until: Option<SystemTime>,
    pub(crate) total_weight: u64,
}

impl Relays {
    /// Takes the relays of a consensus. `countries` returns the countries of
    /// addresses, in their order.
    pub(crate) fn new(
        consensus: &Consensus<'_>,
        countries: impl FnOnce(&[SocketAddrV4]) -> Vec<Option<CountryCode>>,
    ) -> Self {
        let mut rows: Vec<RelayRow> = consensus
            .relays()
            .map(|relay| RelayRow {
                fingerprint: relay.fingerprint(),
                nickname: relay.nickname().into(),
                address: relay.or_address(),
                flags: relay.flags(),
                weight: relay.bandwidth().unwrap_or_default(),
                version: relay.version().as_ref().map(Version::numbers),
                country: None,
            })
            .collect();
        let addresses: Vec<_> = rows.iter().map(|row| row.address).collect();
        for (row, country) in rows.iter_mut().zip(countries(&addresses)) {
            row.country = country;
        }
        Relays::of(rows, consensus.valid_until)
    }

    /// Sorts and indexes relays.
    pub(crate) fn of(mut rows: Vec<RelayRow>, valid_until: Option<SystemTime>) -> Self {
        rows.sort_by_key(|row| (std::cmp::Reverse(row.weight), row.fingerprint));
        let index = rows.iter().enumerate().map(|(i, row)| (row.fingerprint, i)).collect();
        let total_weight = rows.iter().map(|row| u64::from(row.weight)).sum();
        Relays { rows, index, valid_until, total_weight }
    }

    /// Returns a relay by its fingerprint.
    pub(crate) fn get(&self, fingerprint: Fingerprint) -> Option<&RelayRow> {
        self.index.get(&fingerprint).and_then(|index| self.rows.get(*index))
    }
}
