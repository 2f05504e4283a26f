//! Parses the value of `--address`, which selects relays by their address.

use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that `--address` selects: a network, or the addresses whose
/// text begins in the same way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AddressFilter {
    Network(IpAddr, u8),
    /// The first parts of the text of an address. For example, `192.0.2`
    /// selects `192.0.2.1`, but not `192.0.20.1`.
    Beginning(String),
}

impl AddressFilter {
    pub(super) fn fits(&self, ip: IpAddr) -> bool {
        match self {
            AddressFilter::Network(network, prefix) => {
                if ip.is_ipv4() != network.is_ipv4() {
                    return false;
                }
                let width: u32 = if ip.is_ipv4() { 32 } else { 128 };
                let left = width.saturating_sub((*prefix).into());
                let bits = |ip: &IpAddr| match ip {
                    IpAddr::V4(ip) => u128::from(ip.to_bits()),
                    IpAddr::V6(ip) => ip.to_bits(),
                };
                let host = 1_u128.checked_shl(left).map_or(u128::MAX, |bit| bit - 1);
                bits(&ip) | host == bits(network) | host
            }
            AddressFilter::Beginning(text) => {
                let ip = ip.to_string();
                ip.strip_prefix(text.as_str()).is_some_and(|rest| {
                    text.ends_with(['.', ':']) || rest.is_empty() || rest.starts_with(['.', ':'])
                })
            }
        }
    }
}

impl FromStr for AddressFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            Err("expected a network such as 192.0.2.0/24 or 2001:db8::/32, an address, or the \
                 beginning of one, such as 192.0.2"
                .to_owned())
        };
        if let Some((address, prefix)) = text.split_once('/') {
            return match (address.parse::<IpAddr>(), prefix.parse::<u8>()) {
                (Ok(ip), Ok(prefix)) if prefix <= if ip.is_ipv4() { 32 } else { 128 } => {
                    Ok(AddressFilter::Network(ip, prefix))
                }
                _ => wrong(),
            };
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(AddressFilter::Network(ip, if ip.is_ipv4() { 32 } else { 128 }));
        }
        let is_part = |letter: char| letter.is_ascii_hexdigit() || ".:".contains(letter);
        match !text.is_empty() && text.chars().all(is_part) {
            true => Ok(AddressFilter::Beginning(text.to_ascii_lowercase())),
            false => wrong(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(filter: &str, ip: &str) -> bool {
        filter.parse::<AddressFilter>().unwrap().fits(ip.parse().unwrap())
    }

    #[test]
    fn networks_and_beginnings_select_addresses() {
        for (filter, ip) in [
            ("192.0.2.0/24", "192.0.2.255"),
            ("192.0.2.7", "192.0.2.7"),
            ("0.0.0.0/0", "255.0.2.7"),
            ("::/0", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:1::1"),
            ("192.0.2", "192.0.2.9"),
            ("192.0.2.", "192.0.2.9"),
            ("2001:DB8", "2001:db8::1"),
        ] {
            assert!(fits(filter, ip), "{filter} {ip}");
        }
        for (filter, ip) in [
            ("192.0.2.0/24", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.70"),
            ("0.0.0.0/0", "::1"),
            ("::/0", "192.0.2.1"),
            ("2001:db8::/48", "192.0.2.1"),
            ("2001:db8::1", "192.0.2.1"),
            ("192.0.2.0/24", "2001:db8::1"),
            ("192.0.2", "192.0.20.9"),
            ("2001:db8", "2001:db80::1"),
        ] {
            assert!(!fits(filter, ip), "{filter} {ip}");
        }
    }

    #[test]
    fn malformed_networks_are_refused() {
        for wrong in ["", "192.0.2.0/33", "192.0.2/24", "::/129", "example.com", "1.2.3.4/x"] {
            assert!(wrong.parse::<AddressFilter>().is_err(), "{wrong}");
        }
    }
}
