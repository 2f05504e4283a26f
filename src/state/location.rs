//! Where routers are.

use super::{Router, State};
use crate::error::Result;
use crate::geoip::{GeoIp, Location};

/// Where addresses are, and whose.
impl State {
    /// Looks routers' addresses up with this from now on, for all who share the
    /// state. Where it asks no tor, the state's tor is asked for what it does
    /// not know.
    pub fn set_geoip(&self, geoip: GeoIp) {
        *self.inner.geoip.lock() = geoip.or_tor(self.controller());
    }

    /// What routers' addresses are looked up with: at first, tor's own GeoIP
    /// data. For many routers, its [`lookup_all`](GeoIp::lookup_all) is much
    /// quicker than one after the other.
    pub fn geoip(&self) -> GeoIp {
        self.inner.geoip.lock().clone()
    }
}

impl Router {
    /// Where its IPv4 address is, and whose, by the state's
    /// [`geoip`](State::geoip). `None` where its address is not known, as that
    /// of a stub. That nothing is known of the address is no error:
    /// [`Location::is_known`].
    ///
    /// Relays that are chosen by their countries can be told from others, and
    /// may reveal who uses them.
    ///
    /// # Errors
    ///
    /// As [`GeoIp::lookup`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "r alice JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 192.0.2.14 9004 0\n")
    /// #     .info("circuit-status", "").info("stream-status", "").info("address-mappings/all", "").info("entry-guards", "")
    /// #     .info("ip-to-country/192.0.2.14", "de").on_prefix("SETEVENTS", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let state = scape::state::State::new(&controller)?;
    /// for router in state.routers().named("alice") {
    ///     if let Some(location) = router.location()? {
    ///         println!("{router}: {location}");
    /// #       assert_eq!(location.to_string(), "192.0.2.14 de");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn location(&self) -> Result<Option<Location>> {
        let Some(address) = self.or_address() else { return Ok(None) };
        self.state().geoip().lookup((*address.ip()).into()).map(Some)
    }
}
