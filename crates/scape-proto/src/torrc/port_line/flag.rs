//! The flags in the values of port options, such as `IsolateDestAddr`.

use std::fmt;

macro_rules! switches {
    (
        $(#[$outer:meta])*
        pub enum $name:ident { $( $(#[$meta:meta])* $variant:ident = $text:literal, )* }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$meta])* $variant, )*
        }

        impl $name {
            /// All switches that this version of the library knows.
            pub const KNOWN: &'static [$name] = &[ $( $name::$variant, )* ];

            /// Returns the flag that switches this property on.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( $name::$variant => $text, )*
                }
            }
        }
    };
}

switches! {
    /// A property of a port that a flag switches on or off, such as
    /// `IsolateDestAddr` or `NoIPv4Traffic`. Unless the variant's description
    /// says otherwise, the property is off by default. See `SocksPort`,
    /// `ORPort` and `ControlPort` in tor's manual.
    pub enum PortSwitch {
        /// Streams don't share circuits with streams from another client
        /// address. This is tor's default, except for Unix sockets.
        IsolateClientAddr = "IsolateClientAddr",
        /// Streams don't share circuits with streams that have another user
        /// name or password. This is tor's default.
        IsolateSocksAuth = "IsolateSOCKSAuth",
        /// Streams don't share circuits with streams of another protocol, such
        /// as SOCKS 4, SOCKS 5 and DNS.
        IsolateClientProtocol = "IsolateClientProtocol",
        /// Streams don't share circuits with streams to another target port.
        IsolateDestPort = "IsolateDestPort",
        /// Streams don't share circuits with streams to another target address.
        IsolateDestAddr = "IsolateDestAddr",
        /// Circuits are kept alive as long as they have a stream with a user
        /// name or password.
        KeepAliveIsolateSocksAuth = "KeepAliveIsolateSOCKSAuth",
        /// Exits may connect to IPv4 addresses. This is tor's default.
        IPv4Traffic = "IPv4Traffic",
        /// Exits may connect to IPv6 addresses. This is tor's default.
        IPv6Traffic = "IPv6Traffic",
        /// Exits prefer the IPv6 address of a host that also has an IPv4
        /// address.
        PreferIPv6 = "PreferIPv6",
        /// Exits may resolve host names. This is tor's default.
        DnsRequest = "DNSRequest",
        /// Connections to onion services are allowed. This is tor's default.
        OnionTraffic = "OnionTraffic",
        /// Only connections to onion services are allowed. tor has no flag that
        /// switches this property off.
        OnionTrafficOnly = "OnionTrafficOnly",
        /// tor caches IPv4 addresses that exits resolved.
        CacheIPv4Dns = "CacheIPv4DNS",
        /// tor caches IPv6 addresses that exits resolved.
        CacheIPv6Dns = "CacheIPv6DNS",
        /// tor caches IPv4 and IPv6 addresses that exits resolved.
        CacheDns = "CacheDNS",
        /// tor uses cached IPv4 addresses, which can harm anonymity.
        UseIPv4Cache = "UseIPv4Cache",
        /// tor uses cached IPv6 addresses, which can harm anonymity.
        UseIPv6Cache = "UseIPv6Cache",
        /// tor uses cached IPv4 and IPv6 addresses, which can harm anonymity.
        UseDnsCache = "UseDNSCache",
        /// tor prefers IPv6 addresses when it maps names automatically
        /// (`AutomapHostsOnResolve`). This is tor's default.
        PreferIPv6Automap = "PreferIPv6Automap",
        /// tor chooses the method without authentication, even if a SOCKS
        /// client also offers a user name and a password.
        PreferSocksNoAuth = "PreferSOCKSNoAuth",
        /// SOCKS replies contain the reason why an onion service can't be
        /// reached, with the codes 0xF0 to 0xF7.
        ExtendedErrors = "ExtendedErrors",
        /// The group that owns the Unix socket may write to it.
        GroupWritable = "GroupWritable",
        /// Everybody may write to the Unix socket.
        WorldWritable = "WorldWritable",
        /// The directory of the Unix socket may be accessible to other users.
        RelaxDirModeCheck = "RelaxDirModeCheck",
        /// A relay's port is published to the directory authorities. This is
        /// tor's default. tor knows no flag that switches this property on,
        /// only `NoAdvertise`, which switches it off.
        Advertise = "Advertise",
        /// tor listens on a relay's port. This is tor's default. tor knows no
        /// flag that switches this property on, only `NoListen`, which switches
        /// it off.
        Listen = "Listen",
        /// A relay's port is for IPv4 only. tor has no flag that switches this
        /// property off.
        IPv4Only = "IPv4Only",
        /// A relay's port is for IPv6 only. tor has no flag that switches this
        /// property off.
        IPv6Only = "IPv6Only",
    }
}

impl PortSwitch {
    /// Returns the flag that switches this property off: the name with the
    /// prefix `No`.
    ///
    /// ```
    /// use scape_proto::torrc::PortSwitch;
    ///
    /// assert_eq!(PortSwitch::IPv4Traffic.off().to_string(), "NoIPv4Traffic");
    /// ```
    pub fn off(self) -> PortFlag {
        PortFlag::Off(self)
    }

    /// Returns true if tor knows the flag that switches this property on (if
    /// `on` is true) or off (if `on` is false).
    fn can_be(self, on: bool) -> bool {
        match self {
            PortSwitch::Advertise | PortSwitch::Listen => !on,
            PortSwitch::OnionTrafficOnly | PortSwitch::IPv4Only | PortSwitch::IPv6Only => on,
            _ => true,
        }
    }

    /// Returns the switch with this name, ignoring case. Names of isolation
    /// switches may also be in the plural. Returns `None` for an unknown name.
    fn named(name: &str) -> Option<Self> {
        let singular = name.strip_suffix(['s', 'S']).unwrap_or(name);
        PortSwitch::KNOWN.iter().copied().find(|switch| {
            let own = switch.as_str();
            let isolates = own.starts_with("Isolate");
            own.eq_ignore_ascii_case(name) || isolates && own.eq_ignore_ascii_case(singular)
        })
    }

    /// Returns the other switches that this switch also sets. The second value
    /// is true if the others get the same state as this switch. It is false if
    /// the others get the opposite state.
    fn stands_for(self) -> (&'static [PortSwitch], bool) {
        match self {
            PortSwitch::OnionTrafficOnly => {
                (&[PortSwitch::IPv4Traffic, PortSwitch::IPv6Traffic, PortSwitch::DnsRequest], false)
            }
            PortSwitch::CacheDns => (&[PortSwitch::CacheIPv4Dns, PortSwitch::CacheIPv6Dns], true),
            PortSwitch::UseDnsCache => {
                (&[PortSwitch::UseIPv4Cache, PortSwitch::UseIPv6Cache], true)
            }
            _ => (&[], true),
        }
    }
}

impl fmt::Display for PortSwitch {
    /// Writes the flag that switches this property on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<PortSwitch> for String {
    /// Returns the flag that switches this property on.
    fn from(switch: PortSwitch) -> Self {
        switch.as_str().to_owned()
    }
}

/// An interpreted flag of a [`PortLine`](super::PortLine). tor ignores the case
/// of flags.
///
/// This is an open set: a flag that this version of the library doesn't know
/// becomes `Other`. Convert text with
/// [`From<&str>`](#impl-From<%26str>-for-PortFlag), which never fails, instead
/// of creating `Other` directly.
///
/// ```
/// use scape_proto::torrc::{PortFlag, PortSwitch};
///
/// assert_eq!(PortFlag::from("NoIPv4Traffic"), PortSwitch::IPv4Traffic.off());
/// assert_eq!(PortFlag::from("sessiongroup=7"), PortFlag::SessionGroup(7));
/// assert_eq!(PortFlag::from("Sparkling").to_string(), "Sparkling");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortFlag {
    /// Switches a property on.
    On(PortSwitch),
    /// Switches a property off: the name with the prefix `No`.
    Off(PortSwitch),
    /// `SessionGroup=` and a number up to 2147483647. Streams from ports with
    /// the same number may share circuits.
    SessionGroup(u32),
    /// A flag that this version of the library doesn't know, as it is written.
    Other(Box<str>),
}

