//! `GETINFO ip-to-country/…`: tor's GeoIP data.

use std::net::IpAddr;

use crate::Controller;
use crate::error::Result;
use crate::word::CountryCode;

/// Countries of addresses. control-spec, GETINFO `ip-to-country/…`.
impl Controller {
    /// Returns the country of an address by tor's own GeoIP data
    /// (`GETINFO ip-to-country/…`), or `None` if the data doesn't have it.
    /// Nobody else is asked.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ip-to-country/8.8.8.8", "us").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let country = controller.ip_to_country("8.8.8.8".parse()?)?;
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
    pub fn ip_to_country(&self, ip: IpAddr) -> Result<Option<CountryCode>> {
        self.read_info(&format!("ip-to-country/{ip}"), |value| match value {
            "??" => Some(None),
            value => value.parse().ok().map(Some),
        })
    }

    /// Whether tor has GeoIP data of IPv4
    /// (`GETINFO ip-to-country/ipv4-available`).
    pub fn ip_to_country_ipv4_available(&self) -> Result<bool> {
        self.read_flag("ip-to-country/ipv4-available")
    }

    /// Whether tor has GeoIP data of IPv6
    /// (`GETINFO ip-to-country/ipv6-available`).
    pub fn ip_to_country_ipv6_available(&self) -> Result<bool> {
        self.read_flag("ip-to-country/ipv6-available")
    }
}
