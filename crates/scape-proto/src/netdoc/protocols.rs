//! Parser for lists of subprotocol versions.

use std::fmt;
use std::str::FromStr;

/// A list of subprotocol versions, such as `Link=1-5 Relay=1-4`: tor-spec,
/// "Subprotocol versioning".
///
/// dir-spec uses such lists in the line `pr` of relays, and in the lines for
/// recommended and required protocols. A list may contain protocols with any
/// name. Versions range from 0 to 63.
///
/// ```
/// use scape_proto::netdoc::Protocols;
///
/// let protocols: Protocols = "Conflux=1 Link=1-5 LinkAuth=1,3 Relay=1-4".parse()?;
/// assert!(protocols.supports("Relay", 3) && protocols.supports("LinkAuth", 3));
/// assert!(!protocols.supports("LinkAuth", 2) && !protocols.supports("Padding", 1));
/// # Ok::<(), scape_proto::netdoc::ParseProtocolsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Protocols {
    entries: Box<[Entry]>,
}

/// One protocol with its versions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    name: Box<str>,
    /// The lowest and highest version of each range, in order.
    versions: Box<[(u32, u32)]>,
}

impl Entry {
    fn supports(&self, version: u32) -> bool {
        self.versions.iter().any(|(low, high)| (*low..=*high).contains(&version))
    }
}

impl Protocols {
    /// Returns true if the list contains this version of the protocol. Names
    /// are case-sensitive.
    ///
    /// ```
    /// use scape_proto::netdoc::Protocols;
    ///
    /// let protocols: Protocols = "Link=1-5 LinkAuth=1,3".parse()?;
    /// assert!(protocols.supports("Link", 4));
    /// assert!(!protocols.supports("LinkAuth", 2));
    /// # Ok::<(), scape_proto::netdoc::ParseProtocolsError>(())
    /// ```
    pub fn supports(&self, protocol: &str, version: u32) -> bool {
        self.entries.iter().any(|entry| *entry.name == *protocol && entry.supports(version))
    }

    /// Returns the protocols in order, each with its version ranges (lowest and
    /// highest version).
    ///
    /// ```
    /// use scape_proto::netdoc::Protocols;
    ///
    /// let protocols: Protocols = "Link=1-5 LinkAuth=1,3".parse()?;
    /// let (name, versions) = protocols.iter().last().expect("two protocols");
    /// assert_eq!((name, versions), ("LinkAuth", &[(1, 1), (3, 3)][..]));
    /// # Ok::<(), scape_proto::netdoc::ParseProtocolsError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[(u32, u32)])> {
        self.entries.iter().map(|entry| (&*entry.name, &*entry.versions))
    }

    /// Returns true if the list contains no protocols.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Parses the bytes of a line without its keyword.
    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        std::str::from_utf8(text).ok().and_then(parse)
    }
}

/// The highest version of a subprotocol: tor-spec, "Subprotocol versioning".
const HIGHEST: u32 = 63;

/// The maximum length of a subprotocol name that tor accepts.
const LONGEST_NAME: usize = 100;

impl FromStr for Protocols {
    type Err = ParseProtocolsError;

    /// Parses entries separated by spaces or tabs. Each entry is a name, `=`,
    /// and a comma-separated list of versions or version ranges. An empty text
    /// is an empty list.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry is malformed, a version is above 63, or a
    /// name has more than 100 characters. tor ignores a whole list that has
    /// such an entry.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseProtocolsError { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Protocols> {
    let words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let entries: Option<Vec<Entry>> = words.map(parse_entry).collect();
    Some(Protocols { entries: entries?.into() })
}

fn parse_entry(word: &str) -> Option<Entry> {
    let (name, versions) = word.split_once('=')?;
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if name.is_empty() || name.len() > LONGEST_NAME || !is_name(name) {
        return None;
    }
    // `Link=` lists a protocol without any version.
    let versions: Option<Vec<(u32, u32)>> = match versions {
        "" => Some(Vec::new()),
        versions => versions.split(',').map(parse_range).collect(),
    };
    Some(Entry { name: name.into(), versions: versions?.into() })
}

fn parse_range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (parse_version(low)?, parse_version(high)?);
    (low <= high).then_some((low, high))
}

/// Parses a version from 0 to 63.
fn parse_version(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|version| digits && *version <= HIGHEST)
}

impl fmt::Display for Protocols {
    /// Writes the list in the format that [`FromStr`] parses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, entry) in self.entries.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            write!(f, "{space}{}=", entry.name)?;
            for (i, (low, high)) in entry.versions.iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                match low == high {
                    true => write!(f, "{comma}{low}")?,
                    false => write!(f, "{comma}{low}-{high}")?,
                }
            }
        }
        Ok(())
    }
}

/// The error for a text that isn't a list of subprotocols.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a list of subprotocols (such as \"Link=1-5 LinkAuth=1,3\")")]
pub struct ParseProtocolsError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn protocols_support_listed_versions() {
        let text = "Cons=1-2 LinkAuth=1,3 Relay= New-1=0-63";
        let protocols: Protocols = text.parse().unwrap();
        assert_eq!(protocols.to_string(), text);
        for (name, version, supported) in [
            ("Cons", 0, false),
            ("Cons", 1, true),
            ("Cons", 2, true),
            ("Cons", 3, false),
            ("LinkAuth", 2, false),
            ("LinkAuth", 3, true),
            ("Relay", 1, false),
            ("New-1", 63, true),
            ("New-1", 64, false),
            ("cons", 1, false),
            ("", 0, false),
        ] {
            assert_eq!(protocols.supports(name, version), supported, "{name} {version}");
        }
        let names: Vec<&str> = protocols.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Cons", "LinkAuth", "Relay", "New-1"]);
        assert!("".parse::<Protocols>().unwrap().is_empty());
    }

    #[test]
    fn protocols_above_the_limits_are_refused() {
        let name = "a".repeat(100);
        assert!(format!("{name}=63").parse::<Protocols>().is_ok());
        for bad in [
            format!("{name}a=1"),
            "Link=64".into(),
            "Link=1-64".into(),
            "Link=1 Relay=0-4294967295".into(),
        ] {
            assert!(bad.parse::<Protocols>().is_err(), "{bad}");
        }
        assert_eq!(
            Protocols::from_bytes(b"Link=1\t Relay=2").map(|p| p.to_string()),
            Some("Link=1 Relay=2".into())
        );
    }

    #[test]
    fn malformed_protocols_are_refused() {
        for bad in [
            "Link",
            "=1",
            "Link=a",
            "Link=2-1",
            "Link=1,",
            "Link=-1",
            "Link=+1",
            "Li_nk=1",
            "Link=4294967296",
        ] {
            assert!(bad.parse::<Protocols>().is_err(), "{bad:?}");
        }
        assert_eq!(Protocols::from_bytes(b"Link=\xff"), None);
    }

    proptest! {
        #[test]
        fn protocols_round_trip(entries in prop::collection::vec(
            ("[A-Za-z0-9-]{1,12}", prop::collection::vec((0..64u32, 0..64u32), 0..4)), 0..15))
        {
            let entry = |(name, versions): (String, Vec<(u32, u32)>)| Entry {
                name: name.into(),
                versions: versions.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect(),
            };
            let protocols = Protocols { entries: entries.into_iter().map(entry).collect() };
            prop_assert_eq!(protocols.to_string().parse(), Ok(protocols));
        }

        #[test]
        fn parsing_protocols_never_panics(text in ".{0,40}") {
            let _ = text.parse::<Protocols>();
            let _ = format!("Link={text}").parse::<Protocols>();
        }
    }
}
