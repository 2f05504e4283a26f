//! [`Network`]: all addresses with a common prefix.

use std::fmt;
use std::net::IpAddr;

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
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let geoip = GeoIp::new().asn_database("/var/lib/GeoIP/GeoLite2-ASN.mmdb")?;
    /// if let Some(network) = geoip.lookup("192.0.2.1".parse()?)?.network {
    ///     println!("{network} has 192.0.2.2: {}", network.contains("192.0.2.2".parse()?));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
}
