//! Private targets: hosts on this machine or its local network. An exit can't
//! reach these hosts, so a client shouldn't ask an exit for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Target;
use crate::word::Host;

/// The suffixes of names that never mean a host on the Internet: RFC 6761
/// (`localhost`), RFC 6762 (`local`), RFC 8375 (`home.arpa`), a reservation of
/// ICANN (`internal`), and a name that many systems give themselves
/// (`localdomain`).
const PRIVATE_NAMES: &[&str] = &["localhost", "local", "localdomain", "internal", "home.arpa"];

/// Returns true if `target` is on this machine or its local network. The host
/// of such a target is a private IP address (see [`is_private_ip`]), or a name
/// such as `localhost` or `printer.local`, which never means a public host.
///
/// Trailing dots are ignored. No name is resolved, so this function returns
/// false for a public name with a private address.
///
/// An exit would look for a private target in the exit's own network, or refuse
/// the request. tor itself refuses private addresses (option
/// `ClientRejectInternalAddresses`), but sends most private names to an exit.
///
/// ```
/// use scape_proto::socks::{ToTarget, is_private};
///
/// assert!(is_private(&"192.168.0.1:80".to_target()?));
/// assert!(is_private(&"localhost:80".to_target()?));
/// assert!(!is_private(&"example.com:80".to_target()?));
/// # Ok::<(), scape_proto::socks::TargetError>(())
/// ```
pub fn is_private(target: &Target) -> bool {
    match target.host() {
        Host::Ip(ip) => is_private_ip(*ip),
        Host::Name(name) => is_private_name(name),
    }
}

/// Returns true if tor considers `ip` internal (`tor_addr_is_internal`).
/// Internal addresses are unspecified, loopback or link-local, or belong to a
/// private network (RFC 1918, carrier-grade NAT, unique local, site-local). An
/// internal IPv4 address that is mapped into IPv6 counts as well.
///
/// ```
/// use scape_proto::socks::is_private_ip;
///
/// assert!(is_private_ip([192, 168, 0, 1].into()));
/// assert!(!is_private_ip([192, 0, 2, 1].into()));
/// ```
pub fn is_private_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => is_private_v4(mapped),
            None => is_private_v6(ip),
        },
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    match first {
        0 | 10 | 127 => true,
        100 => second & 0b1100_0000 == 64,
        169 => second == 254,
        172 => second & 0b1111_0000 == 16,
        192 => second == 168,
        _ => false,
    }
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    ip.is_unspecified()
        || ip.is_loopback()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || first & 0xffc0 == 0xfec0
}

/// Returns true if `name` is a private name, or the text of a private IP
/// address. An IPv6 address may have brackets, as in URLs.
pub(super) fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    if let Ok(ip) = bare.parse() {
        return is_private_ip(ip);
    }
    let name = name.to_ascii_lowercase();
    PRIVATE_NAMES.iter().any(|ending| {
        name.strip_suffix(ending).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(host: &str) -> bool {
        let as_name = is_private_name(host);
        if let Ok(ip) = host.parse::<IpAddr>() {
            assert_eq!(is_private_ip(ip), as_name, "{host}");
        }
        if let Ok(target) = Target::new(host, 80) {
            assert_eq!(is_private(&target), as_name, "{host}");
        }
        as_name
    }

    #[test]
    fn private_addresses_match_tor() {
        for host in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "::",
            "::1",
            "fc00::1",
            "fdff:ffff::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "::ffff:10.1.2.3",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "[::1]",
            "127.0.0.1.",
        ] {
            assert!(private(host), "{host}");
        }
        for host in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "192.0.2.1",
            "::2",
            "fbff::1",
            "fe00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "[2001:db8::1]",
        ] {
            assert!(!private(host), "{host}");
        }
    }

    #[test]
    fn private_names_are_recognized() {
        for host in [
            "localhost",
            "LocalHost.",
            "localhost..",
            "printer.local.",
            "tor.localhost",
            "printer.local",
            "localhost.localdomain",
            "metadata.google.internal",
            "nas.home.arpa",
        ] {
            assert!(private(host), "{host}");
        }
        for host in [
            "example.com",
            "notlocalhost",
            "localhost.example",
            "thermal",
            "arpa",
            "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
            "",
            ".",
            "[",
        ] {
            assert!(!private(host), "{host}");
        }
    }
}