impl PortFlag {
    /// Returns the state to which this flag sets the switch, or `None` if it
    /// doesn't affect the switch.
    pub(super) fn switches(&self, switch: PortSwitch) -> Option<bool> {
        let (own, on) = match self {
            PortFlag::On(own) => (own, true),
            PortFlag::Off(own) => (own, false),
            _ => return None,
        };
        if !own.can_be(on) {
            return None;
        }
        let (others, as_itself) = own.stands_for();
        match others.contains(&switch) {
            true => Some(on == as_itself),
            false => (*own == switch).then_some(on),
        }
    }

    /// Returns the switches that this flag sets, each with its state. A switch
    /// that stands for other switches is not among them.
    pub(super) fn effects(&self) -> impl Iterator<Item = (PortSwitch, bool)> {
        PortSwitch::KNOWN
            .iter()
            .filter(|switch| switch.stands_for().0.is_empty())
            .filter_map(|switch| Some((*switch, self.switches(*switch)?)))
    }

    /// Returns the flag for this text, or `None` if this version of the library
    /// doesn't know it.
    fn known(text: &str) -> Option<Self> {
        if let Some((name, group)) = text.split_once('=') {
            let number = group.parse().ok().filter(|group| *group <= i32::MAX as u32);
            return number
                .filter(|_| name.eq_ignore_ascii_case("SessionGroup"))
                .map(PortFlag::SessionGroup);
        }
        if let Some(switch) = PortSwitch::named(text) {
            return switch.can_be(true).then_some(PortFlag::On(switch));
        }
        let (no, name) = text.split_at_checked(2)?;
        let switch = PortSwitch::named(name).filter(|switch| switch.can_be(false))?;
        no.eq_ignore_ascii_case("No").then_some(PortFlag::Off(switch))
    }
}

