//! `GETINFO address`, `fingerprint`: who tor is on the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::value::unless_unknown;
use crate::Controller;
use crate::error::Result;
use crate::word::Fingerprint;

/// Address and identity. control-spec, GETINFO `address…` and `fingerprint`.
impl Controller {
    /// This host's address, by tor's best guess (`GETINFO address`); `None`
    /// where it has none.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("GETINFO address", "551 Address unknown\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.address()?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn address(&self) -> Result<Option<IpAddr>> {
        unless_unknown(self.read_info("address", |value| value.parse().ok()))
    }

    /// This host's IPv4 address, by tor's best guess (`GETINFO address/v4`);
    /// `None` where it has none.
    pub fn address_v4(&self) -> Result<Option<Ipv4Addr>> {
        unless_unknown(self.read_info("address/v4", |value| value.parse().ok()))
    }

    /// This host's IPv6 address, by tor's best guess (`GETINFO address/v6`);
    /// `None` where it has none.
    pub fn address_v6(&self) -> Result<Option<Ipv6Addr>> {
        let bare = |value: &str| value.trim_matches(['[', ']']).parse().ok();
        unless_unknown(self.read_info("address/v6", bare))
    }

    /// This relay's fingerprint (`GETINFO fingerprint`); `None` where this tor
    /// is no relay.
    pub fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        unless_unknown(self.read_info("fingerprint", |value| value.parse().ok()))
    }
}
