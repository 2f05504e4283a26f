//! The addresses of a network's nodes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The address of every node, unless it is a relay in a country.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The IPv6 address of every relay, if it has one.
pub(super) const IPV6_ADDRESS: Ipv6Addr = Ipv6Addr::LOCALHOST;
