//! The versions of the subprotocols that a relay speaks.

use std::fmt;
use std::str::FromStr;

/// Subprotocols with their versions, such as `Link=1-5 Relay=1-4`: tor-spec, "Subprotocol versioning"; dir-spec, the
/// line `pr` of relays and the lines of recommended and required ones.
///
/// What this version of the library does not know is kept as well.
///
/// ```
/// use scape::types::Protocols;
///
/// let protocols: Protocols = "Conflux=1 Link=1-5 LinkAuth=1,3 Relay=1-4".parse()?;
/// assert!(protocols.supports("Relay", 3) && protocols.supports("LinkAuth", 3));
/// assert!(!protocols.supports("LinkAuth", 2) && !protocols.supports("Padding", 1));
/// # Ok::<(), scape::types::ParseProtocolsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Protocols {
    entries: Box<[Entry]>,
}

/// One protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    name: Box<str>,
    /// Lowest and highest of each range, in the order in which they came. They are not counted out: a text of a few
    /// bytes may mean four thousand million versions.
    versions: Box<[(u32, u32)]>,
}

impl Entry {
    fn supports(&self, version: u32) -> bool {
        self.versions.iter().any(|(low, high)| (*low..=*high).contains(&version))
    }
}

impl Protocols {
    /// Whether this version of the protocol is among them.
    pub fn supports(&self, protocol: &str, version: u32) -> bool {
        self.entries.iter().any(|entry| *entry.name == *protocol && entry.supports(version))
    }

    /// The protocols with the ranges of their versions, each with both its ends, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[(u32, u32)])> {
        self.entries.iter().map(|entry| (&*entry.name, &*entry.versions))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads the bytes of a line, without its keyword.
    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        std::str::from_utf8(text).ok().and_then(parse)
    }
}

impl FromStr for Protocols {
    type Err = ParseProtocolsError;

    /// Names with `=` and versions or ranges with commas between them, and spaces between these; none in an empty text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseProtocolsError { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Protocols> {
    let entries: Option<Vec<Entry>> =
        text.split(' ').filter(|word| !word.is_empty()).map(parse_entry).collect();
    Some(Protocols { entries: entries?.into() })
}

fn parse_entry(word: &str) -> Option<Entry> {
    let (name, versions) = word.split_once('=')?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    // A protocol of which it speaks no version.
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

fn parse_version(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl fmt::Display for Protocols {
    /// As it is read.
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

/// A text that is no list of subprotocols.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no list of subprotocols (such as \"Link=1-5 LinkAuth=1,3\")")]
pub struct ParseProtocolsError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_supported() {
        let text = "Cons=1-2 LinkAuth=1,3 Relay= New-1=0-4294967295";
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
            ("New-1", u32::MAX, true),
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
    fn what_is_no_list() {
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
        fn a_list_goes_there_and_back(entries in prop::collection::vec(
            ("[A-Za-z0-9-]{1,12}", prop::collection::vec((0..70u32, 0..70u32), 0..4)), 0..15))
        {
            let entry = |(name, versions): (String, Vec<(u32, u32)>)| Entry {
                name: name.into(),
                versions: versions.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect(),
            };
            let protocols = Protocols { entries: entries.into_iter().map(entry).collect() };
            prop_assert_eq!(protocols.to_string().parse(), Ok(protocols));
        }

        #[test]
        fn nothing_makes_it_fail(text in ".{0,40}") {
            let _ = text.parse::<Protocols>();
            let _ = format!("Link={text}").parse::<Protocols>();
        }
    }
}
