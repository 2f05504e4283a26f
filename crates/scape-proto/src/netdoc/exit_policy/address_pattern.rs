//! The addresses that a rule of an exit policy matches.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that a rule of an exit policy matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressPattern {
    /// Every address: `*`.
    Any,
    /// Every IPv4 address: `*4`.
    AnyV4,
    /// Every IPv6 address: `*6`.
    AnyV6,
    /// The networks that aren't part of the public Internet, such as loopback
    /// and link-local addresses: `private`. For tor, a relay's own public
    /// addresses match too. They don't match here, because this pattern doesn't
    /// know the relay.
    Private,
    /// The IPv4 addresses that begin with the same `prefix` bits as `address`.
    V4 {
        /// An address in the network. Only the first `prefix` bits count.
        address: Ipv4Addr,
        /// The number of bits to compare, 0 to 32.
        prefix: u8,
    },
    /// The IPv6 addresses that begin with the same `prefix` bits as `address`.
    V6 {
        /// An address in the network. Only the first `prefix` bits count.
        address: Ipv6Addr,
        /// The number of bits to compare, 0 to 128.
        prefix: u8,
    },
}

/// The IPv4 networks that `private` means, in the order in which tor writes
/// them.
const PRIVATE_V4: [(Ipv4Addr, u8); 6] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
];

/// The IPv6 networks that `private` means, in the order in which tor writes
/// them.
const PRIVATE_V6: [(Ipv6Addr, u8); 6] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 127),
];

impl AddressPattern {
    /// Returns true if the pattern matches this address.
    ///
    /// ```
    /// use scape_proto::netdoc::AddressPattern;
    ///
    /// assert!(AddressPattern::Private.contains("192.168.1.1".parse()?));
    /// assert!(!AddressPattern::AnyV6.contains("192.168.1.1".parse()?));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (*self, ip) {
            (AddressPattern::Any, _)
            | (AddressPattern::AnyV4, IpAddr::V4(_))
            | (AddressPattern::AnyV6, IpAddr::V6(_)) => true,
            (AddressPattern::Private, IpAddr::V4(ip)) => {
                PRIVATE_V4.iter().any(|(network, prefix)| within_v4(*network, *prefix, ip))
            }
            (AddressPattern::Private, IpAddr::V6(ip)) => {
                PRIVATE_V6.iter().any(|(network, prefix)| within_v6(*network, *prefix, ip))
            }
            (AddressPattern::V4 { address, prefix }, IpAddr::V4(ip)) => {
                within_v4(address, prefix, ip)
            }
            (AddressPattern::V6 { address, prefix }, IpAddr::V6(ip)) => {
                within_v6(address, prefix, ip)
            }
            _ => false,
        }
    }
}

/// The family of an IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl AddressPattern {
    /// Returns patterns that together match the same addresses, each of a
    /// single family. `*` is split into `*4` and `*6`, and `private` into its
    /// networks. Other patterns are returned unchanged.
    pub(super) fn split(self) -> Vec<AddressPattern> {
        match self {
            AddressPattern::Any => vec![AddressPattern::AnyV4, AddressPattern::AnyV6],
            AddressPattern::Private => {
                private_networks(Family::V4).chain(private_networks(Family::V6)).collect()
            }
            pattern => vec![pattern],
        }
    }

    /// Returns the family of the addresses that the pattern matches. Returns
    /// `None` for `*` and `private`, which match addresses of both families.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            AddressPattern::Any | AddressPattern::Private => None,
            AddressPattern::AnyV4 | AddressPattern::V4 { .. } => Some(Family::V4),
            AddressPattern::AnyV6 | AddressPattern::V6 { .. } => Some(Family::V6),
        }
    }

    /// Returns the number of bits that an address must share with the pattern.
    /// The number is 0 for `*`, `*4` and `*6`. Returns `None` for `private`.
    pub(super) fn prefix(self) -> Option<u8> {
        match self {
            AddressPattern::Any | AddressPattern::AnyV4 | AddressPattern::AnyV6 => Some(0),
            AddressPattern::Private => None,
            AddressPattern::V4 { prefix, .. } => Some(prefix.min(32)),
            AddressPattern::V6 { prefix, .. } => Some(prefix.min(128)),
        }
    }

    /// Returns the lowest and the highest address that the pattern matches, as
    /// numbers. Returns `None` for `*` and `private`, which must be split
    /// first.
    pub(super) fn range(self) -> Option<(u128, u128)> {
        let (address, prefix, bits) = match self {
            AddressPattern::Any | AddressPattern::Private => return None,
            AddressPattern::AnyV4 => (0, 0, 32),
            AddressPattern::AnyV6 => (0, 0, 128),
            AddressPattern::V4 { address, prefix } => (address.to_bits().into(), prefix, 32),
            AddressPattern::V6 { address, prefix } => (address.to_bits(), prefix, 128),
        };
        let host_bits = bits - prefix.min(bits);
        // A shift by all 128 bits would overflow.
        let host = u128::MAX.checked_shr(128 - u32::from(host_bits)).unwrap_or(0);
        Some((address & !host, address | host))
    }

    /// Returns true if both patterns stand for the same network. Bits after the
    /// prefix may differ.
    pub(super) fn is_same_network(self, other: AddressPattern) -> bool {
        use AddressPattern::{V4, V6};
        self.prefix() == other.prefix()
            && match (self, other) {
                (V4 { address, prefix }, V4 { address: other, .. }) => {
                    within_v4(address, prefix, other)
                }
                (V6 { address, prefix }, V6 { address: other, .. }) => {
                    within_v6(address, prefix, other)
                }
                _ => self == other,
            }
    }
}

/// Returns the networks that `private` means in one family, in the order in
/// which tor writes them.
pub(super) fn private_networks(family: Family) -> impl Iterator<Item = AddressPattern> {
    let v4 = PRIVATE_V4.iter().filter(move |_| family == Family::V4);
    let v6 = PRIVATE_V6.iter().filter(move |_| family == Family::V6);
    let v4 = v4.map(|&(address, prefix)| AddressPattern::V4 { address, prefix });
    v4.chain(v6.map(|&(address, prefix)| AddressPattern::V6 { address, prefix }))
}

fn within_v4(network: Ipv4Addr, prefix: u8, ip: Ipv4Addr) -> bool {
    let differ = network.to_bits() ^ ip.to_bits();
    differ.leading_zeros() >= u32::from(prefix.min(32))
}

fn within_v6(network: Ipv6Addr, prefix: u8, ip: Ipv6Addr) -> bool {
    let differ = network.to_bits() ^ ip.to_bits();
    differ.leading_zeros() >= u32::from(prefix.min(128))
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressPattern::Any => f.write_str("*"),
            AddressPattern::AnyV4 => f.write_str("*4"),
            AddressPattern::AnyV6 => f.write_str("*6"),
            AddressPattern::Private => f.write_str("private"),
            AddressPattern::V4 { address, prefix: 32 } => write!(f, "{address}"),
            AddressPattern::V4 { address, prefix } => write!(f, "{address}/{prefix}"),
            AddressPattern::V6 { address, prefix: 128 } => write!(f, "[{address}]"),
            AddressPattern::V6 { address, prefix } => write!(f, "[{address}]/{prefix}"),
        }
    }
}
