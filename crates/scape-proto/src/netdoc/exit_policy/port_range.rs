//! The ports that a rule of an exit policy matches.

use std::fmt;

/// The ports that a rule of an exit policy matches: a range that includes both
/// ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    min: u16,
    max: u16,
}

impl PortRange {
    /// All ports: `*`, which means 1 to 65535.
    pub const ANY: PortRange = PortRange { min: 1, max: u16::MAX };

    /// All ports and 0. No stream has port 0, but a rule may contain it.
    pub(super) const ALL: PortRange = PortRange { min: 0, max: u16::MAX };

    /// Returns the range with only this port.
    pub(super) const fn single(port: u16) -> PortRange {
        PortRange { min: port, max: port }
    }

    /// Creates the range of ports from `min` to `max`, both included. Returns
    /// `None` if `min` is greater than `max`.
    ///
    /// ```
    /// use scape_proto::netdoc::PortRange;
    ///
    /// assert!(PortRange::new(6660, 6669).is_some_and(|ports| ports.contains(6667)));
    /// assert_eq!(PortRange::new(90, 80), None);
    /// ```
    pub const fn new(min: u16, max: u16) -> Option<Self> {
        if min <= max { Some(PortRange { min, max }) } else { None }
    }

    /// Returns the lowest port.
    pub const fn min(self) -> u16 {
        self.min
    }

    /// Returns the highest port.
    pub const fn max(self) -> u16 {
        self.max
    }

    /// Returns true if the range contains this port.
    ///
    /// ```
    /// use scape_proto::netdoc::PortRange;
    ///
    /// let ports = PortRange::new(6660, 6669).expect("the first port is the lower one");
    /// assert!(ports.contains(6660) && ports.contains(6669));
    /// assert!(!ports.contains(6670));
    /// ```
    pub const fn contains(self, port: u16) -> bool {
        self.min <= port && port <= self.max
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PortRange::ANY => f.write_str("*"),
            PortRange { min, max } if min == max => write!(f, "{min}"),
            PortRange { min, max } => write!(f, "{min}-{max}"),
        }
    }
}
