//! Looks up the locations of relays in a live state.

use super::{Router, State};
use crate::error::Result;
use crate::geoip::{GeoIp, Location};

/// GeoIP look-ups of relays.
impl State {
    /// Sets the GeoIP data for looking up relays' addresses, for all users of
    /// this state. If the databases of `geoip` don't know an address, the
    /// look-up asks a tor. This is the tor that was set with [`GeoIp::tor`]. If
    /// none was set, it is this state's tor.
    ///
    /// ```no_run
    /// use scape::geoip::GeoIp;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// state.set_geoip(GeoIp::new().country_database("/var/lib/GeoIP/GeoLite2-Country.mmdb")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_geoip(&self, geoip: GeoIp) {
        *self.inner.geoip.lock() = geoip.or_tor(self.controller());
    }

    /// Returns the GeoIP data for looking up relays' addresses. The default is
    /// tor's own GeoIP data. For many relays, [`lookup_all`](GeoIp::lookup_all)
    /// is much faster than single look-ups.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "").info("stream-status", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("ip-to-country/192.0.2.14", "de").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use std::net::IpAddr;
    ///
    /// let routers = state.routers();
    /// let addresses = routers.iter().filter_map(|relay| relay.or_address());
    /// let ips: Vec<IpAddr> = addresses.map(|address| (*address.ip()).into()).collect();
    /// for location in state.geoip().lookup_all(ips)? {
    ///     println!("{}", location?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn geoip(&self) -> GeoIp {
        self.inner.geoip.lock().clone()
    }
}

impl Router {
    /// Returns the location and the network of the relay's IPv4 address, looked
    /// up with the state's [`geoip`](State::geoip). Returns `None` if the
    /// relay's address isn't known, because no consensus has listed the relay.
    /// If the address is known but its location isn't, [`Location::is_known`]
    /// returns false.
    ///
    /// Relays that are chosen by country stand out, and may reveal who uses
    /// them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("ip-to-country/192.0.2.14", "de").on_prefix("SETEVENTS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let state = scape::State::new(&controller)?;
    /// for router in state.routers().named("alice") {
    ///     if let Some(location) = router.location()? {
    ///         println!("{router}: {location}");
    /// #       assert_eq!(location.to_string(), "192.0.2.14 de");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`GeoIp::lookup`], most often those of the control
    /// connection.
    #[doc(alias = "get_location")]
    pub fn location(&self) -> Result<Option<Location>> {
        let Some(address) = self.or_address() else { return Ok(None) };
        self.state().geoip().lookup((*address.ip()).into()).map(Some)
    }
}
