//! `GETINFO address`, `fingerprint`: tor's address and identity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Info;
use super::value::unless_unknown;
use crate::error::Result;
use scape_proto::word::Fingerprint;

/// Queries about tor's address and identity. See control-spec, GETINFO
/// `address…` and `fingerprint`.
impl Info<'_> {
    /// Returns the IP address of tor's host, by tor's best guess (`GETINFO
    /// address`). Returns `None` if tor doesn't know the address.
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
        unless_unknown(self.controller.read_info("address", |value| bare(value).parse().ok()))
    }

    /// Returns the IPv4 address of tor's host, by tor's best guess (`GETINFO
    /// address/v4`). Returns `None` if tor doesn't know the address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("address/v4", "192.0.2.7").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::net::Ipv4Addr;
    ///
    /// assert_eq!(controller.info().address_v4()?, Some(Ipv4Addr::new(192, 0, 2, 7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the IPv6 address of tor's host, by tor's best guess (`GETINFO
    /// address/v6`). Returns `None` if tor doesn't know the address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("address/v6", "2001:db8::7").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let address = controller.info().address_v6()?;
    /// assert_eq!(address.map(|ip| ip.to_string()).as_deref(), Some("2001:db8::7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn address_v6(self) -> Result<Option<Ipv6Addr>> {
        unless_unknown(self.controller.read_info("address/v6", |value| bare(value).parse().ok()))
    }

    /// Returns this relay's fingerprint (`GETINFO fingerprint`), or `None` if
    /// this tor is not a relay.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "fingerprint", "0B8748265424563FDCF4940B02A30B5F7AAC2AFE").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::Fingerprint;
    ///
    /// let fingerprint: Fingerprint = "0B8748265424563FDCF4940B02A30B5F7AAC2AFE".parse()?;
    /// assert_eq!(controller.info().fingerprint()?, Some(fingerprint));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

/// Removes the brackets around an IPv6 address.
fn bare(value: &str) -> &str {
    value.trim_matches(['[', ']'])
}
