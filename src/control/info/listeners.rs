//! `GETINFO net/listeners/…`: the addresses on which tor listens.

use super::Info;
use super::value::malformed;
use crate::error::Result;
use crate::io::transport::Address;
use scape_proto::control::Words;
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
        addresses(&value).ok_or_else(|| malformed(&key, &value))
    }
}

/// Parses addresses that are separated by spaces. An address may be in quotes,
/// as a C string. Returns `None` if an address is malformed.
fn addresses(value: &[u8]) -> Option<Vec<ListenerAddress>> {
    let mut words = Words::new(value);
    let mut addresses = Vec::new();
    while !words.rest().is_empty() {
        let address = words.next_value();
        if !address.is_empty() {
            addresses.push(ListenerAddress::parse(&address.bytes())?);
        }
    }
    Some(addresses)
}

impl From<ListenerAddress> for Address {
    fn from(address: ListenerAddress) -> Self {
        match address {
            ListenerAddress::Ip(address) => Address::Ip(address),
            ListenerAddress::Unix(path) => Address::Unix(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_with_and_without_quotes() {
        let value = br#""127.0.0.1:19472" "[::1]:19473" "unix:/run/tor/c \"s.sock" 127.0.0.1:1"#;
        let addresses: Vec<String> =
            addresses(value).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            addresses,
            ["127.0.0.1:19472", "[::1]:19473", "unix:/run/tor/c \"s.sock", "127.0.0.1:1"]
        );
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for bad in [&b"x"[..], br#""127.0.0.1:1" "x""#, br#""127.0.0.1:1" "unix:/a"#, br#""""#] {
            assert_eq!(addresses(bad), None, "{:?}", String::from_utf8_lossy(bad));
        }
        assert_eq!(addresses(b""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            addresses(&value);
        }
    }
}