impl From<&str> for PortFlag {
    fn from(text: &str) -> Self {
        PortFlag::known(text).unwrap_or_else(|| PortFlag::Other(text.into()))
    }
}

impl From<PortSwitch> for PortFlag {
    /// Returns the flag that switches this property on.
    fn from(switch: PortSwitch) -> Self {
        PortFlag::On(switch)
    }
}

impl From<PortFlag> for String {
    fn from(flag: PortFlag) -> Self {
        flag.to_string()
    }
}

impl fmt::Display for PortFlag {
    /// Writes the flag as in a torrc.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortFlag::On(switch) => write!(f, "{switch}"),
            PortFlag::Off(switch) => write!(f, "No{switch}"),
            PortFlag::SessionGroup(group) => write!(f, "SessionGroup={group}"),
            PortFlag::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn port_flag_round_trip() {
        for switch in PortSwitch::KNOWN {
            for (flag, on) in [(PortFlag::On(*switch), true), (PortFlag::Off(*switch), false)] {
                let text = flag.to_string();
                let expected =
                    if switch.can_be(on) { flag } else { PortFlag::Other(text.as_str().into()) };
                for text in [text.to_uppercase(), text.to_lowercase(), text] {
                    match &expected {
                        PortFlag::Other(_) => {
                            assert!(matches!(PortFlag::from(text.as_str()), PortFlag::Other(_)));
                        }
                        expected => assert_eq!(PortFlag::from(text.as_str()), *expected),
                    }
                }
            }
        }
    }

    #[test]
    fn alternative_port_flag_names() {
        assert_eq!(PortFlag::from("isolatedestports"), PortFlag::On(PortSwitch::IsolateDestPort));
        assert_eq!(
            PortFlag::from("NoIsolateDestAddrs"),
            PortFlag::Off(PortSwitch::IsolateDestAddr)
        );
        assert_eq!(PortFlag::from("NoListen"), PortFlag::Off(PortSwitch::Listen));
        for other in [
            "",
            "N",
            "No",
            "é",
            "CacheDNSs",
            "SessionGroup",
            "SessionGroup=",
            "SessionGroup=2147483648",
            "Group=1",
        ] {
            assert_eq!(PortFlag::from(other), PortFlag::Other(other.into()));
        }
    }

    #[test]
    fn unknown_port_flag_has_no_effect() {
        assert_eq!(PortFlag::On(PortSwitch::Advertise).switches(PortSwitch::Advertise), None);
        assert_eq!(
            PortFlag::Off(PortSwitch::OnionTrafficOnly).switches(PortSwitch::IPv4Traffic),
            None
        );
        assert_eq!(
            PortFlag::Off(PortSwitch::UseDnsCache).switches(PortSwitch::UseIPv4Cache),
            Some(false)
        );
        assert_eq!(PortFlag::SessionGroup(1).switches(PortSwitch::IPv4Traffic), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_port_flag(text in any::<String>(), group in 0..=i32::MAX as u32) {
            if let PortFlag::Other(own) = PortFlag::from(text.as_str()) {
                prop_assert_eq!(&*own, text.as_str());
            }
            let flag = PortFlag::SessionGroup(group);
            prop_assert_eq!(PortFlag::from(flag.to_string().as_str()), flag);
        }
    }
}
