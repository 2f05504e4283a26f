//! Parser for lists of subprotocol versions.

use std::fmt;
use std::hash::{Hash, Hasher};
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
#[derive(Debug, Clone, Default)]
pub struct Protocols {
    /// The list as written. It was checked, so that it can be read without
    /// errors. A consensus has thousands of lists, and this form takes the
    /// least time and memory.
    text: Box<str>,
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
        let supports = |(low, high)| (low..=high).contains(&version);
        self.iter().any(|(name, mut versions)| name == protocol && versions.any(supports))
    }

    /// Returns the protocols in order, each with its version ranges (lowest and
    /// highest version).
    ///
    /// ```
    /// use scape_proto::netdoc::Protocols;
    ///
    /// let protocols: Protocols = "Link=1-5 LinkAuth=1,3".parse()?;
    /// let (name, versions) = protocols.iter().last().expect("two protocols");
    /// assert_eq!((name, versions.collect::<Vec<_>>()), ("LinkAuth", vec![(1, 1), (3, 3)]));
    /// # Ok::<(), scape_proto::netdoc::ParseProtocolsError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (u32, u32)>)> {
        let entries = self.text.split([' ', '\t']).filter_map(|entry| entry.split_once('='));
        entries.map(|(name, versions)| (name, versions.split(',').filter_map(read_range)))
    }

    /// Returns true if the list contains no protocols.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Parses a line such as `pr`, given without its keyword. Returns `None` if
    /// the line is malformed.
    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        let mut rest = text;
        loop {
            while let [b' ' | b'\t', after @ ..] = rest {
                rest = after;
            }
            if rest.is_empty() {
                let text = std::str::from_utf8(text).ok()?;
                return Some(Protocols { text: text.into() });
            }
            rest = after_entry(rest)?;
        }
    }
}

/// The highest version of a subprotocol: tor-spec, "Subprotocol versioning".
const HIGHEST: u8 = 63;

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
        Protocols::from_bytes(text.as_bytes())
            .ok_or_else(|| ParseProtocolsError { text: text.into() })
    }
}

/// Checks the entry at the beginning of the text, such as `LinkAuth=1,3`, and
/// returns the text after the entry. Returns `None` if the entry is malformed.
fn after_entry(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().position(|b| !IS_NAME[usize::from(*b)])?;
    if length == 0 || length > LONGEST_NAME {
        return None;
    }
    let mut rest = text.get(length..)?.strip_prefix(b"=")?;
    // `Link=` lists a protocol without any version.
    if matches!(rest, [] | [b' ' | b'\t', ..]) {
        return Some(rest);
    }
    loop {
        let low = take_version(&mut rest)?;
        if let Some(after) = rest.strip_prefix(b"-") {
            rest = after;
            take_version(&mut rest).filter(|high| low <= *high)?;
        }
        match rest {
            [] | [b' ' | b'\t', ..] => return Some(rest),
            [b',', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// True for the characters of a subprotocol name: letters, digits and `-`.
const IS_NAME: [bool; 256] = {
    let mut is_name = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is_name[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-';
        byte += 1;
    }
    is_name
};

/// Takes a version from 0 to 63 from the beginning of the text. Returns `None`
/// if the text doesn't begin with such a version.
fn take_version(text: &mut &[u8]) -> Option<u8> {
    let [first @ b'0'..=b'9', rest @ ..] = *text else { return None };
    let mut version = first - b'0';
    *text = rest;
    while let [digit @ b'0'..=b'9', rest @ ..] = *text {
        version = version.checked_mul(10)?.checked_add(digit - b'0')?;
        if version > HIGHEST {
            return None;
        }
        *text = rest;
    }
    Some(version)
}

/// Reads a version such as `3` or a range such as `1-5`. The text was already
/// checked.
fn read_range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.parse().ok()?, high.parse().ok()?))
}

impl PartialEq for Protocols {
    /// Compares the entries in order. Numbers with leading zeros, ranges with a
    /// single version, and more white space make no difference.
    fn eq(&self, other: &Self) -> bool {
        // Most lists are written in the same way.
        self.text == other.text || self.to_string() == other.to_string()
    }
}

impl Eq for Protocols {}

impl Hash for Protocols {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl fmt::Display for Protocols {
    /// Writes the list in the format that [`FromStr`] parses, in its shortest
    /// form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, versions)) in self.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            write!(f, "{space}{name}=")?;
            for (i, (low, high)) in versions.enumerate() {
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
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a list of subprotocols (such as \"Link=1-5 LinkAuth=1,3\")")]
pub struct ParseProtocolsError {
    text: String,
}

error_debug!(ParseProtocolsError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

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
    fn equal_protocols_in_different_forms() {
        for (text, same) in
            [(" Link=1-1\t\tRelay=02  ", "Link=1 Relay=2"), ("Link=00-0063,7-7", "Link=0-63,7")]
        {
            let protocols: Protocols = text.parse().unwrap();
            assert_eq!(protocols, same.parse().unwrap());
            assert_eq!(protocols.to_string(), same);
            let set: HashSet<Protocols> = [protocols, same.parse().unwrap()].into();
            assert_eq!(set.len(), 1);
        }
        assert_ne!("Link=1-2".parse::<Protocols>(), "Link=1,2".parse::<Protocols>());
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
            "Link=1,,2",
            "Link=,1",
            "Link=1-",
            "Link=1-2-3",
            "Link=1-2x",
            "Link==1",
            "Link=1=2",
            "Link=1 Relay",
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
            let entries: Vec<(String, Vec<(u32, u32)>)> = entries
                .into_iter()
                .map(|(name, versions)| {
                    (name, versions.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())
                })
                .collect();
            // Write every entry in its longest form.
            let mut text = String::new();
            for (name, versions) in &entries {
                let ranges: Vec<String> =
                    versions.iter().map(|(low, high)| format!("00{low}-0{high}")).collect();
                text += &format!(" \t{name}={} ", ranges.join(","));
            }
            let protocols: Protocols = text.parse().unwrap();
            let found: Vec<(String, Vec<(u32, u32)>)> = protocols
                .iter()
                .map(|(name, versions)| (name.to_owned(), versions.collect()))
                .collect();
            prop_assert_eq!(found, entries);
            prop_assert_eq!(protocols.is_empty(), text.is_empty());
            prop_assert_eq!(protocols.to_string().parse(), Ok(protocols));
        }

        #[test]
        fn parsing_protocols_never_panics(text in ".{0,40}") {
            let _ = text.parse::<Protocols>();
            let _ = format!("Link={text}").parse::<Protocols>();
        }
    }
}
