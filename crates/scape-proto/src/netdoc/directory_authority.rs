//! Directory authorities, as torrc and tor's source list them.

use std::fmt;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use super::LineProblem;
use super::directory_server_error::{
    ParseDirectoryServerError, digits_of, ipv6_of, port_of, weight_of,
};
use crate::word::Fingerprint;

/// A directory authority: the value of the option `DirAuthority` of torrc, or
/// an entry of tor's file `auth_dirs.inc`. See tor's manual, "DirAuthority".
///
/// `Display` writes the value of the option.
///
/// ```
/// use scape_proto::netdoc::DirectoryAuthority;
///
/// let authority: DirectoryAuthority = "tor26 orport=443 \
///     v3ident=14C131DFC5C6F93646BE72FA1401C02A8DF2E8B4 ipv6=[2001:858:2:2:aabb:0:563b:1526]:443 \
///     86.59.21.38:80 847B 1F85 0344 D787 6491 A548 92F9 0493 4E4E B85D".parse()?;
/// assert_eq!(authority.nickname.as_deref(), Some("tor26"));
/// assert_eq!((authority.address.port(), authority.or_port), (80, Some(443)));
/// assert!(!authority.is_bridge_authority);
/// # Ok::<(), scape_proto::netdoc::ParseDirectoryServerError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DirectoryAuthority {
    /// The authority's nickname. `None` if the value doesn't begin with one.
    pub nickname: Option<Box<str>>,
    /// The IPv4 address with the port for directory requests.
    pub address: SocketAddrV4,
    /// The port for relays and clients. `None` if the flag `orport` is missing.
    pub or_port: Option<u16>,
    /// The IPv6 address with the port for relays and clients. `None` if the
    /// flag `ipv6` is missing.
    pub ipv6: Option<SocketAddrV6>,
    /// The fingerprint of the authority's identity key as a relay.
    pub fingerprint: Fingerprint,
    /// The fingerprint of the key that signs the authority's certificates.
    /// `None` if the authority doesn't vote.
    pub v3ident: Option<Fingerprint>,
    /// True if the authority collects the descriptors of bridges.
    pub is_bridge_authority: bool,
    /// The weight with which clients choose the authority. `None` if the value
    /// doesn't contain a weight. tor then uses 1.
    pub weight: Option<f64>,
    /// Further words in the form `name=value`, such as `upload=http://…`, and
    /// flags that this version of the library doesn't know.
    pub other_flags: Vec<Box<str>>,
}

impl FromStr for DirectoryAuthority {
    type Err = ParseDirectoryServerError;

    /// Parses the value of the option `DirAuthority`. The fingerprint may
    /// contain spaces.
    ///
    /// # Errors
    ///
    /// Returns an error if the address or the fingerprint is missing, or if a
    /// value is malformed. tor only logs a warning about some malformed values.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|problem| ParseDirectoryServerError::new(text, problem))
    }
}

fn parse(text: &str) -> Result<DirectoryAuthority, LineProblem> {
    const ADDRESS: &str = "the address must be an IPv4 address with a port";
    let mut words = text.split_ascii_whitespace().peekable();
    let nickname = words.next_if(|word| is_nickname(word)).map(Into::into);
    let mut authority = DirectoryAuthority {
        nickname,
        address: SocketAddrV4::new([0; 4].into(), 0),
        or_port: None,
        ipv6: None,
        fingerprint: Fingerprint::from_bytes([0; 20]),
        v3ident: None,
        is_bridge_authority: false,
        weight: None,
        other_flags: Vec::new(),
    };
    // The address is the first word that begins with a digit.
    while let Some(flag) = words.next_if(|word| !word.starts_with(|c: char| c.is_ascii_digit())) {
        authority.read_flag(flag)?;
    }
    let address = words.next().ok_or(LineProblem::Words)?;
    let (ip, port) = address.split_once(':').ok_or(LineProblem::Value(ADDRESS))?;
    let ip = ip.parse().map_err(|_| LineProblem::Value(ADDRESS))?;
    authority.address = SocketAddrV4::new(ip, port_of(port)?);
    let digits: String = words.collect();
    authority.fingerprint = digits_of(&digits)?;
    Ok(authority)
}

