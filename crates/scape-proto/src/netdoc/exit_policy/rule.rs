//! A single rule of an exit policy.

use std::fmt;
use std::net::IpAddr;

use super::address_pattern::AddressPattern;
use super::port_range::PortRange;

/// One rule of an exit policy, such as `accept *:80` or `reject 10.0.0.0/8:*`.
#[doc(alias = "ExitPolicyRule")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitRule {
    /// The action for streams that match the address and the ports.
    pub action: ExitAction,
    /// The addresses that match.
    pub address: AddressPattern,
    /// The ports that match.
    pub ports: PortRange,
}

/// The action of a rule in an exit policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitAction {
    /// The stream is allowed.
    Accept,
    /// The stream is rejected.
    Reject,
}

impl ExitRule {
    /// Returns true if the rule matches this address and port.
    ///
    /// In a policy, the first rule that matches decides.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitRule;
    ///
    /// let rule: ExitRule = "reject 10.0.0.0/8:25".parse()?;
    /// assert!(rule.fits("10.1.2.3".parse()?, 25));
    /// assert!(!rule.fits("10.1.2.3".parse()?, 80));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fits(&self, ip: IpAddr, port: u16) -> bool {
        self.ports.contains(port) && self.address.contains(ip)
    }
}

impl fmt::Display for ExitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.action, self.address, self.ports)
    }
}

impl fmt::Display for ExitAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ExitAction::Accept => "accept",
            ExitAction::Reject => "reject",
        })
    }
}
