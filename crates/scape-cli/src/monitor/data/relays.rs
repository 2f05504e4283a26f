//! The relays of the consensus, stored compactly.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddrV4;
use std::time::SystemTime;

use scape::geoip::Location;
use scape::netdoc::{Consensus, RouterFlags};
use scape::word::{CountryCode, Fingerprint, Version};

/// A relay in the consensus, as the page Network shows it.
#[derive(Debug, Clone)]
pub(crate) struct RelayRow {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) nickname: Box<str>,
    pub(crate) address: SocketAddrV4,
    pub(crate) flags: RouterFlags,
    /// The weight of the relay in the consensus, in kilobytes (1,000 bytes) per
    /// second.
    pub(crate) weight: u32,
    pub(crate) version: Option<[u32; 4]>,
    pub(crate) country: Option<CountryCode>,
    /// The number of the autonomous system. `None` if it is unknown.
    pub(crate) asn: Option<u32>,
}

/// The country and the network of an address. A value is `None` if the
/// databases don't contain it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) country: Option<CountryCode>,
    pub(crate) network: Option<Network>,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let Location { country, asn, organization, .. } = location;
        let network = asn.map(|number| Network { number, name: organization.unwrap_or_default() });
        Place { country, network }
    }
}

/// An autonomous system: a network that belongs to one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) number: u32,
    pub(crate) name: Box<str>,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{} {}", self.number, self.name)
    }
}

impl RelayRow {
    /// Returns the version, such as `0.4.8.10`. Returns an empty text if it is
    /// unknown.
    pub(crate) fn version(&self) -> String {
        self.version
            .map_or_else(String::new, |numbers| numbers.map(|part| part.to_string()).join("."))
    }

    /// Returns the country, or `??` if it is unknown.
    pub(crate) fn country(&self) -> &str {
        self.country.as_ref().map_or("??", CountryCode::as_str)
    }
}

/// The relays of a consensus, sorted by descending weight.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    pub(crate) rows: Vec<RelayRow>,
    index: HashMap<Fingerprint, usize>,
    /// The names of autonomous systems, by the number of the system.
    names: HashMap<u32, Box<str>>,
    pub(crate) valid_until: Option<SystemTime>,
    pub(crate) total_weight: u64,
}

impl Relays {
    /// Creates the table of the relays in a consensus. `places` gets the
    /// addresses of the relays, and returns the country and network of each one
    /// in the same order.
    pub(crate) fn new(
        consensus: &Consensus<'_>,
        places: impl FnOnce(&[SocketAddrV4]) -> Vec<Place>,
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
                asn: None,
            })
            .collect();
        let addresses: Vec<_> = rows.iter().map(|row| row.address).collect();
        let mut names = HashMap::new();
        for (row, place) in rows.iter_mut().zip(places(&addresses)) {
            row.country = place.country;
            row.asn = place.network.as_ref().map(|network| network.number);
            names.extend(place.network.map(|network| (network.number, network.name)));
        }
        Relays { names, ..Relays::of(rows, consensus.valid_until) }
    }

    /// Creates a table from relays in any order, without networks.
    pub(crate) fn of(mut rows: Vec<RelayRow>, valid_until: Option<SystemTime>) -> Self {
        rows.sort_by_key(|row| (std::cmp::Reverse(row.weight), row.fingerprint));
        let index = rows.iter().enumerate().map(|(i, row)| (row.fingerprint, i)).collect();
        let total_weight = rows.iter().map(|row| u64::from(row.weight)).sum();
        Relays { rows, index, names: HashMap::new(), valid_until, total_weight }
    }

    /// Returns true if the network of at least one relay is known.
    pub(crate) fn has_networks(&self) -> bool {
        !self.names.is_empty()
    }

    /// Returns the network of a relay, such as `AS64496 Example`. Returns an
    /// empty text if the network isn't known.
    pub(crate) fn network(&self, row: &RelayRow) -> String {
        let Some(number) = row.asn else { return String::new() };
        let name = self.names.get(&number).cloned().unwrap_or_default();
        Network { number, name }.to_string()
    }

    /// Returns a relay by its fingerprint. Returns `None` if the consensus
    /// doesn't contain the relay.
    pub(crate) fn get(&self, fingerprint: Fingerprint) -> Option<&RelayRow> {
        self.index.get(&fingerprint).and_then(|index| self.rows.get(*index))
    }
}