impl DirectoryAuthority {
    /// Returns true if the first flag that `Display` writes would be parsed as
    /// a nickname.
    fn begins_like_a_nickname(&self) -> bool {
        let has_values = self.v3ident.is_some() || self.ipv6.is_some() || self.weight.is_some();
        let first = match self.is_bridge_authority {
            true => Some("bridge"),
            false if has_values => None,
            false => self.other_flags.first().map(|flag| &**flag),
        };
        self.or_port.is_none() && first.is_some_and(is_nickname)
    }

    fn read_flag(&mut self, flag: &str) -> Result<(), LineProblem> {
        let (name, value) = flag.split_once('=').unzip();
        match (&*name.unwrap_or(flag).to_ascii_lowercase(), value) {
            ("bridge", None) => self.is_bridge_authority = true,
            // These flags have no meaning any more.
            ("hs" | "no-hs" | "no-v2", None) => {}
            ("orport", Some(value)) => self.or_port = Some(port_of(value)?),
            ("ipv6", Some(value)) => self.ipv6 = Some(ipv6_of(value)?),
            ("v3ident", Some(value)) => self.v3ident = Some(digits_of(value)?),
            ("weight", Some(value)) => self.weight = Some(weight_of(value)?),
            _ => self.other_flags.push(flag.into()),
        }
        Ok(())
    }
}

