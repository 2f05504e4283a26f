//! The location and network of an address: [`Location`].

use std::fmt;
use std::net::IpAddr;

#[cfg(feature = "geoip")]
use super::Database;
use scape_proto::word::CountryCode;

/// The location and network of an address. Fields that no source knows are
/// `None`.
///
/// `Display` writes one line: `8.8.8.8 us AS15169 Google LLC`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Location {
    /// The address. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) is
    /// converted to IPv4.
    pub ip: IpAddr,
    /// The country.
    pub country: Option<CountryCode>,
    /// The country's name in English. `None` if the country comes from tor,
    /// because tor's data contains no names.
    pub country_name: Option<Box<str>>,
    /// The city's name in English.
    pub city: Option<Box<str>>,
    /// The approximate position.
    pub coordinates: Option<Coordinates>,
    /// The number of the autonomous system that the address belongs to.
    pub asn: Option<u32>,
    /// The name of the organization that runs the autonomous system.
    pub organization: Option<Box<str>>,
    /// The network to which the fields from the databases apply. If several
    /// databases contributed, it is the smallest of their networks. tor's data
    /// contains no networks.
    pub network: Option<Network>,
    /// The source of the country.
    pub country_from: Option<Source>,
    /// The source of the city and the coordinates.
    pub city_from: Option<Source>,
    /// The source of the autonomous system.
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
    /// A database.
    #[cfg(feature = "geoip")]
    Database(Database),
    /// tor's own GeoIP data (`GETINFO ip-to-country/…`).
    Tor,
}

/// An approximate position on earth.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coordinates {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
    /// The radius in kilometers around the position within which the address
    /// probably is. `None` if the database doesn't contain it.
    pub radius_km: Option<u32>,
}

impl Coordinates {
    /// Creates a position. Returns `None` if the latitude or the longitude is
    /// out of range.
    #[cfg(feature = "geoip")]
    pub(super) fn new(latitude: f64, longitude: f64, radius_km: Option<u32>) -> Option<Self> {
        let is_there = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_there.then_some(Coordinates { latitude, longitude, radius_km })
    }
}

/// A network: all addresses with a common prefix. `Display` writes
/// `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    #[cfg(feature = "geoip")]
    pub(super) fn new(address: IpAddr, prefix: u8) -> Self {
        Network { address, prefix }
    }

    /// Returns the first address of the network.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the length of the common prefix in bits, 0 to 32 for IPv4 and 0
    /// to 128 for IPv6.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Returns true if the address is in the network. An IPv4 address in IPv6
    /// form is treated as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
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

    #[test]
    fn network_contains_addresses_with_its_prefix() {
        let network = Network { address: "192.0.2.0".parse().unwrap(), prefix: 25 };
        assert_eq!(network.to_string(), "192.0.2.0/25");
        for (ip, inside) in [
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.1", true),
            ("::1", false),
        ] {
            assert_eq!(network.contains(ip.parse().unwrap()), inside, "{ip}");
        }
        let everything = Network { address: "::".parse().unwrap(), prefix: 0 };
        assert!(everything.contains("2001:db8::1".parse().unwrap()));
        assert!(!everything.contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    #[cfg(feature = "geoip")]
    fn coordinates_off_the_earth_are_rejected() {
        assert!(Coordinates::new(-90.0, 180.0, None).is_some());
        for (latitude, longitude) in
            [(90.1, 0.0), (0.0, -181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)]
        {
            assert_eq!(Coordinates::new(latitude, longitude, None), None);
        }
    }
}
