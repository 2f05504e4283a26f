//! Link specifiers: tor-spec, "EXTEND and EXTENDED cells".

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use data_encoding::HEXUPPER;

use crate::word::Fingerprint;

/// One way to identify or reach a relay. The link specifiers of an introduction
/// point tell clients how to extend a circuit to it. See tor-spec, "EXTEND and
/// EXTENDED cells".
///
/// ```
/// use scape_proto::netdoc::onion::LinkSpecifier;
///
/// let specifier = LinkSpecifier::Ipv4("192.0.2.1:9001".parse()?);
/// let bytes = LinkSpecifier::write_list(&[specifier.clone()]).expect("at most 255 specifiers");
/// assert_eq!(bytes, [1, 0, 6, 192, 0, 2, 1, 0x23, 0x29]);
/// assert_eq!(LinkSpecifier::parse_list(&bytes), Some(vec![specifier]));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkSpecifier {
    /// An IPv4 address with the OR port.
    Ipv4(SocketAddrV4),
    /// An IPv6 address with the OR port.
    Ipv6(SocketAddrV6),
    /// The fingerprint of the relay's RSA identity key.
    LegacyId(Fingerprint),
    /// The relay's Ed25519 identity key.
    Ed25519Id([u8; 32]),
    /// A specifier of a type that this version of the library doesn't know.
    Other {
        /// The type's number.
        kind: u8,
        /// The content, at most 255 bytes.
        data: Box<[u8]>,
    },
}

impl LinkSpecifier {
    /// Parses a list: the number of specifiers, then for each one its type, its
    /// length and its content. Returns `None` if the list is malformed or if
    /// bytes follow it.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::LinkSpecifier;
    ///
    /// assert_eq!(LinkSpecifier::parse_list(&[0]), Some(vec![]));
    /// assert_eq!(LinkSpecifier::parse_list(&[1, 0, 6, 192]), None);
    /// ```
    pub fn parse_list(bytes: &[u8]) -> Option<Vec<LinkSpecifier>> {
        let (count, mut rest) = bytes.split_first()?;
        let mut list = Vec::new();
        for _ in 0..*count {
            let ([kind, length], after) = rest.split_first_chunk()?;
            let (data, after) = after.split_at_checked(usize::from(*length))?;
            list.push(LinkSpecifier::parse(*kind, data)?);
            rest = after;
        }
        rest.is_empty().then_some(list)
    }

    fn parse(kind: u8, data: &[u8]) -> Option<Self> {
        let port = |bytes: &[u8; 2]| u16::from_be_bytes(*bytes);
        Some(match kind {
            0 => {
                let (address, end) = data.split_first_chunk::<4>()?;
                let port = port(end.try_into().ok()?);
                LinkSpecifier::Ipv4(SocketAddrV4::new(Ipv4Addr::from(*address), port))
            }
            1 => {
                let (address, end) = data.split_first_chunk::<16>()?;
                let port = port(end.try_into().ok()?);
                LinkSpecifier::Ipv6(SocketAddrV6::new(Ipv6Addr::from(*address), port, 0, 0))
            }
            2 => LinkSpecifier::LegacyId(Fingerprint::from_bytes(data.try_into().ok()?)),
            3 => LinkSpecifier::Ed25519Id(data.try_into().ok()?),
            kind => LinkSpecifier::Other { kind, data: data.into() },
        })
    }

    /// Writes a list. Returns `None` if there are more than 255 specifiers, or
    /// if the content of one is longer than 255 bytes.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::LinkSpecifier;
    ///
    /// let specifier = LinkSpecifier::Other { kind: 9, data: [1, 2].into() };
    /// assert_eq!(LinkSpecifier::write_list(&[specifier]), Some(vec![1, 9, 2, 1, 2]));
    /// ```
    pub fn write_list(list: &[LinkSpecifier]) -> Option<Vec<u8>> {
        let mut bytes = vec![u8::try_from(list.len()).ok()?];
        for specifier in list {
            let (kind, data) = specifier.write();
            bytes.extend([kind, u8::try_from(data.len()).ok()?]);
            bytes.extend(data);
        }
        Some(bytes)
    }

