//! IP addresses and socket addresses, as tor writes them.

use std::net::{IpAddr, SocketAddr};

/// Parses `ip:port`, splitting at the last colon. tor mostly writes IPv6
/// addresses without brackets, as in `::1:443`. Returns `None` if the text is
/// malformed.
pub(crate) fn parse_socket_addr(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    // `u16::from_str` would also accept a sign.
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(())?;
    Some(SocketAddr::new(parse_ip(host)?, port.parse().ok()?))
}

/// Parses an IP address, with or without brackets. Returns `None` if the text
/// is malformed.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_addr_with_and_without_brackets() {
        for (text, address) in [
            ("127.0.0.1:9001", Some("127.0.0.1:9001")),
            ("[::1]:443", Some("[::1]:443")),
            ("::1:443", Some("[::1]:443")),
            ("2001:db8:1:2:3:4:5:6:443", Some("[2001:db8:1:2:3:4:5:6]:443")),
            ("127.0.0.1", None),
            ("relay.example:443", None),
            ("127.0.0.1:65536", None),
            ("127.0.0.1:+9001", None),
            ("", None),
        ] {
            assert_eq!(
                parse_socket_addr(text),
                address.map(|address| address.parse().unwrap()),
                "{text}"
            );
        }
    }
}
