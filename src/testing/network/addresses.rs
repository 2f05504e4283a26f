//! The addresses of a network's nodes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The address of every node except relays whose country is set.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The IPv6 address of every relay that has one.
pub(super) const IPV6_ADDRESS: Ipv6Addr = Ipv6Addr::LOCALHOST;