    fn write(&self) -> (u8, Vec<u8>) {
        match self {
            LinkSpecifier::Ipv4(address) => {
                (0, [&address.ip().octets()[..], &address.port().to_be_bytes()].concat())
            }
            LinkSpecifier::Ipv6(address) => {
                (1, [&address.ip().octets()[..], &address.port().to_be_bytes()].concat())
            }
            LinkSpecifier::LegacyId(fingerprint) => (2, fingerprint.as_bytes().to_vec()),
            LinkSpecifier::Ed25519Id(key) => (3, key.to_vec()),
            LinkSpecifier::Other { kind, data } => (*kind, data.to_vec()),
        }
    }
}

impl std::fmt::Debug for LinkSpecifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LinkSpecifier::Ipv4(address) => write!(f, "Ipv4({address})"),
            LinkSpecifier::Ipv6(address) => write!(f, "Ipv6({address})"),
            LinkSpecifier::LegacyId(fingerprint) => write!(f, "LegacyId({fingerprint})"),
            LinkSpecifier::Ed25519Id(key) => write!(f, "Ed25519Id({})", HEXUPPER.encode(key)),
            LinkSpecifier::Other { kind, data } => {
                write!(f, "Other({kind}, {})", HEXUPPER.encode(data))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_link_specifiers_are_rejected() {
        let whole = [&[3, 0, 6][..], &[1; 6], &[1, 18], &[2; 18], &[9, 0]].concat();
        assert_eq!(LinkSpecifier::parse_list(&whole).map(|list| list.len()), Some(3));
        for bad in [
            &[][..],
            &[1],
            &[0, 1],
            &[1, 0, 5, 1, 2, 3, 4, 5],
            &[1, 0, 7, 1, 2, 3, 4, 5, 6, 7],
            &[1, 1, 6, 1, 2, 3, 4, 5, 6],
            &[1, 2, 2, 1, 2],
            &[1, 3, 2, 1, 2],
            &[1, 9, 3, 1, 2],
            &[&whole[..], &[0]].concat(),
            &whole[..whole.len() - 1],
        ] {
            assert_eq!(LinkSpecifier::parse_list(bad), None, "{bad:?}");
        }
        let long = LinkSpecifier::Other { kind: 9, data: [0; 256].into() };
        assert_eq!(LinkSpecifier::write_list(&[long]), None);
        let many = vec![LinkSpecifier::Ed25519Id([0; 32]); 256];
        assert_eq!(LinkSpecifier::write_list(&many), None);
    }

    fn specifiers() -> impl Strategy<Value = Vec<LinkSpecifier>> {
        let specifier = prop_oneof![
            any::<([u8; 4], u16)>()
                .prop_map(|(ip, port)| { LinkSpecifier::Ipv4(SocketAddrV4::new(ip.into(), port)) }),
            any::<([u8; 16], u16)>().prop_map(|(ip, port)| {
                LinkSpecifier::Ipv6(SocketAddrV6::new(ip.into(), port, 0, 0))
            }),
            any::<[u8; 20]>().prop_map(|id| LinkSpecifier::LegacyId(Fingerprint::from_bytes(id))),
            any::<[u8; 32]>().prop_map(LinkSpecifier::Ed25519Id),
            (4u8.., any::<Vec<u8>>()).prop_map(|(kind, mut data)| {
                data.truncate(255);
                LinkSpecifier::Other { kind, data: data.into() }
            }),
        ];
        prop::collection::vec(specifier, 0..9)
    }

    proptest! {
        #[test]
        fn link_specifiers_round_trip(list in specifiers()) {
            let bytes = LinkSpecifier::write_list(&list).unwrap();
            prop_assert_eq!(LinkSpecifier::parse_list(&bytes), Some(list));
        }

        #[test]
        fn parsed_link_specifiers_round_trip(bytes in prop::collection::vec(0u8..9, 0..40)) {
            if let Some(list) = LinkSpecifier::parse_list(&bytes) {
                prop_assert_eq!(LinkSpecifier::write_list(&list), Some(bytes));
            }
        }
    }
}
