//! `GETINFO net/listeners/…`: what tor listens on.

use super::value::malformed;
use crate::Controller;
use crate::error::Result;
use crate::protocol::{ListenerAddress, ListenerKind, Words};
use crate::transport::Address;

/// Listeners. control-spec, GETINFO `net/listeners/…`.
impl Controller {
    /// What tor listens on, for this kind of clients; nothing where it does
    /// not. While `DisableNetwork` is set, it listens to controllers only.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "net/listeners/socks", r#""127.0.0.1:9050" "unix:/run/tor/socks""#).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::socks::SocksProxy;
    /// use scape::protocol::ListenerKind;
    ///
    /// let listeners = controller.listeners(&ListenerKind::Socks)?;
    /// if let Some(first) = listeners.into_iter().next() {
    ///     let proxy = SocksProxy::new(first);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listeners(&self, kind: &ListenerKind) -> Result<Vec<ListenerAddress>> {
        let key = format!("net/listeners/{kind}");
        let value = self.get_info_bytes(&key)?;
        addresses(&value).ok_or_else(|| malformed(&key, &value))
    }
}

/// C strings, with spaces between them.
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
    fn quoted_or_not() {
        let value = br#""127.0.0.1:19472" "[::1]:19473" "unix:/run/tor/c \"s.sock" 127.0.0.1:1"#;
        let addresses: Vec<String> =
            addresses(value).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            addresses,
            ["127.0.0.1:19472", "[::1]:19473", "unix:/run/tor/c \"s.sock", "127.0.0.1:1"]
        );
    }

    #[test]
    fn what_is_no_address_is_not_passed_over() {
        for bad in [&b"x"[..], br#""127.0.0.1:1" "x""#, br#""127.0.0.1:1" "unix:/a"#, br#""""#] {
            assert_eq!(addresses(bad), None, "{:?}", String::from_utf8_lossy(bad));
        }
        assert_eq!(addresses(b""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            addresses(&value);
        }
    }
}
