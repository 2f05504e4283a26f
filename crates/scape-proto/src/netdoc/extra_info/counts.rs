//! Lists of names and numbers, such as `us=16,de=8`.

use std::fmt;

use crate::netdoc::document_error::LineProblem;
use crate::netdoc::item::Item;
use crate::netdoc::line::{number, number_u64};

/// Numbers with names, in the order of the document. The list is kept as text.
///
/// The names depend on the line. They are two-letter country codes, with `??`
/// for addresses without a known country, or words of dir-spec.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     dirreq-v3-ips us=16,de=8,??=8\n";
/// let info = ExtraInfo::parse(text)?;
/// let ips = info.dirreq.v3.ips.expect("the line is there");
/// assert_eq!((ips.get("us"), ips.get("fr")), (Some(16), None));
/// assert_eq!(ips.iter().last(), Some(("??", 8)));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NamedCounts<'a> {
    list: &'a [u8],
}

impl<'a> NamedCounts<'a> {
    /// Parses a list of numbers whose names are country codes.
    pub(super) fn countries(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the entries must be country codes with counts, such as us=8";
        let is_letter = |b: &u8| b.is_ascii_alphanumeric() || *b == b'?';
        Self::parse(item, |name| name.len() == 2 && name.iter().all(is_letter), FORM)
    }

    /// Parses a list of numbers whose names may be any words of printable
    /// ASCII.
    pub(super) fn words(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the entries must be names with counts, such as ok=8";
        Self::parse(item, |name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic), FORM)
    }

    fn parse(
        item: &Item<'a>,
        is_name: impl Fn(&[u8]) -> bool,
        form: &'static str,
    ) -> Result<Self, LineProblem> {
        let list = list(item);
        let is_valid = |entry| split(entry).is_some_and(|(name, _)| is_name(name));
        match list.is_empty() || entries(list).all(is_valid) {
            true => Ok(NamedCounts { list }),
            false => Err(LineProblem::Value(form)),
        }
    }

    /// Returns the names with their numbers, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        named(self.list)
    }

    /// Returns the first number with this name. Returns `None` if the name
    /// isn't listed.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     dirreq-v3-tunneled-dl complete=68,timeout=4,running=0,min=2626,d1=7795\n";
    /// let downloads = ExtraInfo::parse(text)?.dirreq.v3.tunneled_downloads;
    /// assert_eq!(downloads.and_then(|downloads| downloads.get("d1")), Some(7795));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<u64> {
        self.iter().find(|(other, _)| *other == name).map(|(_, count)| count)
    }

    /// Returns true if the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Numbers for ports, such as `80=112,443=2096,other=8`. The list is kept as
/// text.
///
/// ```
/// use scape_proto::netdoc::ExtraInfo;
///
/// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     exit-streams-opened 80=112,443=2096,other=8\n";
/// let streams = ExtraInfo::parse(text)?.exit.streams_opened.expect("the line is there");
/// assert_eq!((streams.get(443), streams.other()), (Some(2096), Some(8)));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PortCounts<'a> {
    list: &'a [u8],
}

impl<'a> PortCounts<'a> {
    pub(super) fn parse(item: &Item<'a>) -> Result<Self, LineProblem> {
        const FORM: &str = "the entries must be ports with counts, such as 80=8";
        let list = list(item);
        match list.is_empty() || entries(list).all(|entry| port(entry).is_some()) {
            true => Ok(PortCounts { list }),
            false => Err(LineProblem::Value(FORM)),
        }
    }

    /// Returns the ports with their numbers, in the order of the document. The
    /// port is `None` for all ports that are not listed.
    ///
    /// ```
    /// use scape_proto::netdoc::ExtraInfo;
    ///
    /// let text = b"extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
    ///     exit-kibibytes-read 80=1,other=2\n";
    /// let read = ExtraInfo::parse(text)?.exit.kibibytes_read.expect("the line is there");
    /// assert_eq!(read.iter().collect::<Vec<_>>(), [(Some(80), 1), (None, 2)]);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Option<u16>, u64)> + use<'a> {
        entries(self.list).filter_map(port)
    }

    /// Returns the first number for a port. Returns `None` if the port isn't
    /// listed.
    pub fn get(&self, port: u16) -> Option<u64> {
        self.iter().find(|(other, _)| *other == Some(port)).map(|(_, count)| count)
    }

    /// Returns the number for all ports that are not listed: the entry `other`.
    /// Returns `None` if there is no such entry.
    pub fn other(&self) -> Option<u64> {
        self.iter().find(|(port, _)| port.is_none()).map(|(_, count)| count)
    }

    /// Returns true if the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Returns the list in a line: the first word after the keyword. Returns an
