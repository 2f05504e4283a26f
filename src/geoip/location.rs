//! The location and network of an address: [`Location`].

use std::fmt;
use std::net::IpAddr;

use super::coordinates::Coordinates;
#[cfg(feature = "geoip")]
use super::database::Database;
use super::network::Network;
#[cfg(feature = "geoip")]
use crate::error::Result;
use scape_proto::word::CountryCode;

/// The location and network of an address. Fields that no source knows are
/// `None`.
///
/// `Display` writes one line: `192.0.2.1 us AS64496 Example Org`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Location {
    /// The address. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) is
    /// converted to IPv4.
    pub ip: IpAddr,
    /// The country of the address. `None` if it isn't known.
    pub country: Option<CountryCode>,
    /// The country's name in English. `None` if it isn't known. tor's data
    /// contains no names.
    pub country_name: Option<Box<str>>,
    /// The city's name in English. `None` if it isn't known.
    pub city: Option<Box<str>>,
    /// The approximate position of the address on earth. `None` if it isn't
    /// known.
    pub coordinates: Option<Coordinates>,
    /// The number of the autonomous system that the address belongs to. `None`
    /// if it isn't known.
    pub asn: Option<u32>,
    /// The name of the organization that runs the autonomous system. `None` if
    /// it isn't known.
    pub organization: Option<Box<str>>,
    /// The network to which the fields from the databases apply. If several
    /// databases contributed, it is the smallest of their networks. `None` if
    /// it isn't known. tor's data contains no networks.
    pub network: Option<Network>,
    /// The source of the country and of the country's name. `None` if the
    /// country isn't known.
    pub country_from: Option<Source>,
    /// The source of the city and the coordinates. `None` if neither is known.
    pub city_from: Option<Source>,
    /// The source of the autonomous system and the organization. `None` if the
    /// autonomous system isn't known.
    pub asn_from: Option<Source>,
}

impl Location {
    pub(super) fn unknown(ip: IpAddr) -> Self {
        Location {
            ip: ip.to_canonical(),
            country: None,
            country_name: None,
            city: None,
            coordinates: None,
            asn: None,
            organization: None,
            network: None,
            country_from: None,
            city_from: None,
            asn_from: None,
        }
    }

    /// Returns true if a country, a city or an autonomous system is known.
    pub fn is_known(&self) -> bool {
        self.country_from.is_some() || self.city_from.is_some() || self.asn_from.is_some()
    }

    /// Sets the country to tor's answer, which is `None` if tor doesn't know
    /// the address.
    pub(super) fn take_country(&mut self, country: Option<CountryCode>) {
        self.country = country;
        self.country_from = country.map(|_| Source::Tor);
    }

    /// Fills in the fields that are missing and that `database` knows.
    #[cfg(feature = "geoip")]
    pub(super) fn complete_from(&mut self, database: &Database) -> Result<()> {
        let record = database.record(self.ip)?;
        let source = || Some(Source::Database(database.clone()));
        let before = self.network;
        let mut told = false;
        if self.country_from.is_none() && record.country.is_some() {
            (self.country, self.country_name) = (record.country, record.country_name);
            self.country_from = source();
            told = true;
        }
        if self.city_from.is_none() && (record.city.is_some() || record.coordinates.is_some()) {
            (self.city, self.coordinates) = (record.city, record.coordinates);
            self.city_from = source();
            told = true;
        }
        if self.asn_from.is_none() && record.asn.is_some() {
            (self.asn, self.organization) = (record.asn, record.organization);
            self.asn_from = source();
            told = true;
        }
        if told {
            self.network =
                before.into_iter().chain(record.network).max_by_key(|network| network.prefix());
        }
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ip)?;
        if let Some(country) = self.country {
            write!(f, " {country}")?;
        }
        if let Some(city) = &self.city {
            write!(f, " {city}")?;
        }
        if let Some(asn) = self.asn {
            write!(f, " AS{asn}")?;
        }
        match &self.organization {
            Some(organization) => write!(f, " {organization}"),
            None => Ok(()),
        }
    }
}

/// The source of a field of a [`Location`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The database that contains the field.
    #[cfg(feature = "geoip")]
    Database(Database),
    /// tor's own GeoIP data (`GETINFO ip-to-country/…`).
    Tor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_is_shown_on_one_line() {
        let mut location = Location::unknown("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(location.to_string(), "192.0.2.1");
        assert!(!location.is_known());
        location.take_country("DE".parse().ok());
        assert_eq!(location.country_from, Some(Source::Tor));
        location.city = Some("Berlin".into());
        location.asn = Some(64496);
        location.organization = Some("Example".into());
        assert_eq!(location.to_string(), "192.0.2.1 de Berlin AS64496 Example");
        assert!(location.is_known());
    }
}
