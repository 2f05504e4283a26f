//! The target that a path has to reach.

use crate::client::socks::ToTarget;
use crate::error::Result;
use scape_proto::control::ArgumentError;
use scape_proto::netdoc::Relay;
use scape_proto::word::Host;

/// Ports with long-lived connections, for which tor uses relays with the flag
/// `Stable` (`LongLivedPorts` in tor's manual).
const LONG_LIVED_PORTS: [u16; 12] =
    [21, 22, 706, 1863, 5050, 5190, 5222, 5223, 6523, 6667, 6697, 8300];

/// The parts of a target that matter for exit policies. Clients only have
/// summaries of these policies, which distinguish only the address family and
/// the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExitTarget {
    port: u16,
    is_ipv6: bool,
}

impl ExitTarget {
    pub(super) fn of(target: impl ToTarget) -> Result<Self> {
        let target = target.to_target().map_err(|error| {
            ArgumentError::invalid("PathBuilder", "target", format!("can't be used: {error}"))
        })?;
        let is_ipv6 = match target.host() {
            Host::Ip(ip) => ip.to_canonical().is_ipv6(),
            Host::Name(_) => false,
        };
        Ok(ExitTarget { port: target.port(), is_ipv6 })
    }

    /// Returns true if connections to this target are long-lived.
    pub(super) fn is_long_lived(self) -> bool {
        LONG_LIVED_PORTS.contains(&self.port)
    }

    /// Returns true if the summary of the relay's exit policy allows streams to
    /// this target (dir-spec, "p" and "p6"). The full policy may still refuse
    /// some addresses.
    pub(super) fn is_reached_from(self, relay: &Relay) -> bool {
        let policy = if self.is_ipv6 { relay.policy_v6() } else { relay.policy() };
        policy.is_some_and(|policy| policy.allows(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_family_and_port_are_recognized() {
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
