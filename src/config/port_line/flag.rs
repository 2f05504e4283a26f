//! What tor does at a port.

use std::fmt;

macro_rules! switches {
    ($( $(#[$meta:meta])* $variant:ident = $text:literal, )*) => {
        /// What can be put on or off at a port, by a flag such as
        /// `IsolateDestAddr` or `NoIPv4Traffic`. tor's manual, `SocksPort`,
        /// `ORPort` and `ControlPort`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum PortSwitch {
            $( $(#[$meta])* $variant, )*
        }

        impl PortSwitch {
            /// All that this version of the library knows.
            pub const KNOWN: &'static [PortSwitch] = &[ $( PortSwitch::$variant, )* ];

            /// The flag that puts it on.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( PortSwitch::$variant => $text, )*
                }
            }
        }
    };
}

switches! {
    /// No circuit is shared with streams from another client's address. tor's
    /// default, but not for Unix sockets.
    IsolateClientAddr = "IsolateClientAddr",
    /// No circuit is shared with streams that have another user name or
    /// password. tor's default.
    IsolateSocksAuth = "IsolateSOCKSAuth",
    /// No circuit is shared with streams of another protocol: SOCKS 4, SOCKS 5,
    /// DNS and so on.
    IsolateClientProtocol = "IsolateClientProtocol",
    /// No circuit is shared with streams to another port.
    IsolateDestPort = "IsolateDestPort",
    /// No circuit is shared with streams to another address.
    IsolateDestAddr = "IsolateDestAddr",
    /// Circuits are kept as long as a stream with a user name or password is on
    /// them.
    KeepAliveIsolateSocksAuth = "KeepAliveIsolateSOCKSAuth",
    /// Exits may connect to IPv4 addresses. tor's default.
    IPv4Traffic = "IPv4Traffic",
    /// Exits may connect to IPv6 addresses. tor's default.
    IPv6Traffic = "IPv6Traffic",
    /// Exits take the IPv6 address of a host that has both.
    PreferIPv6 = "PreferIPv6",
    /// Exits look names up. tor's default.
    DnsRequest = "DNSRequest",
    /// Onion services are connected to. tor's default.
    OnionTraffic = "OnionTraffic",
    /// Nothing but onion services is connected to. It cannot be put off.
    OnionTrafficOnly = "OnionTrafficOnly",
    /// IPv4 addresses that exits found are remembered.
    CacheIPv4Dns = "CacheIPv4DNS",
    /// IPv6 addresses that exits found are remembered.
    CacheIPv6Dns = "CacheIPv6DNS",
    /// Both kinds of addresses that exits found are remembered.
    CacheDns = "CacheDNS",
    /// Remembered IPv4 addresses are used, which can harm anonymity.
    UseIPv4Cache = "UseIPv4Cache",
    /// Remembered IPv6 addresses are used, which can harm anonymity.
    UseIPv6Cache = "UseIPv6Cache",
    /// Remembered addresses of both kinds are used, which can harm anonymity.
    UseDnsCache = "UseDNSCache",
    /// Where a name is mapped to an address by itself
    /// (`AutomapHostsOnResolve`), it is an IPv6 address, if it can be. tor's
    /// default.
    PreferIPv6Automap = "PreferIPv6Automap",
    /// A client that offers a user name as well as none is asked for none.
    PreferSocksNoAuth = "PreferSOCKSNoAuth",
    /// SOCKS replies tell what is wrong with an onion service, by the codes
    /// 0xF0 to 0xF7.
    ExtendedErrors = "ExtendedErrors",
    /// The group may write to the Unix socket.
    GroupWritable = "GroupWritable",
    /// Everybody may write to the Unix socket.
    WorldWritable = "WorldWritable",
    /// The directory of the Unix socket need not be closed to others.
    RelaxDirModeCheck = "RelaxDirModeCheck",
    /// The port of a relay is told to the directory authorities. tor's default,
    /// and only the flag that puts it off, `NoAdvertise`, is known to tor.
    Advertise = "Advertise",
    /// tor listens at the port of a relay. tor's default, and only the flag
    /// that puts it off, `NoListen`, is known to tor.
    Listen = "Listen",
    /// The port of a relay is for IPv4 only. It cannot be put off.
    IPv4Only = "IPv4Only",
    /// The port of a relay is for IPv6 only. It cannot be put off.
    IPv6Only = "IPv6Only",
}

impl PortSwitch {
    /// The flag that puts it off.
    pub fn off(self) -> PortFlag {
        PortFlag::Off(self)
    }

    /// Whether tor knows the flag that puts it on (or off).
    fn can_be(self, on: bool) -> bool {
        match self {
            PortSwitch::Advertise | PortSwitch::Listen => !on,
            PortSwitch::OnionTrafficOnly | PortSwitch::IPv4Only | PortSwitch::IPv6Only => on,
            _ => true,
        }
    }

    /// The one of this name. Those of isolation may also be in the plural.
    fn named(name: &str) -> Option<Self> {
        let singular = name.strip_suffix(['s', 'S']).unwrap_or(name);
        PortSwitch::KNOWN.iter().copied().find(|switch| {
            let own = switch.as_str();
            let isolates = own.starts_with("Isolate");
            own.eq_ignore_ascii_case(name) || isolates && own.eq_ignore_ascii_case(singular)
        })
    }

    /// What it stands for, and whether those are then as it is itself.
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
    /// The flag that puts it on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<PortSwitch> for String {
    /// The flag that puts it on.
    fn from(switch: PortSwitch) -> Self {
        switch.as_str().to_owned()
    }
}

/// A flag of a [`PortLine`](super::PortLine), understood. tor does not mind in
/// which case it is written.
///
/// An open set: what this version does not know becomes `Other`. Make values
/// from text with [`From<&str>`](#impl-From<%26str>-for-PortFlag), which never
/// fails, rather than with `Other`.
///
/// ```
/// use scape::config::{PortFlag, PortSwitch};
///
/// assert_eq!(PortFlag::from("NoIPv4Traffic"), PortSwitch::IPv4Traffic.off());
/// assert_eq!(PortFlag::from("sessiongroup=7"), PortFlag::SessionGroup(7));
/// assert_eq!(PortFlag::from("Sparkling").to_string(), "Sparkling");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortFlag {
    /// Puts it on.
    On(PortSwitch),
    /// Puts it off: the name with `No` before it.
    Off(PortSwitch),
    /// `SessionGroup=` and a number up to 2147483647: streams of ports with the
    /// same one may share circuits.
    SessionGroup(u32),
    /// A flag that this version of the library does not know, as it is written.
    Other(Box<str>),
}

impl PortFlag {
    /// What this flag makes of the switch, if anything.
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

    /// A flag that this version knows.
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
    /// The flag that puts it on.
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
    /// As in a torrc.
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
    fn every_flag_goes_there_and_back() {
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
    fn what_tor_also_takes() {
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
    fn what_tor_does_not_know_does_nothing() {
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
        fn any_text_is_a_flag(text in any::<String>(), group in 0..=i32::MAX as u32) {
            if let PortFlag::Other(own) = PortFlag::from(text.as_str()) {
                prop_assert_eq!(&*own, text.as_str());
            }
            let flag = PortFlag::SessionGroup(group);
            prop_assert_eq!(PortFlag::from(flag.to_string().as_str()), flag);
        }
    }
}
