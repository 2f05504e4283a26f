//! What a path should lead to.

use std::net::SocketAddr;

use crate::descriptor::Relay;
use crate::error::Result;
use crate::protocol::ArgumentError;
use crate::socks::{TargetAddr, ToTargetAddr};

/// Ports whose connections last long: tor uses relays with the flag `Stable`
/// for them. tor's manual, `LongLivedPorts`.
const LONG_LIVED_PORTS: [u16; 12] =
    [21, 22, 706, 1863, 5050, 5190, 5222, 5223, 6523, 6667, 6697, 8300];

/// A target as exit policies see it: of its address, the summaries that clients
/// have do not tell more than the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExitTarget {
    port: u16,
    is_ipv6: bool,
}

impl ExitTarget {
    pub(super) fn of(target: impl ToTargetAddr) -> Result<Self> {
        let target = target.to_target_addr();
        let target = target.map_err(|error| {
            ArgumentError::invalid("PathBuilder", "target", format!("is none: {error}"))
        })?;
        let target = match target {
            // The text of an address is an address.
            TargetAddr::Domain(host, port) => match host.trim_matches(['[', ']']).parse() {
                Ok(ip) => ExitTarget::at(&SocketAddr::new(ip, port)),
                Err(_) => ExitTarget { port, is_ipv6: false },
            },
            TargetAddr::Ip(address) => ExitTarget::at(&address),
        };
        match target.port {
            0 => Err(ArgumentError::invalid(
                "PathBuilder",
                "target",
                "has port 0, which nothing leads to",
            )
            .into()),
            _ => Ok(target),
        }
    }

    fn at(address: &SocketAddr) -> Self {
        ExitTarget { port: address.port(), is_ipv6: address.ip().to_canonical().is_ipv6() }
    }

    /// Whether connections there last long.
    pub(super) fn is_long_lived(self) -> bool {
        LONG_LIVED_PORTS.contains(&self.port)
    }

    /// Whether the relay's exit policy (most probably) lets streams to it out.
    /// dir-spec, "p" and "p6".
    pub(super) fn is_reached_from(self, relay: &Relay) -> bool {
        let policy = if self.is_ipv6 { relay.policy_v6() } else { relay.policy() };
        policy.is_some_and(|policy| policy.allows(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        let is_ipv6 = |target: (&str, u16)| ExitTarget::of(target).unwrap().is_ipv6;
        assert!(!is_ipv6(("example.com", 80)));
        assert!(!is_ipv6(("192.0.2.1", 80)));
        assert!(is_ipv6(("2001:db8::1", 80)));
        assert!(is_ipv6(("[2001:db8::1]", 80)));
        assert!(!is_ipv6(("::ffff:192.0.2.1", 80)));
        assert!(ExitTarget::of(("example.com", 0)).is_err());
        assert!(ExitTarget::of(("example.com", 22)).unwrap().is_long_lived());
        assert!(!ExitTarget::of(("example.com", 443)).unwrap().is_long_lived());
    }
}
