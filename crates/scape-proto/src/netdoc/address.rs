//! Parsers for addresses. The one for IPv4 addresses is hand-written, because
//! it must be fast: a consensus has thousands of entries, and each entry has
//! such an address.

use std::net::{Ipv4Addr, SocketAddr};

use crate::word::parse_socket_addr;

/// Parses an IPv4 address in the form `192.0.2.1`. Leading zeros are allowed.
/// Returns `None` for any other text.
#[inline]
pub(super) fn parse_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split(|b| *b == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 {
            return None;
        }
        let mut number: u16 = 0;
        for digit in part {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u16::from(digit - b'0');
        }
        *octet = u8::try_from(number).ok()?;
    }
    parts.next().is_none().then_some(octets.into())
}

/// Parses an address such as `[2001:db8::1]:443` or `192.0.2.1:443`. Returns
/// `None` for any other text.
pub(super) fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(text).ok().and_then(parse_socket_addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_ipv4_addresses_are_rejected() {
        for bad in
            ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..3.4", "1.2.3.a", "1.2.3.4 ", "0001.2.3.4"]
        {
            assert_eq!(parse_ipv4(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn addresses_round_trip(ip: Ipv4Addr, address: SocketAddr) {
            prop_assert_eq!(parse_ipv4(ip.to_string().as_bytes()), Some(ip));
            // Documents can't express the scope of an IPv6 address.
            if let SocketAddr::V4(_) = address {
                prop_assert_eq!(parse_address(address.to_string().as_bytes()), Some(address));
            }
        }
    }
}
