//! `GETINFO ip-to-country/…`: tor's GeoIP data.

use std::net::IpAddr;

use super::Info;
use crate::error::Result;
use scape_proto::word::CountryCode;

/// Queries about the countries of IP addresses. See control-spec, GETINFO
/// `ip-to-country/…`.
impl Info<'_> {
    /// Returns the country of an IP address (`GETINFO ip-to-country/…`), or
    /// `None` if tor's GeoIP data doesn't contain the address. tor looks the
    /// address up in its own data, and sends nothing to the network.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/192.0.2.7", "us").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let country = controller.info().ip_to_country("192.0.2.7".parse()?)?;
    /// assert_eq!(country.map(|country| country.to_string()).as_deref(), Some("us"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551, "GeoIP data not
    /// loaded") if tor has no data: see
    /// [`ip_to_country_ipv4_available`](Self::ip_to_country_ipv4_available).
    /// The kind is [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if
    /// tor's value can't be parsed. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    pub fn ip_to_country(self, ip: IpAddr) -> Result<Option<CountryCode>> {
        self.controller.read_info(&format!("ip-to-country/{ip}"), |value| match value {
            "??" => Some(None),
            value => value.parse().ok().map(Some),
        })
    }

    /// Returns true if tor has GeoIP data for IPv4
    /// (`GETINFO ip-to-country/ipv4-available`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/ipv4-available", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().ip_to_country_ipv4_available()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "is_geoip_unavailable")]
    pub fn ip_to_country_ipv4_available(self) -> Result<bool> {
        self.controller.read_flag("ip-to-country/ipv4-available")
    }

    /// Returns true if tor has GeoIP data for IPv6
    /// (`GETINFO ip-to-country/ipv6-available`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/ipv6-available", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().ip_to_country_ipv6_available()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "is_geoip_unavailable")]
    pub fn ip_to_country_ipv6_available(self) -> Result<bool> {
        self.controller.read_flag("ip-to-country/ipv6-available")
    }
}