/// empty list if there is no such word.
fn list<'a>(item: &Item<'a>) -> &'a [u8] {
    item.words().next().unwrap_or_default()
}

fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| *b == b',')
}

/// Splits a list into names and numbers. The list was already checked.
fn named(list: &[u8]) -> impl Iterator<Item = (&str, u64)> {
    entries(list).filter_map(|entry| {
        let (name, count) = split(entry)?;
        Some((std::str::from_utf8(name).ok()?, count))
    })
}

fn split(entry: &[u8]) -> Option<(&[u8], u64)> {
    let end = entry.iter().position(|b| *b == b'=')?;
    let (name, count) = entry.split_at_checked(end)?;
    Some((name, number_u64(count.strip_prefix(b"=")?)?))
}

fn port(entry: &[u8]) -> Option<(Option<u16>, u64)> {
    let (name, count) = split(entry)?;
    let port = match name {
        b"other" => None,
        port => Some(u16::try_from(number(port)?).ok()?),
    };
    Some((port, count))
}

impl fmt::Debug for NamedCounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Debug for PortCounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NamedCounts<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::word::serial::table(self.iter(), serializer)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PortCounts<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::word::serial::table(named(self.list), serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(line: &str) -> Item<'_> {
        Item::parse_all(line.as_bytes()).next().unwrap()
    }

    #[test]
    fn malformed_country_counts_are_rejected() {
        assert!(NamedCounts::countries(&item("k")).unwrap().is_empty());
        for bad in
            ["uk=-4", "uki=4", "uk:4", "uk=4.de=3", "uk=4,", ",uk=4", "uk=", "=4", "S\u{e9}=4"]
        {
            assert!(NamedCounts::countries(&item(&format!("k {bad}"))).is_err(), "{bad}");
        }
        let counts = item("k A1=8,??=16,A1=24");
        let counts = NamedCounts::countries(&counts).unwrap();
        assert_eq!((counts.get("A1"), counts.iter().count()), (Some(8), 3));
    }

    #[test]
    fn malformed_word_counts_are_rejected() {
        for bad in ["ok=-4", "ok:4", "ok=4.not-found=3", "=4", "\u{e9}=4", "ok=4,,no=4"] {
            assert!(NamedCounts::words(&item(&format!("k {bad}"))).is_err(), "{bad}");
        }
        let line = item("k <OR>=8,<??>=16");
        assert_eq!(NamedCounts::words(&line).unwrap().get("<??>"), Some(16));
    }

    #[test]
    fn malformed_port_counts_are_rejected() {
        assert!(PortCounts::parse(&item("k")).unwrap().is_empty());
        for bad in ["8000000=1", "-80=1", "80=-1", "=1", "80=", "80,1", "others=1", "80=1;81=1"] {
            assert!(PortCounts::parse(&item(&format!("k {bad}"))).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn counts_round_trip(counts in prop::collection::vec(("[a-z?]{2}", any::<u64>()), 0..9)) {
            let entries: Vec<String> =
                counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
            let line = format!("k {}", entries.join(","));
            let parsed = NamedCounts::countries(&item(&line)).unwrap();
            let found: Vec<(String, u64)> =
                parsed.iter().map(|(name, count)| (name.to_owned(), count)).collect();
            prop_assert_eq!(found, counts);
        }

        #[test]
        fn parsing_counts_never_panics(list: Vec<u8>) {
            let line = [b"k ", &list[..]].concat();
            if let Some(item) = Item::parse_all(&line).next() {
                let _ = NamedCounts::words(&item).map(|counts| counts.iter().count());
                let _ = PortCounts::parse(&item).map(|counts| counts.iter().count());
            }
        }
    }
}
