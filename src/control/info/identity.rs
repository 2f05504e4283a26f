//! `GETINFO address`, `fingerprint`: tor's address and identity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Info;
use super::value::unless_unknown;
use crate::error::Result;
use scape_proto::word::Fingerprint;

/// Address and identity. control-spec, GETINFO `address…` and `fingerprint`.
impl Info<'_> {
    /// Returns this host's IP address, by tor's best guess (`GETINFO address`).
    /// Returns `None` if tor doesn't know it.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("GETINFO address", "551 Address unknown\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.info().address()?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn address(self) -> Result<Option<IpAddr>> {
        unless_unknown(self.controller.read_info("address", |value| value.parse().ok()))
    }

    /// Returns this host's IPv4 address, by tor's best guess
    /// (`GETINFO address/v4`). Returns `None` if tor doesn't know it.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn address_v4(self) -> Result<Option<Ipv4Addr>> {
        unless_unknown(self.controller.read_info("address/v4", |value| value.parse().ok()))
    }

    /// Returns this host's IPv6 address, by tor's best guess
    /// (`GETINFO address/v6`). Returns `None` if tor doesn't know it.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn address_v6(self) -> Result<Option<Ipv6Addr>> {
        let bare = |value: &str| value.trim_matches(['[', ']']).parse().ok();
        unless_unknown(self.controller.read_info("address/v6", bare))
    }

    /// Returns this relay's fingerprint (`GETINFO fingerprint`), or `None` if
    /// this tor is not a relay.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn fingerprint(self) -> Result<Option<Fingerprint>> {
        unless_unknown(self.controller.read_info("fingerprint", |value| value.parse().ok()))
    }
}
