//! `GETINFO net/listeners/…`: the addresses on which tor listens.

use super::Info;
use super::value::malformed;
use crate::error::Result;
use crate::io::transport::Address;
use scape_proto::info::{ListenerAddress, ListenerKind};

/// Queries about the addresses on which tor listens. See control-spec, GETINFO
/// `net/listeners/…`.
impl Info<'_> {
    /// Returns the addresses on which tor listens for this kind of connections
    /// (`GETINFO net/listeners/…`). The list is empty if tor doesn't listen for
    /// such connections. While `DisableNetwork` is set, tor listens for
    /// controllers only.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "net/listeners/socks", r#""127.0.0.1:9050" "unix:/run/tor/socks""#).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::socks::SocksProxy;
    /// use scape::info::ListenerKind;
    ///
    /// let listeners = controller.info().listeners(&ListenerKind::Socks)?;
    /// assert_eq!(listeners[1].to_string(), "unix:/run/tor/socks");
    /// if let Some(first) = listeners.into_iter().next() {
    ///     let proxy = SocksProxy::new(first);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_listeners")]
    #[doc(alias = "get_ports")]
    #[doc(alias = "get_socks_listeners")]
    pub fn listeners(self, kind: &ListenerKind) -> Result<Vec<ListenerAddress>> {
        let key = format!("net/listeners/{kind}");
        let value = self.controller.info().get_bytes(&key)?;
        ListenerAddress::parse_list(&value).ok_or_else(|| malformed(&key, &value))
    }
}

impl From<ListenerAddress> for Address {
    fn from(address: ListenerAddress) -> Self {
        match address {
            ListenerAddress::Ip(address) => Address::Ip(address),
            ListenerAddress::Unix(path) => Address::Unix(path),
        }
    }
}