/// Returns true if tor takes `word`, the first word of the value, for a
/// nickname. An address is never a nickname, because it contains dots.
fn is_nickname(word: &str) -> bool {
    word.len() <= 19 && word.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl fmt::Display for DirectoryAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nickname) = &self.nickname {
            write!(f, "{nickname} ")?;
        } else if self.begins_like_a_nickname() {
            // This flag has no meaning, but isn't a nickname.
            f.write_str("no-v2 ")?;
        }
        if let Some(port) = self.or_port {
            write!(f, "orport={port} ")?;
        }
        if self.is_bridge_authority {
            f.write_str("bridge ")?;
        }
        if let Some(v3ident) = self.v3ident {
            write!(f, "v3ident={v3ident} ")?;
        }
        if let Some(ipv6) = self.ipv6 {
            write!(f, "ipv6={ipv6} ")?;
        }
        if let Some(weight) = self.weight {
            write!(f, "weight={weight} ")?;
        }
        for flag in &self.other_flags {
            write!(f, "{flag} ")?;
        }
        write!(f, "{} {}", self.address, self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const LINE: &str = "moria1 orport=9201 v3ident=F533C81CEF0BC0267857C99B2F471ADF249FA232 \
        weight=0.5 upload=http://128.31.0.39:9131/ \
        128.31.0.39:9231 1A25C6358DB91342AA51720A5038B72742732498";

    #[test]
    fn authorities_in_every_form() {
        let authority: DirectoryAuthority = LINE.parse().unwrap();
        assert_eq!(authority.to_string(), LINE);
        assert_eq!((authority.weight, authority.or_port), (Some(0.5), Some(9201)));
        assert_eq!(*authority.other_flags, ["upload=http://128.31.0.39:9131/".into()]);
        let serge = "Serge ORPort=9001 no-v2 bridge 66.111.2.131:9030 \
            BA44 A889 E64B 93FA A2B1 14E0 2C2A 279A 8555 C533";
        let serge: DirectoryAuthority = serge.parse().unwrap();
        assert!(serge.is_bridge_authority && serge.v3ident.is_none());
        // Without a nickname, the first word must not be a flag that could be
        // taken for one.
        for flags in ["a=b bridge ", "no-v2 bridge ", "no-v2 new ", "no-v2 new weight=1 "] {
            let line = format!("{flags}1.2.3.4:5 BA44A889E64B93FAA2B114E02C2A279A8555C533");
            let authority: DirectoryAuthority = line.parse().unwrap();
            assert_eq!(authority.to_string().parse(), Ok(authority), "{line}");
        }
        let bare = "1.2.3.4:5 BA44A889E64B93FAA2B114E02C2A279A8555C533";
        let bare: DirectoryAuthority = bare.parse().unwrap();
        assert_eq!((bare.nickname, bare.or_port), (None, None));
    }

    /// Checks flags that have a value although they must not, or lack the value
    /// that they need. Like tor, the parser doesn't know such flags.
    #[test]
    fn flags_need_their_equals_sign_or_must_not_have_one() {
        let end = "1.2.3.4:5 BA44A889E64B93FAA2B114E02C2A279A8555C533";
        for flag in ["bridge=1", "no-v2=", "hs=x", "orport", "weight", "v3ident", "ipv6"] {
            let line = format!("auth {flag} {end}");
            let authority: DirectoryAuthority = line.parse().unwrap();
            assert_eq!(*authority.other_flags, [flag.into()]);
            assert!(!authority.is_bridge_authority && authority.or_port.is_none());
            assert_eq!(authority.to_string(), line);
            let line = format!("no-v2 {flag} {end}");
            let authority: DirectoryAuthority = line.parse().unwrap();
            assert_eq!(authority.to_string().parse(), Ok(authority), "{line}");
        }
        let signs: DirectoryAuthority = LINE.replace(":9231", ":+9231").parse().unwrap();
        assert_eq!(signs.to_string(), LINE);
    }

    #[test]
    fn malformed_authorities_are_rejected() {
        for (old, new) in [
            ("orport=9201", "orport=0"),
            ("orport=9201", "orport=x"),
            ("v3ident=F", "v3ident="),
            ("weight=0.5", "weight=-1"),
            ("weight=0.5", "ipv6=1.2.3.4:5"),
            ("weight=0.5", "ipv6=[::1]"),
            ("128.31.0.39:9231", "128.31.0.39"),
            ("128.31.0.39:9231", "128.31.0.39:0"),
            ("128.31.0.39:9231", ""),
            ("2498", "249"),
            ("2498", "24989"),
            (LINE, ""),
            (LINE, "moria1"),
        ] {
            let line = LINE.replacen(old, new, 1);
            let error = line.parse::<DirectoryAuthority>().unwrap_err();
            assert!(error.to_string().contains("must") || error.problem() == LineProblem::Words);
        }
    }

    proptest! {
        #[test]
        fn authorities_round_trip(
            nickname in option::of("[a-zA-Z][a-zA-Z0-9]{0,18}"),
            ip: Ipv4Addr,
            port in 1..=u16::MAX,
            or_port in option::of(1..=u16::MAX),
            ipv6 in option::of((any::<Ipv6Addr>(), 1..=u16::MAX)),
            fingerprint: [u8; 20],
            v3ident in option::of(any::<[u8; 20]>()),
            is_bridge_authority: bool,
            weight in option::of(0.0..1e9f64),
            other_flags in prop::collection::vec("(vote=)?x[a-z0-9:/.]{1,9}", 0..3),
        ) {
            let authority = DirectoryAuthority {
                nickname: nickname.map(Into::into),
                address: SocketAddrV4::new(ip, port),
                or_port,
                ipv6: ipv6.map(|(ip, port)| SocketAddrV6::new(ip, port, 0, 0)),
                fingerprint: Fingerprint::from_bytes(fingerprint),
                v3ident: v3ident.map(Fingerprint::from_bytes),
                is_bridge_authority,
                weight,
                other_flags: other_flags.into_iter().map(Into::into).collect(),
            };
            prop_assert_eq!(authority.to_string().parse(), Ok(authority));
        }
    }
}
