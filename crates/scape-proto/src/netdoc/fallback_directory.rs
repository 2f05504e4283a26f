//! Fallback directories, as torrc and tor's source list them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV6};
use std::str::FromStr;

use super::LineProblem;
use super::directory_server_error::{
    ParseDirectoryServerError, digits_of, ipv6_of, port_of, weight_of,
};
use crate::word::Fingerprint;

/// A fallback directory: a relay from which a new client gets its first
/// consensus. It is the value of the option `FallbackDir` of torrc, or an entry
/// of tor's file `fallback_dirs.inc`. See dir-list-spec, "Directory Entry".
///
/// `Display` writes the value of the option.
///
/// ```
/// use scape_proto::netdoc::FallbackDirectory;
///
/// let fallback: FallbackDirectory = "176.10.104.240:80 orport=443 \
///     id=0111BA9B604669E636FFD5B503F382A4B7AD6E80 weight=10".parse()?;
/// assert_eq!((fallback.dir_port, fallback.or_port), (80, 443));
/// assert_eq!(fallback.weight, Some(10.0));
/// # Ok::<(), scape_proto::netdoc::ParseDirectoryServerError>(())
/// ```
#[doc(alias = "Fallback")]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FallbackDirectory {
    /// The IPv4 address.
    pub address: Ipv4Addr,
    /// The port for unencrypted directory requests, or 0 if the relay has no
    /// such port.
    pub dir_port: u16,
    /// The port for relays and clients.
    pub or_port: u16,
    /// The IPv6 address with the port for relays and clients. `None` if the
    /// relay has no IPv6 address.
    pub ipv6: Option<SocketAddrV6>,
    /// The fingerprint of the relay's identity key.
    pub fingerprint: Fingerprint,
    /// The weight with which clients choose the directory. tor uses 1 if the
    /// weight is missing.
    pub weight: Option<f64>,
    /// The relay's nickname. Only entries of a
    /// [`DirectoryList`](super::DirectoryList) have one, and `Display` doesn't
    /// write it.
    pub nickname: Option<Box<str>>,
    /// True if the relay caches extra-info documents. Only entries of a
    /// [`DirectoryList`](super::DirectoryList) say this, and `Display` doesn't
    /// write it.
    pub caches_extra_info: Option<bool>,
}

impl FromStr for FallbackDirectory {
    type Err = ParseDirectoryServerError;

    /// Parses the value of the option `FallbackDir`. Words in the form
    /// `name=value` with an unknown name are ignored, as tor does.
    ///
    /// # Errors
    ///
    /// Returns an error if the address, `orport` or `id` is missing, if a value
    /// is malformed, or if another word than the address has no `=`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|problem| ParseDirectoryServerError::new(text, problem))
    }
}

fn parse(text: &str) -> Result<FallbackDirectory, LineProblem> {
    const ADDRESS: &str = "the address must be an IPv4 address, with or without a port";
    const ONE_ADDRESS: &str = "the line must have exactly one word without name";
    let mut address = None;
    let (mut or_port, mut fingerprint, mut ipv6, mut weight) = (None, None, None, None);
    for word in text.split_ascii_whitespace() {
        match word.split_once('=') {
            Some(("orport", value)) => or_port = Some(port_of(value)?),
            Some(("id", value)) => fingerprint = Some(digits_of(value)?),
            Some((name, value)) if name.eq_ignore_ascii_case("ipv6") => {
                ipv6 = Some(ipv6_of(value)?);
            }
            Some(("weight", value)) => weight = Some(weight_of(value)?),
            Some(_) => {}
            None if address.is_some() => return Err(LineProblem::Value(ONE_ADDRESS)),
            None => address = Some(word),
        }
    }
    let address = address.ok_or(LineProblem::Words)?;
    let (ip, port) = address.split_once(':').unzip();
    let ip = ip.unwrap_or(address).parse().map_err(|_| LineProblem::Value(ADDRESS))?;
    Ok(FallbackDirectory {
        address: ip,
        dir_port: port.map_or(Ok(0), port_of)?,
        or_port: or_port.ok_or(LineProblem::Words)?,
        ipv6,
        fingerprint: fingerprint.ok_or(LineProblem::Words)?,
        weight,
        nickname: None,
        caches_extra_info: None,
    })
}

impl fmt::Display for FallbackDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.dir_port > 0 {
            write!(f, ":{}", self.dir_port)?;
        }
        write!(f, " orport={} id={}", self.or_port, self.fingerprint)?;
        if let Some(ipv6) = self.ipv6 {
            write!(f, " ipv6={ipv6}")?;
        }
        if let Some(weight) = self.weight {
            write!(f, " weight={weight}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;
    use std::net::Ipv6Addr;

    #[test]
    fn malformed_fallbacks_are_rejected() {
        let line = "1.2.3.4:80 orport=443 id=0111BA9B604669E636FFD5B503F382A4B7AD6E80";
        assert!(line.parse::<FallbackDirectory>().is_ok());
        assert!(format!("{line} new=1").parse::<FallbackDirectory>().is_ok());
        let signs = line.replace(":80", ":+80").replace("=443", "=+443");
        assert_eq!(signs.parse::<FallbackDirectory>(), line.parse());
        for (old, new) in [
            ("1.2.3.4:80", ""),
            ("1.2.3.4:80", "1.2.3"),
            ("1.2.3.4:80", "1.2.3.4:x"),
            ("1.2.3.4:80", "1.2.3.4:80 odd"),
            ("orport=443", ""),
            ("1.2.3.4:80", "1.2.3.4:-80"),
            ("1.2.3.4:80", "1.2.3.4:0"),
            ("1.2.3.4:80", "1.2.3.4:++80"),
            ("orport=443", "orport=0"),
            ("orport=443", "orport=++443"),
            ("orport=443", "orport=443 ipv6=::1"),
            ("orport=443", "orport=443 weight=x"),
            ("id=", "x="),
            ("id=0", "id="),
        ] {
            let line = line.replacen(old, new, 1);
            assert!(line.parse::<FallbackDirectory>().is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn fallbacks_round_trip(
            address: Ipv4Addr,
            dir_port: u16,
            or_port in 1..=u16::MAX,
            ipv6 in option::of((any::<Ipv6Addr>(), 1..=u16::MAX)),
            fingerprint: [u8; 20],
            weight in option::of(0.0..1e9f64),
        ) {
            let fallback = FallbackDirectory {
                address,
                dir_port,
                or_port,
                ipv6: ipv6.map(|(ip, port)| SocketAddrV6::new(ip, port, 0, 0)),
                fingerprint: Fingerprint::from_bytes(fingerprint),
                weight,
                nickname: None,
                caches_extra_info: None,
            };
            prop_assert_eq!(fallback.to_string().parse(), Ok(fallback));
        }
    }
}
